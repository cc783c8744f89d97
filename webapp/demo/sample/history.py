"""Ten weeks of a desk's past: mails, answers, and the calls that followed where none came."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Any

from services.models import CallReason, CallStatus, OutcomeKind, PhoneCall
from services.rules import DeskRules
from services.scheduling.phone_hours import DAY, is_holiday
from services.work import Moment
from shared.config import Settings
from webapp.demo.sample.calendar import Place, SampleCalendar, at_work, days
from webapp.demo.sample.mails import SampleMail, answer, out_of_office, sent_mail

WEEKS = 10
MANUAL_CALLS_A_DAY = 12
ANSWERED, AWAY = 0.58, 0.64
REACHED = {8: 0.35, 9: 0.5, 10: 0.72, 11: 0.6, 12: 0.35, 13: 0.3, 14: 0.45, 15: 0.55, 16: 0.4}
"""Share of calls that reach somebody, by hour of the day."""

REACHED_NOTES = (
    "Hat ab übernächstem Monat einen Platz, schickt Termine per E-Mail.",
    "Nimmt zwei Anfragen für Erstgespräche, bitte Unterlagen senden.",
    "Warteliste ist voll, im neuen Quartal wieder fragen.",
    "Freundliches Gespräch, meldet sich bis Freitag.",
    "Nur noch Gruppentherapie, Interesse grundsätzlich ja.",
)


@dataclass(slots=True)
class History:
    """What has happened: mails, and per mail (or none) the calls it led to, oldest first."""

    mails: list[SampleMail] = field(default_factory=list[SampleMail])
    chains: list[tuple[SampleMail | None, list[PhoneCall]]] = field(
        default_factory=list[tuple[SampleMail | None, list[PhoneCall]]]
    )


def write_history(
    therapists: Sequence[Mapping[str, Any]],
    quiet_from: Mapping[int, date],
    calendar: SampleCalendar,
    *,
    now: datetime,
    rules: DeskRules,
    config: Settings,
) -> History:
    """Return the weeks before today, the same for the same moment.

    Args:
        therapists: who was written to and rung.
        quiet_from: therapists whose last weeks are told elsewhere, with the day theirs begin.
        calendar: gives the calls their times.
        now: the current instant; nothing in the history is later.
        rules: the desk's rules.
        config: names the sender.
    """
    past = _Past(Random(8004), calendar, Moment(now=now, rules=rules))  # noqa: S311
    today = rules.today(now)
    first = today - timedelta(weeks=WEEKS)
    for therapist in therapists:
        day = first + past.random.randrange(14) * DAY
        last = min(quiet_from.get(therapist["id"], today), today)
        while (day := _working_day(day, rules)) < last:
            at = at_work(day, past.random.randrange(15, 480), rules)
            past.follow(sent_mail(therapist, at, past.random.randrange(1000), config), last)
            day += past.random.randrange(10, 18) * DAY
    for day in days(first, today - DAY):
        for therapist in past.random.sample(list(therapists), MANUAL_CALLS_A_DAY):
            if day < quiet_from.get(therapist["id"], today):
                place = calendar.take(therapist["id"], day, time(8 + past.random.randrange(8)))
                if place is not None:
                    past.history.chains.append((None, [past.rung(therapist["id"], place, 1)]))
    return past.history


def _working_day(day: date, rules: DeskRules) -> date:
    while day.weekday() >= 5 or is_holiday(day, rules.holiday_state):
        day += DAY
    return day


@dataclass(frozen=True, slots=True)
class _Past:
    """Chance, the calendar and the moment from which one looks back, and what has become of it so far."""

    random: Random
    calendar: SampleCalendar
    moment: Moment
    history: History = field(default_factory=History)

    def follow(self, mail: SampleMail, last: date) -> None:
        """Let the therapist answer or not; no answer leads to calls, a running chain to one still to come."""
        self.history.mails.append(mail)
        now, rules = self.moment.now, self.moment.rules
        sent_at = mail.email.sent_at
        assert sent_at is not None
        fate = self.random.random()
        answered_on = rules.today(sent_at) + self.random.randrange(1, 6) * DAY
        answered_at = at_work(answered_on, self.random.randrange(0, 660), rules)
        if fate < ANSWERED and answered_at < now:
            answer(mail, answered_at, self.random.randrange(100))
            return
        if ANSWERED < fate < AWAY and now - sent_at < rules.follow_up_after:
            out_of_office(mail, sent_at + timedelta(minutes=2), now + timedelta(days=4))
            return
        due = rules.today(sent_at + rules.follow_up_after)
        if due >= self.moment.today:
            return
        calls = list(self._attempts(mail.email.therapist_id, due, last))
        if calls:
            self.history.chains.append((mail, calls))
        else:
            answer(mail, min(answered_at, now - DAY), self.random.randrange(100))

    def _attempts(self, therapist_id: int, due: date, last: date) -> Iterator[PhoneCall]:
        today = self.moment.today
        for attempt in range(1, self.moment.rules.max_attempts):
            if due >= last and last < today:
                return
            first = due if due < today else max(due, today + DAY)
            place = self.calendar.take_from(therapist_id, first, first + 7 * DAY)
            if place is None:
                return
            if place[0] >= today:
                yield scheduled(therapist_id, place, self.moment.now - DAY, attempt, CallReason.NO_REPLY)
                return
            call = self.rung(therapist_id, place, attempt, CallReason.NO_REPLY)
            yield call
            if call.status == CallStatus.COMPLETED:
                return
            due = place[0] + self.random.randrange(2, 4) * DAY

    def rung(
        self, therapist_id: int, place: Place, attempt: int, reason: CallReason = CallReason.MANUAL
    ) -> PhoneCall:
        """Return a call that took place, and reached somebody or not as the hour has it."""
        rules, note = self.moment.rules, 0
        if self.random.random() < REACHED.get(place[1].hour, 0.3):
            kind, note = OutcomeKind.REACHED, self.random.randrange(100)
        else:
            kind = self.random.choice(
                (OutcomeKind.NOT_REACHED, OutcomeKind.ANSWERING_MACHINE, OutcomeKind.BUSY)
            )
        return made(therapist_id, place, rules, attempt, reason, kind, note)


def made(
    therapist_id: int,
    place: Place,
    rules: DeskRules,
    attempt: int,
    reason: CallReason,
    kind: OutcomeKind,
    note: int = 0,
) -> PhoneCall:
    """Return a call that took place, reached or not."""
    day, at, line = place
    ended_at = rules.instant(day, at) + timedelta(minutes=rules.duration_minutes)
    reached = kind is OutcomeKind.REACHED
    return PhoneCall(
        therapist_id=therapist_id,
        geplantes_datum=day,
        geplante_zeit=at,
        dauer_minuten=rules.duration_minutes,
        leitung=line,
        tatsaechliches_datum=day,
        tatsaechliche_zeit=at,
        status=CallStatus.COMPLETED if reached else CallStatus.FAILED,
        ergebnis_art=kind.value,
        ergebnis=REACHED_NOTES[note % len(REACHED_NOTES)] if reached else None,
        grund=reason.value,
        versuch=attempt,
        created_at=ended_at - DAY,
        updated_at=ended_at,
        abgeschlossen_at=ended_at,
    )


def scheduled(
    therapist_id: int, place: Place, created_at: datetime, attempt: int, reason: CallReason
) -> PhoneCall:
    """Return a call still to be made."""
    day, at, line = place
    return PhoneCall(
        therapist_id=therapist_id,
        geplantes_datum=day,
        geplante_zeit=at,
        dauer_minuten=5,
        leitung=line,
        grund=reason.value,
        versuch=attempt,
        created_at=created_at,
        updated_at=created_at,
    )
