"""Which revision of the schema this code needs, read from the migrations' text: running them takes half a second."""

import re
from pathlib import Path

VERSIONS = Path(__file__).with_name("versions")
NAME = re.compile(r'^revision = "(\w+)"$', re.MULTILINE)
BEFORE = re.compile(r'^down_revision = (?:"(\w+)"|None)$', re.MULTILINE)


def newest_revision() -> str:
    """Return the revision that no other descends from."""
    before = _before()
    [newest] = before.keys() - before.values()
    return newest


def older_revisions() -> frozenset[str]:
    """Return all revisions this code knows but the newest: their names need not be in order."""
    return frozenset(_before().keys()) - {newest_revision()}


def _before() -> dict[str, str | None]:
    """Return for each revision the one it comes after."""
    texts = [file.read_text() for file in VERSIONS.glob("*.py")]
    return {_found(NAME, text)[1]: _found(BEFORE, text)[1] for text in texts}


def _found(what: re.Pattern[str], text: str) -> re.Match[str]:
    found = what.search(text)
    assert found is not None, f"a migration without {what.pattern}"
    return found
