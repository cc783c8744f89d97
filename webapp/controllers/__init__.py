"""All routes: the JSON API, the desk's pages, and what belongs to neither."""

from litestar import Router
from litestar.handlers import BaseRouteHandler

from webapp.auth import is_service_path
from webapp.controllers.api import PROBLEMS, api_router
from webapp.controllers.health import HEALTH
from webapp.controllers.live import live
from webapp.controllers.metrics import metrics
from webapp.controllers.pages import REFUSALS, pages_router
from webapp.controllers.static import static
from webapp.errors import AnyRequest, Face, handlers

ROUTE_HANDLERS: list[Router | BaseRouteHandler] = [api_router, pages_router, *HEALTH, live, metrics, static]


def _face(request: AnyRequest) -> Face:
    return PROBLEMS if is_service_path(request.scope["path"]) else REFUSALS


EXCEPTION_HANDLERS = handlers(_face)
"""Of what is outside the routers, such as an address that leads nowhere."""
