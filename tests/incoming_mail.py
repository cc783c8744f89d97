"""Building incoming mail the way mail systems write it."""

from datetime import UTC, date, datetime
from email.utils import format_datetime

from services.receiving.understanding import OurSide, Understood, understand

OUR_ADDRESS = "vermittlung@platz-test.example"
OUR_ID = "<9a41c0ffee5b4c7d8e2f10d2c3b4a596@platz-test.example>"
US = OurSide(frozenset({OUR_ADDRESS}), b"a secret of the tests")
WRITTEN = datetime(2026, 12, 21, 8, 15, tzinfo=UTC)
ANSWERING = {"In-Reply-To": OUR_ID, "References": OUR_ID}


def mail(text: str = "", *, charset: str = "utf-8", subtype: str = "plain", **headers: str) -> bytes:
    """Return a mail; a header is given as `In_Reply_To`, an empty one is left out."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    fields = {
        "Return-Path": "<praxis@kern-test.example>",
        "From": "Praxis Kern <praxis@kern-test.example>",
        "To": OUR_ADDRESS,
        "Subject": "AW: Anfrage",
        "Date": format_datetime(WRITTEN),
        "Message-ID": "<1@kern-test.example>",
        **ANSWERING,
        "MIME-Version": "1.0",
        "Content-Type": f"text/{subtype}; charset={charset}",
        "Content-Transfer-Encoding": "8bit",
        **named,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value)
    return head.encode() + b"\r\n" + text.replace("\n", "\r\n").encode(charset, "replace")


def report(
    recipient: str,
    *,
    notice: str = "Your message could not be delivered.",
    returned: str = "",
    returned_type: str = "text/rfc822-headers",
    sender: str = "Mail Delivery System <MAILER-DAEMON@mx.kern-test.example>",
    to: str = OUR_ADDRESS,
) -> bytes:
    """Return a delivery report (RFC 3464); `recipient` is the group of fields about one or several."""
    returned = returned or returned_headers()
    parts = (
        ("text/plain; charset=utf-8", notice),
        ("message/delivery-status", f"Reporting-MTA: dns; mx.kern-test.example\n\n{recipient}"),
        (returned_type, returned),
    )
    body = "".join(f"--grenze\nContent-Type: {kind}\n\n{content}\n\n" for kind, content in parts)
    return mail(
        f"{body}--grenze--\n",
        Return_Path="<>",
        From=sender,
        To=to,
        Subject="Undelivered Mail Returned to Sender",
        In_Reply_To="",
        References="",
        Content_Type='multipart/report; report-type=delivery-status; boundary="grenze"',
    )


def returned_headers(to: str = "praxis@kern-test.example", return_path: str = OUR_ADDRESS) -> str:
    return (
        f"Return-Path: <{return_path}>\nFrom: Vermittlung <{OUR_ADDRESS}>\nTo: Praxis Kern <{to}>\n"
        f"Subject: Anfrage\nMessage-ID: {OUR_ID}\n"
    )


def understood(raw: bytes) -> Understood:
    return understand(raw, us=US, received=WRITTEN)


def day(text: str) -> date:
    return date.fromisoformat(text)
