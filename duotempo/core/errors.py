"""The one error a person is meant to read: a sentence that says what is wrong and the mend."""


class UserError(ValueError):
    """Something the caller can mend; the message is one clear sentence that says how.

    The command line prints the sentence and leaves with exit code 2, without a traceback.
    """
