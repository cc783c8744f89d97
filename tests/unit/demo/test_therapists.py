import re
from datetime import datetime, timedelta

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.hours.reading import parse
from tests.clock import BERLIN
from webapp.demo.sample.therapists import fictional_therapists

FICTION = re.compile(r"\+49(3023125|6990009|4066969|2214710|8999998)\d{3}")
MIDNIGHT = datetime(2026, 10, 14, tzinfo=BERLIN)
DAYTIME = st.builds(
    lambda days, minutes: MIDNIGHT + timedelta(days=days, minutes=minutes),
    st.integers(0, 365),
    st.integers(6 * 60, 20 * 60),
)


def test_numbers_and_addresses_belong_to_nobody():
    for therapist in fictional_therapists():
        assert therapist["email"].isascii()
        assert therapist["email"].endswith(".example")
        if therapist["telefon"]:
            number = phonenumbers.parse(therapist["telefon"], "DE")
            assert FICTION.fullmatch(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def test_names_and_addresses_are_all_different():
    therapists = fictional_therapists()
    for field in ("id", "email", "nachname"):
        assert len({therapist[field] for therapist in therapists}) == len(therapists)
    assert {*range(1, 41), 123} == {therapist["id"] for therapist in therapists}


@given(DAYTIME)
def test_some_practices_answer_now_some_soon_some_later(now: datetime):
    minute = now.hour * 60 + now.minute
    windows = [
        window.minutes
        for therapist in fictional_therapists(now)
        for window in parse(therapist["telefonische_erreichbarkeit"]).on(now.date())
    ]
    assert sum(opens <= minute < closes for opens, closes in windows) >= 5
    assert any(minute < opens <= minute + 60 for opens, closes in windows)
    assert any(opens > minute + 60 for opens, closes in windows)


@pytest.mark.parametrize("moment", [MIDNIGHT + timedelta(minutes=5), MIDNIGHT - timedelta(minutes=10)])
def test_hours_stay_within_the_day_around_midnight(moment: datetime):
    availabilities = [parse(entry["telefonische_erreichbarkeit"]) for entry in fictional_therapists(moment)]
    minute = moment.hour * 60 + moment.minute
    unreadable = [problem.entry for found in availabilities for problem in found.problems]
    assert len(unreadable) == 1
    assert "nach Vereinbarung" in unreadable[0]
    reachable = [
        window
        for found in availabilities
        for window in found.on(moment.date())
        if window.minutes[0] <= minute < window.minutes[1]
    ]
    assert len(reachable) >= 5
