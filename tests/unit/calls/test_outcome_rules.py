"""Which outcome a status means, and when to ring again: pure rules."""

from datetime import UTC, date, datetime, time, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.calls.kept_state import CallState, Undo
from services.calls.next_attempt import BUSY_WAIT, RETRIED, obstacle_to_retry, search_from
from services.calls.outcome_said import STATUS_AFTER, outcome_kind
from services.errors import InvalidInput
from services.models import CallReason, CallStatus, NoRetry, OutcomeKind
from services.rules import DeskRules
from shared.config.settings import load_settings
from tests.factories import make_call, make_therapist
from tests.work import a_moment

RULES = DeskRules.from_settings(load_settings(env_file=None))
WEDNESDAY = date(2026, 10, 14)
THERAPIST = make_therapist()


@pytest.mark.parametrize(
    ("status", "art"),
    [
        (CallStatus.COMPLETED, OutcomeKind.REACHED),
        (CallStatus.FAILED, OutcomeKind.NOT_REACHED),
        (CallStatus.CANCELED, OutcomeKind.CANCELED),
    ],
)
def test_a_status_alone_means_its_usual_outcome(status: CallStatus, art: OutcomeKind):
    assert outcome_kind(status, None) == art


def test_an_outcome_goes_with_its_own_status_only():
    for art in OutcomeKind:
        for status in CallStatus:
            if STATUS_AFTER[art] == status:
                assert outcome_kind(status, art) == art
            else:
                with pytest.raises(InvalidInput):
                    outcome_kind(status, art)
    with pytest.raises(InvalidInput):
        outcome_kind(CallStatus.SCHEDULED, None)


@settings(deadline=None)
@given(
    st.sampled_from(list(OutcomeKind)),
    st.integers(min_value=1, max_value=60),
    st.booleans(),
    st.sampled_from(list(CallReason)),
)
def test_only_unreached_unanswered_calls_with_attempts_left_are_retried(
    art: OutcomeKind, versuch: int, answered: bool, grund: CallReason
):
    obstacle = obstacle_to_retry(make_call(versuch=versuch, grund=grund), art, answered, RULES)
    in_vain = answered and grund != CallReason.CALL_BACK
    assert (obstacle is None) == (art in RETRIED and versuch < RULES.max_attempts and not in_vain)
    if art == OutcomeKind.WRONG_NUMBER or (art in RETRIED and versuch >= RULES.max_attempts and not in_vain):
        assert obstacle is not None
        assert obstacle.needs_person
    if art in (OutcomeKind.REACHED, OutcomeKind.CANCELED):
        assert obstacle is NoRetry.NOT_WANTED


@settings(deadline=None)
@given(st.integers(min_value=0, max_value=24 * 60 - 1), st.sampled_from(sorted(RETRIED)))
def test_the_search_begins_after_the_open_window_or_the_busy_wait(minute: int, art: OutcomeKind):
    now = RULES.instant(WEDNESDAY, time(*divmod(minute, 60))).astimezone(UTC)
    earliest = search_from(a_moment(now=now, rules=RULES), art, THERAPIST) + RULES.notice
    inside = time(10) <= RULES.local(now).time() < time(12)
    if inside and art != OutcomeKind.BUSY:
        assert earliest == max(RULES.instant(WEDNESDAY, time(12)), now + RULES.notice)
    else:
        assert earliest == now + max(BUSY_WAIT, RULES.notice)


def test_what_undo_needs_survives_its_way_through_the_database():
    call = make_call(
        dauer_minuten=5,
        status="scheduled",
        leitung=2,
        ausserhalb_erreichbarkeit=False,
        klaerung_noetig=False,
        bearbeitet_von=1,
        bearbeitet_bis=datetime(2026, 10, 14, 8, 50, 1, 2, tzinfo=UTC),
        geplante_zeit=time(11, 0, 1),
        wiederholen_nach=WEDNESDAY + timedelta(days=1),
    )
    undo = Undo(CallState.of(call), 2, 7, [])
    undo.keep(call, datetime(2026, 10, 14, tzinfo=UTC))
    assert msgspec.convert(msgspec.json.decode(msgspec.json.encode(call.rueckgaengig)), Undo) == undo
