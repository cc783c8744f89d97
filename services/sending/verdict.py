"""What a delivery attempt means for its e-mail, for the queue and for the recipient's domain. Pure."""

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Self

from services.models import AttemptOutcome, AttemptStage, Ending
from shared.backoff import Backoff
from shared.config import Settings

ENHANCED = re.compile(r"#?([245]\.\d{1,3}\.\d{1,3})(?:\s|$)")
UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]+")
LONGEST_TEXT = 500

SESSION_STAGES = frozenset({AttemptStage.CONNECT, AttemptStage.TLS, AttemptStage.LOGIN})
LOGIN_REFUSED = frozenset({530, 534, 535, 538})
"""RFC 4954: this session may not send at all, whatever the message."""

TOO_BIG = frozenset({552})
TOO_BIG_ENHANCED = re.compile(r"5\.(?:2\.3|3\.4)")
NO_MAILBOX = frozenset({551, 556})
NO_MAILBOX_ENHANCED = re.compile(r"5\.(?:1\.(?![78]$)\d+|2\.[12])")
"""RFC 5321, 7504 and 3463; 5.1.7 and 5.1.8 are about the sender's address."""

OF_THE_SENDER = frozenset({501, 553, 555})
OF_THE_SENDER_ENHANCED = re.compile(r"5\.1\.\d+")
"""Refusals of MAIL that another sender address might not meet."""

REFUSED_ALONE = 3
"""So often an e-mail is refused while others are accepted before the refusal counts as its own."""

SLOW_DOWN = frozenset({421, 450, 454})
SLOW_DOWN_ENHANCED = re.compile(r"4\.(?:7\.\d+|3\.2|4\.5)")
"""RFC 3463: policy (greylisting, rate limits), system not accepting, system congestion."""

ONE_MAILBOX = frozenset({"4.2.1", "4.2.2"})
"""RFC 3463: this mailbox is disabled or full; its domain's others are not."""


ENDING_WORDS = {
    Ending.REPLY: "reply",
    Ending.LOST: "connection lost",
    Ending.TIMEOUT: "no reply in time",
    Ending.GARBLED: "reply not understood",
    Ending.INSECURE: "no secure connection",
    Ending.UNCONFIGURED: "login not possible",
    Ending.UNBUILDABLE: "no message can be made of it",
    Ending.CRASHED: "internal error",
    Ending.ABANDONED: "not begun",
    Ending.WORKER_ENDED: "the worker ended while the message was being handed over",
    Ending.HELD: "it was being sent, and the queue is held: what became of it is not known",
}
"""What `fehlermeldung` says, in the language of mail servers."""


@dataclass(frozen=True, slots=True)
class DeliveryResult:
    """How far one attempt got and what ended it; at `BODY` the final dot may have reached the server."""

    stage: AttemptStage
    ending: Ending
    code: int | None = None
    text: str = ""

    @property
    def enhanced(self) -> str | None:
        """The enhanced status code (RFC 3463) the reply began with."""
        match = ENHANCED.match(self.text)
        return match[1] if match else None

    @property
    def words(self) -> str:
        """What to tell a person: the server's words, else what happened and when."""
        if self.code is not None:
            return f"{self.code} {self.text}".strip()
        return f"{self.stage.value}: {ENDING_WORDS[self.ending]}" + (f" ({self.text})" if self.text else "")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows from a result.

    Attributes:
        outcome: what becomes of the e-mail. `RELEASED`: back to the queue, no attempt counted.
        pause_queue: the trouble is the mail server's or ours, so no other e-mail would fare better now.
        suspect: the connection failed with the e-mail under way; if another one fares the same, the trouble
            is the mail server's.
        refused: refused for good, and not because of its mailbox or size. That may meet every e-mail (no
            login, relaying or sender denied, a quota) or this one alone (its words); `weigh` tells which.
        refusals: how often it was refused like this before; they use up no attempts.
        slow_domain: the recipient's domain asked for patience.
    """

    outcome: AttemptOutcome
    pause_queue: bool = False
    suspect: bool = False
    refused: bool = False
    refusals: int = 0
    slow_domain: bool = False


@dataclass(frozen=True, slots=True)
class RefusalHistory:
    """What was known when an e-mail was refused for good, and not because of its mailbox.

    Attributes:
        meets_all: another recipient was refused as well, and nothing has been accepted since.
        earlier: how often this e-mail was refused like this before, since it was queued.
        alone: after how many of those other e-mails were accepted before it was refused again.
    """

    meets_all: bool = False
    earlier: int = 0
    alone: int = 0


def weigh(verdict: Verdict, history: RefusalHistory) -> Verdict:
    """Return what follows from a refusal: no e-mail fails for what the server refuses everybody."""
    if history.meets_all:
        return replace(verdict, outcome=AttemptOutcome.RELEASED, pause_queue=True)
    if history.alone + 1 >= REFUSED_ALONE:
        return Verdict(AttemptOutcome.FAILED)
    return replace(verdict, refusals=history.earlier)


def judge(result: DeliveryResult) -> Verdict:
    """Return what follows from a result."""
    if result.stage is AttemptStage.ACCEPTED:
        return Verdict(AttemptOutcome.SENT)
    if result.ending is Ending.ABANDONED:
        return Verdict(AttemptOutcome.RELEASED)
    if result.ending is Ending.UNBUILDABLE:
        return Verdict(AttemptOutcome.FAILED)
    if result.stage in SESSION_STAGES:
        return Verdict(AttemptOutcome.RELEASED, pause_queue=True)
    if result.ending is Ending.CRASHED and result.stage is not AttemptStage.BODY:
        return Verdict(AttemptOutcome.RETRY)
    if result.ending is Ending.REPLY and result.code is not None and 400 <= result.code <= 599:
        return _judge_refusal(result, result.code)
    if result.stage is AttemptStage.BODY:
        return Verdict(AttemptOutcome.UNCLEAR, suspect=result.ending is not Ending.CRASHED)
    # The recipient has no part in MAIL, so trouble there is the server's; the e-mail still waits its turn,
    # lest one that upsets the server is tried for ever before all others.
    at_mail = result.stage is AttemptStage.MAIL
    return Verdict(AttemptOutcome.RETRY, pause_queue=at_mail, suspect=not at_mail)


def _judge_refusal(result: DeliveryResult, code: int) -> Verdict:
    enhanced = result.enhanced or ""
    if code >= 500 and _says(code, enhanced, TOO_BIG, TOO_BIG_ENHANCED):
        return Verdict(AttemptOutcome.FAILED)
    if result.stage is AttemptStage.MAIL:
        return _judge_refusal_of_mail(code, enhanced)
    if code >= 500 and _says(code, enhanced, NO_MAILBOX, NO_MAILBOX_ENHANCED):
        return Verdict(AttemptOutcome.FAILED)
    if code >= 500:
        return Verdict(AttemptOutcome.RETRY, refused=True)
    asked = code in SLOW_DOWN or bool(SLOW_DOWN_ENHANCED.fullmatch(enhanced))
    return Verdict(AttemptOutcome.RETRY, slow_domain=asked and enhanced not in ONE_MAILBOX)


def _says(code: int, enhanced: str, codes: frozenset[int], pattern: re.Pattern[str]) -> bool:
    """Whether a reply says so; the enhanced code, where there is one, is the more exact."""
    return bool(pattern.fullmatch(enhanced)) if enhanced else code in codes


def _judge_refusal_of_mail(code: int, enhanced: str) -> Verdict:
    """Judge a refusal no recipient has a part in: unless the sender address has, all would fare alike."""
    if code in LOGIN_REFUSED:
        return Verdict(AttemptOutcome.RELEASED, pause_queue=True)
    if code < 500:
        return Verdict(AttemptOutcome.RETRY, pause_queue=code == 421)
    of_the_sender = code in OF_THE_SENDER or bool(OF_THE_SENDER_ENHANCED.fullmatch(enhanced))
    return Verdict(AttemptOutcome.RETRY, refused=True, pause_queue=not of_the_sender)


def readable(text: str) -> str:
    """Return a server's words as the database can hold them: without control characters, at most 500 long."""
    decoded = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return UNPRINTABLE.sub(" ", decoded).strip()[:LONGEST_TEXT]


@dataclass(frozen=True, slots=True)
class RetryPlan:
    """Whether a refused e-mail is tried again, and when."""

    backoff: Backoff
    max_age: timedelta

    def next_attempt(
        self, *, retries: int, queued_at: datetime, now: datetime, jitter: float
    ) -> datetime | None:
        """Return when to try again after `retries` earlier retries, or None to give up.

        The last attempt is made when the e-mail reaches its maximum age; what an outage kept waiting beyond
        that is tried once more all the same.
        """
        end = queued_at + self.max_age
        wanted = now + self.backoff.wait(retries + 1, jitter)
        if now < end:
            return min(wanted, end)
        return wanted if retries == 0 else None


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait after which trouble."""

    retry: RetryPlan
    pause: Backoff
    domain: Backoff

    @classmethod
    def from_settings(cls, config: Settings) -> Self:
        """Read the waits from the settings."""
        retry = Backoff.of_seconds(config.email_retry_base_seconds, config.email_retry_cap_seconds)
        pause = Backoff.of_seconds(config.queue_pause_base_seconds, config.queue_pause_cap_seconds)
        return cls(RetryPlan(retry, timedelta(hours=config.email_max_age_hours)), pause, retry)
