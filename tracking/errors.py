class TrackingError(ValueError):
    """A mistake the user can mend.

    The message is one sentence that names the file or option, what was required and what came. The command line prints
    it without a traceback and ends with exit code 2.
    """
