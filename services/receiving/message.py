"""One raw message as a value. Pure."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message

from services.receiving.bounds import BROKEN, Unreadable, check_bounds
from services.receiving.decoding import clean
from services.receiving.headers import Headers, read_headers
from services.receiving.parts import Attachment, take_apart

LARGEST_HEAD = 64 * 1024


@dataclass(frozen=True, slots=True)
class IncomingMessage:
    """What is kept of a message; all its text can be stored in PostgreSQL.

    Attributes:
        headers: the fields that matter.
        text: all it says, quotations included; of HTML what it shows, its quotations marked with `> `.
        attachments: what else was in it, by name and size.
        reports: the groups of fields of a machine-readable report (RFC 3464, RFC 8098): the first about the
            report as a whole.
        report_type: what such a report is about, `delivery-status` for instance; empty where it is none.
        returned: headers of the message a report returns.
        content_hash: SHA-256 of the message as it came, to know one without a Message-ID by.
    """

    headers: Headers
    text: str
    attachments: tuple[Attachment, ...]
    reports: tuple[Mapping[str, str], ...]
    report_type: str
    returned: Headers | None
    content_hash: str


def read_message(raw: bytes) -> IncomingMessage:
    """Take a message apart.

    Raises:
        Unreadable: it is too large, has too many parts, or can't be taken apart.
    """
    check_bounds(raw)
    try:
        tree = message_from_bytes(raw)
        headers, contents = read_headers(tree), take_apart(tree)
        report_type = _report_type(tree)
    except Unreadable:
        raise
    except Exception as error:  # whatever the standard library's parser says of a hostile message
        raise Unreadable(BROKEN) from error
    return IncomingMessage(
        headers=headers,
        text=contents.text(),
        attachments=tuple(contents.attachments),
        reports=tuple(contents.reports),
        report_type=report_type,
        returned=contents.returned,
        content_hash=content_hash(raw),
    )


def read_head(raw: bytes) -> Headers:
    """Return the headers of a message that may be unreadable, as far as they stand in its beginning."""
    head = raw[:LARGEST_HEAD].replace(b"\r\n", b"\n").replace(b"\r", b"\n").partition(b"\n\n")[0]
    try:
        check_bounds(head)
        return read_headers(message_from_bytes(head + b"\n\n"))
    except Exception as error:
        raise Unreadable(BROKEN) from error


def content_hash(raw: bytes) -> str:
    """Return what a message is known by that has no Message-ID."""
    return hashlib.sha256(raw).hexdigest()


def _report_type(tree: Message) -> str:
    report_type = tree.get_param("report-type") if tree.get_content_type() == "multipart/report" else None
    return clean(report_type).lower() if isinstance(report_type, str) else ""
