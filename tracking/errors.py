class TrackingError(ValueError):
    """A mistake the user can mend.

    The message is one sentence that names the file or option, what was required and what came. The command line prints
    it without a traceback and ends with exit code 2.
    """


class OptionError(TrackingError):
    """A refused option.

    The message names it in backticks as it is spelled in Python; the command line puts its own spelling there.
    """
