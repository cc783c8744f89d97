from dataclasses import replace
from datetime import date, time, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.hours.reading import parse
from services.hours.windows import Window
from services.rules import DeskRules
from shared.config.settings import load_settings
from tests.factories import NOW, make_call
from webapp.screens.hours_picture import draw_day, draw_hours

TODAY = date(2026, 10, 14)
RULES = DeskRules.from_settings(load_settings(env_file=None))

clock = st.integers(0, 24 * 60).map(lambda minute: f"{minute // 60:02}:{minute % 60:02}")
window = st.fixed_dictionaries({"start": clock, "end": clock})
days = st.sampled_from(["monday", "wednesday", "saturday", "sunday"])


def test_a_window_lies_where_its_hours_are():
    hours: dict[str, Any] = {"tuesday": ["08:00-13:00"]}
    picture = draw_hours(parse(hours), [], today=TODAY, rules=RULES)
    (bar,) = picture.days[1].bars
    assert (bar.x, bar.width, bar.at_desk) == (0, 50, True)
    assert picture.hours[0] == (8, 0)
    assert picture.hours[-1] == (18, 100)


def test_hours_when_nobody_is_at_the_desk_are_set_apart():
    hours: dict[str, Any] = {"monday": ["17:00-20:00"]}
    picture = draw_hours(parse(hours), [], today=TODAY, rules=RULES)
    assert [bar.at_desk for bar in picture.days[0].bars] == [True, False]


def test_calls_of_the_coming_seven_days_are_marked_and_later_ones_are_not():
    calls = [
        make_call(geplantes_datum=date(2026, 10, 19), geplante_zeit=time(13, 0)),
        make_call(geplantes_datum=date(2026, 10, 26), geplante_zeit=time(13, 0)),
    ]
    picture = draw_hours(parse({}), calls, today=TODAY, rules=RULES)
    assert [day.calls for day in picture.days] == [[50], [], [], [], []]


def test_the_day_of_a_call_shows_its_windows_and_the_present_minute():
    windows = [Window(time(9), time(10)), Window(time(17), time(18))]
    picture = draw_day(windows, NOW, RULES)
    assert [(bar.x, bar.width) for bar in picture.bars] == [(10, 10), (90, 10)]
    assert picture.now == 27
    assert draw_day(windows, NOW + timedelta(hours=9), RULES).now is None


@given(st.dictionaries(days, st.lists(window, max_size=4)), st.integers(0, 23))
def test_every_bar_lies_within_the_picture(raw: dict[str, Any], opens: int):
    rules = replace(RULES, desk_hours=(time(opens), time.max))
    picture = draw_hours(parse(raw), [], today=TODAY, rules=rules)
    for day in picture.days:
        for bar in day.bars:
            assert bar.width > 0
            assert bar.x >= 0
            assert bar.x + bar.width <= 100.01
