"""`/api/email-templates`: the mails this service can write by itself."""

from typing import Annotated, Any

from litestar import Controller, get, post
from litestar.params import JSONBody, PathParameter
from msgspec import Struct

from services.emails.templates.engine import MailTemplate, all_templates, get_template, render_template
from services.emails.templates.variables import VariableKind
from webapp.controllers.api.schema import problems
from webapp.controllers.api.strict_json import JsonRequest
from webapp.service_keys import EMAILS, READ

TemplateName = Annotated[str, PathParameter(description="As the list of templates names it.")]


class TemplateVariable(Struct):
    """What a template needs to be told; a `datum` is written `2025-06-10`, a `liste` holds lines."""

    name: str
    art: VariableKind
    beschreibung: str
    pflicht: bool
    vorgabe: Any
    beispiel: Any


class EmailTemplate(Struct):
    """A template and its variables; `beispiel` is data to try it with."""

    name: str
    titel: str
    beschreibung: str
    betreff: str
    variablen: list[TemplateVariable]
    beispiel: dict[str, Any]


class EmailTemplates(Struct):
    """All templates."""

    data: list[EmailTemplate]


class PreviewRequest(Struct, forbid_unknown_fields=True):
    """Data to render a template with, by default its example; `betreff` takes the place of its own."""

    template_data: dict[str, Any] | None = None
    betreff: str | None = None


class Preview(Struct):
    """A rendered mail, as it would be sent."""

    betreff: str
    body_html: str
    body_text: str


class EmailTemplateApi(Controller):
    """The templates of e-mails."""

    path = "/api/email-templates"
    request_class = JsonRequest
    security = EMAILS
    tags = ["E-mail templates"]  # noqa: RUF012

    @get(
        "/",
        operation_id="listEmailTemplates",
        summary="List all templates",
        responses=problems(),
        sync_to_thread=False,
        security=READ,
    )
    def list_templates(self) -> EmailTemplates:
        """With the variables each needs, and data to try it with."""
        return EmailTemplates([_show(template) for template in all_templates().values()])

    @get(
        "/{name:str}",
        operation_id="getEmailTemplate",
        summary="Read what a template needs",
        responses=problems(404),
        sync_to_thread=False,
        security=READ,
    )
    def get_template(self, name: TemplateName) -> EmailTemplate:
        """Its variables, which of them it insists on, and data to try it with."""
        return _show(get_template(name))

    @post(
        "/{name:str}/preview",
        operation_id="previewEmailTemplate",
        summary="Render a template without storing anything",
        status_code=200,
        responses=problems(404, 413, 415),
        sync_to_thread=False,
    )
    def preview(self, name: TemplateName, data: JSONBody[PreviewRequest]) -> Preview:
        """The mail as it would be sent; a variable that is missing or unknown is a 422."""
        values = get_template(name).sample if data.template_data is None else data.template_data
        mail = render_template(name, values, betreff=data.betreff)
        return Preview(mail.betreff, mail.body_html, mail.body_text)


def _show(template: MailTemplate) -> EmailTemplate:
    variables = [
        TemplateVariable(v.name, v.kind, v.description, v.required, v.default, v.sample)
        for v in template.variables
    ]
    return EmailTemplate(
        template.name, template.title, template.description, template.betreff, variables, template.sample
    )
