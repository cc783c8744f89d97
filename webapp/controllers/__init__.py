"""All routes: one file per resource."""

from litestar import Controller
from litestar.handlers import BaseRouteHandler

from webapp.controllers.health import health
from webapp.controllers.live import live
from webapp.controllers.login import LoginController
from webapp.controllers.settings import SettingsController

ROUTE_HANDLERS: list[type[Controller] | BaseRouteHandler] = [
    LoginController,
    SettingsController,
    health,
    live,
]
