"""What practices answer in the demo is understood as what it is."""

from datetime import UTC, date, datetime
from email.message import EmailMessage

import pytest

from services.receiving.kinds import Kind
from services.receiving.understanding import OurSide, Understood, understand
from webapp.demo.sample.answers import DEAD, ON_HOLIDAY, answer_of
from webapp.demo.sample.therapists import fictional_therapists

US = "kontakt@therapieplatz.example"
NOW = datetime(2026, 10, 14, 8, 42, tzinfo=UTC)
OUR_ID = "<9a41c0ffee5b4c7d8e2f10d2c3b4a596@therapieplatz.example>"
ANSWERS = "kontakt@praxis-kowalczyk.example"


def our_mail() -> bytes:
    mail = EmailMessage()
    mail["From"], mail["Subject"], mail["Message-ID"] = US, "Freie Plätze?", OUR_ID
    mail.set_content("Guten Tag,\n\nhaben Sie einen Platz frei?\n")
    return mail.as_bytes()


def understood(recipient: str) -> Understood:
    answer = answer_of(recipient, US, our_mail(), NOW)
    assert answer is not None
    return understand(answer.message, us=OurSide(frozenset({US}), b"secret"), received=NOW)


@pytest.mark.parametrize(
    ("recipient", "kind"),
    [(ANSWERS, Kind.REPLY), (ON_HOLIDAY, Kind.OUT_OF_OFFICE), (DEAD, Kind.HARD_BOUNCE)],
)
def test_an_answer_is_what_it_is_meant_to_be(recipient: str, kind: Kind) -> None:
    assert understood(recipient).kind is kind


def test_a_reply_quotes_the_mail_beneath_its_own_words() -> None:
    reply = understood(ANSWERS)
    assert "Platz frei?" in reply.message.text
    assert "Platz frei?" not in reply.words


def test_who_is_on_holiday_says_until_when() -> None:
    assert understood(ON_HOLIDAY).back_on == date(2026, 10, 24)


def test_a_dead_address_is_named() -> None:
    bounce = understood(DEAD).bounce
    assert bounce is not None
    assert list(bounce.dead) == [DEAD]


def test_some_answer_and_most_do_not() -> None:
    addresses = [therapist["email"] for therapist in fictional_therapists()]
    answered = [address for address in addresses if answer_of(address, US, our_mail(), NOW)]
    assert {ON_HOLIDAY, DEAD} < set(answered)
    assert len(answered) < len(addresses) / 2
