"""Somebody's own settings: language and keyboard shortcuts."""

from dataclasses import dataclass
from typing import Any

from litestar import Controller, Request, post
from litestar.di import NamedDependency
from litestar.response import Redirect

from services.accounts.staff import change_settings
from services.work import Work
from webapp.controllers.pages.login import local_path
from webapp.screens.forms import Submitted


@dataclass
class OwnSettings:
    """What the form of the header sends; what is left out stays as it is."""

    sprache: str | None = None
    tastenkuerzel: bool | None = None
    next: str = "/"


class SettingsController(Controller):
    """Settings in the header of every page."""

    opt = {"before_duties": True}  # noqa: RUF012
    include_in_schema = False

    @post("/settings")
    async def change(
        self, work: NamedDependency[Work], request: Request[Any, Any, Any], data: Submitted[OwnSettings]
    ) -> Redirect:
        """Save and go back to the page."""
        await change_settings(work, request.user.id, language=data.sprache, shortcuts=data.tastenkuerzel)
        return Redirect(local_path(data.next), status_code=303)
