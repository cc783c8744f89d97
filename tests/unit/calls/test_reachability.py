"""Where an open call stands on today's board: pure rules, no database."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.calls.hands import Hands
from services.calls.open_call import OpenCall
from services.calls.placed import BoardCall, by_phone_hours
from services.calls.reachability import SOON, Group, Obstacle, Placement, stand
from services.calls.rests import Miss
from services.calls.rows import rows_to_offer
from services.desk.band import BandPart, day_band
from services.desk.board import Board, arrange
from services.hours.reading import parse
from services.hours.windows import Window
from services.models import OutcomeKind
from services.rules import DeskRules
from services.scheduling.phone_hours import day_windows
from services.work import Moment
from shared.config.settings import load_settings
from tests.work import a_moment

RULES = DeskRules.from_settings(load_settings(env_file=None))
TODAY = date(2026, 10, 14)
YESTERDAY = TODAY - timedelta(days=1)


def at(hour: int, minute: int = 0, day: date = TODAY) -> datetime:
    return RULES.instant(day, time(hour, minute)).astimezone(UTC)


def open_call(call_id: int = 1, hours: object = "10:00-12:00", **values: object) -> OpenCall:
    weekly = hours if isinstance(hours, dict) else {"wednesday": hours}
    defaults: dict[str, object] = {
        "call_id": call_id,
        "version": 1,
        "therapist_id": call_id,
        "name": "Dr. Jürgen Schmidt",
        "ort": "Berlin",
        "telefon": "030 1234567",
        "nicht_anrufen": False,
        "availability": parse(weekly),
        "geplantes_datum": TODAY,
        "geplante_zeit": time(11),
        "dauer_minuten": 5,
        "ausserhalb_erreichbarkeit": False,
        "grund": "manuell",
        "email_id": None,
        "versuch": 1,
    }
    return OpenCall(**(defaults | values))  # pyright: ignore[reportArgumentType]


def placed(now: datetime, *calls: OpenCall, rules: DeskRules = RULES) -> list[BoardCall]:
    return by_phone_hours(a_moment(now=now, rules=rules), calls)


def board_of(now: datetime, *calls: OpenCall) -> Board:
    return arrange(a_moment(now=now, rules=RULES), placed(now, *calls))


def band_of(*calls: OpenCall, rules: DeskRules = RULES) -> list[BandPart]:
    return day_band(placed(at(8), *calls, rules=rules), day=TODAY, rules=rules)


def place(moment: Moment, call: OpenCall) -> Placement:
    return stand(moment, moment.today, call).placement


def group(call: OpenCall, now: datetime) -> Group:
    return place(a_moment(now=now, rules=RULES), call).group


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (at(8, 59), Group.LATER),
        (at(9), Group.SOON),
        (at(9, 59), Group.SOON),
        (at(10), Group.REACHABLE_NOW),
        (at(11, 59), Group.REACHABLE_NOW),
        (at(12), Group.OVERDUE),
    ],
)
def test_a_call_of_today_follows_the_phone_hours(now: datetime, expected: Group):
    assert group(open_call(), now) == expected


@pytest.mark.parametrize(
    ("now", "expected"),
    [(at(9, 30), Group.OVERDUE), (at(10), Group.REACHABLE_NOW), (at(12), Group.OVERDUE)],
)
def test_a_call_of_yesterday_is_overdue_unless_reachable(now: datetime, expected: Group):
    assert group(open_call(geplantes_datum=YESTERDAY), now) == expected


def test_between_two_windows_the_second_counts():
    placement = place(a_moment(now=at(11, 30), rules=RULES), open_call(hours=["10:00-11:00", "15:00-16:00"]))
    assert (placement.group, placement.window) == (Group.LATER, Window(time(15), time(16)))
    assert (placement.opens_at, placement.closes_at) == (at(15), at(16))


@pytest.mark.parametrize("values", [{"versuch": 2}, {"verschoben": True}])
@pytest.mark.parametrize(
    ("now", "expected"),
    [(at(10, 42), Group.SOON), (at(11, 15), Group.REACHABLE_NOW), (at(12), Group.OVERDUE)],
)
def test_a_further_attempt_and_a_postponed_call_wait_for_their_time(
    values: dict[str, object], now: datetime, expected: Group
):
    again = open_call(geplante_zeit=time(11, 15), **values)
    assert group(again, now) is expected


def test_an_overdue_call_says_when_it_can_be_made_today():
    placement = place(a_moment(now=at(8), rules=RULES), open_call(geplantes_datum=YESTERDAY))
    assert (placement.group, placement.opens_at) == (Group.OVERDUE, at(10))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"name": None}, Obstacle.UNKNOWN),
        ({"nicht_anrufen": True}, Obstacle.DO_NOT_CALL),
        ({"telefon": None}, Obstacle.NO_NUMBER),
        ({"telefon": ""}, Obstacle.NO_NUMBER),
        ({"availability": parse(None)}, Obstacle.NO_WINDOW),
        ({"availability": parse({"wednesday": "irgendwann"})}, Obstacle.NO_WINDOW),
    ],
)
def test_who_cannot_be_rung_is_unreachable_with_the_reason(values: dict[str, object], expected: Obstacle):
    placement = place(a_moment(now=at(10, 30), rules=RULES), open_call(**values))
    assert (placement.group, placement.obstacle) == (Group.UNREACHABLE, expected)


def test_no_window_today_is_overdue_not_unreachable():
    assert group(open_call(hours={"thursday": "10:00-12:00"}), at(10, 30)) == Group.OVERDUE


def test_nobody_is_reachable_on_a_holiday():
    unity_day = date(2025, 10, 3)
    call = open_call(hours={"friday": "10:00-12:00"}, geplantes_datum=unity_day)
    assert day_windows(call.availability, unity_day, RULES) == []
    assert group(call, at(10, 30, unity_day)) == Group.OVERDUE


def test_windows_are_cut_to_the_desks_hours():
    windows = day_windows(parse({"wednesday": "06:00-24:00"}), TODAY, RULES)
    assert windows == [Window(time(8), time(18))]
    assert day_windows(parse({"wednesday": "05:00-08:00"}), TODAY, RULES) == []


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (at(19, 29), Group.SOON),
        (at(19, 30), Group.REACHABLE_NOW),
        (at(19, 59), Group.REACHABLE_NOW),
        (at(20), Group.OVERDUE),
    ],
)
def test_a_time_agreed_outside_the_phone_hours_counts(now: datetime, expected: Group):
    call = open_call(availability=parse(None), geplante_zeit=time(19, 30), ausserhalb_erreichbarkeit=True)
    assert group(call, now) == expected


def test_whose_window_closes_first_comes_first():
    calls = [open_call(1, "10:00-12:00"), open_call(2, "10:00-11:00"), open_call(3, "09:00-11:30")]
    rows = rows_to_offer(placed(at(10, 42), *calls), Hands(), staff_id=7)
    assert [row.call.call_id for row in rows] == [2, 3, 1]


def test_minutes_left_count_begun_ones():
    now = at(10, 42) + timedelta(seconds=30)
    [row] = placed(now, open_call(hours="10:00-11:00"))
    assert row.countdown(now).minutes == 18


def test_in_the_night_the_clocks_change_the_window_is_as_long_as_the_night_is():
    rules = replace(RULES, desk_hours=(time(0), time(23)))
    changing = date(2026, 10, 25)
    call = open_call(hours={"sunday": "01:00-04:00"}, geplantes_datum=changing)
    now = at(1, 0, changing)
    [row] = placed(now, call, rules=rules)
    assert row.countdown(now).minutes == 4 * 60


HALF_HOURS = st.integers(min_value=0, max_value=46)


@st.composite
def windows(draw: st.DrawFn) -> str:
    start = draw(HALF_HOURS)
    end = draw(st.integers(min_value=start + 1, max_value=47))
    return f"{start // 2:02}:{start % 2 * 30:02}-{end // 2:02}:{end % 2 * 30:02}"


CALLS = st.lists(
    st.builds(
        open_call,
        st.integers(min_value=1, max_value=10_000),
        st.lists(windows(), max_size=3),
        geplantes_datum=st.sampled_from([TODAY, YESTERDAY]),
        telefon=st.sampled_from(["030 1", None]),
        nicht_anrufen=st.booleans(),
        ausserhalb_erreichbarkeit=st.booleans(),
        therapist_id=st.integers(min_value=1, max_value=8),
    ),
    max_size=12,
)
MINUTES = st.integers(min_value=0, max_value=24 * 60 - 1)


@settings(deadline=None)
@given(CALLS, MINUTES)
def test_every_open_call_is_on_the_board_once_and_the_counts_agree(calls: list[OpenCall], minute: int):
    now = at(0) + timedelta(minutes=minute)
    board = board_of(now, *calls)
    groups = [board.reachable_now, board.soon, board.later, board.overdue, board.unreachable]
    led = [row.call.therapist_id for rows in groups for row in rows]
    assert sorted(led) == sorted({call.therapist_id for call in calls})
    standing = [call.call_id for rows in groups for row in rows for call in (row.call, *row.others)]
    assert sorted(standing) == sorted(call.call_id for call in calls)
    assert [len(rows) for rows in groups] == [
        board.counts.reachable_now,
        board.counts.soon,
        board.counts.later,
        len(board.overdue),
        board.counts.unreachable,
    ]
    elsewhere = [row for rows in groups if rows is not board.overdue for row in rows if row.overdue]
    assert board.counts.overdue == len(board.overdue) + len(elsewhere)
    assert board.counts.open == len(led)


@settings(deadline=None)
@given(CALLS, MINUTES)
def test_reachable_means_inside_a_window_and_allowed(calls: list[OpenCall], minute: int):
    now = at(0) + timedelta(minutes=minute)
    clock = RULES.local(now).time()
    rows = board_of(now, *calls).reachable_now
    for row in rows:
        window = row.placement.window
        assert window is not None
        assert window.start <= clock < window.end
        assert row.call.telefon
        assert not row.call.nicht_anrufen
        left = row.countdown(now)
        assert left is not None
        assert left.minutes > 0
    closing = [row.placement.closes_at for row in rows]
    assert closing == sorted(closing, key=lambda moment: moment or now)


RUNG = st.builds(
    Miss,
    at=st.builds(at, st.integers(0, 23), st.integers(0, 59)),
    art=st.sampled_from([OutcomeKind.BUSY, OutcomeKind.NOT_REACHED, OutcomeKind.WRONG_NUMBER]),
    again=st.none() | st.builds(at, st.integers(0, 23), st.integers(0, 59)),
)
ANY_CALL = st.builds(
    open_call,
    hours=st.lists(windows(), max_size=3),
    geplantes_datum=st.sampled_from([TODAY, YESTERDAY]),
    geplante_zeit=st.builds(time, st.integers(0, 23), st.integers(0, 59)),
    ausserhalb_erreichbarkeit=st.booleans(),
    grund=st.sampled_from(["manuell", "rueckruf"]),
    versuch=st.integers(1, 2),
    missed=st.none() | RUNG,
)


@settings(deadline=None)
@given(ANY_CALL, st.data())
def test_where_a_call_stands_is_worked_out_anew_when_it_changes(call: OpenCall, data: st.DataObject):
    shortly = st.sampled_from([-SOON, timedelta(0)]), st.sampled_from([-1, 0, 1])
    for _ in range(12):
        minute = data.draw(st.integers(0, 24 * 4 - 1)) * 15
        before, microseconds = data.draw(st.tuples(*shortly))
        now = at(0) + timedelta(minutes=minute) + before + timedelta(microseconds=microseconds)
        if call.missed is not None and data.draw(st.booleans()):
            now = (call.missed.again or call.missed.at) + before + timedelta(microseconds=microseconds)
        moment = a_moment(now=now, rules=RULES)
        [row] = by_phone_hours(moment, [call])
        assert (row.placement, row.windows) == stand(moment, moment.today, call)


def test_the_band_counts_therapists_and_planned_calls_by_half_hour():
    calls = [
        open_call(1, "10:00-10:45", geplante_zeit=time(10, 40)),
        open_call(2, "10:30-11:00", geplante_zeit=time(10, 30)),
        open_call(3, "08:00-18:00", geplantes_datum=YESTERDAY),
        open_call(4, "10:00-11:00", telefon=None, geplante_zeit=time(17, 59)),
    ]
    band = {part.start: (part.windows, part.calls) for part in band_of(*calls)}
    assert len(band) == 20
    assert (min(band), max(band)) == (time(8), time(17, 30))
    assert [band[time(8)], band[time(10)], band[time(10, 30)], band[time(11)], band[time(17, 30)]] == [
        (1, 0),
        (2, 0),
        (3, 2),
        (1, 0),
        (1, 1),
    ]


def test_a_desk_open_until_midnight_has_a_whole_band():
    rules = replace(RULES, desk_hours=(time(20), time.max))
    band = band_of(open_call(hours="23:00-24:00"), rules=rules)
    assert [part.windows for part in band] == [0, 0, 0, 0, 0, 0, 1, 1]


def test_the_next_opening_is_the_earliest_still_to_come():
    calls = [open_call(1, "15:00-16:00"), open_call(2, "11:15-12:00"), open_call(3, "10:00-11:00")]
    opening = board_of(at(10, 42), *calls).next_opening
    assert opening is not None
    assert (opening.call_id, opening.at) == (2, at(11, 15))
