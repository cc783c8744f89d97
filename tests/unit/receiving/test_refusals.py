import pytest

from services.receiving.refusals import address_is_dead

DEAD = [
    ("5.1.1", "550 5.1.1 <a@x.example>: Recipient address rejected: User unknown in relay recipient table"),
    ("", "550 User not listed in Domino Directory"),
    ("5.1.1", "550 5.1.1 <a@x.example>: Recipient address rejected: User unknown in virtual mailbox table"),
    (
        "5.1.1",
        "550-5.1.1 The email account that you tried to reach does not exist. Please try double-checking",
    ),
    ("5.1.10", "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup"),
    ("5.1.2", "Host or domain name not found. Name service error for name=x.example type=A: Host not found"),
    ("5.4.4", "Host or domain name not found. Name service error for name=x.example type=A: Host not found"),
    ("5.1.6", "551 5.1.6 The user has moved"),
    ("5.1.10", "556 5.1.10 Domain x.example does not accept mail (nullMX)"),
    ("5.0.0", "Unrouteable address"),
    ("", "550 Requested action not taken: mailbox unavailable"),
    ("5.0.0", "550 unknown user"),
    ("", "550 Benutzer existiert nicht"),
    ("", "Das Postfach des Empfängers existiert nicht."),
    ("5.2.1", "550 5.2.1 The email account that you tried to reach is disabled."),
    ("5.4.1", "550 5.4.1 Recipient address rejected: Access denied. AS(201806281)"),
    ("5.5.0", "550 5.5.0 Requested action not taken: mailbox unavailable"),
    ("5.1.1", "550 5.1.1 <anna@spam-blocked.example> User unknown"),
    ("5.1.0", "550 5.1.0 Address rejected: no such user"),
    ("5.1.1", ""),
]
ALIVE = [
    ("5.0.0", "550 relaying denied: unknown user"),
    (
        "5.7.1",
        "554 5.7.1 Recipient address rejected: Message rejected due to local policy: listed in dnsbl.example",
    ),
    ("5.7.1", "550 5.7.1 User unknown"),
    ("5.2.2", "552 5.2.2 Mailbox full"),
    ("5.2.2", "550 5.2.2 The email account that you tried to reach is over quota"),
    ("4.4.1", "connect to x.example: Connection timed out"),
    ("4.1.1", "450 4.1.1 Recipient address rejected: unverified address"),
    ("5.0.0", "450 mailbox unavailable"),
    ("5.0.0", "550 Message rejected as spam"),
    ("5.1.1", "550 5.1.1 rejected: sending host is on our blacklist"),
    ("5.1.8", "553 5.1.8 Domain of sender address does not exist"),
    ("5.1.0", "550 5.1.0 <a@x.example> sender rejected"),
    ("5.1.7", "550 5.1.7 Invalid sender address"),
    ("5.3.4", "552 5.3.4 Message too large"),
    ("5.4.6", "554 5.4.6 Too many hops"),
    ("5.4.7", "delivery time expired"),
    ("5.1.1", "550 5.7.1 Message blocked"),
    ("5.0.0", ""),
    ("", "Das Postfach ist voll."),
    ("", ""),
]


@pytest.mark.parametrize(("status", "words"), DEAD)
def test_nobody_is_behind_the_address(status: str, words: str) -> None:
    assert address_is_dead(status, words)


@pytest.mark.parametrize(("status", "words"), ALIVE)
def test_the_refusal_says_something_else(status: str, words: str) -> None:
    assert not address_is_dead(status, words)
