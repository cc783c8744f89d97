"""create_app(): the one place where everything is wired."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
from advanced_alchemy.extensions.litestar import SQLAlchemyAsyncConfig, SQLAlchemyInitPlugin
from litestar import Litestar, Request
from litestar.config.csrf import CSRFConfig
from litestar.datastructures import State
from litestar.middleware import DefineMiddleware
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, YamlRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme
from litestar.plugins.htmx import HTMXPlugin
from litestar.static_files import create_static_files_router
from litestar.template import TemplateConfig
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from services.checks import LARGEST_BODY_BYTES
from services.errors import NotFound
from services.models import is_possible_id
from services.rules import DeskRules
from services.therapists.directory import TherapistDirectory
from services.work import Workplace
from shared.clock import Clock, get_clock
from shared.config import Settings, get_config
from shared.database import SessionFactory, create_engine, create_session_factory
from shared.direct_connection import DirectPool
from shared.notifications import Listener, Notifier
from shared.supervision import keep_running
from webapp import i18n
from webapp.auth import Authentication
from webapp.controllers import EXCEPTION_HANDLERS, ROUTE_HANDLERS
from webapp.controllers.api.schema import ForbiddenFields
from webapp.dependencies import DEPENDENCIES
from webapp.security import SECURITY_HEADERS, csrf_cookie_name
from webapp.templating import STATIC, create_template_engine

LARGEST_BODY = 2 * 3 * LARGEST_BODY_BYTES + 256 * 1024
"""Both bodies at their largest, each letter written as `\\u00fc`, and room for the rest."""

DIRECT_CONNECTIONS = 8
YEAR_SECONDS = 31_536_000


def _encoded(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


_HEADERS = _encoded({**SECURITY_HEADERS, "Cache-Control": "no-store"})
_STATIC_HEADERS = _encoded(
    {**SECURITY_HEADERS, "Cache-Control": f"public, max-age={YEAR_SECONDS}, immutable"}
)
[_HTTPS_ONLY] = _encoded({"Strict-Transport-Security": f"max-age={YEAR_SECONDS}"})


def create_app(config: Settings | None = None, *, clock: Clock | None = None) -> Litestar:
    """Return the application over `config`, by default the process's own."""
    config = config or get_config()
    csrf = _csrf(config)
    database = _database(config)
    return Litestar(
        route_handlers=[*ROUTE_HANDLERS, _static_files()],
        dependencies=DEPENDENCIES,
        exception_handlers=EXCEPTION_HANDLERS,
        middleware=[
            _browser_language,
            DefineMiddleware(Authentication, exclude="^/static/", scopes=None),
        ],
        before_request=_before_request,
        before_send=[_add_headers],
        csrf_config=csrf,
        template_config=TemplateConfig(instance=create_template_engine()),
        plugins=[HTMXPlugin(), ForbiddenFields(), SQLAlchemyInitPlugin(database)],
        openapi_config=OpenAPIConfig(
            title="Communication service",
            version="1.0.0",
            path="/api/docs",
            render_plugins=[JsonRenderPlugin(), YamlRenderPlugin()],
            security=[{"key": []}],
            components=Components(security_schemes={"key": SecurityScheme(type="http", scheme="bearer")}),
        ),
        request_max_body_size=LARGEST_BODY,
        state=State(
            {
                "config": config,
                "clock": clock or get_clock(config),
                "csrf_cookie": csrf.cookie_name,
                "engine": database.engine_instance,
                "sessions": database.session_maker,
            }
        ),
        lifespan=[_resources],
        logging_config=None,
        pdb_on_exception=False,
    )


@asynccontextmanager
async def _resources(app: Litestar) -> AsyncGenerator[None]:
    """Open what the processes' requests share, and close it in bounded time."""
    config: Settings = app.state.config
    sessions: SessionFactory = app.state.sessions
    notifier = Notifier(config.get_database_url())
    sessions.configure(info={"notifier": notifier})
    statements = DirectPool(
        config.get_database_url(),
        application_name="calldesk-web",
        size=DIRECT_CONNECTIONS,
        notifier=notifier,
    )
    listener = Listener(config.get_database_url())
    rules = DeskRules.from_settings(config)
    client = httpx.AsyncClient(timeout=config.therapist_deadline_seconds)
    i18n.timezone.set(config.tz)
    app.state.update(
        {
            "statements": statements,
            "listener": listener,
            "rules": rules,
            "workplace": Workplace(sessions=sessions, clock=app.state.clock, rules=rules),
            "directory": TherapistDirectory(config, client),
        }
    )
    tasks = [
        asyncio.create_task(keep_running("notifier", notifier)),
        asyncio.create_task(keep_running("listener", listener)),
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await client.aclose()
        await statements.close()
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


def _csrf(config: Settings) -> CSRFConfig:
    return CSRFConfig(
        secret=config.secret_key.get_secret_value(),
        cookie_name=csrf_cookie_name(config.secret_key.get_secret_value()),
        cookie_httponly=True,
        cookie_secure=config.app_env == "production",
        cookie_samesite="lax",
        exclude=["^/api/", "^/static/", "^/metrics", "^/health"],
    )


def _static_files() -> Any:
    return create_static_files_router(
        path="/static",
        directories=[STATIC],
        name="static",
        cache_control=None,
        opt={"public": True},
        include_in_schema=False,
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


async def _before_request(request: Request[Any, Any, Any]) -> None:
    _apply_user_language(request)
    _refuse_impossible_ids(request)


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
    wanted = _STATIC_HEADERS if scope["path"].startswith("/static/") else _HEADERS
    headers = [*message["headers"]]
    given = {name.lower() for name, _ in headers}
    headers += [header for header in wanted if header[0] not in given]
    if scope["litestar_app"].state.config.app_env == "production":
        headers.append(_HTTPS_ONLY)
    message["headers"] = headers
