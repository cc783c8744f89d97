"""The web process: uvicorn with uvloop and httptools."""

import asyncio
import resource
import signal
import sys
from contextlib import suppress
from socket import socket
from types import FrameType

import structlog
import uvicorn
from litestar import Litestar

from services.events.types import SERVICE_NAME
from shared import tracing
from shared.config import Settings
from shared.postgresql import refuse_old_server
from webapp.app import create_app
from webapp.auth import is_open_api
from webapp.connections import bounded
from webapp.logs import configure_logging

LEAVE_SECONDS, LEAVE_STEPS = 1, 20
"""How long connections that are open may bring a last request once no new ones are taken."""

SHUTDOWN_SECONDS = 3
OTHER_DESCRIPTORS = 100
"""Besides connections of clients and to the database: files, pipes, other services."""

log = structlog.get_logger(__name__)


class _Server(uvicorn.Server):
    """Takes leave in an order in which a proxy before it loses nothing.

    New connections are refused first, so that the proxy asks another process. Requests on connections that
    are open are answered for a moment more, with word that it was the last; to close one as a request comes
    would lose it. Streams end before: they would last as long as it waits.
    """

    def __init__(self, settings: uvicorn.Config, app: Litestar) -> None:
        super().__init__(settings)
        self._app = app

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        self._app.state.listener.end()
        await asyncio.sleep(0)  # what the system has accepted for us is taken before we close
        for server in self.servers:
            server.close()
        self.server_state.default_headers = [*self.server_state.default_headers, (b"connection", b"close")]
        for _ in range(LEAVE_STEPS):
            if self.server_state.connections:
                await asyncio.sleep(LEAVE_SECONDS / LEAVE_STEPS)
        await super().shutdown(sockets)


def serve(config: Settings, *, host: str | None = None, port: int | None = None) -> None:
    """Serve until a signal says stop: streams end at once, requests have a few seconds.

    Raises:
        DatabaseTooOld: with this server it can't work.
        SystemExit: with 0 after SIGTERM, with 1 when it could not start.
    """
    signal.signal(signal.SIGTERM, _ended_as_asked)
    given = {"communication_service_host": host, "communication_service_port": port}
    config = config.model_copy(update={name: value for name, value in given.items() if value})
    configure_logging(config)
    _say_who_may_ask(config)
    asyncio.run(refuse_old_server(config.get_database_url()))
    app = create_app(config, warm=True)
    settings = uvicorn.Config(
        app,
        host=config.communication_service_host,
        port=config.communication_service_port,
        forwarded_allow_ips=config.trusted_proxies,
        loop="uvloop",
        http=bounded(_room_for_connections(config)),
        ws="none",
        access_log=False,
        server_header=False,
        log_config=None,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )
    server = _Server(settings, app)
    tracing.start(SERVICE_NAME)
    try:
        with suppress(KeyboardInterrupt):
            server.run()
    finally:
        tracing.stop()
    if not server.started:
        sys.exit(1)


def _say_who_may_ask(config: Settings) -> None:
    if is_open_api(config):
        log.warning("api_open", reason="APP_ENV=development on a loopback address: the API needs no key")
    elif config.app_env == "development":
        log.warning("api_closed", reason="not a loopback address: the API needs a key in development too")
    elif not config.hosts:
        log.warning("any_host", reason="ALLOWED_HOSTS is empty: every Host header is answered")


def _room_for_connections(config: Settings) -> int:
    """Return how many connections there are descriptors for, at most the setting; allow more if possible."""
    others = config.db_pool_size + OTHER_DESCRIPTORS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = config.max_connections + others
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return config.max_connections
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, allowed), hard))
    room = max(max(soft, allowed) - others, 1)
    if room < config.max_connections:
        log.warning("fewer_connections", most=room, reason="the limit of open files (ulimit -n) is lower")
    return room


def _ended_as_asked(_number: int, _frame: FrameType | None) -> None:
    """End with 0; uvicorn raises the signal again once it has shut down."""
    sys.exit(0)
