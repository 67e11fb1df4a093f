"""The one exception for what a user can put right."""


class UserError(Exception):
    """Something the user can mend.

    The message says what is wrong, where (the file or the config key) and what to do. It is
    printed as it stands, without a traceback.
    """
