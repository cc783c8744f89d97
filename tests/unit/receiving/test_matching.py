import pytest

from services.receiving.matching import normalized_subject
from services.tokens import address_with_token, make_token
from tests.incoming_mail import OUR_ADDRESS, OUR_ID, US, mail, understood


@pytest.mark.parametrize(
    "subject",
    [
        "Anfrage für zwei",
        "AW: Anfrage für zwei",
        "Re: AW: Antw: WG: Fwd: Anfrage  für zwei",
        "RE[2]: Anfrage für zwei",
        "Antwort: [EXTERN] Anfrage für zwei",
        "Automatische Antwort: Anfrage für zwei",
        "Abwesenheitsnotiz: AW: ANFRAGE FÜR ZWEI",
        "Out of office Re: Anfrage für zwei",
        "[Ticket#2026112010000045] Re: Anfrage für zwei",
        "***SPAM*** Unzustellbar: Anfrage für zwei",
    ],
)
def test_a_subject_is_compared_without_what_mail_programs_put_before_it(subject: str) -> None:
    assert normalized_subject(subject) == "anfrage für zwei"


def test_a_subject_keeps_words_that_only_look_alike() -> None:
    assert normalized_subject("Rechnung: Area") == "rechnung: area"


def test_the_mail_it_answers_comes_before_earlier_ones() -> None:
    raw = mail("x", In_Reply_To="<b@x.example>", References=f"{OUR_ID}\r\n <a@x.example> <b@x.example>")
    assert understood(raw).keys.message_ids == ("<b@x.example>", "<a@x.example>", OUR_ID)


@pytest.mark.parametrize(
    "written", [OUR_ID.strip("<>"), f"Ihre Mail vom Montag {OUR_ID}", OUR_ID.replace("@", "\r\n @")]
)
def test_an_id_is_found_however_it_is_written(written: str) -> None:
    assert understood(mail("x", In_Reply_To=written, References="")).keys.message_ids == (OUR_ID,)


@pytest.mark.parametrize("field", ["To", "Cc", "Delivered_To", "X_Original_To", "Envelope_To"])
def test_the_token_is_found_where_the_mail_arrived(field: str) -> None:
    address = address_with_token("kontakt@platz-test.example", make_token(4711, US.secret))
    assert understood(mail("x", **{field: f"Vermittlung <{address}>"})).keys.email_id == 4711


def test_a_token_somebody_else_made_is_none() -> None:
    address = address_with_token("kontakt@platz-test.example", make_token(4711, b"guessed"))
    assert understood(mail("x", To=address)).keys.email_id is None


def test_without_ids_sender_and_subject_are_left() -> None:
    keys = understood(mail("x", In_Reply_To="", References="", Subject="Re: Anfrage")).keys
    assert (keys.message_ids, keys.sender, keys.recipients) == ((), "praxis@kern-test.example", ())
    assert keys.subject == "anfrage"
    assert OUR_ADDRESS not in keys.sender
