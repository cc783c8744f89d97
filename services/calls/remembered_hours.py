"""Phone hours as this process last read them, so that a booking need not read them again.

They come with their row's version; whoever writes by them has the database compare it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

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
    WHERE geloescht_at IS NULL AND NOT nicht_anrufen AND status <> ALL($1::text[])
"""  # noqa: S608
OF_SOME = f"{MAY_BE_CALLED} AND id = ANY($2::int[])"
HEARD_OF = f"{MAY_BE_CALLED} AND abgerufen_at > $2::timestamptz LIMIT {MOST_REMEMBERED}"


@dataclass(frozen=True)
class Remembered:
    """When a therapist who may be called can be rung, by which version of the row, heard of when."""

    version: int
    heard_at: datetime
    written: tuple[str | None, str | None, date | None]
    """The phone hours as they are stored, the postcode, and until when they are away."""

    @cached_property
    def hours(self) -> Availability:
        """The phone hours; they are read when somebody asks, for of most therapists nobody does."""
        return parse_json(*self.written)


class RememberedHours:
    """What is remembered of some therapists: at first of all who were heard of lately."""

    def __init__(self) -> None:
        self._known: dict[int, Remembered] = {}
        self._along: set[int] = set()
        """Of whom is known what was read along with another, and perhaps long ago."""
        self._has_begun = False

    async def of(
        self, connection: Connection, therapist_ids: Collection[int], *, heard_since: datetime
    ) -> dict[int, Remembered]:
        """Return those who may be called, as far as the directory was heard since an instant.

        Of several, those are read who were not asked for yet: if one is not as remembered, the others of the
        group get their times as if it had one.
        """
        if not self._has_begun:
            await self._read(connection, HEARD_OF, heard_since)
            self._along, self._has_begun = set(self._known), True
        doubted = self._along if len(therapist_ids) > 1 else ()
        old = {one for one in therapist_ids if one in doubted or not self._is_fresh(one, heard_since)}
        if old:
            await self._read_again(connection, old)
        return {one: self._known[one] for one in therapist_ids if self._is_fresh(one, heard_since)}

    def forget(self, therapist_id: int) -> None:
        """Read of this one again before anything is believed."""
        self._known.pop(therapist_id, None)

    def _is_fresh(self, therapist_id: int, heard_since: datetime) -> bool:
        known = self._known.get(therapist_id)
        return known is not None and known.heard_at > heard_since

    async def _read_again(self, connection: Connection, therapist_ids: set[int]) -> None:
        if len(self._known) > MOST_REMEMBERED:
            self._known.clear()
        for therapist_id in therapist_ids:
            self.forget(therapist_id)
        self._along -= therapist_ids
        await self._read(connection, OF_SOME, list(therapist_ids))

    async def _read(self, connection: Connection, statement: str, whom: object) -> None:
        for row in await connection.fetch(statement, list(NOT_TO_BE_CALLED), whom):
            written = row["hours"], row["plz"], row["wieder_da_am"]
            self._known[row["id"]] = Remembered(row["version"], row["abgerufen_at"], written)
