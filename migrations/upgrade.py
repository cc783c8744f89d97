"""The database's schema, by Alembic."""

import time
from pathlib import Path

import structlog
from alembic import command
from alembic.config import Config
from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError

import migrations
from shared.config import Settings

TRIES = 20
PAUSE_SECONDS = 1
LOCK_NOT_AVAILABLE = "55P03"

log = structlog.get_logger(__name__)


def alembic_config(url: URL) -> Config:
    """Return Alembic's configuration for a database, wherever the package is installed."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.attributes["url"] = url
    return config


def upgrade(config: Settings) -> None:
    """Bring the schema up to date; two processes at once wait for each other.

    Raises:
        DBAPIError: among others when a table is in use again and again for longer than a migration may wait.
    """
    for _ in range(TRIES - 1):
        try:
            command.upgrade(alembic_config(config.get_direct_url()), "head")
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) != LOCK_NOT_AVAILABLE:
                raise
            log.warning("migration_waits", reason="a table is in use; what waits for it lets others go first")
            time.sleep(PAUSE_SECONDS)
        else:
            return
    command.upgrade(alembic_config(config.get_direct_url()), "head")
