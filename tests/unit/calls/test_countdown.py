from datetime import timedelta

import pytest

from services.calls.countdown import Countdown
from services.models.therapists import short_name
from tests.factories import NOW


@pytest.mark.parametrize(
    ("seconds", "minutes", "few"),
    [(0, 0, True), (-90, 0, True), (1, 1, True), (900, 15, True), (901, 16, False), (6660, 111, False)],
)
def test_begun_minutes_count_and_few_of_them_are_worth_a_warning(seconds: int, minutes: int, few: bool):
    left = Countdown(NOW + timedelta(seconds=seconds), NOW)
    assert (left.minutes, left.few_left) == (minutes, few)
    assert not Countdown(left.until, NOW, ends=False).few_left


def test_many_minutes_are_hours_and_minutes():
    assert Countdown(NOW + timedelta(minutes=111), NOW).hours_and_minutes == (1, 51)


@pytest.mark.parametrize(
    ("names", "short"),
    [
        (("Katharina", "Roth"), "Roth, K."),
        ((None, "Roth"), "Roth"),
        (("Ömer", "von Alten"), "von Alten, Ö."),
        (("Ada", None), "Ada"),
        ((None, None), None),
    ],
)
def test_where_space_is_short_the_surname_comes_first(
    names: tuple[str | None, str | None], short: str | None
):
    assert short_name(*names) == short
