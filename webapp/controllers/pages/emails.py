"""The pages of e-mails: the list, one e-mail, and what staff can do with it."""

from dataclasses import dataclass, replace
from datetime import date, time, timedelta
from functools import partial
from typing import Any, Self, cast
from urllib.parse import urlencode

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template

from services.desk.email_list import EmailView, email_overview
from services.emails import states
from services.emails.changes import EmailChanges, update_email
from services.emails.create import get_email
from services.emails.lists import EmailFilters
from services.errors import NotFound
from services.follow_ups.pending import call_about_email
from services.pagination import PageRequest
from services.rules import DeskRules
from services.therapists.directory import TherapistDirectory
from webapp.controllers.pages.login import local_path
from webapp.screens.actions import answer_action
from webapp.screens.email_page import email_page
from webapp.screens.forms import Submitted, read_date, read_number, repeatable
from webapp.screens.visit import VISIT, Visit
from webapp.security import framed_mail

ROWS = 50
MOST_PAGES = 10_000
LONGEST_SEARCH = 200


@dataclass(frozen=True, slots=True)
class ListQuery:
    """What the list's address says; whatever can't be read counts as left out."""

    show: EmailView = EmailView.ALL
    q: str = ""
    von: date | None = None
    bis: date | None = None
    therapist: int | None = None
    page: int = 1

    @classmethod
    def read(cls, show: str, q: str, von: str, bis: str, therapist: str, page: str = "") -> Self:
        """Read the parts of an address."""
        return cls(
            show=EmailView(show) if show in set(EmailView) else EmailView.ALL,
            q=q.strip()[:LONGEST_SEARCH],
            von=read_date(von),
            bis=read_date(bis),
            therapist=read_number(therapist) or None,
            page=min(max(read_number(page) or 1, 1), MOST_PAGES),
        )

    @property
    def export_url(self) -> str:
        """The address of the whole list as a file."""
        return self.url().replace("/emails", "/emails/export", 1)

    def url(self, **changes: object) -> str:
        """Return the list's address with some of its parts changed; a change starts at page 1."""
        wanted = replace(self, **cast("Any", {"page": 1, **changes}))
        parts = {
            "show": "" if wanted.show is EmailView.ALL else wanted.show.value,
            "q": wanted.q,
            "von": wanted.von or "",
            "bis": wanted.bis or "",
            "therapist": wanted.therapist or "",
            "page": wanted.page if wanted.page > 1 else "",
        }
        query = urlencode({name: value for name, value in parts.items() if value})
        return f"/emails?{query}" if query else "/emails"

    def filters(self, rules: DeskRules) -> EmailFilters:
        """Return words, therapist and dates as filters; both dates belong to the range."""
        after = self.bis + timedelta(days=1) if self.bis and self.bis < date.max else None
        return EmailFilters(
            therapist_id=self.therapist,
            created_from=rules.instant(self.von, time.min) if self.von else None,
            created_to=rules.instant(after, time.min) if after else None,
            q=self.q or None,
        )


@dataclass
class ActionForm:
    """A button of an e-mail's page, and which e-mail, and which reply to it, the page showed."""

    action: str = ""
    version: str = ""
    key: str = ""
    seen: str = ""


@dataclass
class TickedForm:
    """What the list's form sends: the ticked e-mails, each with the version shown, and the button."""

    email: list[str] | str = ""
    back: str = ""
    nothing: str = ""
    all: str = ""
    decision: str = ""

    @property
    def ticked(self) -> dict[int, int]:
        """The ticked e-mails' ids and versions."""
        sent = self.email if isinstance(self.email, list) else [self.email] if self.email else []
        pairs = (value.partition(":") for value in sent)
        return {read_number(email_id) or 0: read_number(version) or 0 for email_id, _, version in pairs}

    @property
    def address(self) -> str:
        """Where the list was."""
        back = local_path(self.back)
        return back if back.startswith("/emails") else "/emails"


class EmailsController(Controller):
    """E-mails, for people."""

    path = "/emails"
    include_in_schema = False
    dependencies = VISIT

    @get("/")
    async def list(
        self,
        visit: NamedDependency[Visit],
        show: FromQuery[str] = "",
        q: FromQuery[str] = "",
        von: FromQuery[str] = "",
        bis: FromQuery[str] = "",
        therapist: FromQuery[str] = "",
        page: FromQuery[str] = "",
        done: FromQuery[str] = "",
        n: FromQuery[str] = "",
        left: FromQuery[str] = "",
    ) -> Template:
        """Show a page of the list, or only its changing part."""
        query = ListQuery.read(show, q, von, bis, therapist, page)
        return await _list_page(visit, query, done=done, n=read_number(n) or 0, left=read_number(left) or 0)

    @post("/retry", status_code=303)
    async def retry_many(self, visit: NamedDependency[Visit], data: Submitted[TickedForm]) -> Response[Any]:
        """Queue the ticked e-mails again, or all that have failed."""
        ticked = data.ticked
        if data.nothing:
            return Redirect(data.address, status_code=303)
        if not ticked and not data.all:
            return await _list_page(visit, ListQuery(EmailView.FAILED), nothing_ticked=True, status=422)
        ids = None if data.all else list(ticked)
        count = await states.retry_failed(visit.work, ids)
        return _back_to_list(data, "retried_many", count, len(ticked) - count if ids else 0)

    @post("/decide", status_code=303)
    async def decide_many(self, visit: NamedDependency[Visit], data: Submitted[TickedForm]) -> Response[Any]:
        """Decide about the ticked e-mails whose delivery is unclear."""
        ticked = data.ticked
        if data.nothing:
            return Redirect(data.address, status_code=303)
        match data.decision:
            case "resend" | "was_sent" as decision:
                pass
            case _:
                raise NotFound
        if not ticked:
            return await _list_page(visit, ListQuery(EmailView.UNCLEAR), nothing_ticked=True, status=422)
        count = await states.decide_all_unclear(visit.work, ticked, decision)
        return _back_to_list(data, f"{decision}_many", count, len(ticked) - count)

    @get("/{email_id:int}")
    async def detail(
        self,
        visit: NamedDependency[Visit],
        email_id: FromPath[int],
        view: FromQuery[str] = "",
        seen: FromQuery[str] = "",
        done: FromQuery[str] = "",
        draft: FromQuery[str] = "",
    ) -> Template:
        """Show an e-mail, or the part of its page that HTMX asks for."""
        return await email_page(
            visit,
            email_id,
            as_text=view == "text",
            seen=read_number(seen),
            done=done,
            shows_draft=bool(draft),
        )

    @get("/{email_id:int}/preview")
    async def preview(self, visit: NamedDependency[Visit], email_id: FromPath[int]) -> Response[str]:
        """Answer the e-mail's own HTML for its frame: nothing in it runs or is fetched."""
        email = await get_email(visit.work, email_id)
        return framed_mail(email.body_html)

    @post("/{email_id:int}", status_code=200)
    async def act(
        self,
        visit: NamedDependency[Visit],
        email_id: FromPath[int],
        data: Submitted[ActionForm],
        directory: NamedDependency[TherapistDirectory],
    ) -> Response[Any]:
        """Do what a button of the page says; where it can't be done, say why."""
        show = partial(email_page, visit, email_id, seen=read_number(data.seen))
        return await answer_action(visit, data.action, _act(visit, email_id, data, directory), show)


def _back_to_list(form: TickedForm, done: str, count: int, left: int) -> Redirect:
    """Go back to the list as it was; it says how many e-mails `done` was about and how many it left out."""
    said = urlencode({"done": done, "n": count, "left": left})
    return Redirect(f"{form.address}{'&' if '?' in form.address else '?'}{said}", status_code=303)


async def _list_page(visit: Visit, query: ListQuery, *, status: int = 200, **said: object) -> Template:
    """Return the list, or only its changing part; `n` e-mails `done` was about, `left` it left out."""
    overview = await email_overview(
        visit.work, query.show, query.filters(visit.rules), PageRequest(query.page, ROWS)
    )
    context = {"query": query, "overview": overview, "views": EmailView, "now": visit.now}
    if visit.swapped is not None:
        return Template("emails/list.html", context=context, status_code=status)
    context |= {"done": "", "n": 0, "left": 0, "nothing_ticked": False}
    return Template("emails/page.html", context=context | said, status_code=status)


async def _act(visit: Visit, email_id: int, form: ActionForm, directory: TherapistDirectory) -> None:
    work, version = visit.work, read_number(form.version)
    match form.action:
        case "call":
            again = repeatable(form.key, "call", email_id)
            await call_about_email(work, email_id, directory=directory, repeatable=again)
        case "queue":
            await states.queue_email(work, email_id, version=version)
        case "cancel":
            await states.cancel_email(work, email_id, version=version)
        case "retry":
            await states.retry_email(work, email_id, version=version)
        case "resend" | "was_sent" as decision:
            await states.decide_unclear(work, email_id, decision, version=version)
        case "followed_up":
            changes = EmailChanges(nachverfolgung_erforderlich=False, nachverfolgung_hindernis=None)
            await update_email(work, email_id, changes, version=version)
        case _:
            raise NotFound
