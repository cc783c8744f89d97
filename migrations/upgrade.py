"""The database's schema, by Alembic."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import URL

import migrations
from shared.config import Settings


def alembic_config(url: URL) -> Config:
    """Return Alembic's configuration for a database, wherever the package is installed."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.attributes["url"] = url
    return config


def upgrade(config: Settings) -> None:
    """Bring the schema up to date; two processes at once wait for each other."""
    command.upgrade(alembic_config(config.get_direct_url()), "head")
