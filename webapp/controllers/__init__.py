"""All routes: one file per resource."""

from litestar import Controller
from litestar.handlers import BaseRouteHandler

from webapp.controllers.api_email_templates import EmailTemplateApi
from webapp.controllers.api_emails import EmailApi
from webapp.controllers.api_phone_calls import PhoneCallApi
from webapp.controllers.api_therapists import TherapistApi
from webapp.controllers.call_therapists import CallTherapistController, RingBackController
from webapp.controllers.calls import CallController
from webapp.controllers.email_compose import EmailComposeController
from webapp.controllers.email_reply import EmailReplyController
from webapp.controllers.emails import EmailsController
from webapp.controllers.health import health
from webapp.controllers.live import live
from webapp.controllers.login import LoginController
from webapp.controllers.metrics import metrics
from webapp.controllers.settings import SettingsController
from webapp.controllers.statistics import StatisticsController
from webapp.controllers.system import SystemController
from webapp.controllers.therapists import TherapistsController
from webapp.controllers.today import TodayController
from webapp.controllers.week import WeekController

ROUTE_HANDLERS: list[type[Controller] | BaseRouteHandler] = [
    EmailApi,
    EmailTemplateApi,
    PhoneCallApi,
    TherapistApi,
    CallController,
    CallTherapistController,
    EmailComposeController,
    EmailReplyController,
    EmailsController,
    LoginController,
    RingBackController,
    SettingsController,
    StatisticsController,
    SystemController,
    TherapistsController,
    TodayController,
    WeekController,
    health,
    live,
    metrics,
]
