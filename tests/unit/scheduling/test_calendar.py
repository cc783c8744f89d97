from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.rules import DeskRules
from services.scheduling.calendar import pieces
from services.scheduling.phone_hours import MINUTE, Interval
from services.scheduling.slots import Busy, Slot, free_slots
from shared.config.settings import load_settings
from tests.work import a_moment

RULES = DeskRules.from_settings(load_settings(env_file=None))
MIDNIGHT = datetime.combine(date(2026, 10, 14), time())


def from_to(start: int, length: int) -> Interval:
    return Interval(MIDNIGHT + start * MINUTE, MIDNIGHT + (start + length) * MINUTE)


@given(
    st.lists(st.builds(from_to, st.integers(0, 1300), st.integers(1, 130)), min_size=1, max_size=2),
    st.integers(0, 1440),
    st.integers(1, 60),
    st.lists(st.builds(from_to, st.integers(0, 1400), st.integers(1, 60)), max_size=4),
)
def test_openings_cut_to_pieces_hold_the_same_slots(
    openings: list[Interval], minute: int, duration: int, taken: list[Interval]
):
    now = datetime(2026, 10, 13, 22, tzinfo=UTC) + timedelta(minutes=minute)
    busy = Busy(taken)

    def slots(some: Iterable[Interval]) -> set[Slot]:
        return set(free_slots(a_moment(now=now, rules=RULES), some, busy, duration_minutes=duration))

    assert slots(pieces(openings, now + RULES.notice, duration, RULES)) == slots(openings)


def test_what_the_notice_rules_out_is_not_read():
    nine_to_five = [from_to(9 * 60, 8 * 60)]
    noon = datetime(2026, 10, 14, 10, tzinfo=UTC)
    first, *_ = pieces(nine_to_five, noon, 5, RULES)
    assert first == from_to(11 * 60 + 30, 35)
