"""What a worker says of itself over HTTP, on a port of its own: health and metrics."""

import asyncio
from collections.abc import Callable
from socket import AF_INET6, create_server, socket
from typing import cast

import uvicorn
from litestar import Litestar, Response, get
from litestar.datastructures import State
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy.ext.asyncio import AsyncEngine
from uvicorn.server import ServerState

from shared.config import ConfigurationError, Settings
from shared.direct_connection import DirectConnection
from shared.heartbeat import Heartbeats, turned
from webapp.controllers.health import HEALTH
from webapp.process_figures import process_figures


@get("/metrics")
async def metrics(state: State) -> Response[bytes]:
    """Answer with this process' figures; those of the whole service are the web processes' to tell."""
    return Response(process_figures(state.engine, state.heartbeats), media_type=CONTENT_TYPE_LATEST)


class WorkerStatus:
    """Answers for as long as it runs, from where `WORKER_HEALTH_HOST` and `WORKER_HEALTH_PORT` say.

    Raises:
        ConfigurationError: nobody can listen there.
    """

    def __init__(self, config: Settings, heartbeats: Heartbeats, engine: AsyncEngine) -> None:
        self._socket = _listening(config)
        self._database = DirectConnection(config.get_database_url(), application_name="calldesk-health")
        state = State(
            {"heartbeats": heartbeats, "engine": engine, "health": self._database, "bearable": frozenset()}
        )
        self._app = Litestar([*HEALTH, metrics], state=state, openapi_config=None, logging_config=None)

    async def run(self) -> None:
        """Answer until cancelled."""
        settings = uvicorn.Config(
            self._app, lifespan="off", ws="none", access_log=False, server_header=False, log_config=None
        )
        settings.load()
        protocol = cast("Callable[..., asyncio.Protocol]", settings.http_protocol_class)
        state = ServerState()
        turned(within=None)
        server = await asyncio.get_running_loop().create_server(
            lambda: protocol(config=settings, server_state=state, app_state={}),
            sock=self._socket.dup(),
        )
        try:
            await asyncio.Event().wait()
        finally:
            server.close()
            await self._database.close()


def _listening(config: Settings) -> socket:
    host, port = config.worker_health_host, config.worker_health_port
    assert port is not None
    try:
        if ":" in host:
            return create_server((host, port), family=AF_INET6)
        return create_server((host, port))
    except OSError as error:
        raise ConfigurationError(f"WORKER_HEALTH_HOST, WORKER_HEALTH_PORT: {error.strerror}") from None
