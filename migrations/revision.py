"""Which revision of the schema this code needs."""

from pathlib import Path


def newest_revision() -> str:
    """Return the last revision's number; the numbers are in the order of descent."""
    versions = Path(__file__).parent / "versions"
    return max(file.name.partition("_")[0] for file in versions.glob("[0-9]*.py"))
