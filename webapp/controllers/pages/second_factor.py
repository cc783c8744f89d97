"""Setting up one's second factor, and what goes with having one."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import segno
from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response import Redirect, Template
from markupsafe import Markup

from services.accounts.own_account import check_own_password
from services.accounts.second_factor import (
    begin_factor,
    confirm_factor,
    enrolment,
    factor_state,
    give_up_factor,
    renew_recovery_codes,
)
from services.accounts.staff import load_staff
from services.errors import InvalidInput
from services.work import Work
from shared.config import Settings
from webapp.auth import session_token, totp_key
from webapp.browsers import visitor_of
from webapp.controllers.pages.login import local_path
from webapp.screens.forms import FormErrors, Submitted, form_errors

PAGE = "/account/second-factor"


@dataclass
class Password:
    """A form that wants the password once more."""

    current_password: str = ""
    next: str = "/account"


@dataclass
class FirstCode:
    """The form that ends the setting up."""

    code: str = ""
    next: str = "/account"


class SecondFactorController(Controller):
    """Each change needs the password once more, or the first code."""

    include_in_schema = False
    opt = {"before_duties": True}  # noqa: RUF012
    path = PAGE

    @get()
    async def show(
        self,
        work: NamedDependency[Work],
        config: NamedDependency[Settings],
        next: FromQuery[str] = "/account",
    ) -> Template:
        """Show what there is, what is being set up, or how to begin."""
        return await _page(work, config, next)

    @post("/begin")
    async def begin(
        self,
        work: NamedDependency[Work],
        request: Request[Any, Any, Any],
        data: Submitted[Password],
        config: NamedDependency[Settings],
    ) -> Response[Any]:
        """Make a secret for an app."""
        if errors := await _wrong_password(work, request, data):
            return await _page(work, config, data.next, errors=errors)
        await begin_factor(work)
        return Redirect(f"{PAGE}?next={quote(local_path(data.next))}", status_code=303)

    @post("/confirm")
    async def confirm(
        self,
        work: NamedDependency[Work],
        request: Request[Any, Any, Any],
        data: Submitted[FirstCode],
        config: NamedDependency[Settings],
    ) -> Response[Any]:
        """Take it into use by its first code; show the recovery codes, this once."""
        try:
            codes = await confirm_factor(
                work, data.code, totp_key(config), token=session_token(request) or ""
            )
        except InvalidInput as error:
            return await _page(work, config, data.next, errors=form_errors(error.fields))
        return await _page(work, config, data.next, codes=codes)

    @post("/codes")
    async def renew_codes(
        self,
        work: NamedDependency[Work],
        request: Request[Any, Any, Any],
        data: Submitted[Password],
        config: NamedDependency[Settings],
    ) -> Response[Any]:
        """Make other recovery codes and show them, this once."""
        if errors := await _wrong_password(work, request, data):
            return await _page(work, config, data.next, errors=errors)
        return await _page(work, config, data.next, codes=await renew_recovery_codes(work))

    @post("/remove")
    async def remove(
        self,
        work: NamedDependency[Work],
        request: Request[Any, Any, Any],
        data: Submitted[Password],
        config: NamedDependency[Settings],
    ) -> Response[Any]:
        """Take one's own second factor away, to set up another or none."""
        if errors := await _wrong_password(work, request, data):
            return await _page(work, config, data.next, errors=errors)
        await give_up_factor(work)
        return Redirect("/account?done=factor_removed#done", status_code=303)


async def _wrong_password(work: Work, request: Request[Any, Any, Any], data: Password) -> FormErrors:
    visitor = visitor_of(request, request.app.state.config)
    try:
        await check_own_password(work, data.current_password, visitor)
    except InvalidInput as error:
        return form_errors(error.fields)
    return []


async def _page(
    work: Work,
    config: Settings,
    next: str,
    *,
    errors: FormErrors | None = None,
    codes: list[str] | None = None,
) -> Template:
    factor = await factor_state(work)
    context: dict[str, object] = {
        "factor": factor,
        "next": local_path(next),
        "errors": errors or [],
        "codes": codes or [],
    }
    if factor.begun:
        given = enrolment(await load_staff(work, work.staff_id), totp_key(config))
        context |= {"secret": given.secret, "picture": _picture(given.uri)}
    return Template("account/second_factor.html", context=context, status_code=422 if errors else 200)


def _picture(uri: str) -> Markup:
    """Return a QR code as SVG for the page itself; its address would be the secret's."""
    drawn = segno.make(uri, error="m").svg_inline(
        border=4, light="#fff", dark="#000", omitsize=True, svgclass="qr"
    )
    return Markup(drawn)  # noqa: S704
