"""Who works here, for administrators: adding somebody, roles, lost passwords and phones, who has gone."""

from dataclasses import dataclass, field
from typing import Any

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.exceptions import PermissionDeniedException
from litestar.params import FromPath
from litestar.response import Redirect, Template

from services.accounts.staff import (
    add_staff,
    give_one_time_password,
    load_staff,
    remove_second_factor,
    set_active,
    set_role,
)
from services.errors import Conflict, InvalidInput
from services.models import Staff
from services.work import Work
from webapp.auth import admins_only
from webapp.screens.forms import FormErrors, Submitted, form_errors, words_of

PAGE = "/system/staff"


@dataclass
class NewAccount:
    """The form for an account."""

    name: str = ""
    password: str = ""
    admin: bool = False


@dataclass
class Role:
    """The form that changes what somebody may do."""

    admin: bool = False


@dataclass
class Shown:
    """What a page says besides."""

    errors: FormErrors = field(default_factory=FormErrors)
    one_time_password: str = ""
    status: int = 200


class PeopleController(Controller):
    """Nobody takes their own account away or resets it here; for one's own there is `/account`."""

    include_in_schema = False
    guards = (admins_only,)
    path = PAGE

    @get("/new")
    async def new(self) -> Template:
        """Show the form for an account."""
        return _form(NewAccount())

    @post()
    async def add(self, work: NamedDependency[Work], data: Submitted[NewAccount]) -> Response[Any]:
        """Create an account; its password has to be changed at the first login."""
        try:
            added = await add_staff(work, data.name, data.password, admin=data.admin, one_time=True)
        except InvalidInput as error:
            return _form(data, form_errors(error.fields), status=422)
        except Conflict as error:
            return _form(data, [("name", words_of(error))], status=409)
        return _to_system("account_added", added.id)

    @get("/{staff_id:int}")
    async def show(self, work: NamedDependency[Work], staff_id: FromPath[int]) -> Template:
        """Show an account and what can be done with it."""
        return _person(await load_staff(work, staff_id), Shown())

    @post("/{staff_id:int}/role")
    async def change_role(
        self, work: NamedDependency[Work], staff_id: FromPath[int], data: Submitted[Role]
    ) -> Response[Any]:
        """Make somebody an administrator, or an ordinary member of staff."""
        try:
            await set_role(work, staff_id, admin=data.admin)
        except Conflict as error:
            return await _refused(work, staff_id, error)
        return _to_system("role_changed", staff_id)

    @post("/{staff_id:int}/password")
    async def reset_password(
        self, work: NamedDependency[Work], request: Request[Staff, Any, Any], staff_id: FromPath[int]
    ) -> Template:
        """Give somebody a one-time password and show it, this once."""
        _not_oneself(request, staff_id)
        password = await give_one_time_password(work, staff_id)
        return _person(await load_staff(work, staff_id), Shown(one_time_password=password))

    @post("/{staff_id:int}/second-factor/remove")
    async def remove_factor(
        self, work: NamedDependency[Work], request: Request[Staff, Any, Any], staff_id: FromPath[int]
    ) -> Response[Any]:
        """Take a lost second factor away."""
        _not_oneself(request, staff_id)
        try:
            await remove_second_factor(work, staff_id)
        except Conflict as error:
            return await _refused(work, staff_id, error)
        return _to_system("factor_removed", staff_id)

    @post("/{staff_id:int}/close")
    async def close(
        self, work: NamedDependency[Work], request: Request[Staff, Any, Any], staff_id: FromPath[int]
    ) -> Response[Any]:
        """Close an account; nobody closes their own."""
        if staff_id == request.user.id:
            return Redirect("/system", status_code=303)
        try:
            await set_active(work, staff_id, False)
        except Conflict as error:
            return await _refused(work, staff_id, error)
        return _to_system("account_closed", staff_id)

    @post("/{staff_id:int}/open")
    async def open(self, work: NamedDependency[Work], staff_id: FromPath[int]) -> Redirect:
        """Open a closed account again."""
        await set_active(work, staff_id, True)
        return _to_system("account_opened", staff_id)


def _not_oneself(request: Request[Staff, Any, Any], staff_id: int) -> None:
    if staff_id == request.user.id:
        raise PermissionDeniedException("for one's own account there is /account")


async def _refused(work: Work, staff_id: int, error: Conflict) -> Template:
    shown = Shown(errors=[("account", words_of(error))], status=409)
    return _person(await load_staff(work, staff_id), shown)


def _person(member: Staff, shown: Shown) -> Template:
    context = {"active_page": "system", "member": member, "shown": shown, "errors": shown.errors}
    return Template("people/person.html", context=context, status_code=shown.status)


def _form(account: NewAccount, errors: FormErrors | None = None, *, status: int = 200) -> Template:
    context = {"active_page": "system", "account": account, "errors": errors or []}
    return Template("people/new.html", context=context, status_code=status)


def _to_system(done: str, staff_id: int) -> Redirect:
    return Redirect(f"/system?done={done}&about={staff_id}#done", status_code=303)
