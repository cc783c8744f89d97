"""What the screens call the mail templates and what they ask for; the mails themselves are German.

`mail.toml` describes them in German, for the API. Here they are message ids, so that the screens have them in
the reader's language.
"""

from services.emails.templates.engine import MailTemplate
from services.emails.templates.variables import Variable
from webapp.i18n import gettext


def msgid(text: str) -> str:
    """Mark a text to be translated where it is used."""
    return text


TITLES = {
    "base": msgid("Free letter"),
    "confirmation": msgid("Confirmation"),
    "follow_up": msgid("Reminder"),
    "initial_contact": msgid("First request"),
}
DESCRIPTIONS = {
    "base": msgid("A letter with a salutation, paragraphs of your own and a greeting."),
    "confirmation": msgid("Confirms to a practice what was agreed."),
    "follow_up": msgid("Reminds a practice kindly of a request that was not answered."),
    "initial_contact": msgid("Asks a practice for free places for the first time."),
}
LABELS = {
    "absaetze": msgid("The letter's paragraphs; name no patients"),
    "aktenzeichen": msgid("File reference"),
    "anfrage_vom": msgid("When we first wrote"),
    "anrede": msgid("The salutation, without a comma"),
    "anruf_am": msgid("When we call if there is no answer by then"),
    "antwort_bis": msgid("By when an answer helps"),
    "anzahl": msgid("How many people look for a place"),
    "gesuche": msgid("For each person a line on what is looked for, without names and diagnoses"),
    "naechster_schritt": msgid("What happens next"),
    "telefon": msgid("The number at which the practice can call back"),
    "unterschrift": msgid("Who signs"),
    "vereinbart_am": msgid("When we agreed on it"),
    "vereinbarungen": msgid("What was agreed, without names of patients"),
}
HINTS = {
    "aktenzeichen": msgid("The sign under which we find the matter, never a patient's name"),
}


def title_of(template: MailTemplate) -> str:
    """Return what a template is called."""
    return gettext(TITLES[template.name])


def description_of(template: MailTemplate) -> str:
    """Return what a template is for."""
    return gettext(DESCRIPTIONS[template.name])


def label_of(variable: Variable) -> str:
    """Return what a template asks for."""
    return gettext(LABELS[variable.name])


def hint_of(variable: Variable) -> str | None:
    """Return what to know about what a template asks for, where its name does not say it."""
    hint = HINTS.get(variable.name)
    return gettext(hint) if hint else None
