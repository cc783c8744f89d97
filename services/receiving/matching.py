"""What a message is matched to an e-mail by. Pure.

Message ids and our signed token are sure; sender, recipient and subject are suggestions.
"""

import re
from dataclasses import dataclass

from services.receiving.bounces import Bounce
from services.receiving.headers import Headers, message_ids
from services.receiving.message import IncomingMessage
from services.tokens import id_from_address

_ARRIVED_AT = ("to", "cc", "delivered-to", "x-original-to", "envelope-to")
_SENT_FROM = ("return-path", "reply-to", "from", "sender")
_REPORTED_SENDER = "x-postfix-sender"
_REPORTED_IDS = ("original-message-id", "x-original-message-id")
_PREFIX = re.compile(
    r"\s*(?:(?:re|r|aw|antw|antwort|wg|fwd?|sv|vs|tr|out\sof\soffice|automatische\santwort"
    r"|automatic\sreply|autoreply|auto"
    r"|abwesenheitsnotiz|abwesend|unzustellbar|nicht\szustellbar|undeliverable|gelesen|read"
    r"|nachricht\snicht\szustellbar)"
    r"\s?(?:\[\d{1,3}\]|\(\d{1,3}\))?\s?:|out\sof\soffice\b(?=\s*(?:re|aw)\b)|\[(?:ext|extern|external"
    r"|spam\??)\]"
    r"|\*{3,5}\s?spam\s?\*{3,5}|\[?ticket\s?[#:]?\s?[\w-]{3,40}\])",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Keys:
    """What a message can be matched by.

    Attributes:
        email_id: the id in our token, where there is a valid one.
        message_ids: ids of the messages it answers or reports, the nearest first, as `<left@right>`.
        sender: who sent it, an address in lower case; empty for a report of a mail system.
        recipients: of a report, the addresses it is about.
        subject: the subject, as `normalized_subject` returns it.
    """

    email_id: int | None
    message_ids: tuple[str, ...]
    sender: str
    recipients: tuple[str, ...]
    subject: str


def keys_of(message: IncomingMessage, bounce: Bounce | None, secret: bytes) -> Keys:
    """Return what a message can be matched by."""
    headers = message.headers
    returned = bounce.returned if bounce else None
    subject = returned.subject if returned and returned.subject else headers.subject
    return Keys(
        email_id=_token(message, returned, secret),
        message_ids=_ids(message, returned),
        sender="" if bounce else headers.sender.address,
        recipients=_recipients(bounce, returned) if bounce else (),
        subject=normalized_subject(subject),
    )


def normalized_subject(subject: str) -> str:
    """Return a subject for comparison: without "AW:", "Re:" and the like, however often they stand there."""
    at = 0
    while match := _PREFIX.match(subject, at):
        at = match.end()
    return " ".join(subject[at:].split()).casefold()


def _ids(message: IncomingMessage, returned: Headers | None) -> tuple[str, ...]:
    own = (returned.message_id,) if returned and returned.message_id else ()
    named = (group[field] for group in message.reports for field in _REPORTED_IDS if field in group)
    reported = [each for value in named for each in message_ids(value)]
    answered = message_ids(message.headers.first("in-reply-to"))
    earlier = message_ids(message.headers.first("references"))[::-1]
    return tuple(dict.fromkeys((*own, *reported, *answered, *earlier)))


def _recipients(bounce: Bounce, returned: Headers | None) -> tuple[str, ...]:
    told = [address for each in bounce.recipients for address in (each.address, each.final) if address]
    written_to = returned.addresses("to", "cc") if returned else ()
    return tuple(dict.fromkeys((*told, *written_to)))


def _token(message: IncomingMessage, returned: Headers | None, secret: bytes) -> int | None:
    fields = [message.headers.addresses(*_ARRIVED_AT)]
    fields += [returned.addresses(*_SENT_FROM)] if returned else []
    reported = [group[_REPORTED_SENDER] for group in message.reports if _REPORTED_SENDER in group]
    addresses = [address for found in (*fields, reported) for address in found]
    found = (id_from_address(address, secret) for address in addresses)
    return next((email_id for email_id in found if email_id is not None), None)
