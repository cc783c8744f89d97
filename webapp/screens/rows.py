"""The rows of the list: each is written once, and again only when something it says is different.

What a row's template is told is what its text is kept by, and it is told nothing else (`today/row.html`). So
nothing in it is one person's alone, no form's token above all, and nobody is shown what was true before
(docs/decisions/0018).
"""

from collections.abc import Callable, Iterable
from datetime import date, datetime, time
from typing import Any, NamedTuple

from jinja2 import Environment
from markupsafe import Markup

from services.calls.open_call import OpenCall
from services.calls.placed import BoardCall
from services.calls.reachability import Group, Obstacle, Placement
from services.desk.closed_calls import DoneCall
from services.hours.windows import Window
from services.reach.waiting import BetterHour
from shared.kept import KeptResults
from webapp.i18n import day, language
from webapp.screens.hand_words import hand_in_words

ROWS_KEPT = 8_000
TIMES_KEPT = 2_000
"""More than 2,000 of each group, the most that a list shows, in two languages."""

TEMPLATE = "today/row.html"

TIME_HERE = Markup("<!-- time -->")
"""Where a row is cut for what changes by the minute; what people typed can't say it, for it is escaped."""


class OpenRow(NamedTuple):
    """What is said of a therapist with open calls, but for the time.

    Attributes:
        kind: how it is shown: `open`, `overdue` or `unreachable`.
        mark: as the page tells rows apart (`row_mark`).
        call: one object as long as nothing of it changes.
        late: whether to say that it is overdue.
        planned: when, if that is said.
        shown: whether the panel shows it.
        mine: whether who looks has it in hand.
        taken_by: who else has it in hand.
        line_taken: says who rings somebody else under the same number.
        waits: the better hour, if that is said.
    """

    language: str
    kind: str
    mark: str
    call: OpenCall
    matters: int
    late: bool
    planned: tuple[date, time] | None
    shown: bool
    mine: bool
    taken_by: str | None
    line_taken: str | None
    waits: BetterHour | None
    obstacle: Obstacle | None

    @property
    def taken(self) -> bool:
        """Whether somebody else is on the phone with the therapist or under their number."""
        return self.taken_by is not None or self.line_taken is not None


class RowTime(NamedTuple):
    """What is said of the time: the same for all rows that close or open then.

    Attributes:
        closes_at: until when it can be rung now.
        minutes: how many are left until then, or until `opens_at` where that is soon.
        waits_until: the better hour it is left for; `another_day` if not of today.
        window: the phone hours to come.
        rests_until: until when it is left alone.
    """

    language: str
    closes_at: datetime | None = None
    minutes: int | None = None
    opens_at: datetime | None = None
    waits_until: datetime | None = None
    another_day: bool = False
    window: Window | None = None
    rests_until: datetime | None = None


class ClosedRow(NamedTuple):
    """What is said of a closed call; `decide` where it asks for a decision."""

    language: str
    decide: bool
    call_id: int
    version: int
    therapist_id: int
    name: str | None
    versuch: int
    ergebnis_art: str | None
    klaerung_grund: str | None
    abgeschlossen_at: datetime
    shown: bool


class Written(str):
    """Rows as they stand in the page: text in them ends what changes its direction (`webapp.templating`)."""

    __slots__ = ()

    def __html__(self) -> str:
        return self


class RowWriter:
    """Writes the rows for everybody who looks at the pages of one application."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._macros: dict[str, Any] = {}
        self._free = KeptResults(self._write_free, most=ROWS_KEPT)
        self._open = KeptResults(self._write_open, most=ROWS_KEPT)
        self._times = KeptResults(self._write_time, most=TIMES_KEPT)
        self._closed = KeptResults(self._write_closed, most=ROWS_KEPT)

    def open_rows(
        self, rows: Iterable[BoardCall], now: datetime, staff_id: int, shown: int | None, kind: str = ""
    ) -> Written:
        """Return rows of open calls.

        Args:
            rows: the calls.
            now: when that is.
            staff_id: who looks.
            shown: the call the panel shows.
            kind: that of all rows; without, each has its own.
        """
        code = language.get()
        parts: list[str] = []
        times: dict[Any, str] = {}
        for row in rows:
            if row.hand or row.line or row.call.call_id == shown:
                said = _open_row(row, code, staff_id, shown, kind or kind_of(row))
                before, after = self._open.of(said)
            else:
                before, after = self._free.of((row, code, kind))
            if not after:
                parts.append(before)
                continue
            when = _when(row.placement)
            if when not in times:
                times[when] = self._times.of(_time(row, code, now))
            parts += (before, times[when], after)
        return Written("".join(parts))

    def closed_rows(self, calls: Iterable[DoneCall], shown: int | None, decide: bool = False) -> Written:
        """Return rows of closed calls."""
        code = language.get()
        return Written("".join([self._closed.of(_closed_row(call, code, shown, decide)) for call in calls]))

    def _write_free(self, one: tuple[BoardCall, str, str]) -> tuple[str, str]:
        """Return a row that is in nobody's hands and not shown: it says the same to everybody."""
        row, code, kind = one
        return self._open.of(_open_row(row, code, None, None, kind or kind_of(row)))

    def _write_open(self, row: OpenRow) -> tuple[str, str]:
        before, _, after = self._macro("open_row")(row).partition(TIME_HERE)
        return str(before), str(after)

    def _write_time(self, at: RowTime) -> str:
        return str(self._macro("row_time")(at))

    def _write_closed(self, row: ClosedRow) -> str:
        return str(self._macro("closed_row")(row))

    def _macro(self, name: str) -> Callable[[object], Markup]:
        """Return a macro of the template; what all rows of a language have in common is worked out once."""
        code = language.get()
        if code not in self._macros:
            template = self._environment.get_template(TEMPLATE)
            self._macros[code] = template.make_module({"time_here": TIME_HERE})
        return getattr(self._macros[code], name)


def kind_of(row: BoardCall) -> str:
    """Return how a row is shown where rows of all groups stand together."""
    group = row.placement.group
    if group is Group.UNREACHABLE:
        return "unreachable"
    overdue = row.overdue or group is Group.OVERDUE
    return "overdue" if overdue and not row.placement.waits else "open"


def row_mark(row: BoardCall) -> str:
    """Return a text that differs when a row would look different, the countdown aside."""
    call = row.call
    hand, line = (held.staff_id if held else "" for held in (row.hand, row.line))
    group, waits = row.placement.group.value, row.placement.waits
    return f"{call.call_id}:{call.version}:{group}:{hand}:{line}:{row.matters}:{waits.start if waits else ''}"


def _open_row(row: BoardCall, code: str, staff_id: int | None, shown: int | None, kind: str) -> OpenRow:
    call, place, hand, line = row.call, row.placement, row.hand, row.line
    reachable = kind != "unreachable"
    taken = reachable and row.is_taken(staff_id)
    oldest = row.oldest if kind == "overdue" and not taken else None
    return OpenRow(
        language=code,
        kind=kind,
        mark=row_mark(row),
        call=call,
        matters=row.matters,
        late=row.overdue and (taken or kind != "overdue"),
        planned=(oldest.geplantes_datum, oldest.geplante_zeit) if oldest else None,
        shown=call.call_id == shown,
        mine=hand is not None and reachable and not taken,
        taken_by=hand.staff_name if taken and hand else None,
        line_taken=hand_in_words(line, call.therapist_id) if taken and line and not hand else None,
        waits=place.waits if kind == "open" and not taken else None,
        obstacle=place.obstacle,
    )


def _when(place: Placement) -> tuple[object, ...]:
    """Return all that `_time` goes by, for rows that are shown at one moment."""
    waits = place.waits is not None
    return place.group, place.opens_at, place.closes_at, place.window, place.rests_until, waits


def _time(row: BoardCall, code: str, now: datetime) -> RowTime:
    place, left = row.placement, row.countdown(now)
    if left is not None and left.ends:
        return RowTime(code, closes_at=left.until, minutes=left.minutes)
    if left is not None:
        return RowTime(code, opens_at=left.until, minutes=left.minutes, window=place.window)
    if place.waits and place.opens_at is not None:
        another_day = day(place.opens_at) != day(now)
        return RowTime(code, waits_until=place.opens_at, another_day=another_day)
    if place.window is not None:
        return RowTime(code, window=place.window)
    return RowTime(code, rests_until=place.rests_until)


def _closed_row(call: DoneCall, code: str, shown: int | None, decide: bool) -> ClosedRow:
    return ClosedRow(
        code,
        decide,
        call.call_id,
        call.version,
        call.therapist_id,
        call.name,
        call.versuch,
        call.ergebnis_art,
        call.klaerung_grund,
        call.abgeschlossen_at,
        call.call_id == shown,
    )
