"""The JSON API: one file per resource, problem details where it refuses."""

from litestar import Router

from webapp.controllers.api.email_templates import EmailTemplateApi
from webapp.controllers.api.emails import EmailApi
from webapp.controllers.api.phone_calls import PhoneCallApi
from webapp.controllers.api.problems import ProblemDetails
from webapp.controllers.api.schema import DECLARED_ONLY
from webapp.controllers.api.stop_list import StopListApi
from webapp.controllers.api.therapists import TherapistApi
from webapp.errors import handlers

PROBLEMS = ProblemDetails()

api_router = Router(
    path="/",
    route_handlers=[EmailApi, EmailTemplateApi, PhoneCallApi, StopListApi, TherapistApi],
    opt={DECLARED_ONLY: True},
    exception_handlers=handlers(lambda _request: PROBLEMS),
)
