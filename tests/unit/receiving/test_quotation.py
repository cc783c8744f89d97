import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.receiving.quotation import own_words
from tests.incoming_mail import mail, understood

OURS = "Guten Tag,\n\nhaben Sie freie Plätze?\n\nMit freundlichen Grüßen\nIhre Vermittlung"
QUOTED = "\n".join(f"> {line}".rstrip() for line in OURS.split("\n"))

TOP_POSTED = {
    "thunderbird": f"Ja, ab März.\n\nAm 20.12.26 um 09:12 schrieb Vermittlung:\n{QUOTED}",
    "gmail": "Ja, ab März.\n\nAm So., 20. Dez. 2026 um 09:12 Uhr schrieb Therapieplatz-Vermittlung Süd <\n"
    f"vermittlung@platz-test.example>:\n\n{QUOTED}",
    "gmail-english": "Ja, ab März.\n\nOn Sun, Dec 20, 2026 at 9:12 AM Vermittlung <v@p.example>\n"
    f"wrote:\n\n{QUOTED}",
    "apple": f"Ja, ab März.\n\n> Am 20.12.2026 um 09:12 schrieb Vermittlung <v@p.example>:\n>\n{QUOTED}",
    "iphone": "Ja, ab März.\n\nVon meinem iPhone gesendet\n\n> Am 20.12.2026 um 09:12 schrieb "
    f"Vermittlung:\n{QUOTED}",
    "yahoo": "Ja, ab März.\n\nAm Sonntag, 20. Dezember 2026 um 09:12:33 MEZ hat Vermittlung "
    "<v@p.example> Folgendes "
    f"geschrieben:\n\n{OURS}",
    "outlook": "Ja, ab März.\n\nVon: Vermittlung <v@p.example>\nGesendet: Sonntag, 20. Dezember 2026 09:12\n"
    f"An: Praxis Kern\nBetreff: Anfrage\n\n{OURS}",
    "outlook-old": "Ja, ab März.\n\n-----Ursprüngliche Nachricht-----\nVon: Vermittlung "
    "[mailto:v@p.example]\n"
    f"Gesendet: Sonntag, 20. Dezember 2026 09:12\nAn: Praxis Kern\nBetreff: Anfrage\n\n{OURS}",
    "outlook-english": "Ja, ab März.\n\n-----Original Message-----\nFrom: Vermittlung\nSent: Sunday\n"
    "To: Kern\n"
    f"Subject: Anfrage\n\n{OURS}",
    "outlook-mobile": "Ja, ab März.\n\nHolen Sie sich Outlook für iOS<https://aka.ms/x>\n"
    "________________________________\nVon: Vermittlung\nGesendet: Sonntag\nAn: Kern\nBetreff: Anfrage\n\n"
    + OURS,
    "outlook-bold": "Ja, ab März.\n\n*Von:* Vermittlung\n*Gesendet:* Sonntag\n*An:* Kern\n*Betreff:* "
    f"Anfrage\n\n{OURS}",
    "web.de": "Ja, ab März.\n\nGesendet: Sonntag, 20. Dezember 2026 um 09:12 Uhr\nVon: Vermittlung\nAn: "
    "Kern\n"
    f"Betreff: Anfrage\n{OURS}",
    "t-online": "Ja, ab März.\n\n-----Original-Nachricht-----\nBetreff: Anfrage\nDatum: 2026-12-20\n"
    f"Von: V\nAn: K\n\n{OURS}",
    "samsung": "Ja, ab März.\n\n-------- Ursprüngliche Nachricht --------\nVon: Vermittlung\nDatum: "
    f"20.12.26\n\n{OURS}",
    "horde": f"Ja, ab März.\n\nZitat von Vermittlung <v@p.example>:\n\n{QUOTED}",
    "bottom": f"{QUOTED}\n\nJa, ab März.",
    "bottom-attributed": f"Am 20.12.2026 um 09:12 schrieb Vermittlung:\n{QUOTED}\n\nJa, ab März.",
    "mailbot": f"Therapieplatz-Vermittlung Süd writes:\n\n{QUOTED}\n\nJa, ab März.",
    "delimiter": f"Ja, ab März.\n-- \nDr. Kern\nTel. 030 123\n\n{QUOTED}",
    "not-quoting": "Ja, ab März.",
}


@pytest.mark.parametrize("name", TOP_POSTED)
def test_only_a_persons_own_words_are_left(name: str) -> None:
    assert own_words(TOP_POSTED[name]).split("\n")[0] == "Ja, ab März."
    assert "freie Plätze" not in own_words(TOP_POSTED[name])
    assert "Vermittlung" not in own_words(TOP_POSTED[name])


def test_answers_between_the_lines_are_all_kept() -> None:
    text = "> Haben Sie Plätze?\nJa, zwei.\n\n> Ab wann?\nAb März.\n\n> Danke\n"
    assert own_words(text) == "Ja, zwei.\n\nAb März."


def test_the_name_under_a_greeting_stays_and_the_rest_of_the_signature_goes() -> None:
    text = (
        "Ja, ab März.\n\nMit freundlichen Grüßen\n\nDr. Martina Kern\nPsychotherapeutin\n\nHauptstraße "
        "1\n10115 Berlin\n"
        "Tel. 030 123\n\nDiese E-Mail kann vertrauliche Informationen enthalten."
    )
    assert own_words(text) == "Ja, ab März.\n\nMit freundlichen Grüßen\n\nDr. Martina Kern\nPsychotherapeutin"


@pytest.mark.parametrize("more", ["PS: Nur vormittags.", "Im Mai kann ich noch jemanden nehmen."])
def test_what_is_said_after_the_greeting_stays(more: str) -> None:
    text = f"Ja, ab März.\n\nViele Grüße\nM. Kern\n\n{more}\n\nHauptstraße 1\n10115 Berlin"
    assert own_words(text) == f"Ja, ab März.\n\nViele Grüße\nM. Kern\n\n{more}"


@pytest.mark.parametrize(
    "text",
    [
        "Wie Sie am 20.11.2026 geschrieben haben:\nzwei Patientinnen. Das geht.",
        "Am Montag, 4. Januar, bin ich da:\nrufen Sie bitte an.",
        "Von: 12 bis 13 Uhr bin ich da.\nAn: Wochenenden nicht.",
        "Meine Nachricht:\nes geht.",
        "Die ursprüngliche Nachricht habe ich nicht bekommen.",
        "On Monday I can call you:\nis that all right?",
    ],
)
def test_sentences_that_look_like_a_quotation_are_none(text: str) -> None:
    assert own_words(text) == text


def test_nothing_is_left_of_a_mail_that_only_quotes() -> None:
    assert own_words(QUOTED) == ""
    assert own_words(f"-----Ursprüngliche Nachricht-----\n{OURS}") == ""
    assert understood(mail(QUOTED)).words == QUOTED


@pytest.mark.parametrize(
    "html",
    [
        '<div>Ja, ab März.</div><div name="quote" style="margin:10px; border-left:2px solid '
        '#C3D9E5"><div><b>Gesendet:'
        "</b>&nbsp;Sonntag<br><b>Von:</b>&nbsp;Vermittlung<br><b>An:</b>&nbsp;Kern<br><b>Betreff:</b>&nbsp;Anfrage</div>"
        "Haben Sie freie Plätze?</div>",
        '<p>Ja, ab März.</p><hr><div id="divRplyFwdMsg"><b>Von:</b> Vermittlung<br><b>Gesendet:</b> '
        "Sonntag<br><b>An:"
        "</b> Kern<br><b>Betreff:</b> Anfrage</div><p>Haben Sie freie Plätze?</p>",
        '<p>Ja, ab März.</p><div class="moz-cite-prefix">Am 20.12.26 um 09:12 schrieb Vermittlung:<br></div>'
        '<blockquote type="cite" cite="mid:x"><p>Haben Sie freie Plätze?</p></blockquote>',
        '<div>Ja, ab März.</div><div class="yahoo_quoted"><div>Am Sonntag, 20. Dezember 2026 um '
        "09:12:33 MEZ hat "
        "Vermittlung &lt;v@p.example&gt; Folgendes geschrieben:</div><div>Haben Sie freie "
        "Plätze?</div></div>",
        '<blockquote type="cite">Haben Sie freie Plätze?</blockquote><p>Ja, ab März.</p>',
        '<blockquote style="margin:0 0 0 40px;border:none;padding:0">Ja, ab März.</blockquote>'
        '<blockquote style="border:none;border-left:solid blue 1.5pt">Haben Sie freie Plätze?</blockquote>',
    ],
    ids=["gmx", "outlook-web", "thunderbird", "yahoo", "bottom", "indented"],
)
def test_what_html_quotes_is_told_from_what_it_says(html: str) -> None:
    assert understood(mail(html, subtype="html")).words == "Ja, ab März."


@given(
    st.lists(
        st.sampled_from([*OURS.split("\n"), *QUOTED.split("\n"), "Von: x", "An: y", "Gesendet: z", "-- ", ""])
    )
)
def test_own_words_are_lines_of_the_text(lines: list[str]) -> None:
    own = own_words("\n".join(lines))
    assert {line for line in own.split("\n") if line} <= {line.strip() for line in lines}
    assert own_words(own) in (own, own_words(own_words(own)))
