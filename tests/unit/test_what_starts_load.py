"""What a start waits for: a process loads what it needs, and no more."""

import subprocess
import sys

import pytest
from alembic.script import ScriptDirectory

from migrations.revision import newest_revision, older_revisions

HEAVY = {"advanced_alchemy", "aiokafka", "alembic", "litestar", "sqlalchemy"}


@pytest.mark.parametrize(
    ("module", "needless"),
    [
        ("webapp.cli", HEAVY),
        ("webapp.demo.runner", HEAVY),
        ("webapp.demo.database", HEAVY),
        ("webapp.demo.servers.peers", HEAVY),
        ("webapp.demo.servers.therapists", HEAVY),
        ("webapp.demo.servers.practices", HEAVY),
        ("services.worker", {"advanced_alchemy", "alembic", "litestar"}),
    ],
)
def test_a_process_loads_nothing_it_does_not_need(module: str, needless: set[str]) -> None:
    program = f"import sys, {module}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert needless & set(loaded.stdout.split()) == set()


def test_revisions_are_those_that_alembic_knows() -> None:
    known = ScriptDirectory("migrations")
    assert newest_revision() == known.get_current_head()
    assert older_revisions() | {newest_revision()} == {script.revision for script in known.walk_revisions()}
