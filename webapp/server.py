"""The web process: uvicorn with uvloop and httptools."""

import structlog
import uvicorn

from shared.config import Settings
from webapp.app import create_app
from webapp.auth import is_open_api
from webapp.logs import configure_logging

SHUTDOWN_SECONDS = 3

log = structlog.get_logger(__name__)


def serve(config: Settings, *, host: str | None = None, port: int | None = None) -> None:
    """Serve until a signal says stop; open streams are cut after a few seconds."""
    configure_logging(config)
    if is_open_api(config):
        log.warning("api_open", reason="APP_ENV=development: the JSON API answers without a key")
    uvicorn.run(
        create_app(config),
        host=host or config.communication_service_host,
        port=port or config.communication_service_port,
        loop="uvloop",
        http="httptools",
        ws="none",
        access_log=False,
        server_header=False,
        log_config=None,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )
