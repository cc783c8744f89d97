"""From the octets of one message to all that is known of it. Pure."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Self

from services.receiving.absence import back_on
from services.receiving.bounces import Bounce, read_bounce
from services.receiving.bounds import Unreadable
from services.receiving.kinds import Kind, kind_of
from services.receiving.matching import Keys, keys_of
from services.receiving.message import IncomingMessage, read_message
from services.receiving.quotation import own_words
from shared.config import Settings

NOT_UNDERSTOOD = "not understood"


@dataclass(frozen=True, slots=True)
class OurSide:
    """What is ours: the addresses we send from, in lower case, and the secret of our tokens."""

    addresses: frozenset[str]
    secret: bytes

    @classmethod
    def from_settings(cls, config: Settings) -> Self:
        """Read what is ours from the settings."""
        addresses = (config.email_sender, config.bounce_address, config.reply_to_address)
        return cls(
            frozenset(address.lower() for address in addresses if address),
            config.secret_key.get_secret_value().encode(),
        )


@dataclass(frozen=True, slots=True)
class Understood:
    """What a message is and says.

    Attributes:
        message: the message.
        kind: what it is.
        keys: what it can be matched by.
        words: its author's own words, quotation and signature folded away; all of its text where that would
            leave nothing.
        back_on: of an out-of-office note, the first day on which somebody is there again; None where it does
            not plainly say so.
        bounce: what it reports of a delivery.
    """

    message: IncomingMessage
    kind: Kind
    keys: Keys
    words: str
    back_on: date | None
    bounce: Bounce | None


def understand(raw: bytes, *, us: OurSide, received: datetime) -> Understood:
    """Return what is known of a message that was received at an instant.

    Raises:
        Unreadable: it can't be taken apart within bounds, or what it says can't be made sense of.
    """
    message = read_message(raw)
    try:
        return _understood(message, us, received)
    except Exception as error:
        raise Unreadable(NOT_UNDERSTOOD) from error


def _understood(message: IncomingMessage, us: OurSide, received: datetime) -> Understood:
    bounce = read_bounce(message)
    words = own_words(message.text)
    kind = kind_of(message, words, bounce, our_addresses=us.addresses)
    written = (message.headers.date or received).date()
    away = kind is Kind.OUT_OF_OFFICE
    return Understood(
        message=message,
        kind=kind,
        keys=keys_of(message, bounce, us.secret),
        words=words or message.text,
        back_on=back_on(words, written, subject=message.headers.subject) if away else None,
        bounce=bounce,
    )
