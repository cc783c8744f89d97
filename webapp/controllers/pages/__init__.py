"""The desk: one file per page or part of one, pages and fragments where it refuses."""

from litestar import Router

from webapp.controllers.pages.account import AccountController
from webapp.controllers.pages.activity import ActivityController
from webapp.controllers.pages.call_notes import CallTherapistController, RingBackController
from webapp.controllers.pages.calls import CallController
from webapp.controllers.pages.compose import EmailComposeController
from webapp.controllers.pages.emails import EmailsController
from webapp.controllers.pages.exports import ExportController
from webapp.controllers.pages.help import HelpController
from webapp.controllers.pages.inbox import InboxController
from webapp.controllers.pages.login import LoginController
from webapp.controllers.pages.my_day import MyDayController
from webapp.controllers.pages.people import PeopleController
from webapp.controllers.pages.privacy import PrivacyController
from webapp.controllers.pages.refusals import Refusals
from webapp.controllers.pages.replies import EmailReplyController
from webapp.controllers.pages.second_factor import SecondFactorController
from webapp.controllers.pages.settings import SettingsController
from webapp.controllers.pages.statistics import StatisticsController
from webapp.controllers.pages.system import SystemController
from webapp.controllers.pages.therapists import TherapistsController
from webapp.controllers.pages.today import TodayController
from webapp.controllers.pages.week import WeekController
from webapp.errors import handlers
from webapp.waiting import count_what_waits

REFUSALS = Refusals()

pages_router = Router(
    path="/",
    route_handlers=[
        AccountController,
        ActivityController,
        CallController,
        CallTherapistController,
        EmailComposeController,
        EmailReplyController,
        EmailsController,
        ExportController,
        HelpController,
        InboxController,
        LoginController,
        PeopleController,
        PrivacyController,
        MyDayController,
        RingBackController,
        SecondFactorController,
        SettingsController,
        StatisticsController,
        SystemController,
        TherapistsController,
        TodayController,
        WeekController,
    ],
    middleware=[count_what_waits],
    exception_handlers=handlers(lambda _request: REFUSALS),
)
