from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from services.email_queue import WORKER_ENDED
from services.mail_delivery import Ending
from webapp import i18n
from webapp.templating import create_template_engine
from webapp.translations import check


def test_both_catalogs_are_complete():
    assert check() == []


@pytest.mark.parametrize(
    "ending", [*(ending for ending in Ending if ending is not Ending.REPLY), WORKER_ENDED]
)
def test_whatever_ends_an_attempt_without_a_reply_has_german_words(ending: str):
    i18n.language.set("de")
    words = create_template_engine().engine.get_template("partials/contact_words.html").module.attempt_words
    assert words(str(ending)) != str(ending)
    assert words("5.1.1 no such mailbox") == "5.1.1 no such mailbox"


@pytest.mark.parametrize(
    ("wanted", "browser", "chosen"),
    [
        ("en", "de", "en"),
        (None, "en-GB,en;q=0.9", "en"),
        (None, "de-AT", "de"),
        (None, "fr,en;q=0.5", "en"),
        (None, "fr", "de"),
        (None, "", "de"),
        ("xx", "en", "en"),
    ],
)
def test_the_users_choice_comes_before_the_browsers(wanted: str | None, browser: str, chosen: str):
    assert i18n.choose_language(wanted, browser) == chosen


@pytest.mark.parametrize(
    ("language", "full", "short", "weekday"),
    [("de", "14.10.2026", "14.10.", "Mi 14.10."), ("en", "14 Oct 2026", "14 Oct", "Wed 14 Oct")],
)
def test_dates_are_written_as_the_language_writes_them(language: str, full: str, short: str, weekday: str):
    i18n.language.set(language)
    day = date(2026, 10, 14)
    assert [i18n.day(day), i18n.day(day, "short"), i18n.day(day, "weekday")] == [full, short, weekday]


def test_instants_are_shown_in_the_practices_time_zone():
    i18n.language.set("de")
    i18n.timezone.set(ZoneInfo("Europe/Berlin"))
    assert i18n.clock_time(datetime(2026, 7, 1, 22, 30, tzinfo=UTC)) == "00:30"
    assert i18n.day(datetime(2026, 7, 1, 22, 30, tzinfo=UTC), "short") == "02.07."
    assert i18n.clock_time(time(9, 5)) == "09:05"
    assert i18n.clock_time(time.max) == "24:00"
