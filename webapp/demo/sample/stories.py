"""A believable day at the desk, laid around the moment it is loaded."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from services.hours.reading import Availability, parse
from services.models import CallReason, OutcomeKind, PhoneCall, Therapist
from services.rules import DeskRules
from services.scheduling.phone_hours import DAY
from services.therapists.record import phone_columns
from shared.config import Settings
from webapp.demo.sample.calendar import Place, SampleCalendar, at_work, working_day_before
from webapp.demo.sample.history import History, made, scheduled, write_history
from webapp.demo.sample.mails import (
    SampleMail,
    answer,
    draft_mail,
    given_up_mail,
    refused_mail,
    sent_mail,
    unclear_mail,
    waiting_mail,
)
from webapp.demo.sample.therapists import fictional_therapists

TODAY = (1, 2, 3, 8, 9, 16, 4, 12, 5, 13, 6, 14, 22, 38)
OVERDUE = (15, 23, 31)
DONE = ((17, "reached"), (18, "reached"), (19, "not reached"), (20, "reached"), (21, "busy"), (25, "reached"))
NO_NUMBER = 24
DO_NOT_CALL = 33
UNANSWERED = (26, 27, 28)
MAILED_TODAY = (10, 29, 32, 36)
GOING_OUT = (7, 34, 11)
"""One answers by itself, one is on holiday, one has a dead address: see `webapp.demo.sample.answers`."""

COMING = (7, 10, 29, 32, 34, 36, 39)
ANSWERED_LATELY = (10, 29, 32, 36, 7, 39, 11, 37, 40, 17, 20, 25, 34)
TOLD_HERE = {*TODAY, *OVERDUE, *(number for number, _ in DONE), NO_NUMBER, DO_NOT_CALL, *UNANSWERED, *COMING}
TELLS_FROM = timedelta(days=24)

HINTS = {
    2: "Spricht schnell: Rückruf am besten gleich nach zehn.",
    9: "Meldet sich als „Praxis am Park“, nach Dr. Haddad fragen.",
    21: "Sekretariat sehr hilfsbereit, stellt durch.",
}


@dataclass(slots=True)
class _Story:
    """A therapist's mail, the calls it led to, and the place of the one still to be made."""

    mail: SampleMail | None
    calls: list[PhoneCall]


class SampleDay:
    """Builds the rows around `now`; nothing here touches the database."""

    def __init__(self, config: Settings, now: datetime) -> None:
        self.now = now
        self.rules = DeskRules.from_settings(config)
        self.in_hand = PhoneCall()
        self._config = config
        self._today = self.rules.today(now)
        local = self.rules.local(now)
        self._therapists = {entry["id"]: entry for entry in fictional_therapists(local)}
        self._around_now = SampleCalendar(_hours(self._therapists.values()), self.rules)
        self._usual = _hours(fictional_therapists())
        self._other_days = SampleCalendar(self._usual, self.rules)

    def therapist_rows(self) -> list[Therapist]:
        """Return the directory's local copy."""
        rows = [
            Therapist(**entry | phone_columns(entry["telefon"]), abgerufen_at=self.now)
            for entry in self._therapists.values()
        ]
        for row in rows:
            row.anruf_hinweis = HINTS.get(row.id)
            if row.id == DO_NOT_CALL:
                row.nicht_anrufen = True
                row.nicht_anrufen_grund = "Möchte nur per E-Mail angefragt werden."
        return rows

    def history(self) -> History:
        """Return the weeks before today of everybody who works and answers the phone."""
        usable = [
            entry
            for entry in self._therapists.values()
            if entry["status"] == "aktiv" and self._usual[entry["id"]].windows and entry["id"] != DO_NOT_CALL
        ]
        return write_history(
            usable,
            dict.fromkeys(TOLD_HERE, self._today - TELLS_FROM),
            self._other_days,
            now=self.now,
            rules=self.rules,
            config=self._config,
        )

    def tell(self, history: History) -> None:
        """Add what is due today, overdue and done, and the mails of the last days."""
        for story in [*self._due_today(), *self._overdue(), *self._done(), self._without_number()]:
            if story.mail is not None:
                history.mails.append(story.mail)
            history.chains.append((story.mail, story.calls))
        history.mails += self._recent_mails()
        for number, therapist_id in enumerate(COMING):
            first = self._today + (1 + number % 4) * DAY
            place = self._other_days.take_from(therapist_id, first, first + 7 * DAY)
            if place is not None:
                call = scheduled(therapist_id, place, self.now - DAY, 1, CallReason.MANUAL)
                history.chains.append((None, [call]))

    def _due_today(self) -> list[_Story]:
        stories: list[_Story] = []
        for number, therapist_id in enumerate(TODAY):
            place = self._around_now.take(therapist_id, self._today) or self._now_place()
            stories.append(self._story(therapist_id, place, earlier=number % 3))
        self.in_hand = stories[1].calls[-1]
        stories[4].calls[-1].grund = CallReason.CALL_BACK
        stories[4].calls[-1].notizen = "Hat auf den Anrufbeantworter gesprochen und bittet um Rückruf."
        return stories

    def _overdue(self) -> list[_Story]:
        return [
            self._story(therapist_id, self._past_place(therapist_id, days_ago), earlier=number)
            for number, (therapist_id, days_ago) in enumerate(zip(OVERDUE, (1, 3, 4), strict=True))
        ]

    def _done(self) -> list[_Story]:
        stories: list[_Story] = []
        for number, (therapist_id, ending) in enumerate(DONE):
            at = self.rules.local(self.now) - timedelta(minutes=12 + 17 * number)
            place = (at.date(), time(at.hour, at.minute // 5 * 5), 1 + number % self.rules.lines)
            story = self._story(therapist_id, place, earlier=number % 2)
            story.calls[-1] = self._ended(story.calls[-1], ending, number)
            stories.append(story)
        return stories

    def _ended(self, call: PhoneCall, ending: str, note: int) -> PhoneCall:
        kind = {
            "reached": OutcomeKind.REACHED,
            "busy": OutcomeKind.BUSY,
            "not reached": OutcomeKind.ANSWERING_MACHINE,
        }[ending]
        place = (call.geplantes_datum, call.geplante_zeit, call.leitung)
        reason = CallReason(call.grund)
        return made(call.therapist_id, place, self.rules, call.versuch, reason, kind, note)

    def _without_number(self) -> _Story:
        mail = sent_mail(self._therapists[NO_NUMBER], self.now - timedelta(days=8), 3, self._config)
        call = scheduled(NO_NUMBER, self._now_place(), self.now - DAY, 1, CallReason.NO_REPLY)
        return _Story(mail, [call])

    def _story(self, therapist_id: int, place: Place, *, earlier: int) -> _Story:
        """Return a mail that was not answered, some calls that reached nobody, and the next one."""
        sent_on = working_day_before(place[0] - (7 + 4 * earlier + therapist_id % 3) * DAY, self.rules)
        sent_at = at_work(sent_on, 40 + 7 * therapist_id, self.rules)
        mail = sent_mail(self._therapists[therapist_id], sent_at, therapist_id, self._config)
        kinds = (OutcomeKind.NOT_REACHED, OutcomeKind.ANSWERING_MACHINE)
        calls = [
            made(
                therapist_id,
                (self._attempt_day(place[0], earlier - attempt + 1), place[1], place[2]),
                self.rules,
                attempt,
                CallReason.NO_REPLY,
                kinds[attempt % 2],
            )
            for attempt in range(1, earlier + 1)
        ]
        calls.append(scheduled(therapist_id, place, self.now - DAY, earlier + 1, CallReason.NO_REPLY))
        return _Story(mail, calls)

    def _attempt_day(self, day: date, attempts_ago: int) -> date:
        for _ in range(attempts_ago):
            day = working_day_before(day - DAY, self.rules)
        return day

    def _recent_mails(self) -> list[SampleMail]:
        people, config, now = self._therapists, self._config, self.now
        mails = [
            sent_mail(people[UNANSWERED[0]], now - timedelta(days=7, hours=3), 1, config),
            sent_mail(people[UNANSWERED[1]], now - timedelta(days=8, hours=1), 2, config),
            sent_mail(people[UNANSWERED[2]], now - timedelta(days=7) + timedelta(minutes=3), 3, config),
            refused_mail(people[11], now - timedelta(hours=2, minutes=10), 4, config),
            given_up_mail(people[40], now - timedelta(days=2), 5, config),
            unclear_mail(people[37], now - timedelta(hours=1, minutes=5), 6, config),
            draft_mail(people[39], now - timedelta(minutes=50), 7, config),
        ]
        for number, therapist_id in enumerate(MAILED_TODAY):
            mail = sent_mail(people[therapist_id], now - timedelta(minutes=25 + 40 * number), number, config)
            mails.append(mail)
        mails += [
            waiting_mail(people[therapist_id], now, number, config)
            for number, therapist_id in enumerate(GOING_OUT)
        ]
        return [*mails, *self._lately_answered()]

    def _lately_answered(self) -> list[SampleMail]:
        mails: list[SampleMail] = []
        for number, therapist_id in enumerate(ANSWERED_LATELY):
            day = working_day_before(self._today - (2 + number % 11) * DAY, self.rules)
            sent_at = at_work(day, 30 + 37 * number, self.rules)
            mail = sent_mail(self._therapists[therapist_id], sent_at, number, self._config)
            answer(mail, sent_at + timedelta(hours=17 + number % 4, minutes=7 * number), number)
            mails.append(mail)
        return mails

    def _past_place(self, therapist_id: int, days_ago: int) -> Place:
        for day in (self._today - number * DAY for number in range(days_ago, days_ago + 7)):
            place = self._other_days.take(therapist_id, day)
            if place is not None:
                return place
        return self._today - DAY, time(9), 1

    def _now_place(self) -> Place:
        """Return a time today even where the phone hours know none."""
        for minute in range(0, 24 * 60, 5):
            at = self.rules.local(self.now).replace(minute=0) + timedelta(minutes=minute)
            place = self._around_now.take_line(self._today, time(at.hour, at.minute))
            if place is not None:
                return place
        raise AssertionError("no line is free all day")


def _hours(therapists: Iterable[dict[str, Any]]) -> dict[int, Availability]:
    """Return everybody's phone hours by id."""
    return {each["id"]: parse(each["telefonische_erreichbarkeit"], each["plz"]) for each in therapists}
