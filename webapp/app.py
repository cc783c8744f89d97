"""create_app(): the one place where everything is wired."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any, cast

from advanced_alchemy.extensions.litestar import SQLAlchemyAsyncConfig, SQLAlchemyInitPlugin
from litestar import Litestar, Request, Response
from litestar.config.compression import CompressionConfig
from litestar.config.cors import CORSConfig
from litestar.datastructures import State
from litestar.middleware import DefineMiddleware
from litestar.plugins.htmx import HTMXPlugin
from litestar.template import TemplateConfig
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from services.calls.booked_together import BookedTogether
from services.checks import LARGEST_BODY_BYTES
from services.errors import NotFound
from services.models import is_possible_id
from services.rules import DeskRules
from services.therapists.client import create_client
from services.therapists.directory import TherapistDirectory
from services.work import Workplace
from shared.clock import Clock, get_clock
from shared.config import Settings, get_config
from shared.database import SessionFactory, create_engine, create_session_factory
from shared.direct_connection import DirectConnection, DirectPool
from shared.heartbeat import Heartbeats
from shared.kept import Forgetting
from shared.notifications import Listener, Notifier
from shared.supervision import keep_running
from webapp import i18n
from webapp.access_log import logged
from webapp.auth import Authentication, allowance_of
from webapp.controllers import EXCEPTION_HANDLERS, ROUTE_HANDLERS
from webapp.controllers.api.openapi import DescribedStructs, openapi_config
from webapp.controllers.api.schema import refuse_unknown_parameters
from webapp.csrf import cookie_to_set, refuse_foreign_forms
from webapp.dependencies import DEPENDENCIES
from webapp.foreign import refuse_foreigners
from webapp.head import allow_head, head_as_get
from webapp.measured import measured
from webapp.prefix import below, refuse_taken
from webapp.readiness import Obstacle
from webapp.request_ids import with_request_id
from webapp.security import SECURITY_HEADERS, is_secure
from webapp.service_keys import ServiceKeys, limit_headers
from webapp.templating import create_template_engine
from webapp.traced import traced
from webapp.warm_up import warming_up

LARGEST_BODY = 2 * 3 * LARGEST_BODY_BYTES + 256 * 1024
"""Both bodies at their largest, each letter written as `\\u00fc`, and room for the rest."""

COMPRESSION = CompressionConfig(
    backend="gzip",
    gzip_compress_level=3,
    minimum_size=1_000,
    exclude=["^/api/", "^/live", "^/metrics", "^/health"],
)
"""Pages, styles and scripts; the stream of hints is not held up, services get their answers as they are."""

DIRECT_CONNECTIONS = 8
YEAR_SECONDS = 31_536_000


def _encoded(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


_HEADERS = _encoded({**SECURITY_HEADERS, "Cache-Control": "no-store"})
[_HTTPS_ONLY] = _encoded({"Strict-Transport-Security": f"max-age={YEAR_SECONDS}"})


def create_app(config: Settings | None = None, *, clock: Clock | None = None, warm: bool = False) -> Litestar:
    """Return the application over `config`, by default the process's own.

    Args:
        config: where everything is.
        clock: what time it is, by default the system's.
        warm: whether it does ahead what the first pages would wait for.

    Raises:
        ConfigurationError: `ROOT_PATH` is where one of its own addresses begins.
    """
    config = config or get_config()
    database = _database(config)
    app = Litestar(
        route_handlers=ROUTE_HANDLERS,
        dependencies=DEPENDENCIES,
        exception_handlers=EXCEPTION_HANDLERS,
        middleware=[
            _browser_language,
            refuse_foreigners,
            DefineMiddleware(Authentication, exclude="^/static/", scopes=None),
            refuse_foreign_forms,
        ],
        before_request=_before_request,
        before_send=[_add_headers],
        compression_config=COMPRESSION,
        cors_config=_cors(config),
        template_config=TemplateConfig(instance=create_template_engine(config.root_path)),
        plugins=[HTMXPlugin(), DescribedStructs(), SQLAlchemyInitPlugin(database)],
        openapi_config=openapi_config(config),
        request_max_body_size=LARGEST_BODY,
        state=State(
            {
                "config": config,
                "clock": clock or get_clock(config),
                "engine": database.engine_instance,
                "sessions": database.session_maker,
            }
        ),
        lifespan=[_resources, *([warming_up] if warm else [])],
        logging_config=None,
        pdb_on_exception=False,
    )
    refuse_taken(config.root_path, app.routes)
    below_root = below(head_as_get(traced(measured(app.asgi_handler))), config.root_path)
    app.asgi_handler = with_request_id(logged(below_root, config))
    return app


@asynccontextmanager
async def _resources(app: Litestar) -> AsyncGenerator[None]:
    """Open what the processes' requests share, and close it in bounded time."""
    config: Settings = app.state.config
    sessions: SessionFactory = app.state.sessions
    notifier = Notifier(config.get_direct_url())
    sessions.configure(info={"notifier": notifier})
    statements = DirectPool(
        config.get_database_url(),
        application_name="calldesk-web",
        size=DIRECT_CONNECTIONS,
        notifier=notifier,
    )
    health = DirectConnection(config.get_database_url(), application_name="calldesk-health")
    listener = Listener(config.get_direct_url())
    rules = DeskRules.from_settings(config)
    workplace = Workplace(sessions=sessions, clock=app.state.clock, rules=rules)
    keys = ServiceKeys(workplace, statements, requests_per_minute=config.api_rate_limit_per_minute)
    client, heartbeats = create_client(config), Heartbeats()
    directory = TherapistDirectory(config, client)
    together = BookedTogether(
        DirectConnection(config.get_database_url(), application_name="calldesk-bookings"),
        fresh_for=directory.ttl,
        notifier=notifier,
    )
    i18n.timezone.set(config.tz)
    app.state.update(
        {
            "statements": statements,
            "health": health,
            "heartbeats": heartbeats,
            "bearable": frozenset({Obstacle.QUEUE_HELD}),
            "listener": listener,
            "streams": Counter[int](),
            "rules": rules,
            "workplace": workplace,
            "service_keys": keys,
            "directory": directory,
            "together": together,
        }
    )
    tasks = [
        asyncio.create_task(keep_running(name, loop, pulse=heartbeats.of(name)))
        for name, loop in (
            ("notifier", notifier),
            ("listener", listener),
            ("key_use", keys.use),
            ("forgetting", Forgetting()),
        )
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await client.aclose()
        await asyncio.gather(statements.close(), health.close(), together.close())
        with suppress(TimeoutError):
            async with asyncio.timeout(5):
                await app.state.engine.dispose()


def _database(config: Settings) -> SQLAlchemyAsyncConfig:
    """Sessions end with their request; transactions are the services' to open."""
    engine = create_engine(config, application_name="calldesk-web")
    return SQLAlchemyAsyncConfig(
        engine_instance=engine,
        session_maker=create_session_factory(engine),
        session_dependency_key="session",
        set_default_exception_handler=False,
    )


def _cors(config: Settings) -> CORSConfig | None:
    """Let the pages of the sites in `CORS_ORIGINS` use the API; cookies are not for them."""
    if not config.origins:
        return None
    return CORSConfig(
        allow_origins=config.origins,
        allow_methods=["GET", "POST", "PUT", "DELETE"],
        allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "X-Request-ID", "Traceparent"],
        expose_headers=[
            "Location",
            "Idempotent-Replayed",
            "X-Request-ID",
            "Retry-After",
            "RateLimit-Limit",
            "RateLimit-Remaining",
            "RateLimit-Reset",
        ],
    )


def _browser_language(app: ASGIApp) -> ASGIApp:
    """Middleware: until it is known who asks, speak the browser's language."""

    async def speak(scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope.get("headers", []))
        accepted = headers.get(b"accept-language", b"").decode("latin-1")
        i18n.language.set(i18n.choose_language(None, accepted))
        i18n.timezone.set(scope["litestar_app"].state.config.tz)
        await app(scope, receive, send)

    return speak


async def _before_request(request: Request[Any, Any, Any]) -> Response[None] | None:
    if request.method == "OPTIONS":
        return _methods_of(request)
    refuse_unknown_parameters(request)
    _apply_user_language(request)
    _refuse_impossible_ids(request)
    return None


def _methods_of(request: Request[Any, Any, Any]) -> Response[None]:
    """Answer what an address can do; the framework's own answer names one of its handlers only."""
    template = request.scope["path_template"]
    route = next(route for route in request.app.routes if route.path_format == template)
    return Response(None, status_code=204, headers={"Allow": ", ".join(sorted(route.methods))})


def _apply_user_language(request: Request[Any, Any, Any]) -> None:
    member = request.scope.get("user")
    if member is not None and member.sprache:
        i18n.language.set(i18n.choose_language(member.sprache, ""))


def _refuse_impossible_ids(request: Request[Any, Any, Any]) -> None:
    """Find nothing where the path holds a number that no id can be, or spells it as no id is, as in `+1`.

    Raises:
        NotFound: it does.
    """
    written = request.scope["path"].split("/")
    numbers = (value for value in request.path_params.values() if isinstance(value, int))
    if not all(is_possible_id(number) and str(number) in written for number in numbers):
        raise NotFound


async def _add_headers(message: Message, scope: Scope) -> None:
    if message["type"] != "http.response.start":
        return
    headers = [(name, allow_head(value) if name == b"allow" else value) for name, value in message["headers"]]
    given = {name.lower() for name, _ in headers}
    headers += [header for header in _HEADERS if header[0] not in given]
    if allowance := allowance_of(cast("dict[str, Any]", scope)):
        headers += limit_headers(allowance)
    if cookie := cookie_to_set(scope):
        headers.append(cookie.to_encoded_header())
    if is_secure(scope["litestar_app"].state.config):
        headers.append(_HTTPS_ONLY)
    message["headers"] = headers
