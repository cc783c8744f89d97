"""Somebody's own account: password, second factor, and where they are logged in."""

from dataclasses import dataclass
from typing import Any

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template

from services.accounts.own_account import change_password
from services.accounts.second_factor import factor_state
from services.accounts.sessions import end_own_session, log_out_everywhere, own_sessions
from services.errors import InvalidInput
from services.work import Work
from shared.config import Settings
from webapp.auth import session_token
from webapp.browsers import visitor_of
from webapp.controllers.pages.login import local_path, to_the_door
from webapp.i18n import gettext
from webapp.screens.forms import Submitted, form_errors

PAGE = "/account"


@dataclass
class NewPassword:
    """The form for another password; none of it is shown again."""

    current_password: str = ""
    new_password: str = ""
    repeated_password: str = ""
    next: str = PAGE


class AccountController(Controller):
    """What everybody may do with their own account."""

    include_in_schema = False
    path = PAGE

    @get()
    async def show(
        self, work: NamedDependency[Work], request: Request[Any, Any, Any], done: FromQuery[str] = ""
    ) -> Template:
        """Show it; `done` says what was just changed."""
        context = {
            "now": work.now,
            "done": done,
            "factor": await factor_state(work),
            "sessions": await own_sessions(work, session_token(request) or ""),
        }
        return Template("account/page.html", context=context)

    @get("/password", opt={"before_duties": True})
    async def password_form(self, next: FromQuery[str] = PAGE) -> Template:
        """Show the form for another password."""
        return Template("account/password.html", context={"next": next, "errors": []})

    @post("/password", opt={"before_duties": True})
    async def change(
        self,
        work: NamedDependency[Work],
        request: Request[Any, Any, Any],
        data: Submitted[NewPassword],
        config: NamedDependency[Settings],
    ) -> Response[Any]:
        """Change the password; the other sessions end."""
        errors = []
        if data.new_password != data.repeated_password:
            errors = [("repeated_password", gettext("This is not the same as the new password above."))]
        else:
            try:
                await change_password(
                    work,
                    data.current_password,
                    data.new_password,
                    visitor_of(request, config),
                    token=session_token(request) or "",
                )
            except InvalidInput as error:
                errors = form_errors(error.fields)
        if errors:
            context = {"next": data.next, "errors": errors}
            return Template("account/password.html", context=context, status_code=422)
        where = local_path(data.next)
        return Redirect(f"{PAGE}?done=password#done" if where == PAGE else where, status_code=303)

    @post("/sessions/{session_id:int}/end")
    async def end(self, work: NamedDependency[Work], session_id: FromPath[int]) -> Redirect:
        """End one session."""
        await end_own_session(work, session_id)
        return Redirect(f"{PAGE}?done=session#done", status_code=303)

    @post("/sessions/end")
    async def end_all(self, work: NamedDependency[Work], request: Request[Any, Any, Any]) -> Redirect:
        """Log out everywhere, here too."""
        await log_out_everywhere(work)
        return to_the_door(request)
