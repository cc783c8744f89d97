"""The form that writes an e-mail, from a template or freely, and what it would look like."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from services.emails.bodies import html_from_text
from services.emails.create import NewEmail
from services.emails.templates.engine import MailTemplate, all_templates, render_template
from services.emails.templates.variables import Variable, VariableKind, check_data
from services.errors import InvalidInput
from services.models import EmailStatus, Therapist
from webapp.screens.forms import Form, asked_moment, read_number
from webapp.screens.template_words import label_of

VARIABLE = "var_"
PLAIN_FIELDS = (
    "therapist_id",
    "template",
    "empfaenger_name",
    "empfaenger_email",
    "betreff",
    "body_text",
    "send_at",
    "antwort_an",
    "expires_at",
)


@dataclass
class ComposeForm(Form):
    """What the form sends, as text; `values` are the template's variables by name."""

    therapist_id: str = ""
    template: str = ""
    empfaenger_name: str = ""
    empfaenger_email: str = ""
    betreff: str = ""
    body_text: str = ""
    send_at: str = ""
    antwort_an: str = ""
    expires_at: str = ""
    key: str = ""
    action: str = ""
    values: dict[str, str] = field(default_factory=dict[str, str])

    @classmethod
    def read(cls, fields: Mapping[str, Any]) -> Self:
        """Return the form with what was sent for variables of templates; others are left out."""
        form = super().read({name: value for name, value in fields.items() if name != "values"})
        sent = ((name, fields.get(VARIABLE + name)) for name in _all_variables())
        form.values = {name: value for name, value in sent if isinstance(value, str)}
        return form

    @classmethod
    def to(cls, therapist: Therapist | None) -> Self:
        """Return the form as it opens for a therapist."""
        if therapist is None:
            return cls()
        return cls(
            therapist_id=str(therapist.id),
            empfaenger_name=therapist.display_name,
            empfaenger_email=therapist.email or "",
            values={"anrede": salutation(therapist)},
        )

    @property
    def mail_template(self) -> MailTemplate | None:
        """The template chosen; None for a mail written freely."""
        return all_templates().get(self.template)

    def to_draft(self) -> dict[str, str]:
        """Return what is worth keeping while it is typed: with the key, so that it makes one e-mail only."""
        return self.content() | {"key": self.key}

    def content(self) -> dict[str, str]:
        """Return what is typed."""
        kept = {name: getattr(self, name) for name in PLAIN_FIELDS}
        return kept | {VARIABLE + name: value for name, value in self.values.items()}

    def data(self) -> dict[str, Any]:
        """Return the template's variables as the template wants them; what is empty is left out."""
        template = self.mail_template
        variables = template.variables if template else ()
        read = {variable.name: _read(variable, self.values.get(variable.name, "")) for variable in variables}
        return {name: value for name, value in read.items() if value is not None}

    def new_email(self, status: EmailStatus) -> NewEmail:
        """Return the e-mail to be made.

        Raises:
            InvalidInput: from when or until when it is to be sent can't be read.
        """
        return NewEmail(
            therapist_id=read_number(self.therapist_id) or 0,
            empfaenger_email=self.empfaenger_email.strip(),
            empfaenger_name=self.empfaenger_name,
            betreff=self.betreff.strip() or (None if self.template else ""),
            body_text=None if self.template else self.body_text.replace("\r\n", "\n"),
            template=self.template or None,
            template_data=self.data() if self.template else None,
            antwort_an=self.antwort_an.strip() or None,
            send_at=asked_moment("send_at", self.send_at),
            expires_at=asked_moment("expires_at", self.expires_at),
            status=EmailStatus.DRAFT if status is EmailStatus.DRAFT else EmailStatus.QUEUED,
        )


@dataclass(frozen=True, slots=True)
class Preview:
    """How a mail would look; `examples` describes what is shown with sample data because it is missing."""

    betreff: str
    html: str
    examples: list[str]


def preview(form: ComposeForm) -> Preview:
    """Render what has been typed so far; never fails."""
    template = form.mail_template
    if template is None:
        return Preview(form.betreff.strip(), html_from_text(form.body_text), [])
    data = form.data()
    unusable = {error.field.partition(".")[2] for error in check_data(template.variables, data)}
    shown = {name: value for name, value in data.items() if name not in unusable}
    shown |= {v.name: v.sample for v in template.variables if v.name in unusable}
    try:
        mail = render_template(template.name, shown, betreff=form.betreff.strip() or None)
    except InvalidInput:
        mail = render_template(template.name, template.sample)
    examples = [label_of(v) for v in template.variables if v.name in unusable]
    return Preview(mail.betreff, mail.body_html, examples)


def salutation(therapist: Therapist) -> str:
    """Return how a letter greets a therapist, without a comma."""
    name = " ".join(part for part in (therapist.titel, therapist.nachname) if part)
    match therapist.anrede:
        case "Frau":
            return f"Sehr geehrte Frau {name}"
        case "Herr":
            return f"Sehr geehrter Herr {name}"
        case _:
            return f"Guten Tag {therapist.display_name}"


def _all_variables() -> set[str]:
    """Return the variables of all templates: what was typed for one is kept while another is looked at."""
    return {variable.name for template in all_templates().values() for variable in template.variables}


def _read(variable: Variable, text: str) -> Any:
    if not text.strip():
        return None
    match variable.kind:
        case VariableKind.NUMBER:
            number = read_number(text)
            return text if number is None else number
        case VariableKind.LIST:
            return [line.strip() for line in text.splitlines() if line.strip()]
        case VariableKind.TEXT:
            return text.replace("\r\n", "\n").strip()
        case _:
            return text.strip()
