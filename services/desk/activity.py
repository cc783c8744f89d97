"""Who did what when, for administrators: ids, kinds and times; content is in no activity."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select, tuple_
from sqlalchemy.orm import aliased

from services.models import Activity, ApiKey, Staff
from services.work import OBJECTS, Action, Moment, Work

SHOWN = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityFilter:
    """What of it is wanted.

    Attributes:
        staff_id: who of the staff did it.
        actor: "staff", "api" or "system".
        action: what was done.
        object_type: what it was done to, as `services.work.OBJECTS` calls it.
        object_id: which of them.
        since: from this day of the practices on.
        until: up to and with this day.
    """

    staff_id: int | None = None
    actor: str | None = None
    action: Action | None = None
    object_type: str | None = None
    object_id: int | None = None
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """One entry.

    Attributes:
        who: the name of who did it, or of the service's key; None for the system, and where there was no key.
        about: the name of the account or key it was done to, where it was one.
    """

    id: int
    at: datetime
    actor: str
    who: str | None
    action: str
    object_type: str
    object_id: int
    about: str | None
    details: dict[str, object]


@dataclass(frozen=True, slots=True)
class ActivityPage:
    """The latest entries before the id that was asked for, and the id after which there are more."""

    rows: list[Done]
    next: int | None


async def activity_page(work: Work, wanted: ActivityFilter, *, after: int | None = None) -> ActivityPage:
    """Return a page of what was done, latest first; `after` is the `next` of the page before."""
    query = _entries().where(*_conditions(work, wanted)).limit(SHOWN + 1)
    async with work.transaction() as tx:
        if after is not None:
            at = await tx.session.scalar(select(Activity.at).where(Activity.id == after))
            query = query.where(tuple_(Activity.at, Activity.id) < (at, after))
        found = (await tx.session.execute(query)).mappings().all()
    rows = [Done(**row) for row in found[:SHOWN]]
    return ActivityPage(rows, next=rows[-1].id if len(found) > SHOWN else None)


def _entries() -> Select[*tuple[Any, ...]]:
    account, key = aliased(Staff), aliased(ApiKey)
    about_account = (Activity.object_type == OBJECTS[Staff]) & (account.id == Activity.object_id)
    about_key = (Activity.object_type == OBJECTS[ApiKey]) & (key.id == Activity.object_id)
    return (
        select(
            Activity.id,
            Activity.at,
            Activity.actor,
            func.coalesce(Staff.name, ApiKey.name).label("who"),
            Activity.action,
            Activity.object_type,
            Activity.object_id,
            func.coalesce(account.name, key.name).label("about"),
            Activity.details,
        )
        .outerjoin(Staff, Staff.id == Activity.staff_id)
        .outerjoin(ApiKey, ApiKey.id == Activity.api_key_id)
        .outerjoin(account, about_account)
        .outerjoin(key, about_key)
        .order_by(Activity.at.desc(), Activity.id.desc())
    )


def _conditions(moment: Moment, wanted: ActivityFilter) -> Iterator[ColumnElement[bool]]:
    for column, value in (
        (Activity.staff_id, wanted.staff_id),
        (Activity.actor, wanted.actor),
        (Activity.action, wanted.action),
        (Activity.object_type, wanted.object_type),
        (Activity.object_id, wanted.object_id),
    ):
        if value is not None:
            yield column == value
    if wanted.since is not None:
        yield Activity.at >= moment.rules.instant(wanted.since, time.min)
    if wanted.until is not None:
        yield Activity.at < moment.rules.instant(wanted.until + timedelta(days=1), time.min)
