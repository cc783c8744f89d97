import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import default
from email.utils import parseaddr

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.sending.message import (
    OutgoingMessage,
    ReturnAddresses,
    UnbuildableMessage,
    build_message,
    envelope_address,
)
from services.tokens import id_from_address

DATE = datetime(2026, 10, 14, 8, 42, tzinfo=UTC)
LINE = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"]), max_size=255)
BODY = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=2_000)


@dataclass(frozen=True)
class Fields:
    betreff: str = "Anfrage"
    body_html: str = "<p>Guten Tag</p>"
    body_text: str = "Guten Tag"
    empfaenger_email: str = "praxis@example.org"
    empfaenger_name: str = "Dr. Jürgen Schmidt"
    absender_email: str = "kontakt@therapieplatz.example"
    absender_name: str = "Therapieplatz-Vermittlung"
    antwort_an: str | None = None
    message_id: str = "<1@therapieplatz.example>"


def parsed(message: OutgoingMessage) -> EmailMessage:
    return message_from_bytes(message.content, _class=EmailMessage, policy=default)


def lines_of(text: str) -> list[str]:
    return text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n").split("\n")


@given(LINE)
@example("Anfrage für drei Patientinnen – möglichst bald " * 5)
@example("=?utf-8?b?SGFsbG8=?=")
@example("  innen  und außen  ")
@example("\U0001f600" * 60)
def test_a_subject_arrives_as_it_was_written(subject: str) -> None:
    message = build_message(Fields(betreff=subject), date=DATE)
    assert parsed(message)["Subject"] == subject


@given(LINE.filter(str.strip))
@example('Praxis "Am Markt", Dr. Müller\\Schmidt <x@y>')
@example("=?utf-8?q?x?=")
def test_a_name_arrives_as_it_was_written(name: str) -> None:
    message = message_from_bytes(build_message(Fields(empfaenger_name=name), date=DATE).content)
    phrase, address = parseaddr(message["To"].replace("\r\n", ""))
    assert address == "praxis@example.org"
    assert str(make_header(decode_header(phrase))).strip() == name.strip()


@given(BODY)
@example(".\n..\n.\r\n")
@example("Straße " * 400)
@example("Zeile mit Leerzeichen am Ende  \nnächste\t\n")
@example("--=_calldesk_alternative--\nTrick")
def test_a_text_arrives_line_by_line(text: str) -> None:
    plain, html = parsed(build_message(Fields(body_text=text, body_html=text), date=DATE)).iter_parts()
    for part in (plain, html):
        payload = part.get_payload(decode=True)
        assert isinstance(payload, bytes)
        assert lines_of(payload.decode("utf-8")) == lines_of(text)


@given(LINE, LINE, BODY)
def test_every_line_on_the_wire_is_short_ascii_that_ends_with_crlf(
    subject: str, name: str, text: str
) -> None:
    fields = Fields(betreff=subject, absender_name=name, body_text=text)
    content = build_message(fields, date=DATE).content
    assert content.isascii()
    assert content.endswith(b"\r\n")
    assert b"\r" not in content.replace(b"\r\n", b"")
    assert b"\n" not in content.replace(b"\r\n", b"")
    assert max(len(line) for line in content.split(b"\r\n")) <= 998


def test_encoded_words_stay_within_the_line_length_of_their_standard() -> None:
    content = build_message(Fields(betreff="Ü" * 255, empfaenger_name="ß" * 255), date=DATE).content
    head = content.split(b"\r\n\r\n")[0]
    assert max(len(line) for line in head.split(b"\r\n") if b"=?" in line) <= 76


def test_headers_say_what_the_row_says() -> None:
    message = parsed(build_message(Fields(), date=DATE))
    assert message["Message-ID"] == "<1@therapieplatz.example>"
    assert message["Date"].datetime == DATE
    assert message["MIME-Version"] == "1.0"
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert not message.defects


def test_reports_and_answers_find_their_email_by_the_token_in_their_addresses() -> None:
    addresses = ReturnAddresses("bounce@Müller-test.example", "antwort@platz-test.example", b"secret")
    message = build_message(Fields(), date=DATE, way_back=addresses.of(4711))
    assert re.fullmatch(r"bounce\+[a-z2-7]{24}@xn--mller-test-9db\.example", message.sender)
    reply_to = parsed(message)["Reply-To"]
    assert re.fullmatch(r"antwort\+[a-z2-7]{24}@platz-test\.example", reply_to)
    assert {id_from_address(each, b"secret") for each in (message.sender, reply_to)} == {4711}
    assert parsed(message)["From"].addresses[0].addr_spec == "kontakt@therapieplatz.example"


def test_without_such_addresses_they_go_to_the_sender() -> None:
    message = build_message(Fields(), date=DATE, way_back=ReturnAddresses("", "", b"secret").of(4711))
    assert message == build_message(Fields(), date=DATE)
    assert (message.sender, "Reply-To" in parsed(message)) == ("kontakt@therapieplatz.example", False)


@pytest.mark.parametrize("set_up", ["", "antwort@platz-test.example"])
def test_answers_go_where_the_email_itself_says(set_up: str) -> None:
    way_back = ReturnAddresses("bounce@platz-test.example", set_up, b"secret").of(4711)
    message = build_message(Fields(antwort_an="team@Müller.example"), date=DATE, way_back=way_back)
    assert parsed(message)["Reply-To"] == "team@xn--mller-kva.example"
    assert id_from_address(message.sender, b"secret") == 4711
    assert not message.needs_utf8


@given(
    st.text(max_size=80) | st.builds("a@example.org{}b".format, LINE | st.sampled_from("\r\n\x00\x85,;<>"))
)
@example("a@example.org\r\nBcc: b@example.org")
@example("a@example.org, b@example.org")
def test_an_address_for_answers_is_one_address_or_nothing_is_sent(address: str) -> None:
    try:
        message = build_message(Fields(antwort_an=address), date=DATE)
    except UnbuildableMessage:
        return
    names = [line.partition(b":")[0] for line in message.content.partition(b"\r\n\r\n")[0].split(b"\r\n")]
    usual = [b"Date", b"From", b"To", b"Subject", b"Message-ID", b"MIME-Version", b"Content-Type"]
    expected = usual[:2] + [b"Reply-To"] * bool(address) + usual[2:]
    assert [name for name in names if not name.startswith(b" ")] == expected
    if address:
        assert len(parsed(message)["Reply-To"].addresses) == 1


def test_out_of_office_notes_are_not_forbidden() -> None:
    message = parsed(build_message(Fields(), date=DATE))
    assert "Auto-Submitted" not in message
    assert "Precedence" not in message


@pytest.mark.parametrize("field", ["betreff", "empfaenger_name", "absender_name", "message_id"])
@pytest.mark.parametrize("break_", ["\r\n", "\n", "\r", "\x00", "\u2028", "\x85"])
def test_no_header_can_be_smuggled_in(field: str, break_: str) -> None:
    value = f"<1{break_}Bcc: all@example.org>"
    with pytest.raises(UnbuildableMessage, match=field):
        build_message(Fields(**{field: value}), date=DATE)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("praxis@example.org", "praxis@example.org"),
        ("p.r+x@Praxis-Müller.de", "p.r+x@xn--praxis-mller-klb.de"),
        ("post@straße.de", "post@xn--strae-oqa.de"),
        ("jürgen.müller@Köln.de", "jürgen.müller@xn--kln-sna.de"),
    ],
)
def test_the_envelope_holds_a_labels(address: str, expected: str) -> None:
    assert envelope_address(address, "empfaenger_email") == expected


def test_other_letters_before_the_at_are_written_as_they_are_and_need_the_servers_consent() -> None:
    message = build_message(Fields(empfaenger_email="jürgen@example.org"), date=DATE)
    assert message.needs_utf8
    assert "<jürgen@example.org>".encode() in message.content
    assert not build_message(Fields(), date=DATE).needs_utf8
    answers_elsewhere = Fields(antwort_an="jürgen@example.org")
    assert build_message(answers_elsewhere, date=DATE).needs_utf8
    sender_behind_a_bounce_address = Fields(absender_email="jürgen@example.org")
    way_back = ReturnAddresses("bounce@example.org", "", b"secret").of(1)
    assert build_message(sender_behind_a_bounce_address, date=DATE, way_back=way_back).needs_utf8


@pytest.mark.parametrize(
    "address",
    [
        "",
        "praxis",
        "@example.org",
        "praxis@",
        "pra xis@example.org",
        "mül\u2028ler@example.org",
        "mül\xa0ler@example.org",
        f"{'ü' * 33}@example.org",
        "a@b@c",
        "praxis@exa mple.org",
        "praxis@-x.org",
        "praxis@example.org\r\nRCPT TO:<x@y>",
        "<praxis@example.org>",
        "praxis@a..b",
        "praxis@ﷺ.org.",
        f"{'x' * 65}@example.org",
    ],
)
def test_what_is_no_address_never_reaches_the_server(address: str) -> None:
    with pytest.raises(UnbuildableMessage, match="empfaenger_email"):
        build_message(Fields(empfaenger_email=address), date=DATE)
