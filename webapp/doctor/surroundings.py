"""Probes of the settings and of this machine."""

import asyncio
import shutil

from shared.config import Settings
from shared.config.checks import dangers
from shared.config.settings import misspelt_settings
from webapp.doctor.findings import Trouble

LEAST_FREE = 500 * 1024 * 1024


async def settings(config: Settings) -> str:
    """Whether production would start with these settings, and none is misspelt."""
    misspelt = [f"{name} is no setting, is {meant} meant?" for name, meant in misspelt_settings().items()]
    if misspelt:
        raise Trouble("; ".join(misspelt), "put the names right")
    if config.app_env != "production" and (found := list(dangers(config))):
        return f"APP_ENV={config.app_env}; before production: {'; '.join(found)}"
    return f"APP_ENV={config.app_env}"


async def data_folder(config: Settings) -> str:
    """Whether there is room where the demo keeps its data; the service itself keeps nothing on disk."""
    folder = config.data_dir
    if not folder.exists():
        return "not used: all is kept in the database"
    free = (await asyncio.to_thread(shutil.disk_usage, folder)).free
    if free < LEAST_FREE:
        raise Trouble(f"{free // 1024**2} MiB free in {folder}", "make room")
    return f"{free // 1024**2} MiB free"
