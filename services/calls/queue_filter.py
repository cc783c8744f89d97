"""Which of today's calls somebody wants to ring: by place, reason and attempt.

The list, the offer and *Next* keep to it, until the person lets go of it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Self, TypeVar

from sqlalchemy import Integer, bindparam, select, update

from services.calls.open_call import OpenCall
from services.models import CallReason, Staff
from services.work import Transaction, Work
from shared.plain_rows import PlainQuery

Code = TypeVar("Code", bound=StrEnum)

LONGEST_PLACE = 255


class Attempt(StrEnum):
    """Whether a call is the first to its therapist about a matter."""

    FIRST = "erster"
    FURTHER = "weitere"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueFilter:
    """What a call has to be like; None where it does not matter."""

    ort: str | None = None
    grund: CallReason | None = None
    versuch: Attempt | None = None

    @classmethod
    def of(cls, fields: Mapping[str, object]) -> Self:
        """Return the filter that a form or a row says; what can't be read does not matter."""
        ort = str(fields.get("ort") or "").strip()[:LONGEST_PLACE]
        return cls(
            ort=ort or None,
            grund=_code(CallReason, fields.get("grund")),
            versuch=_code(Attempt, fields.get("versuch")),
        )

    @property
    def is_on(self) -> bool:
        """Whether it leaves anything out."""
        return self != ALL_CALLS

    def fields(self) -> dict[str, object] | None:
        """Return what is kept of it; None for nothing."""
        kept = {"ort": self.ort, "grund": self.grund, "versuch": self.versuch}
        return {name: value for name, value in kept.items() if value} or None

    def admits(self, call: OpenCall) -> bool:
        """Say whether a call is like this."""
        if self.ort is not None and (call.ort or "").strip().casefold() != self.ort.casefold():
            return False
        if self.grund is not None and call.grund != self.grund:
            return False
        return self.versuch is None or (self.versuch is Attempt.FIRST) == (call.versuch == 1)

    def of_these(self, calls: Iterable[OpenCall]) -> list[OpenCall]:
        """Return the calls that are like this, in their order."""
        return [call for call in calls if self.admits(call)]


ALL_CALLS = QueueFilter()

CHOSEN = select(Staff.anruf_filter).where(Staff.id == bindparam("staff_id", type_=Integer))
"""What somebody keeps of a filter (`QueueFilter.fields`)."""

OWN = PlainQuery(CHOSEN)


def _code(codes: type[Code], value: object) -> Code | None:
    return codes(str(value)) if value in set(codes) else None


async def own_filter(tx: Transaction) -> QueueFilter:
    """Return what whoever does this has chosen; all calls for a service."""
    if tx.actor.staff_id is None:
        return ALL_CALLS
    kept = await tx.rows(OWN, staff_id=tx.staff_id)
    return QueueFilter.of(kept[0]["anruf_filter"] or {}) if kept else ALL_CALLS


async def choose_filter(work: Work, wanted: QueueFilter) -> None:
    """Keep to a filter from now on; one that leaves nothing out ends it."""
    async with work.transaction() as tx:
        await tx.session.execute(
            update(Staff).where(Staff.id == tx.staff_id).values(anruf_filter=wanted.fields())
        )
