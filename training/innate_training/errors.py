"""One exception for everything a user can put right; the command line prints it as a single line."""


class UserError(Exception):
    """Bad input, a missing file, an impossible recipe: a message, never a traceback."""
