"""What callers are to say, by the call's reason: a template in German, filled from the call and its e-mail.

Templates are Jinja2 in the sandbox of the letters, and of its language only what a few lines need: variables,
`if` and filters that take anything. They can't loop, compute or call, so none takes long or fails in a call.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from babel.dates import format_date
from jinja2 import TemplateSyntaxError, nodes
from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert

from services.emails.templates.engine import plain_text_environment
from services.errors import FieldError, InvalidInput, StaleVersion
from services.models import CallGuide, CallReason, Email, PhoneCall, Therapist
from services.work import Action, Moment, Transaction, Work

SHIPPED = Path(__file__).parent / "call_guides"
LONGEST = 4_000

SAMPLE: Mapping[str, str | int] = {
    "name": "Dr. Henriette Falkenberg",
    "anrede": "Frau Dr. Falkenberg",
    "ort": "Köln",
    "betreff": "Freie Plätze für eine ambulante Psychotherapie?",
    "gesendet_am": "5. Oktober",
    "tage": 9,
    "versuch": 1,
    "ich": "Anna",
}
"""What a guide is filled with; without an e-mail `betreff` and `gesendet_am` are empty and `tage` is 0."""

ALLOWED = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Const,
    nodes.If,
    nodes.Filter,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
)
FILTERS = frozenset({"lower", "upper", "trim"})
NUMBERS = frozenset({"tage", "versuch"})

UNREADABLE = "Line %(line)s can't be read: is a bracket or an endif missing?"
NOT_ALLOWED = "Line %(line)s: only variables, if and the filters lower, upper and trim are possible here."
NO_VARIABLE = "Line %(line)s: there is no variable %(name)s."
TOO_LONG = "At most %(limit)s characters."


@dataclass(frozen=True, slots=True)
class Guide:
    """The guide to the calls of one reason; `version` 0 is the one that is shipped."""

    grund: CallReason
    vorlage: str
    version: int


@cache
def shipped(grund: CallReason) -> str:
    """Return the guide that comes with the service."""
    return (SHIPPED / f"{grund.value}.txt").read_text(encoding="utf-8").strip()


async def read_guides(tx: Transaction) -> list[Guide]:
    """Return the guide of every reason."""
    own = {row.grund: row for row in await tx.session.scalars(select(CallGuide))}
    return [
        Guide(grund, own[grund].vorlage, own[grund].version)
        if grund in own
        else Guide(grund, shipped(grund), 0)
        for grund in CallReason
    ]


async def guide_in_words(
    tx: Transaction, call: PhoneCall, therapist: Therapist | None, email: Email | None, caller: str
) -> str:
    """Return what to say in a call."""
    own = await tx.session.scalar(select(CallGuide.vorlage).where(CallGuide.grund == call.grund))
    return render(own or shipped(CallReason(call.grund)), _values(tx, call, therapist, email, caller))


def render(vorlage: str, values: Mapping[str, str | int]) -> str:
    """Fill in a guide that `guide_errors` has found nothing wrong with."""
    return plain_text_environment().from_string(vorlage).render(values).strip()


def guide_errors(vorlage: str) -> list[FieldError]:
    """Return what is wrong with a guide, by line."""
    if len(vorlage) > LONGEST:
        return [FieldError("vorlage", TOO_LONG, (("limit", LONGEST),))]
    try:
        parsed = plain_text_environment().parse(vorlage)
    except TemplateSyntaxError as error:
        return [FieldError("vorlage", UNREADABLE, (("line", error.lineno),))]
    return [fault for node in (parsed, *parsed.find_all(nodes.Node)) for fault in _faults(node)]


async def save_guide(work: Work, grund: CallReason, vorlage: str, *, version: int) -> None:
    """Put a guide in other words; without any, the one that is shipped holds again.

    Raises:
        InvalidInput: it can't be read, or uses what is not there.
        StaleVersion: somebody has changed it since `version`.
    """
    text = "\n".join(vorlage.splitlines()).strip()
    if errors := guide_errors(text):
        raise InvalidInput(*errors)
    if not text and version == 0:
        return
    this = (CallGuide.grund == grund, CallGuide.version == version)
    values = {"vorlage": text, "updated_at": work.now, "geaendert_von": work.staff_id}
    if not text:
        statement = delete(CallGuide).where(*this).returning(CallGuide.grund)
    elif version == 0:
        statement = insert(CallGuide).values(grund=grund, **values)
        statement = statement.on_conflict_do_nothing().returning(CallGuide.grund)
    else:
        statement = update(CallGuide).where(*this).values(version=version + 1, **values)
        statement = statement.returning(CallGuide.grund)
    async with work.transaction() as tx:
        if await tx.session.scalar(statement) is None:
            raise StaleVersion
        tx.record_id(
            Action.CALL_GUIDE_CHANGED, CallGuide, 1 + list(CallReason).index(grund), grund=grund.value
        )


def _faults(node: nodes.Node) -> Iterator[FieldError]:
    line = ("line", node.lineno)
    if isinstance(node, nodes.Name) and node.name not in SAMPLE:
        yield FieldError("vorlage", NO_VARIABLE, (line, ("name", node.name)))
    elif not isinstance(node, ALLOWED) or not _takes_anything(node):
        yield FieldError("vorlage", NOT_ALLOWED, (line,))


def _takes_anything(node: nodes.Node) -> bool:
    """Whether a part can't fail, whatever the variables hold."""
    if isinstance(node, nodes.Filter):
        return node.name in FILTERS and not (node.args or node.kwargs or node.dyn_args or node.dyn_kwargs)
    if isinstance(node, nodes.Compare):
        ordered = any(operand.op not in ("eq", "ne") for operand in node.ops)
        return not ordered or all(map(_is_number, (node.expr, *(operand.expr for operand in node.ops))))
    return True


def _is_number(node: nodes.Expr) -> bool:
    if isinstance(node, nodes.Name):
        return node.name in NUMBERS
    return isinstance(node, nodes.Const) and isinstance(node.value, int)


def _values(
    moment: Moment, call: PhoneCall, therapist: Therapist | None, email: Email | None, caller: str
) -> Mapping[str, str | int]:
    sent = moment.rules.local(email.sent_at).date() if email and email.sent_at else None
    titled = [therapist.anrede, therapist.titel, therapist.nachname] if therapist else []
    return {
        "name": therapist.display_name if therapist else "",
        "anrede": " ".join(part for part in titled if part),
        "ort": (therapist.ort if therapist else None) or "",
        "betreff": (email.betreff if email else None) or "",
        "gesendet_am": format_date(sent, "d. MMMM", locale="de") if sent else "",
        "tage": (moment.today - sent).days if sent else 0,
        "versuch": call.versuch,
        "ich": caller,
    }
