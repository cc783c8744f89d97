from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.models import AttemptOutcome, AttemptStage
from services.sending.verdict import (
    SESSION_STAGES,
    Backoff,
    DeliveryResult,
    Ending,
    RefusalHistory,
    RetryPlan,
    Verdict,
    judge,
    readable,
    weigh,
)

NOW = datetime(2026, 10, 14, 8, 42, tzinfo=UTC)
PLAN = RetryPlan(Backoff(timedelta(minutes=1), timedelta(hours=4)), max_age=timedelta(hours=48))

TRIED = [stage for stage in AttemptStage if stage is not AttemptStage.ACCEPTED]
ENVELOPE = [AttemptStage.MAIL, AttemptStage.RCPT, AttemptStage.DATA]
results = st.builds(
    DeliveryResult,
    st.sampled_from(TRIED),
    st.sampled_from(Ending),
    st.none() | st.integers(200, 599),
    st.text(max_size=50),
)
jitters = st.floats(0, 1, exclude_max=True)


@given(results)
def test_only_a_lost_answer_to_the_final_dot_is_unclear(result: DeliveryResult) -> None:
    if judge(result).outcome is AttemptOutcome.UNCLEAR:
        assert result.stage is AttemptStage.BODY
        assert result.ending is not Ending.ABANDONED


@given(results.filter(lambda result: result.stage is AttemptStage.BODY))
def test_after_the_final_dot_nothing_is_sent_again_without_a_refusal(result: DeliveryResult) -> None:
    refused = result.ending is Ending.REPLY and result.code is not None and result.code >= 400
    if judge(result).outcome in (AttemptOutcome.RETRY, AttemptOutcome.RELEASED):
        assert refused or result.ending is Ending.ABANDONED


@given(results.filter(lambda result: result.stage in SESSION_STAGES))
def test_trouble_before_the_envelope_costs_no_email_an_attempt(result: DeliveryResult) -> None:
    assert judge(result).outcome in (AttemptOutcome.RELEASED, AttemptOutcome.FAILED)
    assert (judge(result).outcome is AttemptOutcome.FAILED) == (result.ending is Ending.UNBUILDABLE)


@given(results, st.builds(RefusalHistory, st.booleans(), st.integers(0, 50), st.integers(0, 50)))
def test_a_refusal_that_meets_all_fails_no_email_and_one_that_meets_none_is_not_kept_for_ever(
    result: DeliveryResult, history: RefusalHistory
) -> None:
    verdict = judge(result)
    if verdict.refused:
        weighed = weigh(verdict, history)
        assert (weighed.outcome is AttemptOutcome.FAILED) == (not history.meets_all and history.alone >= 2)
        assert (weighed.outcome is AttemptOutcome.RELEASED) == history.meets_all
        assert weighed.pause_queue or not history.meets_all


@given(results)
def test_an_email_that_never_begins_again_at_once_always_pauses_the_queue(result: DeliveryResult) -> None:
    verdict = judge(result)
    if verdict.outcome is AttemptOutcome.RELEASED:
        assert verdict.pause_queue or result.ending is Ending.ABANDONED


@pytest.mark.parametrize("stage", [AttemptStage.RCPT, AttemptStage.DATA, AttemptStage.BODY])
@pytest.mark.parametrize("code", [500, 501, 521, 550, 552, 553, 554, 556])
def test_a_permanent_refusal_fails_with_the_servers_words(stage: AttemptStage, code: int) -> None:
    result = DeliveryResult(stage, Ending.REPLY, code, "5.1.1 no such mailbox")
    assert judge(result) == Verdict(AttemptOutcome.FAILED)
    assert result.words == f"{code} 5.1.1 no such mailbox"


@pytest.mark.parametrize("stage", [AttemptStage.RCPT, AttemptStage.DATA, AttemptStage.BODY])
@pytest.mark.parametrize(
    ("code", "text", "slow"),
    [
        (421, "too fast", True),
        (450, "4.2.0 greylisted", True),
        (454, "4.7.0 not now", True),
        (451, "4.7.1 try again later", True),
        (451, "4.3.2 not accepting", True),
        (452, "4.2.2 mailbox full", False),
        (450, "4.2.2 mailbox full", False),
        (451, "4.3.0 local error", False),
    ],
)
def test_a_temporary_refusal_is_tried_again_and_may_slow_the_domain(
    stage: AttemptStage, code: int, text: str, slow: bool
) -> None:
    verdict = judge(DeliveryResult(stage, Ending.REPLY, code, text))
    assert verdict == Verdict(AttemptOutcome.RETRY, slow_domain=slow)


@pytest.mark.parametrize("code", [530, 534, 535, 538])
def test_a_server_that_wants_a_login_pauses_the_queue(code: int) -> None:
    refused = DeliveryResult(AttemptStage.MAIL, Ending.REPLY, code, "5.7.0 authentication required")
    assert judge(refused) == Verdict(AttemptOutcome.RELEASED, pause_queue=True)


@pytest.mark.parametrize("stage", [AttemptStage.RCPT, AttemptStage.DATA, AttemptStage.BODY])
@pytest.mark.parametrize(
    ("code", "text", "its_own"),
    [
        (550, "5.1.1 no such mailbox", True),
        (550, "#5.1.0 address rejected", True),
        (550, "5.1.10 null MX", True),
        (553, "5.1.3 not an address", True),
        (550, "5.2.1 mailbox disabled", True),
        (552, "5.2.2 mailbox full", True),
        (552, "5.3.4 message too big", True),
        (552, "message too big", True),
        (556, "domain takes no mail", True),
        (504, "5.5.2 <desk>: Helo command rejected: need fully-qualified hostname", False),
        (550, "5.1.8 <x@y.example>: Sender address rejected: Domain not found", False),
        (553, "5.7.1 Sender address rejected: not owned by user", False),
        (554, "5.7.1 <praxis@example.org>: Relay access denied", False),
        (554, "5.7.1 <unknown[192.0.2.1]>: Client host rejected: Access denied", False),
        (550, "5.4.5 Daily sending quota exceeded", False),
        (554, "5.2.252 SendAsDenied", False),
        (550, "5.7.60 Client does not have permissions to send as this sender", False),
        (552, "5.7.0 blocked", False),
        (503, "5.5.1 bad sequence", False),
        (550, "relay not permitted", False),
        (554, "5.7.1 looks like spam", False),
        (530, "5.7.0 authentication required", False),
        (535, "5.7.8 authentication required", False),
        (538, "5.7.11 encryption required", False),
        (534, "5.7.9 too weak", False),
    ],
)
def test_a_refusal_is_the_emails_own_only_where_it_is_about_its_mailbox_or_size(
    stage: AttemptStage, code: int, text: str, its_own: bool
) -> None:
    verdict = judge(DeliveryResult(stage, Ending.REPLY, code, text))
    failed, doubtful = Verdict(AttemptOutcome.FAILED), Verdict(AttemptOutcome.RETRY, refused=True)
    assert verdict == (failed if its_own else doubtful)


@pytest.mark.parametrize(
    ("code", "text", "pause"),
    [
        (550, "5.4.5 Daily sending quota exceeded", True),
        (550, "5.7.1 Client host blocked", True),
        (554, "Transaction failed", True),
        (553, "sender address rejected", False),
        (550, "5.1.8 Bad sender's domain", False),
    ],
)
def test_a_refused_envelope_fails_nothing_and_pauses_the_queue_unless_it_is_about_the_sender(
    code: int, text: str, pause: bool
) -> None:
    verdict = judge(DeliveryResult(AttemptStage.MAIL, Ending.REPLY, code, text))
    assert verdict == Verdict(AttemptOutcome.RETRY, refused=True, pause_queue=pause)


@pytest.mark.parametrize("text", ["5.3.4 Message too big", "5.2.3 Message too long"])
@pytest.mark.parametrize("code", [550, 552])
def test_an_envelope_refused_for_the_size_is_the_emails_own_failure(code: int, text: str) -> None:
    verdict = judge(DeliveryResult(AttemptStage.MAIL, Ending.REPLY, code, text))
    assert verdict == Verdict(AttemptOutcome.FAILED)


@pytest.mark.parametrize("ending", [Ending.LOST, Ending.TIMEOUT, Ending.GARBLED])
@pytest.mark.parametrize("stage", [AttemptStage.RCPT, AttemptStage.DATA, AttemptStage.BODY])
def test_a_connection_that_fails_with_an_email_under_way_is_suspect(
    stage: AttemptStage, ending: Ending
) -> None:
    verdict = judge(DeliveryResult(stage, ending))
    assert (verdict.suspect, verdict.pause_queue) == (True, False)


def test_accepted_is_sent() -> None:
    result = DeliveryResult(AttemptStage.ACCEPTED, Ending.REPLY, 250, "2.0.0 queued as 4711")
    assert judge(result) == Verdict(AttemptOutcome.SENT)
    assert result.enhanced == "2.0.0"


@given(retries=st.integers(0, 10_000), age=st.timedeltas(timedelta(0), timedelta(hours=72)), jitter=jitters)
def test_a_retry_comes_later_but_never_after_the_maximum_age(
    retries: int, age: timedelta, jitter: float
) -> None:
    queued_at = NOW - age
    again = PLAN.next_attempt(retries=retries, queued_at=queued_at, now=NOW, jitter=jitter)
    if age >= PLAN.max_age and retries:
        assert again is None
    else:
        assert again is not None
        assert NOW < again <= max(queued_at + PLAN.max_age, NOW + PLAN.backoff.base)
        assert again - NOW <= PLAN.backoff.cap


@given(jitter=jitters)
def test_an_email_is_given_up_after_finitely_many_attempts(jitter: float) -> None:
    now, retries = NOW, 0
    while (again := PLAN.next_attempt(retries=retries, queued_at=NOW, now=now, jitter=jitter)) is not None:
        now, retries = again, retries + 1
    assert now == NOW + PLAN.max_age
    assert retries < 40


@given(failures=st.integers(1, 60), jitter=jitters)
def test_waits_grow_up_to_the_cap(failures: int, jitter: float) -> None:
    backoff = PLAN.backoff
    assert backoff.wait(failures, jitter) <= backoff.wait(failures + 1, jitter) <= backoff.cap
    assert backoff.wait(failures, 0) / 2 <= backoff.wait(failures, jitter) <= backoff.wait(failures, 0)


@given(st.binary(max_size=600))
def test_the_servers_words_can_always_be_stored(reply: bytes) -> None:
    text = readable(reply.decode("utf-8", "surrogateescape"))
    assert "\x00" not in text
    assert len(text.encode("utf-8")) >= len(text)
    assert len(text) <= 500
