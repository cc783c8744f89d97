"""Renders the page of one e-mail, or the part of it that HTMX is going to swap."""

from typing import Any

from litestar.response import Template

from services.drafts import load_draft
from services.email_detail import REPLY_DRAFT, EmailDetail, load_email_detail
from services.email_replies import ReplyEffect, preview_reply
from services.models import EmailStatus, ReplyKind
from webapp.forms import FormErrors, new_form_key, read_date
from webapp.reply_form import ReplyForm
from webapp.visit import Visit

PARTS = {
    "message": "emails/message.html",
    "email-state": "emails/state.html",
    "reply-news": "emails/news.html",
}
"""Which template answers for an element that HTMX is going to swap."""


async def email_page(
    visit: Visit,
    email_id: int,
    *,
    as_text: bool = False,
    seen: int | None = None,
    done: str = "",
    refused: str = "",
    status: int = 200,
) -> Template:
    """Return the page, or its part; `done` and `refused` say what became of an action.

    Raises:
        NoSuchEmail: there is no such e-mail.
    """
    detail = await _load(visit, email_id)
    context: dict[str, Any] = {
        **_shown(visit, detail),
        "as_text": as_text,
        "seen": seen or detail.email.version,
        "done": done,
        "refused": refused,
    }
    if visit.swapped in PARTS:
        return Template(PARTS[visit.swapped], context=context, status_code=status)
    typed = await load_draft(visit.session, REPLY_DRAFT, email_id, staff_id=visit.staff.id)
    form = ReplyForm.of_draft(typed, detail.email) if typed else ReplyForm.new(detail.email, visit)
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
        "seen": detail.email.version,
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
    chosen = form.art if form.art in kinds else ""
    return {
        "form": form,
        "kinds": kinds,
        "too_late": form.art in set(ReplyKind) - set(kinds),
        "effect": await effect_of(visit, detail.email.id, chosen, form.rueckkehr),
        "errors": errors or [],
        "conflict": conflict,
        "restored": restored,
    }


async def effect_of(visit: Visit, email_id: int, art: str, rueckkehr: str) -> ReplyEffect:
    """Return what saving a reply of this kind would do."""
    kind = ReplyKind(art) if art in set(ReplyKind) else ReplyKind.REPLY
    back = read_date(rueckkehr)
    return await preview_reply(
        visit.session, email_id, kind, rueckkehr=back, now=visit.now, rules=visit.rules
    )


async def _load(visit: Visit, email_id: int) -> EmailDetail:
    return await load_email_detail(
        visit.session, email_id, staff_id=visit.staff.id, now=visit.now, rules=visit.rules
    )


def _shown(visit: Visit, detail: EmailDetail) -> dict[str, Any]:
    return {
        "detail": detail,
        "email": detail.email,
        "Status": EmailStatus,
        "now": visit.now,
        "form_key": new_form_key(),
        "part": visit.swapped,
    }
