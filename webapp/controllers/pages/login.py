"""Logging in and out."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response import Redirect, Template

from services.accounts import staff
from services.work import Work
from shared.config import Settings
from webapp.auth import SessionCookie, session_token
from webapp.browsers import browser_cookie, new_browser, visitor_of
from webapp.csrf import new_token
from webapp.screens.forms import Submitted
from webapp.whose_page import is_page_of


@dataclass
class Credentials:
    """The login form."""

    name: str = ""
    password: str = ""
    next: str = "/"


class LoginController(Controller):
    """The door."""

    opt = {"public": True}  # noqa: RUF012
    include_in_schema = False

    @get("/login")
    async def form(
        self, request: Request[Any, Any, Any], next: FromQuery[str] = "/", unsaved: FromQuery[bool] = False
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
        request: Request[Any, Any, Any],
        data: Submitted[Credentials],
        config: NamedDependency[Settings],
    ) -> Response[Any]:
        """Open a session; from the dialog of an expired one, stay on the page."""
        lasting = timedelta(hours=config.session_hours)
        visitor = visitor_of(request, config)
        login = await staff.log_in(
            work,
            data.name,
            data.password,
            lasting=lasting,
            visitor=visitor,
            replaces=session_token(request),
        )
        in_dialog = "hx-request" in request.headers
        if login is None:
            template = "login/dialog.html" if in_dialog else "login/page.html"
            return Template(template, context={"credentials": data, "failed": True}, status_code=422)
        browser = visitor.browsers.get(login.staff_id) or new_browser()
        new_token(request, login.staff_id, browser)
        cookies = [
            SessionCookie(config).holding(login.token),
            browser_cookie(login.staff_id, browser, config),
        ]
        if in_dialog and not is_page_of(request.headers, login.staff_id):
            answer = other_person(request, login.name)
            answer.cookies = cookies
            return answer
        if in_dialog:
            return Template(
                "login/welcome_back.html", cookies=cookies, headers={"HX-Trigger-After-Swap": "logged-in"}
            )
        return Redirect(local_path(data.next), status_code=303, cookies=cookies)

    @post("/logout")
    async def log_out(
        self,
        work: NamedDependency[Work],
        request: Request[Any, Any, Any],
        config: NamedDependency[Settings],
    ) -> Redirect:
        """End the session."""
        if token := session_token(request):
            await staff.log_out(work, token)
        new_token(request, None)
        return Redirect("/login", status_code=303, cookies=[SessionCookie(config).removed()])


def other_person(request: Request[Any, Any, Any], name: str, status: int = 200) -> Template:
    """Say on an open page that its reader is somebody else now; it goes on only as a new one."""
    here = urlsplit(request.headers.get("hx-current-url", ""))
    context = {"name": name, "here": local_path(f"{here.path}?{here.query}" if here.query else here.path)}
    headers = {"HX-Retarget": "#dialog", "HX-Reswap": "innerHTML"}
    return Template("login/other_person.html", context=context, status_code=status, headers=headers)


def local_path(wanted: str) -> str:
    """Return `wanted` if it is a path of this site, else the start page."""
    safe = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and wanted.isprintable()
    return wanted if safe else "/"
