"""What a mail system reports of an e-mail of ours it could not deliver, or not yet. Pure.

A delivery report says it in fields (RFC 3464); others say it in words only, and are believed where they come
from a mail system and not from a person. What happened decides `Action`, not `Status`: a delay has a status
as well, and a failure may have that of a delay.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from services.receiving.headers import Headers, addresses_in
from services.receiving.message import IncomingMessage
from services.receiving.refusals import address_is_dead, enhanced_code
from services.receiving.returned_text import (
    LONGEST_DIAGNOSTIC,
    failed_addresses,
    split_returned,
    words_about,
)
from services.receiving.wording import any_of

_MOST_RECIPIENTS = 20
_DAEMON = re.compile(
    r"mail(?:er)?[-_]?daemon|postmaster|mdaemon|microsoftexchange[0-9a-f]+|(?:double-)?bounces?|mail-?system",
    re.IGNORECASE,
)
_DAEMON_NAME = any_of(
    r"mail(?:er)? delivery|mailer[- ]?daemon|mail (?:system|administrator)|delivery (?:sub)?system",
    r"mail-?zustell|microsoft outlook|postmaster|systemadministrator",
)
_FAILED = any_of(
    r"undeliver(?:able|ed)|deliver(?:y|ed)?\s(?:\S+\s){0,6}?(?:failed|failure|impossible|error)"
    r"|failure notice",
    r"(?:not|n't|unable to|cannot|fail(?:ed|ure) to)\s(?:\S+\s){0,4}?(?:be\s)?deliver|mail failed",
    r"return(?:ed|ing)\s(?:\S+\s){0,3}?(?:to sender|mail|message)|permanent (?:fatal )?error|failed address",
    r"did not reach the following|delivery status notification \(failure\)",
    r"unzustellbar|zustell(?:ungs)?fehler|rückläufer|fehler bei der (?:nachrichten)?zustellung",
    r"nicht\s(?:\S+\s){0,8}?(?:zugestellt|zustellbar|zustellen|ausgeliefert|übermittelt|ausliefern"
    r"|erreichen)",
    r"zustell\S*\s(?:\S+\s){0,8}?(?:fehlgeschlagen|gescheitert|nicht möglich|unmöglich)",
)
_DELAYED = any_of(
    r"delayed|\bdelay\b|(?:still|be) (?:being )?retried|(?:not|n't) yet been delivered"
    r"|not been delivered yet",
    r"(?:attempts|trying|try)\s(?:\S+\s){0,4}?(?:will continue|to deliver|for another)|will continue to try",
    r"keep trying|warning only|do not need to resend",
    r"verzöger|noch nicht zugestellt|(?:weiterhin|weiter|erneut)\s(?:\S+\s){0,4}?versuch",
    r"weitere\s(?:zustell)?versuche|wird wiederholt",
)
_GIVEN_UP = any_of(
    r"permanent|given up|giving up|not going to try again|no further attempts|will not be retried",
    r"returning message|returned to sender|undeliverable|unzustellbar",
    r"endgültig|aufgegeben|keine weiteren (?:zustell)?versuche",
)
_REJECTED = any_of("reject", "abgelehnt", "abgewiesen", "zurückgewiesen")


class Action(StrEnum):
    """What a mail system did with an e-mail (RFC 3464, 2.3.3)."""

    FAILED = "failed"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    RELAYED = "relayed"
    EXPANDED = "expanded"


@dataclass(frozen=True, slots=True)
class BouncedRecipient:
    """What is reported of one recipient.

    Attributes:
        address: the address that was written to as far as the report knows it, in lower case.
        final: the address it ended at, another one where mail is forwarded; in lower case.
        action: what was done.
        status: the enhanced status code, empty where there is none.
        diagnostic: the server's words, at most 500 characters.
        dead: whether nobody is behind the address that was written to.
    """

    address: str
    final: str
    action: Action
    status: str
    diagnostic: str
    dead: bool


@dataclass(frozen=True, slots=True)
class Bounce:
    """What is reported, and the headers of the e-mail it is about where they came with it."""

    recipients: tuple[BouncedRecipient, ...]
    returned: Headers | None
    action: Action
    """The gravest of all recipients."""

    @property
    def dead(self) -> tuple[str, ...]:
        """The addresses nobody is behind."""
        return tuple(each.address for each in self.recipients if each.dead)


def read_bounce(message: IncomingMessage) -> Bounce | None:
    """Return what a message reports of a delivery, or None where it is no such report."""
    notice, in_text = split_returned(message.text)
    around = _Around(notice, message.returned or in_text)
    told = [each for group in message.reports if (each := _told(group, around))]
    if told and message.report_type in ("", "delivery-status"):
        recipients = tuple(told[:_MOST_RECIPIENTS])
        action = next(action for action in Action if any(each.action is action for each in recipients))
        return Bounce(recipients, around.returned, action)
    action = Action.FAILED if _is_rejection(message) else _in_words(message, notice)
    if action is None:
        return None
    ours = frozenset((*message.headers.addresses("to", "delivered-to"), message.headers.sender.address))
    named = addresses_in(message.headers.first("x-failed-recipients"))
    addresses = named or failed_addresses(notice, around.returned, ours) or ("",)
    recipients = tuple(_recipient(each, action, around) for each in addresses[:_MOST_RECIPIENTS])
    return Bounce(recipients, around.returned, action)


class _Around(NamedTuple):
    """What a report says besides its fields: to people, and of the e-mail it returns."""

    notice: str
    returned: Headers | None


def _told(group: Mapping[str, str], around: _Around) -> BouncedRecipient | None:
    """Read the fields about one recipient."""
    original = _address(group.get("original-recipient", ""))
    final = _address(group.get("final-recipient", "")) or original
    status, said = group.get("status", ""), group.get("diagnostic-code", "")
    word = group.get("action", "").split(" ")[0].strip("();").lower()
    if not final and not word:
        return None
    if word in set(Action):
        action = Action(word)
    elif status[:1] in ("4", "5"):
        action = Action.DELAYED if status.startswith("4") else Action.FAILED
    else:
        return None
    said = (said.partition(";")[2] or said).strip()
    return _recipient(final, action, around, original=original, status=status, said=said)


def _recipient(
    final: str, action: Action, around: _Around, *, original: str = "", status: str = "", said: str = ""
) -> BouncedRecipient:
    words = said or words_about(around.notice, final)
    written_to = (original,) if original else around.returned.addresses("to", "cc") if around.returned else ()
    forwarded = bool(written_to) and final not in written_to
    return BouncedRecipient(
        address=original or final,
        final=final,
        action=action,
        status=enhanced_code(status) or enhanced_code(words),
        diagnostic=words[:LONGEST_DIAGNOSTIC],
        dead=action is Action.FAILED and bool(final) and not forwarded and address_is_dead(status, words),
    )


def _address(field: str) -> str:
    """Return the address in a field such as `rfc822; name@host` (RFC 3464, 2.3.1)."""
    return next(iter(addresses_in(field.partition(";")[2] or field)), "")


def _is_rejection(message: IncomingMessage) -> bool:
    """Whether a recipient's filter refused it after delivery and says so as a disposition (RFC 5429)."""
    disposed = any("; deleted" in group.get("disposition", "").lower() for group in message.reports)
    headers = message.headers
    return disposed and bool(_REJECTED.search(f"{headers.first('auto-submitted')} {headers.subject}"))


def _in_words(message: IncomingMessage, notice: str) -> Action | None:
    """Return what a mail system reports in words."""
    headers = message.headers
    local_part = headers.sender.address.partition("@")[0]
    from_system = bool(_DAEMON.fullmatch(local_part) or _DAEMON_NAME.search(headers.sender.name))
    bounced = headers.first("return-path") == "<>" and bool(_FAILED.search(headers.subject))
    report = message.report_type == "delivery-status"
    if not (from_system or bounced or report or headers.first("x-failed-recipients")):
        return None
    words = f"{headers.subject}\n{notice[:4_000]}"
    if _DELAYED.search(words) and not _GIVEN_UP.search(words):
        return Action.DELAYED
    return Action.FAILED if _FAILED.search(words) or headers.first("x-failed-recipients") else None
