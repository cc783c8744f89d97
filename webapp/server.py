"""The web process: uvicorn with uvloop and httptools."""

import sys
from contextlib import suppress
from socket import socket

import structlog
import uvicorn
from litestar import Litestar

from shared.config import Settings
from webapp.app import create_app
from webapp.auth import is_open_api
from webapp.logs import configure_logging

SHUTDOWN_SECONDS = 3

log = structlog.get_logger(__name__)


class _Server(uvicorn.Server):
    """Ends the streams before it waits for what is under way: they would last as long as it waits."""

    def __init__(self, settings: uvicorn.Config, app: Litestar) -> None:
        super().__init__(settings)
        self._app = app

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        self._app.state.listener.end()
        await super().shutdown(sockets)


def serve(config: Settings, *, host: str | None = None, port: int | None = None) -> None:
    """Serve until a signal says stop: streams end at once, requests have a few seconds."""
    configure_logging(config)
    if is_open_api(config):
        log.warning("api_open", reason="APP_ENV=development: the JSON API answers without a key")
    app = create_app(config)
    settings = uvicorn.Config(
        app,
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
    server = _Server(settings, app)
    with suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        sys.exit(1)
