"""All routes: one file per resource."""

from litestar import Controller
from litestar.handlers import BaseRouteHandler

from webapp.controllers.api_email_templates import EmailTemplateApi
from webapp.controllers.api_emails import EmailApi
from webapp.controllers.health import health
from webapp.controllers.live import live
from webapp.controllers.login import LoginController
from webapp.controllers.settings import SettingsController
from webapp.controllers.statistics import StatisticsController
from webapp.controllers.week import WeekController

ROUTE_HANDLERS: list[type[Controller] | BaseRouteHandler] = [
    EmailApi,
    EmailTemplateApi,
    LoginController,
    SettingsController,
    StatisticsController,
    WeekController,
    health,
    live,
]
