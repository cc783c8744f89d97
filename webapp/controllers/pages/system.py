"""The System page: queue, outbox, mailbox, stop list, failures, call guides, staff and keys."""

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template

from services.accounts.api_keys import (
    JSON_API,
    NOT_A_LIMIT,
    KeyTerms,
    create_key,
    read_expiry,
    revoke_key,
    state_of,
)
from services.desk.attention import needs_attention
from services.desk.call_guide import SAMPLE, guide_errors, render, save_guide
from services.desk.system import system_overview
from services.emails.stop_list import NotStopped, release, stop_address
from services.errors import Conflict, InvalidInput, NotFound
from services.events.outbox import retry_set_aside
from services.models import CallReason, StopReason
from services.sending.hold import hold_queue, release_queue
from services.sending.overview import resume_queue
from services.work import Moment, Work
from webapp.auth import admins_only
from webapp.i18n import gettext
from webapp.screens.forms import Several, Submitted, form_errors, read_number, several, words_of

PAGE = "/system"
KEY_FIELDS = {
    "name": "key_name",
    "scopes": "scope-emails",
    "expires_at": "expires",
    "requests_per_minute": "limit",
}
"""Where the form of a key asks for what the domain names."""


@dataclass
class NewKey:
    """The form for an API key."""

    key_name: str = ""
    scopes: Several = field(default_factory=list[str])
    expires: str = ""
    limit: str = ""

    def terms(self, moment: Moment) -> KeyTerms:
        """Return what the key is to be able to do.

        Raises:
            InvalidInput: the last day or the limit can't be read.
        """
        limit = read_number(self.limit)
        if self.limit.strip() and limit is None:
            raise InvalidInput(NOT_A_LIMIT)
        return KeyTerms(
            scopes=several(self.scopes),
            expires_at=read_expiry(moment, self.expires),
            requests_per_minute=limit,
        )


@dataclass
class NewHold:
    """The form that holds the queue."""

    reason: str = ""


@dataclass
class NewStop:
    """The form for an address nobody is to write to."""

    adresse: str = ""
    grund: str = StopReason.UNWANTED.value


@dataclass
class NewGuide:
    """The form for what callers are to say; `action` is `save`, `preview`, or `shipped` to take that back."""

    vorlage: str = ""
    version: str = ""
    action: str = ""


@dataclass
class Chosen:
    """Events chosen by their ids."""

    ids: list[int] | int | None = None


class SystemController(Controller):
    """Everybody sees it; administrators manage keys and call guides and hold the queue."""

    include_in_schema = False
    path = PAGE

    @get()
    async def show(
        self,
        work: NamedDependency[Work],
        done: FromQuery[str] = "",
        about: FromQuery[str] = "",
    ) -> Template:
        """Show the state of the service; `done` and the id in `about` say what somebody has just changed."""
        return await _page(work, done=done, about=read_number(about))

    @post("/queue/resume")
    async def resume(self, work: NamedDependency[Work]) -> Redirect:
        """Try the mail server now instead of at the end of the pause."""
        await resume_queue(work)
        return _back("resumed")

    @post("/queue/hold", guards=[admins_only])
    async def hold(self, work: NamedDependency[Work], data: Submitted[NewHold]) -> Response[Any]:
        """Let no worker send anything until it is released."""
        try:
            await hold_queue(work, data.reason)
        except InvalidInput as error:
            return await _page(work, new_hold=data, errors=form_errors(error.fields), status=422)
        return _back("held")

    @post("/queue/release", guards=[admins_only])
    async def release_sending(self, work: NamedDependency[Work]) -> Redirect:
        """Let the workers send again."""
        await release_queue(work)
        return _back("released")

    @post("/events/retry")
    async def retry_events(self, work: NamedDependency[Work], data: Submitted[Chosen]) -> Response[Any]:
        """Publish set-aside events once more."""
        chosen = data.ids if isinstance(data.ids, list) else [data.ids] if data.ids else []
        if not chosen:
            nothing = [("events", gettext("Tick at least one event."))]
            return await _page(work, errors=nothing, status=422)
        await retry_set_aside(work, chosen)
        return _back("events_retried")

    @post("/stop-list")
    async def stop(self, work: NamedDependency[Work], data: Submitted[NewStop]) -> Response[Any]:
        """Let nobody write to an address any more."""
        reason = StopReason(data.grund) if data.grund in set(StopReason) else StopReason.UNWANTED
        try:
            await stop_address(work, data.adresse.strip(), reason)
        except InvalidInput as error:
            return await _page(work, new_stop=data, errors=form_errors(error.fields), status=422)
        return _back("address_stopped")

    @post("/stop-list/{entry_id:int}/release")
    async def release_address(self, work: NamedDependency[Work], entry_id: FromPath[int]) -> Redirect:
        """Let an address be written to again; somebody else may have done so before."""
        with suppress(NotStopped):
            await release(work, entry_id)
        return _back("address_released")

    @post("/call-guides/{grund:str}", guards=[admins_only])
    async def call_guide(
        self, work: NamedDependency[Work], grund: FromPath[str], data: Submitted[NewGuide]
    ) -> Response[Any]:
        """Put what callers are to say in other words, or show how that would read."""
        if grund not in set(CallReason):
            raise NotFound
        typed = {"grund": grund, "vorlage": data.vorlage}
        field = f"vorlage-{grund}"
        if data.action == "preview":
            wrong = guide_errors(data.vorlage)
            typed["preview"] = "" if wrong else render(data.vorlage, SAMPLE)
            errors = form_errors(wrong, {"vorlage": field})
            return await _page(work, new_guide=typed, errors=errors, status=422 if wrong else 200)
        text = "" if data.action == "shipped" else data.vorlage
        try:
            await save_guide(work, CallReason(grund), text, version=read_number(data.version) or 0)
        except InvalidInput as error:
            errors = form_errors(error.fields, {"vorlage": field})
            return await _page(work, new_guide=typed, errors=errors, status=422)
        except Conflict as error:
            return await _page(work, new_guide=typed, errors=[(field, words_of(error))], status=409)
        return _back("guide_saved")

    @post("/keys", guards=[admins_only])
    async def add_key(self, work: NamedDependency[Work], data: Submitted[NewKey]) -> Response[Any]:
        """Create a key and show it, this once."""
        try:
            key = await create_key(work, data.key_name, data.terms(work))
        except InvalidInput as error:
            return await _page(work, new_key=data, errors=form_errors(error.fields, KEY_FIELDS), status=422)
        except Conflict as error:
            return await _page(work, new_key=data, errors=[("key_name", words_of(error))], status=409)
        return await _page(work, shown_key=key)

    @post("/keys/{key_id:int}/revoke", guards=[admins_only])
    async def revoke(self, work: NamedDependency[Work], key_id: FromPath[int]) -> Redirect:
        """Make a key useless."""
        await revoke_key(work, key_id)
        return _back("key_revoked", key_id)


def _back(done: str = "", about: int | None = None) -> Redirect:
    """Lead back to the page, to what it says of the change."""
    if not done:
        return Redirect(PAGE, status_code=303)
    which = "" if about is None else f"&about={about}"
    return Redirect(f"{PAGE}?done={done}{which}#done", status_code=303)


async def _page(work: Work, *, status: int = 200, **shown: object) -> Template:
    """Return the page; `shown` goes before what it shows when nothing was just done."""
    overview = await system_overview(work)
    context: dict[str, object] = {
        "active_page": "system",
        "now": work.now,
        "overview": overview,
        "attention": needs_attention(overview, work.now),
        "new_key": NewKey(scopes=list(JSON_API)),
        "key_state": state_of,
        "new_hold": NewHold(),
        "new_stop": NewStop(),
        "new_guide": None,
        "guide_variables": list(SAMPLE),
        "shown_key": None,
        "done": "",
        "about": None,
        "errors": [],
    }
    return Template("system/page.html", context=context | shown, status_code=status)
