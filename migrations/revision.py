"""Which revision of the schema this code needs."""

from alembic.config import Config
from alembic.script import ScriptDirectory

import migrations


def newest_revision() -> str:
    """Return the revision that no other descends from."""
    config = Config()
    config.set_main_option("script_location", migrations.__path__[0])
    head = ScriptDirectory.from_config(config).get_current_head()
    assert head is not None
    return head
