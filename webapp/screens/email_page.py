"""Renders the page of one e-mail, or the part of it that HTMX is going to swap."""

import hashlib
from dataclasses import dataclass
from typing import Any

from litestar.response import Template

from services.desk.email_page import EmailDetail, Recorded, load_email_detail
from services.drafts import REPLY, load_draft
from services.emails.reply import ReplyEffect
from services.emails.reply_preview import preview_reply
from services.errors import DomainError
from services.models import EmailStatus, ReplyKind
from webapp.errors import status_of
from webapp.screens.forms import FormErrors, new_form_key, read_date, read_number, words_of
from webapp.screens.reply_form import ReplyForm
from webapp.screens.visit import Visit

PARTS = {
    "message": "emails/message.html",
    "email-state": "emails/state.html",
    "reply-news": "emails/news.html",
}
"""Which template answers for an element that HTMX is going to swap."""

CHANGED = {"HX-Trigger-After-Settle": "email-changed"}
"""Tells the page, once it shows the part, to work out anew what saving the reply form would do."""


@dataclass(frozen=True, slots=True)
class Consequence:
    """What saving the reply form would do; `outdated` when it would be refused: the e-mail has changed."""

    effect: ReplyEffect
    follow_up: bool
    outdated: bool

    @property
    def mark(self) -> str:
        """Tells whether a page already shows this."""
        effect = self.effect
        calls = [(call.id, call.version) for call in (effect.canceled, effect.moved, effect.left) if call]
        days = (effect.follow_up_from, effect.absent_until, effect.others_moved)
        said = (effect.art.value, effect.email.antwort_erhalten, days, calls)
        return hashlib.sha256(repr((said, self.follow_up, self.outdated)).encode()).hexdigest()[:12]


async def email_page(
    visit: Visit,
    email_id: int,
    *,
    as_text: bool = False,
    seen: int | None = None,
    done: str = "",
    refused: DomainError | None = None,
    shows_draft: bool = False,
) -> Template:
    """Return the page, or its part; `done` and `refused` say what became of an action.

    `seen` is the latest recording of a reply that the page shows, 0 for none. A page that shows a draft is
    loaded anew when it is none any more: then there can be replies.

    Raises:
        NoSuchEmail: there is no such e-mail.
    """
    detail = await _load(visit, email_id)
    context: dict[str, Any] = {
        **_shown(visit, detail),
        "as_text": as_text,
        "seen": _latest(detail) if seen is None else seen,
        "done": done,
        "refused": words_of(refused) if refused else "",
    }
    status = status_of(refused) if refused else 200
    context["news"] = _news(visit, detail, context["seen"])
    if visit.swapped in PARTS:
        changed = visit.swapped == "email-state" or context["news"] is not None
        headers = CHANGED if changed else None
        if shows_draft and detail.email.status is not EmailStatus.DRAFT:
            headers = {"HX-Refresh": "true"}
        return Template(PARTS[visit.swapped], context=context, status_code=status, headers=headers)
    typed = await load_draft(visit.work, REPLY, email_id)
    form = ReplyForm.read(typed) if typed else ReplyForm.new(detail.email, visit)
    form.version = str(detail.email.version)
    context |= await reply_context(visit, detail, form, restored=typed is not None)
    whole = "emails/detail.html" if visit.swapped is None else "emails/body.html"
    return Template(whole, context=context, status_code=status)


async def reply_page(
    visit: Visit,
    email_id: int,
    form: ReplyForm,
    *,
    errors: FormErrors | None = None,
    conflict: str = "",
    status: int = 200,
) -> Template:
    """Return the page with a reply form as it was typed; to HTMX, the form's panel alone."""
    detail = await _load(visit, email_id)
    if conflict:
        form.version = str(detail.email.version)
    context: dict[str, Any] = {
        **_shown(visit, detail),
        "as_text": False,
        "seen": _latest(detail),
        "news": None,
        "done": "",
        "refused": "",
        **await reply_context(visit, detail, form, errors=errors, conflict=conflict),
    }
    if visit.swapped is None:
        return Template("emails/detail.html", context=context, status_code=status)
    headers = {"HX-Retarget": "#reply", "HX-Reswap": "outerHTML"}
    return Template("emails/reply.html", context=context, status_code=status, headers=headers)


async def reply_context(
    visit: Visit,
    detail: EmailDetail,
    form: ReplyForm,
    *,
    errors: FormErrors | None = None,
    conflict: str = "",
    restored: bool = False,
) -> dict[str, Any]:
    """Return what the reply panel shows, with the consequence of saving what is chosen now."""
    kinds = [ReplyKind.REPLY] if detail.email.antwort_erhalten else list(ReplyKind)
    return {
        "form": form,
        "kinds": kinds,
        "too_late": form.art in set(ReplyKind) - set(kinds),
        "consequence": await consequence_of(visit, detail.email.id, form),
        "errors": errors or [],
        "conflict": conflict,
        "restored": restored,
    }


async def consequence_of(visit: Visit, email_id: int, form: ReplyForm) -> Consequence:
    """Return what saving a reply form would do."""
    kind = ReplyKind(form.art) if form.art in set(ReplyKind) else ReplyKind.REPLY
    back = read_date(form.rueckkehr)
    effect = await preview_reply(visit.work, email_id, kind, rueckkehr=back)
    outdated = read_number(form.version) not in (None, effect.email.version)
    return Consequence(effect, form.wants_follow_up(effect.email), outdated)


def _latest(detail: EmailDetail) -> int:
    return detail.recorded.id if detail.recorded else 0


def _news(visit: Visit, detail: EmailDetail, seen: int) -> Recorded | None:
    """Return a recording the page does not show yet, unless the reader made it."""
    recorded = detail.recorded
    if recorded is None or recorded.id <= seen or recorded.staff_id == visit.staff.id:
        return None
    return recorded


async def _load(visit: Visit, email_id: int) -> EmailDetail:
    return await load_email_detail(visit.work, email_id)


def _shown(visit: Visit, detail: EmailDetail) -> dict[str, Any]:
    return {
        "detail": detail,
        "email": detail.email,
        "Status": EmailStatus,
        "today": visit.work.today,
        "now": visit.now,
        "form_key": new_form_key(),
        "part": visit.swapped,
    }
