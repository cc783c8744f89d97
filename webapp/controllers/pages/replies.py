"""Recording what came back for an e-mail: the form, its consequence beforehand, and what is being typed."""

from typing import Any

from litestar import Controller, Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template

from services.emails.create import get_email
from services.emails.replies import record_reply
from services.emails.reply import ReplyEffect
from services.emails.reply_drafts import discard_reply, keep_reply
from services.errors import Conflict, InvalidInput, StaleVersion
from services.models import ReplyKind
from webapp.i18n import gettext
from webapp.screens.email_page import consequence_of, email_page, reply_page
from webapp.screens.forms import Submitted, form_errors, read_number, words_of
from webapp.screens.reply_form import ReplyForm
from webapp.screens.visit import VISIT, Visit


class EmailReplyController(Controller):
    """The reply form of an e-mail's page."""

    path = "/emails/{email_id:int}/reply"
    include_in_schema = False
    dependencies = VISIT

    @post("/", status_code=200)
    async def record(
        self, visit: NamedDependency[Visit], email_id: FromPath[int], data: Submitted[ReplyForm]
    ) -> Response[Any]:
        """Save a reply; without scripts, `preview` only asks for its consequence."""
        if data.preview:
            return await reply_page(visit, email_id, data)
        email = await get_email(visit.work, email_id)
        reply, errors = data.to_reply(email, visit.rules)
        if errors:
            return await reply_page(visit, email_id, data, errors=errors, status=422)
        version = read_number(data.version)
        try:
            effect = await record_reply(visit.work, email_id, reply, version=version)
        except InvalidInput as error:
            found = form_errors(error.fields)
            return await reply_page(visit, email_id, data, errors=found, status=422)
        except Conflict as error:
            return await reply_page(visit, email_id, data, conflict=_why(error), status=409)
        done = _done(effect)
        if visit.swapped is None:
            return Redirect(f"/emails/{email_id}?done={done}", status_code=303)
        return await email_page(visit, email_id, done=done)

    @post("/effect", status_code=200)
    async def effect(
        self,
        visit: NamedDependency[Visit],
        email_id: FromPath[int],
        data: Submitted[ReplyForm],
        shown: FromQuery[str] = "",
    ) -> Response[Any]:
        """Say what saving the form would do; nothing when the page says so already.

        A POST that changes nothing: what is typed does not belong into an address.
        """
        consequence = await consequence_of(visit, email_id, data)
        if consequence.mark == shown:
            return Response(None, status_code=204)
        context = {"consequence": consequence, "email_id": email_id}
        return Template("emails/effect.html", context=context)

    @post("/draft", status_code=200)
    async def keep(
        self, visit: NamedDependency[Visit], email_id: FromPath[int], data: Submitted[ReplyForm]
    ) -> Template:
        """Keep what is typed, and let the others know that somebody types."""
        kept = await keep_reply(visit.work, email_id, data.to_draft(), version=read_number(data.version))
        return Template("emails/kept.html", context={"now": visit.now, "kept": kept})

    @post("/discard", status_code=303)
    async def discard(self, visit: NamedDependency[Visit], email_id: FromPath[int]) -> Redirect:
        """Forget what was typed."""
        await discard_reply(visit.work, email_id)
        return Redirect(f"/emails/{email_id}", status_code=303)


def _done(effect: ReplyEffect) -> str:
    """Return what `emails/done_words.html` calls what became of a recording."""
    match effect.art:
        case ReplyKind.REPLY:
            return "reply"
        case ReplyKind.OUT_OF_OFFICE:
            return "no_time_after_absence" if effect.canceled else "out_of_office"
        case ReplyKind.UNDELIVERABLE:
            return "undeliverable"


def _why(error: Conflict) -> str:
    if isinstance(error, StaleVersion):
        return gettext("This e-mail has changed since you opened it. What you typed is still here.")
    return words_of(error)
