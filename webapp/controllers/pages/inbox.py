"""The inbox: what came into the mailbox, what a person decides about it, and the way back."""

from dataclasses import replace
from typing import Any

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template

from services.desk.inbox import count_waiting, first_message, load_inbox, load_message
from services.drafts import INCOMING, discard_draft
from services.errors import Conflict, InvalidInput, NotFound, StaleVersion
from services.models import Incoming
from services.pagination import PageRequest
from services.receiving import decisions
from services.receiving.choice_drafts import keep_choice
from webapp.errors import status_of
from webapp.i18n import gettext
from webapp.screens.forms import Submitted, form_errors, read_number, words_of
from webapp.screens.inbox import (
    FRAME,
    MESSAGE,
    ROWS,
    InboxQuery,
    Refused,
    choices_of,
    effect_of,
    inbox_page,
    list_context,
)
from webapp.screens.inbox_form import InboxForm
from webapp.screens.inbox_words import change_words, done_words
from webapp.screens.visit import VISIT, Visit

MOST_PAGES = 1_000
BELONGS = {"email_id": "ziel", "therapist_id": "ziel"}


class InboxController(Controller):
    """Messages, for people."""

    path = "/inbox"
    include_in_schema = False
    dependencies = VISIT

    @get("/")
    async def list(
        self,
        visit: NamedDependency[Visit],
        show: FromQuery[str] = "",
        page: FromQuery[str] = "",
        shown: FromQuery[str] = "",
        done: FromQuery[str] = "",
        about: FromQuery[str] = "",
    ) -> Response[Any]:
        """Show a view with its first message open, or the part of it that HTMX asks for.

        `shown` is the message that stands beside the list, `done` what was done to the one in `about`.
        """
        query = replace(InboxQuery.of(show), page=min(max(read_number(page) or 1, 1), MOST_PAGES))
        if visit.swapped == FRAME:
            inbox = await load_inbox(visit.work, query.show, PageRequest(query.page, ROWS))
            return Template(
                "inbox/list_update.html", context=list_context(visit, query, inbox, read_number(shown))
            )
        first = await first_message(visit.work, query.show)
        if visit.swapped == MESSAGE and first is None:
            return Response(None, status_code=204)
        said = await done_words(visit, done, read_number(about))
        return await inbox_page(visit, query, first, said=said)

    @get("/count")
    async def count(self, visit: NamedDependency[Visit], shown: FromQuery[str] = "") -> Response[Any]:
        """Say how many messages wait for somebody; nothing where the page shows it already."""
        count = await count_waiting(visit.work)
        if str(count) == shown:
            return Response(None, status_code=204)
        return Template("inbox/count.html", context={"inbox_count": count})

    @get("/{incoming_id:int}")
    async def open(
        self,
        visit: NamedDependency[Visit],
        incoming_id: FromPath[int],
        show: FromQuery[str] = "",
        done: FromQuery[str] = "",
        about: FromQuery[str] = "",
    ) -> Template:
        """Show a message."""
        said = await done_words(visit, done, read_number(about))
        return await inbox_page(visit, InboxQuery.of(show), incoming_id, chosen=True, said=said)

    @get("/{incoming_id:int}/state")
    async def state(
        self, visit: NamedDependency[Visit], incoming_id: FromPath[int], version: FromQuery[int]
    ) -> Template:
        """Say what somebody else did to the message since the page showed it; nothing if nothing."""
        message = await load_message(visit.work, incoming_id, InboxQuery().show)
        changed = message.incoming.version != version
        words = change_words(message.handled, visit) if changed else ""
        return Template("inbox/change.html", context={"message": words, "incoming_id": incoming_id})

    @get("/{incoming_id:int}/effect")
    async def effect_now(
        self,
        visit: NamedDependency[Visit],
        incoming_id: FromPath[int],
        art: FromQuery[str] = "",
        ziel: FromQuery[str] = "",
    ) -> Template:
        """Say what accepting the suggestion would do now."""
        incoming = await _incoming(visit, incoming_id)
        form = replace(InboxForm.new(incoming), art=art, ziel=ziel)
        return Template("inbox/effect.html", context={"foreseen": await effect_of(visit, incoming, form)})

    @post("/{incoming_id:int}/effect", status_code=200)
    async def effect(
        self, visit: NamedDependency[Visit], incoming_id: FromPath[int], data: Submitted[InboxForm]
    ) -> Template:
        """Say what saving the form would do."""
        incoming = await _incoming(visit, incoming_id)
        return Template("inbox/effect.html", context={"foreseen": await effect_of(visit, incoming, data)})

    @post("/{incoming_id:int}/choices", status_code=200)
    async def choices(
        self, visit: NamedDependency[Visit], incoming_id: FromPath[int], data: Submitted[InboxForm]
    ) -> Template:
        """Offer the e-mails and therapists that the words typed find."""
        incoming = await _incoming(visit, incoming_id)
        context = {"choices": await choices_of(visit, incoming, data), "form": data}
        return Template("inbox/choices.html", context=context)

    @post("/{incoming_id:int}/draft", status_code=200)
    async def keep(
        self, visit: NamedDependency[Visit], incoming_id: FromPath[int], data: Submitted[InboxForm]
    ) -> Response[Any]:
        """Keep what is being filled in; nothing that arrives after the message was dealt with."""
        version = read_number(data.version)
        if not await keep_choice(visit.work, incoming_id, data.draft(), version=version):
            return Response(None, status_code=204)
        return Template("calls/draft_saved.html", context={"at": visit.now})

    @post("/{incoming_id:int}", status_code=200)
    async def act(
        self, visit: NamedDependency[Visit], incoming_id: FromPath[int], data: Submitted[InboxForm]
    ) -> Response[Any]:
        """Do what a form of the message says; where it can't be done, say why and keep what was chosen."""
        query = InboxQuery.of(data.show)
        if data.action == "find":
            return await inbox_page(visit, query, incoming_id, chosen=True, finding=data)
        if data.action == "discard":
            await discard_draft(visit.work, INCOMING, incoming_id)
            return await _go(visit, query, incoming_id)
        errors = data.errors() if data.action == "correct" else []
        if errors:
            return await _refuse(visit, query, incoming_id, Refused(data, errors))
        message = await load_message(visit.work, incoming_id, query.show)
        stays = data.action == "undo" or not message.waits
        try:
            await _act(visit, incoming_id, data)
        except InvalidInput as error:
            refused = Refused(data, form_errors(error.fields, BELONGS), status=status_of(error))
            return await _refuse(visit, query, incoming_id, refused)
        except Conflict as error:
            refused = Refused(data, [], conflict=await _why(visit, incoming_id, error), status=409)
            return await _refuse(visit, query, incoming_id, refused)
        await discard_draft(visit.work, INCOMING, incoming_id)
        following = incoming_id if stays else message.after or message.before
        return await _go(visit, query, following, done=data.action, about=incoming_id)


async def _act(visit: Visit, incoming_id: int, form: InboxForm) -> None:
    version = read_number(form.version)
    match form.action:
        case "accept":
            await decisions.accept(visit.work, incoming_id, version=version)
        case "put_aside":
            await decisions.put_aside(visit.work, incoming_id, version=version)
        case "undo":
            await decisions.undo(visit.work, incoming_id, version=version)
        case "correct":
            await decisions.correct(visit.work, incoming_id, form.correction(), version=version)
        case _:
            raise NotFound


async def _refuse(visit: Visit, query: InboxQuery, incoming_id: int, refused: Refused) -> Template:
    return await inbox_page(visit, query, incoming_id, chosen=True, refused=refused)


async def _go(
    visit: Visit, query: InboxQuery, incoming_id: int | None, *, done: str = "", about: int | None = None
) -> Response[Any]:
    """Go on at a message, at the view where there is none, and say what was done to the one before."""
    if visit.swapped is None:
        told = {"done": done, "about": about}
        where = query.message_url(incoming_id, **told) if incoming_id else query.url(**told)
        return Redirect(where, status_code=303)
    said = await done_words(visit, done, about)
    page = await inbox_page(visit, query, incoming_id, chosen=True, said=said)
    page.set_header("HX-Replace-Url", query.message_url(incoming_id) if incoming_id else query.url())
    return page


async def _why(visit: Visit, incoming_id: int, error: Conflict) -> str:
    if not isinstance(error, StaleVersion):
        return words_of(error)
    message = await load_message(visit.work, incoming_id, InboxQuery().show)
    return change_words(message.handled, visit) or gettext("This message has changed meanwhile.")


async def _incoming(visit: Visit, incoming_id: int) -> Incoming:
    async with visit.work.transaction() as tx:
        return await tx.existing(Incoming, incoming_id)
