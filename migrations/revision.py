"""Which revision of the schema this code needs."""

from alembic.config import Config
from alembic.script import ScriptDirectory

import migrations


def newest_revision() -> str:
    """Return the revision that no other descends from."""
    head = _directory().get_current_head()
    assert head is not None
    return head


def older_revisions() -> frozenset[str]:
    """Return all revisions this code knows but the newest: their names need not be in order."""
    return frozenset(script.revision for script in _directory().walk_revisions()) - {newest_revision()}


def _directory() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", migrations.__path__[0])
    return ScriptDirectory.from_config(config)
