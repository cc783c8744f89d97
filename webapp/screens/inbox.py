"""Renders the inbox: the whole page, or what a request without a page reload changes of it."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from litestar.response import Template

from services.desk.inbox import Inbox, InboxMessage, InboxView, load_inbox, load_message
from services.desk.inbox_choice import Choices, Foreseen, foresee, load_choices
from services.drafts import INCOMING, load_draft
from services.models import Incoming, IncomingKind, IncomingState
from services.pagination import PageRequest
from services.receiving.effects import UNDECIDED
from webapp.screens.forms import FormErrors
from webapp.screens.inbox_form import KINDS, InboxForm, Target
from webapp.screens.visit import Visit

ROWS = 50
MESSAGE = "inbox-message"
FRAME = "inbox-frame"


@dataclass(frozen=True, slots=True)
class InboxQuery:
    """What the page's address says."""

    show: InboxView = InboxView.OPEN
    page: int = 1

    @classmethod
    def of(cls, show: str) -> "InboxQuery":
        """Return the first page of a view; one there is not counts as left out."""
        return cls(InboxView(show)) if show in set(InboxView) else cls()

    def url(self, *, show: InboxView | None = None, page: int = 1, **parts: object) -> str:
        """Return the address of a view's page, the first unless said otherwise; `parts` go with it."""
        wanted = InboxQuery(show or self.show, page)
        return _address("/inbox", {**wanted.parts(), "page": page if page > 1 else "", **parts})

    def message_url(self, incoming_id: int, **parts: object) -> str:
        """Return a message's address, which leads back to this view."""
        return _address(f"/inbox/{incoming_id}", {**self.parts(), **parts})

    def parts(self) -> dict[str, object]:
        """Return what names the view in an address."""
        return {} if self.show is InboxView.OPEN else {"show": self.show.value}


@dataclass(frozen=True, slots=True)
class Said:
    """What was done last, in words, to the message of an id; `undoable` while it can be taken back."""

    id: int
    version: int
    words: str
    undoable: bool


@dataclass(frozen=True, slots=True)
class ShownSuggestion:
    """What a message is suggested to belong to, why, and what would follow."""

    foreseen: Foreseen
    because: str

    @property
    def decided(self) -> bool:
        """Whether it is known what the message is, so that one key accepts it."""
        return self.foreseen.kind not in UNDECIDED

    @property
    def query(self) -> str:
        """Asks for the effect anew."""
        email = self.foreseen.email
        ziel = f"email:{email.id}" if email else ""
        return urlencode({"art": self.foreseen.kind.value, "ziel": ziel})


@dataclass(frozen=True, slots=True)
class Refused:
    """Why nothing was saved: what is wrong with the form as typed, or what somebody else did."""

    form: InboxForm
    errors: FormErrors
    conflict: str = ""
    status: int = 422


async def inbox_page(
    visit: Visit,
    query: InboxQuery,
    incoming_id: int | None,
    *,
    chosen: bool = False,
    said: Said | None = None,
    refused: Refused | None = None,
    finding: InboxForm | None = None,
) -> Template:
    """Return the page with a message open, or its changed parts.

    `chosen` says that somebody asked for this very message: then it takes the focus. `finding` is the form of
    somebody who looks for what it belongs to.
    """
    inbox = await load_inbox(visit.work, query.show, PageRequest(query.page, ROWS))
    context: dict[str, Any] = {
        **list_context(visit, query, inbox, incoming_id),
        "chosen": chosen,
        "focus": chosen and visit.swapped is not None and finding is None,
        "finding": finding is not None,
        "said": said,
        "message": None,
        "errors": refused.errors if refused else [],
        "conflict": refused.conflict if refused else "",
        "inbox_count": inbox.counts[InboxView.OPEN],
    }
    if incoming_id is not None:
        typed = refused.form if refused and refused.form.action == "correct" else finding
        context |= await _message_context(visit, query, incoming_id, typed)
    template = "inbox/page.html" if visit.swapped is None else "inbox/update.html"
    return Template(template, context=context, status_code=refused.status if refused else 200)


def list_context(visit: Visit, query: InboxQuery, inbox: Inbox, shown: int | None) -> dict[str, Any]:
    """Return what the list and the views need; `shown` is the message that stands beside them."""
    return {"query": query, "inbox": inbox, "views": InboxView, "shown": shown, "now": visit.now}


async def choices_of(visit: Visit, incoming: Incoming, form: InboxForm) -> Choices:
    """Return what is on offer: what the words typed find, and in any case what is chosen."""
    on_offer = [Target(incoming.email_id, incoming.therapist_id), form.target, *_suggested(incoming)]
    return await load_choices(
        visit.work,
        incoming.absender if not form.q.strip() else form.q.strip(),
        email_ids={each.email_id for each in on_offer if each.email_id},
        therapist_ids={each.therapist_id for each in on_offer if each.therapist_id},
    )


async def effect_of(visit: Visit, incoming: Incoming, form: InboxForm) -> Foreseen | None:
    """Return what saving the form would do; none while something is missing."""
    kind, target = form.kind, form.target
    if kind is None or target == Target():
        return None
    return await foresee(
        visit.work,
        incoming,
        kind,
        email_id=target.email_id,
        therapist_id=target.therapist_id,
        back_on=form.back_on,
    )


def _address(path: str, parts: dict[str, Any]) -> str:
    query = urlencode({name: value for name, value in parts.items() if value})
    return f"{path}?{query}" if query else path


async def _message_context(
    visit: Visit, query: InboxQuery, incoming_id: int, typed: InboxForm | None
) -> dict[str, Any]:
    message = await load_message(visit.work, incoming_id, query.show)
    incoming = message.incoming
    draft = None if typed else await load_draft(visit.work, INCOMING, incoming_id)
    form = typed or (InboxForm.of_draft(draft, incoming) if draft else _opened(message))
    return {
        "message": message,
        "suggestion": await _suggestion(visit, incoming),
        "form": form,
        "restored": draft is not None,
        "kinds": _kinds(incoming),
        "choices": await choices_of(visit, incoming, form),
        "foreseen": await effect_of(visit, incoming, form),
    }


def _opened(message: InboxMessage) -> InboxForm:
    incoming = message.incoming
    known = Target(incoming.email_id, None if incoming.email_id else incoming.therapist_id)
    return InboxForm.new(incoming, suggested_target(incoming) if known == Target() else known)


def suggested_target(incoming: Incoming) -> Target:
    """Return what a message is suggested to belong to."""
    suggested = incoming.vorschlag or {}
    email_id, therapist_id = suggested.get("email_id"), suggested.get("therapist_id")
    if isinstance(email_id, int):
        return Target(email_id=email_id)
    return Target(therapist_id=therapist_id if isinstance(therapist_id, int) else None)


def _suggested(incoming: Incoming) -> list[Target]:
    """Return all that a message is suggested to belong to, likeliest first."""
    others = (incoming.vorschlag or {}).get("weitere")
    further = (
        [Target(email_id=each) for each in others if isinstance(each, int)]
        if isinstance(others, list)
        else []
    )
    return [suggested_target(incoming), *further]


async def _suggestion(visit: Visit, incoming: Incoming) -> ShownSuggestion | None:
    target = suggested_target(incoming)
    if incoming.zustand != IncomingState.SUGGESTED or target == Target():
        return None
    foreseen = await foresee(
        visit.work,
        incoming,
        IncomingKind(incoming.art),
        email_id=target.email_id,
        therapist_id=target.therapist_id,
        back_on=incoming.wieder_da_am,
    )
    return ShownSuggestion(foreseen, str((incoming.vorschlag or {}).get("grund") or ""))


def _kinds(incoming: Incoming) -> list[IncomingKind]:
    """Return the kinds on offer: the usual ones, and what the message counts as so far."""
    own = IncomingKind(incoming.art)
    extra = [] if own in KINDS or own in UNDECIDED else [own]
    return [*KINDS, *extra]
