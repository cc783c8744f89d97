import random
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.checks import is_text
from services.receiving.bounds import (
    LARGEST_MESSAGE,
    LONG_HEADER,
    MOST_PARTS,
    TOO_DEEP,
    TOO_LARGE,
    TOO_MANY_LINES,
    TOO_MANY_PARTS,
    Unreadable,
)
from services.receiving.message import content_hash, read_head, read_message
from services.receiving.parts import LONGEST_TEXT
from tests.incoming_mail import OUR_ADDRESS, OUR_ID, mail, understood

UMLAUTS = "Grüße aus Köln: ab März"


def reason_of(raw: bytes) -> str:
    with pytest.raises(Unreadable) as refused:
        read_message(raw)
    return refused.value.reason


def multipart(*parts: str, subtype: str = "mixed") -> bytes:
    body = "".join(f"--grenze\n{part}\n" for part in parts)
    return mail(f"{body}--grenze--\n", Content_Type=f'multipart/{subtype}; boundary="grenze"')


def nested(depth: int) -> bytes:
    opening = "".join(f'Content-Type: multipart/mixed; boundary="b{at}"\n\n--b{at}\n' for at in range(depth))
    return f"Subject: x\n{opening}Content-Type: text/plain\n\nHallo\n".encode()


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"Subject: x\n\n" + b"A" * LARGEST_MESSAGE, TOO_LARGE),
        (b"Subject: x\n\n" + b"\n" * 500_000, TOO_MANY_LINES),
        (b"Subject: x\n\n" + b"\r" * 500_000, TOO_MANY_LINES),
        (multipart(*["Content-Type: text/plain\n\nx"] * 1_000), TOO_MANY_PARTS),
        (multipart(*["Content-Type: text/plain\n\nx"] * 5_000), TOO_MANY_PARTS),
        (nested(50), TOO_DEEP),
        (nested(10_000), TOO_MANY_PARTS),
        (b"Content-Type: multipart/mixed" + b"; a=b" * 30_000 + b"\n\nx", LONG_HEADER),
        (b"Content-Type: multipart/mixed" + b';\n a="' * 30_000 + b"\n\nx", LONG_HEADER),
        (b"Content-Disposition: attachment" + b'; filename="' * 30_000 + b"\n\nx", LONG_HEADER),
    ],
    ids=[
        "large",
        "lines",
        "returns",
        "parts",
        "boundaries",
        "deep",
        "deeper",
        "long header",
        "folded",
        "long disposition",
    ],
)
def test_what_would_cost_too_much_is_not_taken_apart(raw: bytes, reason: str) -> None:
    assert reason_of(raw) == reason


def test_what_a_message_may_be_is_read() -> None:
    assert read_message(multipart(*["Content-Type: text/plain\n\nx"] * (MOST_PARTS - 1))).text
    assert read_message(nested(20)).text == "Hallo"
    large = b"Subject: x\n\n" + (b"A" * 78 + b"\n") * 200_000
    assert len(read_message(large).text) == LONGEST_TEXT


HOSTILE = {
    "encoded words": b"Subject: " + b"=?utf-8?q?x" * 30_000,
    "addresses": b"From: " + b"a@" * 30_000 + b"\nTo: " + b"(" * 30_000,
    "no address": b"From: " + b"a" * 300_000,
    "ids": b"References: " + b"<" * 30_000 + b"\nIn-Reply-To: " + b"<a@b>" * 30_000,
    "many fields": b"To: a@b.example\n" * 30_000,
    "parameters": b"Content-Disposition: attachment" + b'; filename="' * 600,
    "html": b"Content-Type: text/html\n\n" + b"<div>" * 60_000,
    "quotations in html": b"Content-Type: text/html\n\n"
    + b"<blockquote style='border:none;border:0'>x" * 20_000,
    "style": b"Content-Type: text/html\n\n<blockquote style='" + b"border:none;" * 20_000 + b"border-left'>x",
    "quoted": b"\n" + b"> \n" * 60_000,
    "attributions": b"\n" + b"Am \n" * 30_000 + b"On a wrote\n" * 30_000,
    "labels": b"\n" + b"Von: \n\n" * 30_000,
    "spaces": b"\n" + b" " * 300_000 + b"x",
    "days": b"Auto-Submitted: auto-replied\n\n" + b"bis 1.-2.3. und " * 20_000,
    "words": b"Auto-Submitted: auto-replied\n\n" + b"nicht wieder werden " * 20_000,
    "bounce": b"From: mailer-daemon@x.example\n\n" + b"not user: a@b.example\n" * 20_000,
    "returned": b"From: mailer-daemon@x.example\n\n" + b"To: \nTo: \n" * 20_000,
    "boundaries": b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n" * 1_000,
    "charset": b"Content-Type: text/plain; charset=" + b"x" * 7_000 + b"\n\nx",
    "dates": b"Date: " + b"1 " * 30_000,
    "combining marks": b"\na" + "\u0308\u0323".encode() * 30_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_message_is_read_in_time(name: str) -> None:
    assert is_text(understood(HOSTILE[name]).words)


@pytest.mark.parametrize(
    ("octets", "charset"),
    [
        (UMLAUTS.encode("utf-8"), "utf-8"),
        (UMLAUTS.encode("utf-8"), "iso-8859-1"),
        (UMLAUTS.encode("utf-8"), "us-ascii"),
        (UMLAUTS.encode("utf-8"), "x-unknown"),
        (UMLAUTS.encode("utf-8"), ""),
        (UMLAUTS.encode("utf-8"), "idna"),
        (UMLAUTS.encode("utf-8"), "utf-16"),
        (UMLAUTS.encode("latin-1"), "iso-8859-1"),
        (UMLAUTS.encode("latin-1"), "utf-8"),
        (UMLAUTS.encode("latin-1"), "unknown-8bit"),
        (UMLAUTS.encode("iso8859-15"), "ISO-8859-15"),
        (UMLAUTS.encode("utf-7"), "utf-7"),
        (UMLAUTS.encode("utf-16"), "utf-16"),
        (UMLAUTS.encode("mac-roman"), "macintosh"),
        (UMLAUTS.replace("ü", "u\u0308").encode("utf-8"), "utf-8"),
    ],
)
def test_umlauts_arrive_whatever_the_charset_claims(octets: bytes, charset: str) -> None:
    head = f"Content-Type: text/plain; charset={charset}\nContent-Transfer-Encoding: 8bit\n\n"
    assert read_message(head.encode() + octets).text == UMLAUTS


def test_an_octet_that_is_damaged_costs_one_letter_only() -> None:
    raw = b"Content-Type: text/plain; charset=utf-8\n\n" + UMLAUTS.encode() + b"\xc3."
    assert read_message(raw).text == UMLAUTS + "\ufffd."


@pytest.mark.parametrize(
    ("subject", "read"),
    [
        ("=?utf-8?Q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        ("Anfrage =?iso-8859-1?Q?f=FCr?= zwei", "Anfrage für zwei"),
        ("=?utf-8?B?R3LDvMOf?=\n =?utf-8?B?ZQ==?=", "Grüße"),
        ("=?utf-8?B?R3LD?= =?utf-8?B?vMOfZQ==?=", "Grüße"),
        ("=?x-unknown?Q?Gr=FC=DFe?=", "Grüße"),
        ("=?utf-8?B?kaputt=?=", None),
        ("a folded\n\tsubject", "a folded subject"),
        ("Grüße", "Grüße"),
        ("a\x00b", "ab"),
    ],
)
def test_a_subject_is_decoded_as_far_as_it_can_be(subject: str, read: str | None) -> None:
    seen = read_message(f"Subject: {subject}\n\nx".encode()).headers.subject
    assert seen == (seen if read is None else read)
    assert is_text(seen)


def test_a_subject_in_raw_octets_is_read() -> None:
    assert read_message("Subject: Grüße\n\nx".encode("latin-1")).headers.subject == "Grüße"


@pytest.mark.parametrize(
    ("sender", "name", "address"),
    [
        ("Praxis Kern <Praxis@Kern-Test.example>", "Praxis Kern", "praxis@kern-test.example"),
        ('"Kern, Martina" <m@kern-test.example>', "Kern, Martina", "m@kern-test.example"),
        ("=?utf-8?Q?Kern=2C_J=C3=BCrgen?= <j@kern-test.example>", "Kern, Jürgen", "j@kern-test.example"),
        ("j@kern-test.example (Kern)", "", "j@kern-test.example"),
        ('"a@b.example" <c@d.example>', "a@b.example", "c@d.example"),
        ("jemand", "jemand", ""),
        ("<>", "<>", ""),
    ],
)
def test_a_sender_is_read(sender: str, name: str, address: str) -> None:
    seen = read_message(f"From: {sender}\n\nx".encode()).headers.sender
    assert (seen.name, seen.address) == (name, address)


@pytest.mark.parametrize(
    "date", ["", "gestern", "Mon, 99 Foo 2026 99:99:99 +0000", "Sat, 1 Jan 1955 00:00:00 +0000"]
)
def test_a_date_that_can_not_be_is_none(date: str) -> None:
    assert read_message(f"Date: {date}\n\nx".encode()).headers.date is None


def test_a_date_without_zone_is_utc() -> None:
    date = read_message(b"Date: Mon, 21 Dec 2026 08:15:00 -0000\n\nx").headers.date
    assert date is not None
    assert date.isoformat() == "2026-12-21T08:15:00+00:00"


def test_what_matters_of_the_headers_is_kept() -> None:
    headers = read_message(mail("x", X_Secret="no", Precedence="bulk")).headers
    assert headers.message_id == "<1@kern-test.example>"
    assert headers.addresses("to", "cc") == (OUR_ADDRESS,)
    assert headers.first("in-reply-to") == OUR_ID
    assert headers.first("precedence") == "bulk"
    assert "x-secret" not in headers.fields


def test_of_alternatives_the_plain_one_that_says_something_is_read() -> None:
    html = "Content-Type: text/html\n\n<p>in HTML</p>"
    assert (
        read_message(multipart("Content-Type: text/plain\n\nplain", html, subtype="alternative")).text
        == "plain"
    )
    assert (
        read_message(multipart("Content-Type: text/plain\n\n \n", html, subtype="alternative")).text
        == "in HTML"
    )


def test_what_html_quotes_is_marked() -> None:
    inner = "<p>Haben Sie<br>Plätze?</p><blockquote>Nein</blockquote>"
    html = f"<p>Ja</p><blockquote type=cite>{inner}</blockquote>Gruß"
    assert read_message(mail(html, subtype="html")).text == "Ja\n\n> Haben Sie\n> Plätze?\n\n> > Nein\n\nGruß"


def test_of_attachments_name_and_size_are_kept() -> None:
    message = EmailMessage()
    message["Subject"] = "Befund"
    message.set_content("Anbei.")
    content = random.Random(1).randbytes(10_000)
    message.add_attachment(content, maintype="application", subtype="pdf", filename="Befund März.pdf")
    message.add_attachment("Text", filename="notiz.txt")
    message.add_attachment(EmailMessage())

    seen = read_message(message.as_bytes())
    assert seen.text == "Anbei."
    assert [(each.name, each.content_type) for each in seen.attachments] == [
        ("Befund März.pdf", "application/pdf"),
        ("notiz.txt", "text/plain"),
        ("", "message/rfc822"),
    ]
    assert seen.attachments[0].size == pytest.approx(10_000, abs=10)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n",
        b"no header at all",
        b"Content-Type: multipart/mixed\n\nno boundary",
        b"Content-Type: multipart/mixed; boundary=b\n\nno part",
        b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nno end",
        b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\nContent-Type: "
        b"message/delivery-status\n\n\n--b--",
        b"Content-Type: text/plain; charset=\x00\n\nx",
        b"Content-Type: text/plain; charset*=x''y%ff\n\nx",
        b"Content-Type: message/rfc822\n\n",
        b"Content-Transfer-Encoding: base64\n\n!!!kein base64",
        b"Content-Transfer-Encoding: x-uuencode\n\nbegin 644 x\nnonsense",
        b"Content-Type: a/b; name*0*=x'\n\nx",
    ],
)
def test_broken_mime_is_read_as_far_as_it_can_be(raw: bytes) -> None:
    assert is_text(read_message(raw).text)


def test_a_message_without_id_is_known_by_its_octets() -> None:
    raw = mail("x", Message_ID="")
    seen = read_message(raw)
    assert seen.headers.message_id is None
    assert seen.content_hash == content_hash(raw) != content_hash(raw + b" ")


def test_who_sent_an_unreadable_message_is_still_known() -> None:
    head = read_head(mail("x" * LARGEST_MESSAGE))
    assert head.sender.address == "praxis@kern-test.example"
    assert head.subject == "AW: Anfrage"


@given(st.binary(max_size=2_000))
def test_whatever_octets_come(octets: bytes) -> None:
    _read_or_refused(octets)


LINES = [
    b"From: a <a@b.example>",
    b"To: c@d.example",
    b"Subject: =?utf-8?q?=FF?=",
    b"Subject: Abwesenheitsnotiz: x",
    b"Date: Mon, 21 Dec 2026 08:15:00 +0100",
    b"Date: \xff",
    b"Message-ID: <a@b",
    b"Auto-Submitted: auto-replied",
    b"Return-Path: <>",
    b"Content-Type: multipart/report; report-type=delivery-status; boundary=b",
    b"Content-Type: multipart/mixed; boundary=c",
    b"Content-Type: message/delivery-status",
    b"Content-Type: message/rfc822",
    b"Content-Type: text/html",
    b"Content-Type: text/plain; charset=utf-7",
    b"Content-Transfer-Encoding: base64",
    b"Content-Transfer-Encoding: quoted-printable",
    b"Content-Disposition: attachment; filename*=x''%ff%00",
    b"",
    b"",
    b"--b",
    b"--b--",
    b"--c",
    b"Final-Recipient: rfc822; a@b.example",
    b"Action: failed",
    b"Status: 5.1.1",
    b"> x",
    b"Am 1.1.2026 schrieb x:",
    b"bis 31.2. im Urlaub, +ANg-",
    b"<blockquote>\x00\xed\xa0\x80",
    b"-- ",
    b"=FF=",
    b"\xff",
]


@given(
    st.lists(st.sampled_from(LINES) | st.binary(max_size=20), max_size=40),
    st.sampled_from([b"\n", b"\r\n", b"\r"]),
)
def test_whatever_lines_come(lines: list[bytes], line_end: bytes) -> None:
    _read_or_refused(line_end.join(lines))


def _read_or_refused(raw: bytes) -> None:
    try:
        seen = understood(raw)
    except Unreadable:
        return
    message = seen.message
    headers = [message.headers, *([message.returned] if message.returned else [])]
    texts = [message.text, seen.words, message.report_type, seen.keys.subject, seen.keys.sender]
    texts += [value for each in headers for values in each.fields.values() for value in values]
    texts += [
        text for each in headers for text in (each.sender.name, each.sender.address, *each.addresses("to"))
    ]
    texts += [text for each in message.attachments for text in (each.name, each.content_type)]
    texts += [text for group in message.reports for pair in group.items() for text in pair]
    texts += [*seen.keys.message_ids, *seen.keys.recipients]
    texts += [each.diagnostic for each in (seen.bounce.recipients if seen.bounce else ())]
    assert [text for text in texts if not is_text(text)] == []
