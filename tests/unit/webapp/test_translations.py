from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from services.calls.countdown import Countdown
from services.emails.templates.engine import all_templates
from services.models import CancelReason, Ending, FollowUpObstacle
from webapp import i18n
from webapp.screens.template_words import description_of, label_of, title_of
from webapp.templating import create_template_engine
from webapp.translations import check


def test_both_catalogs_are_complete():
    assert check() == []


@pytest.mark.parametrize(
    ("partial", "macro", "codes"),
    [
        ("contact_words", "attempt_words", set(Ending) - {Ending.REPLY}),
        ("contact_words", "follow_up_obstacle", set(FollowUpObstacle)),
        ("call_labels", "cancel_reason", set(CancelReason)),
    ],
)
def test_every_reason_has_words_in_both_languages(partial: str, macro: str, codes: set[str]):
    module = create_template_engine("").engine.get_template(f"partials/{partial}.html").module
    said: dict[str, list[str]] = {}
    for language in i18n.LANGUAGES:
        i18n.language.set(language)
        said[language] = [getattr(module, macro)(str(code)) for code in sorted(codes)]
        assert len(set(said[language])) == len(codes)
        assert all(said[language])
    assert not set(said["de"]) & set(said["en"])


def test_what_a_process_has_once_said_in_one_language_it_says_in_the_other():
    countdown = create_template_engine("").engine.get_template("partials/countdown.html").module.countdown
    now = datetime(2026, 10, 14, 8, 42, tzinfo=UTC)
    left = [Countdown(now + timedelta(minutes=18), now, ends=ends) for ends in (True, False)]
    for language, words in (("de", ("noch 18 min", "in 18 min")), ("en", ("18 min left", "in 18 min"))):
        i18n.language.set(language)
        assert [countdown(one).striptags() for one in left] == list(words)


@pytest.mark.parametrize("language", ["de", "en"])
def test_what_a_reply_ended_and_who_was_asked_to_cancel_need_no_words(language: str):
    i18n.language.set(language)
    templates = create_template_engine("").engine
    assert templates.get_template("partials/contact_words.html").module.attempt_words("reply") == ""
    assert templates.get_template("partials/call_labels.html").module.cancel_reason(None) == ""


@pytest.mark.parametrize(("language", "title"), [("de", "Nachfrage"), ("en", "Reminder")])
def test_every_mail_template_and_what_it_asks_for_has_words(language: str, title: str):
    i18n.language.set(language)
    for template in all_templates().values():
        assert title_of(template)
        assert description_of(template)
        assert all(label_of(variable) for variable in template.variables)
    assert title_of(all_templates()["follow_up"]) == title


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
        (None, "en;q=0.3, de;q=0.9", "de"),
        (None, "fr, en;q=0.8, de;q=0.5", "en"),
        (None, "de-AT;q=0.2, de;q=0.9, en;q=0.5", "de"),
        (None, "en-GB ; q=1.0 , de-CH;q=0.999", "en"),
        (None, "de;q=0, *", "en"),
        (None, "de;q=0, en;q=0.000", "de"),
        (None, "fr;q=0.9, *;q=0.1", "de"),
        (None, "en;q=0.5, *;q=0.8", "de"),
        (None, "en;q=high, de;q=0.1", "de"),
        (None, "english, deutsch", "de"),
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


@pytest.mark.parametrize(
    ("language", "passed", "words"),
    [
        ("de", timedelta(minutes=5), "vor 5 Minuten"),
        ("de", timedelta(hours=23), "vor 23 Stunden"),
        ("de", timedelta(days=1), "vor 1 Tag"),
        ("de", timedelta(days=6, hours=23), "vor 6 Tagen"),
        ("de", timedelta(days=7), "vor 7 Tagen"),
        ("en", timedelta(days=30, hours=5), "30 days ago"),
        ("en", timedelta(days=40), "1 month ago"),
        ("en", -timedelta(days=8), "in 8 days"),
    ],
)
def test_up_to_a_month_days_are_counted(language: str, passed: timedelta, words: str):
    i18n.language.set(language)
    now = datetime(2026, 10, 14, 8, 42, tzinfo=UTC)
    assert i18n.ago(now - passed, now) == words


def test_instants_are_shown_in_the_practices_time_zone():
    i18n.language.set("de")
    i18n.timezone.set(ZoneInfo("Europe/Berlin"))
    assert i18n.clock_time(datetime(2026, 7, 1, 22, 30, tzinfo=UTC)) == "00:30"
    assert i18n.day(datetime(2026, 7, 1, 22, 30, tzinfo=UTC), "short") == "02.07."
    assert i18n.clock_time(time(9, 5)) == "09:05"
    assert i18n.clock_time(time.max) == "24:00"
