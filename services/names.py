"""What an account or an API key may be called."""

from services.errors import FieldError

LONGEST_NAME = 100


def check_name(name: str) -> list[FieldError]:
    """Return what is wrong with a name."""
    if 1 <= len(name) <= LONGEST_NAME and name.isprintable():
        return []
    return [FieldError("name", "Give a name of 1 to 100 printable characters.")]
