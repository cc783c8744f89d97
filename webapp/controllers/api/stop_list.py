"""`/api/stop-list`: addresses nobody writes to."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from litestar import Controller, delete, get
from litestar.di import NamedDependency
from litestar.params import PathParameter, QueryParameter
from msgspec import Struct

from services.checks import LONGEST_LINE
from services.emails.stop_list import list_stopped, release
from services.models import LARGEST_ID
from services.pagination import DEFAULT_LIMIT
from services.work import Work
from webapp.controllers.api.schema import (
    Paged,
    PageLimit,
    PageNumber,
    page_request,
    problems,
)
from webapp.service_keys import EMAILS, READ

EntryId = Annotated[int, PathParameter(ge=1, le=LARGEST_ID, description="The entry's id in the list.")]


class StoppedAddress(Struct, kw_only=True):
    """An address on the stop list; `email_id` is the e-mail because of which it is there."""

    id: int
    adresse: str
    grund: Literal["unzustellbar", "unerwuenscht"]
    seit: datetime
    email_id: int | None


class StopList(Paged[StoppedAddress], kw_only=True):
    """One page of the stop list, those stopped last first."""

    data: list[StoppedAddress]


class StopListApi(Controller):
    """Addresses that are dead or want no mail."""

    path = "/api/stop-list"
    security = EMAILS
    tags = ["Stop list"]  # noqa: RUF012

    @get(
        "/",
        operation_id="listStopped",
        summary="List addresses nobody writes to",
        responses=problems(),
        security=READ,
    )
    async def list_stopped(
        self,
        work: NamedDependency[Work],
        page: PageNumber = None,
        limit: PageLimit = DEFAULT_LIMIT,
        adresse: Annotated[
            str | None, QueryParameter(max_length=LONGEST_LINE, description="This address only, in any case.")
        ] = None,
    ) -> StopList:
        """Addresses that are dead or want no mail, and since when; `adresse` asks for one of them."""
        entries = await list_stopped(work, page_request(page, None, limit), address=adresse)
        return StopList.of(
            entries, lambda row: msgspec.convert(row, StoppedAddress, from_attributes=True), by_id=False
        )

    @delete(
        "/{entry_id:int}",
        operation_id="releaseAddress",
        summary="Allow writing to an address again",
        responses=problems(404),
    )
    async def release_address(self, work: NamedDependency[Work], entry_id: EntryId) -> None:
        """It is off the list at once. What failed because of it is not sent again by itself."""
        await release(work, entry_id)
