import pytest

from services.receiving.bounces import Action, Bounce
from services.receiving.kinds import Kind
from services.tokens import address_with_token, make_token
from tests.incoming_mail import OUR_ADDRESS, OUR_ID, US, mail, report, returned_headers, understood

PRACTICE = "praxis@kern-test.example"
DAEMON = {
    "Return_Path": "<>",
    "From": "Mail Delivery System <MAILER-DAEMON@mx.kern-test.example>",
    "In_Reply_To": "",
    "References": "",
}
RETURNED = (
    f"Return-Path: <{OUR_ADDRESS}>\nTo: {PRACTICE}\nSubject: Anfrage\nMessage-ID: {OUR_ID}\n\nGuten Tag"
)


def group(action: str, status: str, said: str = "", *, address: str = PRACTICE, original: str = "") -> str:
    lines = [f"Final-Recipient: rfc822; {address}", f"Action: {action}", f"Status: {status}"]
    lines += [f"Original-Recipient: rfc822;{original}"] if original else []
    lines += [f"Diagnostic-Code: smtp; {said}"] if said else []
    return "\n".join(lines) + "\n"


def bounce_of(raw: bytes) -> Bounce:
    bounce = understood(raw).bounce
    assert bounce is not None
    return bounce


@pytest.mark.parametrize(
    ("action", "status", "kind"),
    [
        ("failed", "5.1.1", Kind.HARD_BOUNCE),
        ("Failed", "4.4.1", Kind.HARD_BOUNCE),
        ("failed (after 5 days)", "4.4.7", Kind.HARD_BOUNCE),
        ("delayed", "4.4.1", Kind.SOFT_BOUNCE),
        ("delayed", "5.0.0", Kind.SOFT_BOUNCE),
        ("delivered", "2.0.0", Kind.RECEIPT),
        ("relayed", "2.0.0", Kind.RECEIPT),
        ("expanded", "2.0.0", Kind.RECEIPT),
        ("", "5.2.2", Kind.HARD_BOUNCE),
        ("", "4.2.2", Kind.SOFT_BOUNCE),
    ],
)
def test_the_action_decides(action: str, status: str, kind: Kind) -> None:
    assert understood(report(group(action, status))).kind is kind


def test_one_failure_among_several_is_a_failure() -> None:
    both = group("delayed", "4.2.0", address="a@x-test.example") + "\n" + group("failed", "5.1.1")
    seen = understood(report(both))
    assert seen.kind is Kind.HARD_BOUNCE
    assert [each.action for each in bounce_of(report(both)).recipients] == [Action.DELAYED, Action.FAILED]


@pytest.mark.parametrize("returned_type", ["text/rfc822-headers", "message/rfc822", "message/global-headers"])
def test_what_is_returned_names_our_email(returned_type: str) -> None:
    seen = understood(report(group("failed", "5.1.1"), returned_type=returned_type))
    assert seen.keys.message_ids == (OUR_ID,)
    assert seen.keys.recipients == (PRACTICE,)
    assert seen.keys.sender == ""
    assert seen.keys.subject == "anfrage"


def test_a_report_in_utf_8_is_read_too() -> None:
    raw = report(group("failed", "5.1.1", "550 Empfänger unbekannt", address="jürgen@kern-test.example"))
    raw = raw.replace(b"message/delivery-status", b"message/global-delivery-status")
    (recipient,) = bounce_of(raw).recipients
    assert (recipient.address, recipient.diagnostic) == (
        "jürgen@kern-test.example",
        "550 Empfänger unbekannt",
    )


def test_the_token_is_found_where_the_report_went_and_in_what_is_returned() -> None:
    address = address_with_token("bounce@platz-test.example", make_token(4711, US.secret))
    assert understood(report(group("failed", "5.1.1"), to=address)).keys.email_id == 4711
    returned = returned_headers(return_path=address.upper())
    assert understood(report(group("failed", "5.1.1"), returned=returned)).keys.email_id == 4711
    assert understood(report(group("failed", "5.1.1"))).keys.email_id is None


def test_a_forwarded_email_does_not_make_the_address_dead_that_was_written_to() -> None:
    said = group("failed", "5.1.1", "550 5.1.1 User unknown", address="alt@weit-test.example")
    bounce = bounce_of(report(said))
    assert bounce.dead == ()
    assert understood(report(said)).keys.recipients == ("alt@weit-test.example", PRACTICE)

    said = group(
        "failed", "5.1.1", "550 5.1.1 User unknown", address="alt@weit-test.example", original=PRACTICE
    )
    (recipient,) = bounce_of(report(said)).recipients
    assert (recipient.address, recipient.final) == (PRACTICE, "alt@weit-test.example")
    assert not recipient.dead


def test_the_servers_words_are_looked_for_in_the_notice_where_the_report_has_none() -> None:
    notice = f"The following address(es) failed:\n\n  {PRACTICE}\n    Unrouteable address\n\nGood bye"
    (recipient,) = bounce_of(report(group("failed", "5.0.0"), notice=notice)).recipients
    assert recipient.diagnostic == "Unrouteable address"
    assert recipient.dead


def test_long_words_are_cut() -> None:
    (recipient,) = bounce_of(report(group("failed", "5.0.0", "x" * 1500))).recipients
    assert len(recipient.diagnostic) == 500


WORDS_ONLY = {
    "qmail": (
        "Hi. This is the qmail-send program at mx.kern-test.example.\n"
        "I'm afraid I wasn't able to deliver your message to the following addresses.\n"
        "This is a permanent error; I've given up. Sorry it didn't work out.\n\n"
        f"<{PRACTICE}>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n"
        f"--- Below this line is a copy of the message.\n\n{RETURNED}",
        "failure notice",
        "Sorry, no mailbox here by that name. (#5.1.1",
        True,
    ),
    "exim": (
        "This message was created automatically by mail delivery software.\n\nA message that you sent "
        "could not be "
        "delivered to one or more of its\nrecipients. This is a permanent error. The following "
        "address(es) failed:\n\n"
        f"  {PRACTICE}\n    SMTP error from remote mail server after RCPT TO:<{PRACTICE}>:\n"
        "    550 5.2.2 mailbox is full\n\n"
        f"------ This is a copy of the message, including all the headers. ------\n\n{RETURNED}",
        "Mail delivery failed: returning message to sender",
        None,
        False,
    ),
    "sendmail": (
        "The original message was received at Mon, 21 Dec 2026 08:00:00 +0100\n\n"
        "   ----- The following addresses had permanent fatal errors -----\n"
        f"<{PRACTICE}>\n    (reason: 550 5.1.1 <{PRACTICE}>... User unknown)\n\n"
        f"   ----- Original message follows -----\n\n{RETURNED}",
        "Returned mail: see transcript for details",
        f"550 5.1.1 <{PRACTICE}>... User unknown",
        True,
    ),
    "gmx": (
        "Diese Nachricht wurde automatisch von unserem Mailsystem erstellt.\n\nIhre Nachricht konnte an "
        "folgende "
        f"Empfänger nicht zugestellt werden:\n\n{PRACTICE}:\n  550 Requested action not taken: mailbox "
        "unavailable\n\n"
        f"--- Die Kopfzeilen der E-Mail folgen. ---\n\n{RETURNED}",
        "Mail delivery failed: returning message to sender",
        "550 Requested action not taken: mailbox unavailable",
        True,
    ),
    "t-online": (
        "|------------------------- Message log follows: -------------------------|\n"
        " no valid recipients were found for this message\n"
        "|------------------------- Failed addresses follow: ---------------------|\n"
        f" <{PRACTICE}> ... transport smtp: 550 unknown user\n"
        "|------------------------- Message text follows: ------------------------|\n"
        f"{RETURNED}",
        "mail failed, returning to sender",
        "... transport smtp: 550 unknown user",
        True,
    ),
    "full-in-german": (
        f"Ihre E-Mail konnte nicht zugestellt werden.\n\nEmpfänger: {PRACTICE}\nGrund: Das Postfach ist "
        f"voll.\n\n{RETURNED}",
        "Unzustellbar: Anfrage",
        "Das Postfach ist voll.",
        False,
    ),
    "spam-in-german": (
        f"Ihre E-Mail an {PRACTICE} konnte nicht zugestellt werden.\n554 5.7.1 Als Spam abgelehnt\n\n"
        f"{RETURNED}",
        "Nicht zustellbar: Anfrage",
        None,
        False,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WORDS_ONLY)
def test_a_failure_that_is_said_in_words_only(name: str) -> None:
    text, subject, diagnostic, dead = WORDS_ONLY[name]
    seen = understood(mail(text, Subject=subject, **DAEMON))

    assert seen.kind is Kind.HARD_BOUNCE
    assert seen.keys.message_ids == (OUR_ID,)
    assert seen.bounce is not None
    (recipient,) = seen.bounce.recipients
    assert recipient.address == PRACTICE
    assert recipient.diagnostic == (recipient.diagnostic if diagnostic is None else diagnostic)
    assert recipient.dead is dead


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        (
            "Warning: message 1xXRYs-0000aj-0e delayed 24 hours",
            "A message that you sent has not yet been delivered to one or more of its recipients after "
            "more than\n"
            "24 hours on the queue. No action is required on your part. Delivery attempts will continue "
            "for some time.",
        ),
        (
            "Verzögerte Zustellung",
            "Ihre E-Mail konnte noch nicht zugestellt werden. Es wird weiterhin versucht.",
        ),
        (
            "Delivery Status Notification (Delay)",
            "Your message has been delayed. Gmail will retry for 46 more hours.",
        ),
    ],
)
def test_a_delay_that_is_said_in_words_only(subject: str, text: str) -> None:
    seen = understood(mail(f"{text}\n\n{PRACTICE}\n\n{RETURNED}", Subject=subject, **DAEMON))
    assert seen.kind is Kind.SOFT_BOUNCE
    assert seen.bounce is not None
    assert seen.bounce.dead == ()


def test_exim_names_who_failed_in_a_header() -> None:
    raw = mail(
        "It could not be delivered.", Subject="Mail delivery failed", X_Failed_Recipients=PRACTICE, **DAEMON
    )
    assert [each.address for each in bounce_of(raw).recipients] == [PRACTICE]


def test_a_report_without_fields_is_read_by_its_words() -> None:
    raw = report("X-Nothing: here\n", notice=f"{PRACTICE}: 550 5.1.1 User unknown\n\nDelivery failed.")
    (recipient,) = bounce_of(raw).recipients
    assert (recipient.status, recipient.dead) == ("5.1.1", True)


def test_a_filter_that_refuses_after_delivery_is_a_failure() -> None:
    notice = f"Your message to <{PRACTICE}> was automatically rejected:\nIch nehme keine Anfragen an."
    body = (
        f"--g\nContent-Type: text/plain\n\n{notice}\n\n--g\nContent-Type: "
        "message/disposition-notification\n\n"
        f"Final-Recipient: rfc822; {PRACTICE}\nOriginal-Message-ID: {OUR_ID}\n"
        "Disposition: automatic-action/MDN-sent-automatically; deleted\n\n--g--\n"
    )
    content_type = "multipart/report; report-type=disposition-notification; boundary=g"
    seen = understood(mail(body, Subject="Rejected: Anfrage", Content_Type=content_type, **DAEMON))
    assert seen.kind is Kind.HARD_BOUNCE
    assert seen.keys.message_ids == (OUR_ID,)
    assert seen.bounce is not None
    assert [(each.address, each.diagnostic, each.dead) for each in seen.bounce.recipients] == [
        (PRACTICE, "was automatically rejected: Ich nehme keine Anfragen an.", False)
    ]


def test_a_report_that_returns_nothing_may_name_the_message() -> None:
    raw = report(
        f"X-Original-Message-ID: {OUR_ID}\n\n" + group("failed", "5.1.1"), returned="X-Nothing: here\n"
    )
    assert understood(raw).keys.message_ids == (OUR_ID,)


@pytest.mark.parametrize("sender", ["Praxis Kern <praxis@kern-test.example>", "postmaster@kern-test.example"])
def test_a_persons_words_are_no_bounce(sender: str) -> None:
    raw = mail("Ich habe einen Platz frei, Ihre Mail kam an.", From=sender)
    assert understood(raw).bounce is None
