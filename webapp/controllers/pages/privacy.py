"""The page Data protection: how long what is kept, what is held about a therapist, and erasing that."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import msgspec
from litestar import Controller, MediaType, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response import Redirect, Template

from services.models import is_possible_id
from services.privacy.classes import retention_of
from services.privacy.erasure import erase_therapist, preview_erasure
from services.privacy.export import export_therapist
from services.privacy.holdings import NothingHeld
from services.privacy.retention import look_ahead
from services.work import Work
from shared.config import Settings
from webapp.auth import admins_only
from webapp.i18n import gettext
from webapp.screens.forms import Submitted, read_number

PAGE = "/system/privacy"


@dataclass
class Request:
    """The form that names a therapist by their number."""

    therapist: str = ""

    @property
    def therapist_id(self) -> int:
        """The number; 0 where none is given."""
        number = read_number(self.therapist) or 0
        return number if is_possible_id(number) else 0


class PrivacyController(Controller):
    """For administrators."""

    path = PAGE
    include_in_schema = False
    guards = [admins_only]  # noqa: RUF012

    @get("/")
    async def show(
        self, work: NamedDependency[Work], config: NamedDependency[Settings], done: FromQuery[str] = ""
    ) -> Template:
        """Show what would be blanked now; `done` is the number of who was just erased."""
        return await _page(work, config, erased=read_number(done))

    @post("/export", status_code=200)
    async def export(
        self, work: NamedDependency[Work], config: NamedDependency[Settings], data: Submitted[Request]
    ) -> Response[Any]:
        """Answer all that is held about a therapist as a file."""
        try:
            found = await export_therapist(work, data.therapist_id)
        except NothingHeld:
            return await _nothing_held(work, config, data)
        name = f"therapist-{data.therapist_id}.json"
        return Response(
            msgspec.json.format(msgspec.json.encode(found), indent=2),
            media_type=MediaType.JSON,
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    @post("/preview", status_code=200)
    async def preview(
        self, work: NamedDependency[Work], config: NamedDependency[Settings], data: Submitted[Request]
    ) -> Template:
        """Show what erasing a therapist would do, and ask."""
        try:
            erasure = await preview_erasure(work, data.therapist_id)
        except NothingHeld:
            return await _nothing_held(work, config, data)
        return await _page(work, config, form=data, erasure=erasure)

    @post("/erase", status_code=303)
    async def erase(self, work: NamedDependency[Work], data: Submitted[Request]) -> Redirect:
        """Erase all about a therapist for good."""
        with suppress(NothingHeld):
            await erase_therapist(work, data.therapist_id)
        return Redirect(f"{PAGE}?done={data.therapist_id}", status_code=303)


async def _nothing_held(work: Work, config: Settings, form: Request) -> Template:
    error = ("therapist", gettext("Nothing is held about a therapist with this number."))
    return await _page(work, config, form=form, errors=[error], status=422)


async def _page(work: Work, config: Settings, *, status: int = 200, **shown: object) -> Template:
    context: dict[str, object] = {
        "active_page": "system",
        "due": await look_ahead(work, retention_of(config)),
        "form": Request(),
        "erasure": None,
        "erased": None,
        "errors": [],
    }
    return Template("system/privacy.html", context=context | shown, status_code=status)
