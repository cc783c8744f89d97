"""Phone hours as this process last read them, so that a booking need not read them again.

They come with their row's version; whoever writes by them has the database compare it (`UNCHANGED`).
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from services.hours.reading import Availability, parse_json
from services.models import SCHEMA
from services.models.therapists import NOT_TO_BE_CALLED
from shared.postgresql import Connection

MOST_REMEMBERED = 10_000

VERSION = "xmin::text::bigint"
"""Of a therapist's row: another after each change of it, whoever made it."""

MAY_BE_CALLED = f"""
    SELECT id, {VERSION} AS version, abgerufen_at, plz, wieder_da_am,
        telefonische_erreichbarkeit::text AS hours
    FROM {SCHEMA}.therapists
    WHERE id = ANY($1::int[]) AND geloescht_at IS NULL AND NOT nicht_anrufen AND status <> ALL($2::text[])
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Remembered:
    """When a therapist who may be called can be rung, by which version of the row, heard of when."""

    hours: Availability
    version: int
    heard_at: datetime


class RememberedHours:
    """What is remembered of some therapists."""

    def __init__(self) -> None:
        self._known: dict[int, Remembered] = {}

    async def of(
        self, connection: Connection, therapist_ids: Collection[int], *, heard_since: datetime
    ) -> dict[int, Remembered]:
        """Return those who may be called, as far as the directory was heard since an instant."""
        old = {one for one in therapist_ids if not self._is_fresh(one, heard_since)}
        if old:
            await self._read(connection, old)
        return {one: self._known[one] for one in therapist_ids if self._is_fresh(one, heard_since)}

    def forget(self, therapist_id: int) -> None:
        """Read of this one again before anything is believed."""
        self._known.pop(therapist_id, None)

    def _is_fresh(self, therapist_id: int, heard_since: datetime) -> bool:
        known = self._known.get(therapist_id)
        return known is not None and known.heard_at > heard_since

    async def _read(self, connection: Connection, therapist_ids: set[int]) -> None:
        if len(self._known) > MOST_REMEMBERED:
            self._known.clear()
        for therapist_id in therapist_ids:
            self.forget(therapist_id)
        for row in await connection.fetch(MAY_BE_CALLED, list(therapist_ids), list(NOT_TO_BE_CALLED)):
            hours = parse_json(row["hours"], row["plz"], row["wieder_da_am"])
            self._known[row["id"]] = Remembered(hours, row["version"], row["abgerufen_at"])
