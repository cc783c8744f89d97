"""The rows of the list: what is kept of them is what would be written anew."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import Environment, meta

from services.calls.hands import Hand
from services.calls.open_call import OpenCall
from services.calls.placed import BoardCall, by_phone_hours
from services.calls.reachability import Group
from services.desk.closed_calls import DoneCall
from services.hours.reading import parse
from services.models import OutcomeKind
from services.reach.waiting import BetterHour, Evidence, Whose
from tests.unit.calls.test_reachability import TODAY, at, open_call
from tests.work import RULES, a_moment
from webapp import i18n
from webapp.screens.rows import TEMPLATE, RowWriter
from webapp.templating import create_template_engine

ME, BEN = 1, 2
ENGINE = create_template_engine("/pult")

HOURS = ("10:00-12:00", "11:30-12:00", "14:00-15:00", "", "whenever you like")
MOMENTS = st.sampled_from([at(10, 14), at(10, 15), at(11, 50), at(16)])


def calls() -> st.SearchStrategy[OpenCall]:
    """Few values each, so that rows differ in one thing alone now and then."""
    return st.builds(
        replace,
        st.builds(open_call, st.integers(1, 2), st.sampled_from(HOURS)),
        version=st.integers(1, 2),
        name=st.sampled_from([None, "Roth", "<!-- time --><b>", "\u202eRoth"]),
        ort=st.sampled_from([None, "Bonn"]),
        telefon=st.sampled_from([None, "030 1234567", "030 1234567 App. 3 / 040 1234567"]),
        nicht_anrufen=st.booleans(),
        availability=st.sampled_from(
            [
                parse({"wednesday": hours}, back_on=back)
                for hours in HOURS
                for back in (None, date(2026, 11, 2))
            ]
        ),
        grund=st.sampled_from(["manuell", "keine_antwort"]),
        versuch=st.integers(1, 2),
        geplantes_datum=st.sampled_from([TODAY, TODAY - timedelta(days=1)]),
    )


def hands(therapist_id: int) -> st.SearchStrategy[Hand | None]:
    held = st.builds(
        Hand,
        staff_id=st.sampled_from([ME, BEN]),
        staff_name=st.sampled_from(["Ben", "Ben & Co"]),
        call_id=st.just(1),
        therapist_id=st.just(therapist_id),
        therapist_name=st.sampled_from([None, "Lange"]),
        until=st.just(at(12)),
        lines=st.just(frozenset()),
    )
    return st.none() | held


BETTER = [
    BetterHour(datetime.combine(day, time(14)), Evidence(whose, 3, 4), Evidence(whose, 1, 4))
    for day in (TODAY, TODAY + timedelta(days=1))
    for whose in Whose
]


@st.composite
def rows(draw: st.DrawFn, now: datetime) -> BoardCall:
    [row] = by_phone_hours(a_moment(now=now, rules=RULES), [draw(calls())])
    place, better = row.placement, draw(st.none() | st.sampled_from(BETTER))
    if better and place.group is Group.REACHABLE_NOW:
        opens_at = RULES.instant(better.start.date(), better.start.time())
        place = replace(place, group=Group.LATER, waits=better, opens_at=opens_at, window=None)
    return replace(
        row,
        placement=place,
        matters=draw(st.integers(1, 3)),
        others=draw(st.sampled_from([(), (open_call(9, geplantes_datum=date(2026, 10, 12)),)])),
        hand=draw(hands(row.call.therapist_id)),
        line=draw(hands(99)),
    )


def written(writer: RowWriter, seen: Sequence[BoardCall], now: datetime, shown: int | None, kind: str) -> str:
    return writer.open_rows(seen, now, ME, shown, kind)


@settings(max_examples=40)
@given(data=st.data())
def test_a_row_kept_says_what_it_would_say_if_it_were_written_now(data: st.DataObject):
    i18n.timezone.set(RULES.tz)
    used = RowWriter(ENGINE.engine)
    for _ in range(data.draw(st.integers(2, 6))):
        i18n.language.set(data.draw(st.sampled_from(i18n.LANGUAGES)))
        now = data.draw(MOMENTS)
        seen = data.draw(st.lists(rows(now), min_size=1, max_size=4))
        shown = data.draw(st.sampled_from([None, 1]))
        fresh = RowWriter(ENGINE.engine)
        assert written(used, seen, now, shown, "") == written(fresh, seen, now, shown, "")


@given(
    st.lists(
        st.builds(
            DoneCall,
            call_id=st.integers(1, 2),
            version=st.integers(1, 2),
            therapist_id=st.integers(1, 2),
            name=st.sampled_from([None, "Roth"]),
            ergebnis_art=st.sampled_from([None, OutcomeKind.BUSY, OutcomeKind.REACHED]),
            versuch=st.integers(1, 2),
            abgeschlossen_at=MOMENTS,
            klaerung_noetig=st.booleans(),
            klaerung_grund=st.sampled_from([None, "falsche_nummer"]),
        )
    ),
    st.lists(
        st.tuples(st.sampled_from(i18n.LANGUAGES), st.sampled_from([None, 1]), st.booleans()), min_size=2
    ),
)
def test_so_does_the_row_of_a_closed_call(closed: list[DoneCall], seen: list[tuple[str, int | None, bool]]):
    i18n.timezone.set(RULES.tz)
    used = RowWriter(ENGINE.engine)
    for code, shown, decide in seen:
        i18n.language.set(code)
        fresh = RowWriter(ENGINE.engine)
        assert used.closed_rows(closed, shown, decide) == fresh.closed_rows(closed, shown, decide)


def test_the_template_of_a_row_is_told_of_nothing_else():
    """A token, a name or a right of whoever looks would be kept for the next one."""
    environment: Environment = ENGINE.engine
    assert environment.loader is not None
    source, _, _ = environment.loader.get_source(environment, TEMPLATE)
    named = meta.find_undeclared_variables(environment.parse(source))
    assert named == {"time_here"}
    assert set(meta.find_referenced_templates(environment.parse(source))) == {
        "partials/icons.html",
        "partials/call_labels.html",
    }


def test_an_address_in_a_row_is_below_the_root_once():
    i18n.timezone.set(UTC)  # pyright: ignore[reportArgumentType]
    i18n.language.set("en")
    page = ENGINE.engine.from_string("{{ rows.open_rows(seen, now, 1, none) }}").render(
        seen=by_phone_hours(a_moment(now=at(10, 15), rules=RULES), [open_call()]), now=at(10, 15)
    )
    assert page.count('href="/pult/calls/1"') == 1
    assert "/pult/pult" not in page
