class UserError(ValueError):
    """A mistake the user can mend.

    The message is one sentence that names the file or option, what was required and what came. The command line prints
    it without a traceback and ends with exit code 2.
    """


def first_line(error: BaseException) -> str:
    """The first line of what ``error`` came from, or its type where it says nothing; our own kinds need no origin."""
    while error.__cause__ is not None and type(error).__module__.partition(".")[0] not in ("medseg", "tracking"):
        error = error.__cause__
    return (str(error).strip() or type(error).__name__).splitlines()[0]
