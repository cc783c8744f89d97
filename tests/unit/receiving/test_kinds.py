"""Mails in the ways of several mail systems, and what they are."""

import pytest

from services.receiving.kinds import Kind
from tests.incoming_mail import OUR_ADDRESS, OUR_ID, mail, understood

NOBODY = {"Return_Path": "<>"}
NO_REFERENCE = {"In_Reply_To": "", "References": ""}
QUOTATION = f"""
Am 20.12.2026 um 09:12 schrieb Vermittlung <{OUR_ADDRESS}>:
> Guten Tag,
> haben Sie freie Plätze?
"""

REPLIES = {
    "exchange-suppresses-auto-responses": mail(
        "Guten Tag,\n\nab März kann ich eine Patientin aufnehmen.\n\nViele Grüße\nM. Kern",
        X_Auto_Response_Suppress="DR, OOF, AutoReply",
        Thread_Topic="Anfrage",
    ),
    "quotes-an-out-of-office-note": mail(
        "Guten Tag,\n\nich bin zurück und habe einen Platz frei.\n\nM. Kern\n"
        "\nAm 20.12.2026 um 09:12 schrieb Praxis Kern:\n> Abwesenheitsnotiz: Ich bin bis 3.1. im Urlaub.\n",
        Subject="AW: Abwesenheitsnotiz: Anfrage",
    ),
    "quotes-an-out-of-office-note-beneath-outlooks-header": mail(
        "Ja, gern.\n\n-----Ursprüngliche Nachricht-----\nVon: Praxis Kern\nGesendet: Montag, 7. "
        "Dezember 2026\n"
        "An: Vermittlung\nBetreff: Automatische Antwort: Anfrage\n\nIch bin bis 10.12. nicht im Büro.\n",
    ),
    "on-holiday-later-but-has-a-place": mail(
        "Guten Tag,\n\nich bin ab dem 3.1. im Urlaub, kann aber vorher noch ein Erstgespräch anbieten.\n"
        "\nM. Kern"
    ),
    "away-now-answers-all-the-same": mail(
        "Ich bin bis 7. Januar im Urlaub, danach nehme ich gern zwei Patienten auf.\nM. Kern" + QUOTATION
    ),
    "asks-back": mail("Guten Tag, ich bin im Januar im Urlaub. Passt Ihnen auch Februar?\nM. Kern"),
    "refuses": mail("Leider habe ich derzeit keine Kapazitäten.\n\nMfG\nM. Kern" + QUOTATION),
    "refuses-with-thanks": mail("Vielen Dank für Ihre Nachricht. Leider bin ich ausgebucht.\nM. Kern"),
    "wants-to-be-called": mail("Bitte rufen Sie mich an, montags 12 bis 13 Uhr.\nM. Kern", **NO_REFERENCE),
    "english": mail(
        "Hello,\n\nI could see one of them from March.\n\nBest regards\nDr Hale", Subject="Re: Anfrage"
    ),
    "new-mail-without-reference": mail(
        "Guten Tag, ich habe wieder zwei Plätze.", Subject="Plätze", **NO_REFERENCE
    ),
    "bottom-posted": mail("> Haben Sie freie Plätze?\n\nJa, ab April.\n\nM. Kern"),
    "gmail-html": mail(
        '<div dir="ltr">Ja, ab April.</div><br><div class="gmail_quote"><div dir="ltr" '
        'class="gmail_attr">Am Mo., '
        "21. Dez. 2026 um 09:12 Uhr schrieb Vermittlung &lt;<a "
        'href="mailto:v@p.example">v@p.example</a>&gt;:<br>'
        '</div><blockquote class="gmail_quote">Ich bin im Urlaub</blockquote></div>',
        subtype="html",
    ),
    "marked-as-spam-but-answers-us": mail("Ja, ab April habe ich einen Platz.", X_Spam_Flag="YES"),
    "over-a-group-address": mail(
        "Ja, wir können eine Patientin übernehmen.", List_Id="<team.klinik.example>", Precedence="list"
    ),
    "forwarded-by-exchange": mail("Gern, ab April.", Auto_Submitted="auto-forwarded"),
    "over-a-gateway-that-marks-all-as-bulk": mail("Ja, ich habe einen Platz frei.", Precedence="bulk"),
    "was-away": mail("Entschuldigen Sie die späte Antwort, ich war im Urlaub. Ab Februar geht es.\nM. Kern"),
    "explicitly-by-a-person": mail("Gern, ab April.", Auto_Submitted="no"),
    "from-a-ticket-system-by-a-person": mail(
        "Guten Tag,\n\nwir könnten zwei Patientinnen übernehmen.\n\nZentrum",
        Subject="Re: [Ticket#4711] Anfrage",
    ),
    "speaks-of-a-bounce": mail(
        "Guten Tag, Ihre erste Mail konnte nicht zugestellt werden, das Postfach war voll. Ja, ich habe "
        "einen Platz.",
    ),
    "confirms-and-says-no-more-mail": mail(
        "Bitte antworten Sie nicht mehr per Mail, rufen Sie mich an. Kern"
    ),
}

OUT_OF_OFFICE = {
    "exchange": mail(
        "Ich bin derzeit nicht im Büro.",
        Subject="Automatische Antwort: Anfrage",
        Auto_Submitted="auto-generated",
        X_Auto_Response_Suppress="All",
        **NOBODY,
    ),
    "exchange-english": mail(
        "I am on annual leave and will return on 4 January.", Subject="Automatic reply: Anfrage", **NOBODY
    ),
    "gmail": mail(
        "Hallo, ich bin vom 20.12. bis 6.1. im Urlaub.",
        Subject="Abwesend Re: Anfrage",
        Auto_Submitted="auto-replied",
        Precedence="bulk",
        X_Autoreply="yes",
    ),
    "gmx": mail(
        "Sehr geehrte Damen und Herren, unsere Praxis bleibt bis zum 6. Januar geschlossen.",
        Subject="Abwesenheitsnotiz: Anfrage",
        X_Autorespond="Anfrage",
    ),
    "t-online": mail(
        "Wir machen Betriebsferien bis 6.1.2027.", Subject="Autoreply: Anfrage", X_Autoreply="yes"
    ),
    "web.de-without-reference": mail(
        "Ich bin im Urlaub.", Subject="Automatische Antwort", Auto_Submitted="auto-replied", **NO_REFERENCE
    ),
    "sieve": mail("Ich bin verreist.", Subject="Auto: Anfrage", Auto_Submitted="auto-replied (vacation)"),
    "vacation-of-sendmail": mail(
        "I am away on vacation and will answer when I am back.",
        Subject="away from my mail",
        Precedence="junk",
        **NOBODY,
    ),
    "cpanel": mail(
        "Praxis wegen Krankheit geschlossen.", X_Mailer="autorespond 2.0", Precedence="auto_reply"
    ),
    "maternity-leave": mail("Ich befinde mich im Mutterschutz.", Auto_Submitted="auto-replied"),
    "says-only-when-back": mail(
        "Danke für Ihre Mail. Am Donnerstag, 7. Januar, bin ich zurück.", Auto_Submitted="auto-replied"
    ),
    "confirms-receipt-and-is-away": mail(
        "Ihre Nachricht ist eingegangen. Die Praxis ist bis einschließlich 3. Januar geschlossen.",
        Auto_Submitted="auto-replied",
    ),
    "quoting-our-mail-above": mail(
        "Vermittlung writes:\n\n> Haben Sie freie Plätze?\n\nIch bin bis 3. Januar nicht erreichbar.",
        Auto_Submitted="auto-replied",
    ),
    "no-headers-german": mail(
        "Vielen Dank für Ihre Nachricht. Ich bin bis zum 6. Januar im Urlaub. In dringenden Fällen "
        "wenden Sie sich "
        "an den Bereitschaftsdienst.",
        Subject="Re: Anfrage",
    ),
    "no-headers-subject-says-it": mail("Unser Büro ist derzeit nicht besetzt.", Subject="Abwesend: Anfrage"),
    "no-headers-english": mail(
        "Thank you for your email. I am currently out of the office with limited access to email.",
        Subject="Re: Anfrage",
    ),
    "no-headers-quoting": mail("Ich bin bis zum 6. Januar verreist.\nM. Kern" + QUOTATION),
    "html-only": mail(
        "<p>Guten Tag,</p><p>wir sind vom 21.12. bis 6.1. im <b>Urlaub</b>.</p>",
        subtype="html",
        Auto_Submitted="auto-replied",
    ),
    "latin-1-said-to-be-utf-8": mail(
        "Die Praxis ist über die Feiertage geschlossen.",
        charset="iso-8859-1",
        Auto_Submitted="auto-replied",
        Content_Type="text/plain; charset=utf-8",
    ),
}

RECEIPTS = {
    "otrs": mail(
        "Wir haben Ihre Anfrage erhalten und bearbeiten sie so schnell wie möglich.",
        Subject="[Ticket#2026122110000012] RE: Anfrage",
        Auto_Submitted="auto-replied",
        X_OTRS_Loop="yes",
        Precedence="bulk",
    ),
    "zammad": mail(
        "Your request (Ticket#31007) has been received and will be reviewed by our support staff.",
        Subject="[Ticket#31007] Anfrage",
        Auto_Submitted="auto-replied",
        X_Auto_Response_Suppress="All",
    ),
    "doctolib-like": mail(
        "Ihre Nachricht wurde an die Praxis weitergeleitet. Dies ist eine automatische E-Mail.",
        From="Terminportal <no-reply@termine-test.example>",
        Subject="Ihre Anfrage wurde übermittelt",
        **NO_REFERENCE,
    ),
    "practice-with-phone-hours": mail(
        "Vielen Dank für Ihre E-Mail. Während der Therapiesitzungen bin ich telefonisch nicht erreichbar. "
        "Meine Telefonzeiten: Mo 12-13 Uhr.",
        Auto_Submitted="auto-replied",
    ),
    "waiting-list-closed": mail(
        "Danke für Ihre Nachricht. Unsere Warteliste ist derzeit geschlossen.", Auto_Submitted="auto-replied"
    ),
    "closed-at-weekends": mail(
        "Ihre Mail ist eingegangen. Am Wochenende und an Feiertagen ist die Praxis geschlossen.",
        Auto_Submitted="auto-generated",
    ),
    "noreply-without-headers": mail(
        "Wir haben Ihre Anfrage erhalten.", From="noreply@klinik-test.example", Subject="Eingangsbestätigung"
    ),
    "ticket-without-headers": mail(
        "Vielen Dank, Ihre Nachricht ist bei uns eingegangen.",
        Subject="[Ticket: 4711] Wir haben Ihre Mail erhalten",
    ),
    "read-receipt": mail(
        "--g\nContent-Type: text/plain\n\nIhre Nachricht wurde gelesen.\n\n--g\n"
        "Content-Type: message/disposition-notification\n\nFinal-Recipient: rfc822;praxis@kern-test.example\n"
        f"Original-Message-ID: {OUR_ID}\nDisposition: manual-action/MDN-sent-manually; displayed\n\n--g--\n",
        Subject="Gelesen: Anfrage",
        Content_Type="multipart/report; report-type=disposition-notification; boundary=g",
    ),
    "automatic-says-nothing": mail("Danke für Ihre Nachricht.", Auto_Submitted="auto-replied"),
}

ASIDE = {
    "mailman": (
        Kind.NEWSLETTER,
        mail("Rundbrief", List_Id="<liste.example>", Precedence="list", **NO_REFERENCE),
    ),
    "newsletter": (Kind.NEWSLETTER, mail("Rabatt", List_Unsubscribe="<https://x.example>", **NO_REFERENCE)),
    "newsletter-in-bulk": (
        Kind.NEWSLETTER,
        mail("Rabatt", List_Unsubscribe="<https://x.example>", Precedence="bulk", **NO_REFERENCE),
    ),
    "spam": (Kind.SPAM_VERDICT, mail("Gewinn!", X_Spam_Flag="YES", **NO_REFERENCE)),
    "spamassassin": (Kind.SPAM_VERDICT, mail("Gewinn!", X_Spam_Status="Yes, score=9.1", **NO_REFERENCE)),
    "challenge": (
        Kind.CHALLENGE,
        mail(
            "Please confirm that you are human by clicking https://x.example, so that your message is "
            "delivered.",
            Auto_Submitted="auto-replied",
        ),
    ),
    "challenge-german": (
        Kind.CHALLENGE,
        mail(
            "Bitte klicken Sie auf https://x.example, damit Ihre Nachricht ankommt: sie wird dann zugestellt."
        ),
    ),
    "our-own": (Kind.LOOP, mail("Guten Tag", From=f"Vermittlung <{OUR_ADDRESS.upper()}>")),
    "nothing-said": (Kind.UNCLEAR, mail("\n" + QUOTATION)),
    "empty": (Kind.UNCLEAR, mail("")),
    "away-says-no-more": (Kind.UNCLEAR, mail("Bin im Urlaub.\nKern")),
    "looks-like-a-receipt": (
        Kind.UNCLEAR,
        mail("Vielen Dank für Ihre Nachricht, ich melde mich so schnell wie möglich bei Ihnen. Kern"),
    ),
}


@pytest.mark.parametrize("name", REPLIES)
def test_a_persons_answer(name: str) -> None:
    assert understood(REPLIES[name]).kind is Kind.REPLY


@pytest.mark.parametrize("name", OUT_OF_OFFICE)
def test_an_out_of_office_note(name: str) -> None:
    assert understood(OUT_OF_OFFICE[name]).kind is Kind.OUT_OF_OFFICE


@pytest.mark.parametrize("name", RECEIPTS)
def test_a_confirmation_of_receipt(name: str) -> None:
    assert understood(RECEIPTS[name]).kind is Kind.RECEIPT


@pytest.mark.parametrize("name", ASIDE)
def test_what_is_put_aside_or_asked_about(name: str) -> None:
    kind, raw = ASIDE[name]
    assert understood(raw).kind is kind


def test_only_an_out_of_office_note_has_a_day_of_return() -> None:
    text = "Ich bin bis zum 6. Januar im Urlaub."
    assert understood(mail(text, Auto_Submitted="auto-replied")).back_on is not None
    assert understood(mail(text + " Danach kann ich zwei Patienten aufnehmen.")).back_on is None
