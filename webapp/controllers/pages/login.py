"""Logging in and out."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response import Redirect, Template

from services.accounts.login_tries import Visitor
from services.accounts.logins import CodeNeeded, Login, LoginTooOld, finish_login, log_in
from services.accounts.sessions import log_out
from services.work import Work
from shared.config import Settings
from webapp.auth import SessionCookie, session_token, totp_key
from webapp.browsers import browser_cookie, new_browser, visitor_of
from webapp.csrf import new_token
from webapp.prefix import inner
from webapp.screens.forms import Submitted
from webapp.whose_page import is_page_of

Page = Request[Any, Any, Any]


@dataclass
class Credentials:
    """The login form."""

    name: str = ""
    password: str = ""
    next: str = "/"


@dataclass
class Code:
    """The form for the second factor; `ticket` says whose password was right."""

    ticket: str = ""
    code: str = ""
    next: str = "/"


class LoginController(Controller):
    """The door."""

    opt = {"public": True}  # noqa: RUF012
    include_in_schema = False

    @get("/login")
    async def form(
        self, request: Page, next: FromQuery[str] = "/", unsaved: FromQuery[bool] = False
    ) -> Response[Any]:
        """Show the form, or go on when somebody is logged in already."""
        if request.user is not None:
            return Redirect(local_path(next), status_code=303)
        context = {"credentials": Credentials(next=next), "failed": False, "unsaved": unsaved}
        return Template("login/page.html", context=context)

    @post("/login")
    async def log_in(
        self,
        work: NamedDependency[Work],
        request: Page,
        data: Submitted[Credentials],
        config: NamedDependency[Settings],
    ) -> Response[Any]:
        """Open a session, or ask for the code; from the dialog of an expired one, stay on the page."""
        visitor = visitor_of(request, config)
        login = await log_in(
            work,
            data.name,
            data.password,
            lasting=timedelta(hours=config.session_hours),
            visitor=visitor,
            replaces=session_token(request),
        )
        if login is None:
            return _again(request, data, failed=True)
        if isinstance(login, CodeNeeded):
            return _ask_for_code(request, Code(login.ticket, next=data.next))
        return _welcome(request, login, visitor, data.next)

    @post("/login/code")
    async def finish(
        self,
        work: NamedDependency[Work],
        request: Page,
        data: Submitted[Code],
        config: NamedDependency[Settings],
    ) -> Response[Any]:
        """Open the session if the code is right."""
        visitor = visitor_of(request, config)
        try:
            login = await finish_login(
                work,
                data.ticket,
                data.code,
                totp_key(config),
                lasting=timedelta(hours=config.session_hours),
                visitor=visitor,
                replaces=session_token(request),
            )
        except LoginTooOld:
            return _again(request, Credentials(next=data.next), too_old=True)
        if login is None:
            return _ask_for_code(request, data, failed=True)
        return _welcome(request, login, visitor, data.next)

    @post("/logout")
    async def log_out(
        self,
        work: NamedDependency[Work],
        request: Page,
        config: NamedDependency[Settings],
    ) -> Redirect:
        """End the session."""
        if token := session_token(request):
            await log_out(work, token)
        return to_the_door(request)


def _welcome(request: Page, login: Login, visitor: Visitor, wanted: str) -> Response[Any]:
    config: Settings = request.app.state.config
    browser = visitor.browsers.get(login.staff_id) or new_browser()
    new_token(request, login.staff_id, browser)
    cookies = [SessionCookie(config).holding(login.token), browser_cookie(login.staff_id, browser, config)]
    if not _in_dialog(request):
        return Redirect(local_path(wanted), status_code=303, cookies=cookies)
    if not is_page_of(request.headers, login.staff_id):
        answer = other_person(request, login.name)
        answer.cookies = cookies
        return answer
    return Template(
        "login/welcome_back.html", cookies=cookies, headers={"HX-Trigger-After-Swap": "logged-in"}
    )


def _again(request: Page, typed: Credentials, **what: bool) -> Template:
    template = "login/dialog.html" if _in_dialog(request) else "login/page.html"
    return Template(template, context={"credentials": typed, **what}, status_code=422)


def _ask_for_code(request: Page, typed: Code, *, failed: bool = False) -> Template:
    template = "login/code_dialog.html" if _in_dialog(request) else "login/code_page.html"
    return Template(template, context={"typed": typed, "failed": failed}, status_code=422 if failed else 200)


def _in_dialog(request: Page) -> bool:
    return "hx-request" in request.headers


def to_the_door(request: Page) -> Redirect:
    """Let a browser forget its session and lead it to the login page."""
    new_token(request, None)
    cookie = SessionCookie(request.app.state.config).removed()
    return Redirect("/login", status_code=303, cookies=[cookie])


def other_person(request: Page, name: str, status: int = 200) -> Template:
    """Say on an open page that its reader is somebody else now; it goes on only as a new one."""
    here = urlsplit(request.headers.get("hx-current-url", ""))
    path = inner(here.path, request.app.state.config.root_path)
    context = {"name": name, "here": local_path(f"{path}?{here.query}" if here.query else path)}
    headers = {"HX-Retarget": "#dialog", "HX-Reswap": "innerHTML"}
    return Template("login/other_person.html", context=context, status_code=status, headers=headers)


def local_path(wanted: str) -> str:
    """Return `wanted` if it is a path of this site, else the start page."""
    safe = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and wanted.isprintable()
    return wanted if safe else "/"
