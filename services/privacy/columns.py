"""Which columns hold what somebody wrote, a name or an address, and what stands there once it is blanked.

The other columns are the skeleton: ids, states, kinds, times and the callers' references, which name nobody
(`extern_id` and `anfrage_id`, by contract). By it statistics stay as they were and a late answer finds its
e-mail.
"""

from collections.abc import Collection
from typing import Any

from sqlalchemy import null, update

from services.models import Activity, Base, Email, EmailVersuch, Incoming, PhoneCall, Therapist
from services.models.incoming import HASHED_ID
from services.therapists.directory import GONE
from services.work import Transaction

BLANK: dict[type[Base], dict[str, Any]] = {
    Email: {
        "betreff": "",
        "body_html": "",
        "body_text": "",
        "empfaenger_email": "",
        "empfaenger_name": "",
        "absender_email": "",
        "absender_name": "",
        "antwortinhalt": None,
        "nachverfolgung_notizen": None,
        "fehlermeldung": None,
        "aktenzeichen": None,
        "antwort_an": None,
    },
    EmailVersuch: {"smtp_text": None},
    Incoming: {
        "absender": "",
        "absender_name": "",
        "betreff": "",
        "text": "",
        "worte": "",
        "anhaenge": [],
        "message_id": HASHED_ID,
        "vorschlag": None,
        "serverworte": None,
        "adresse_tot": None,
        "wirkung": None,
    },
    PhoneCall: {"ergebnis": None, "notizen": None, "rueckgaengig": null(), "rueckgaengig_bis": None},
    Activity: {"staff_id": None, "details": {}},
    Therapist: {
        "anrede": None,
        "titel": None,
        "vorname": "",
        "nachname": "",
        "strasse": None,
        "plz": None,
        "ort": None,
        "telefon": None,
        "telefon_e164": None,
        "telefon_e164_weitere": None,
        "telefon_korrigiert": None,
        "telefon_korrigiert_e164": None,
        "telefon_korrigiert_at": None,
        "email": None,
        "telefonische_erreichbarkeit": null(),
        "status": GONE,
        "nicht_anrufen_grund": None,
        "anruf_hinweis": None,
        "wieder_da_am": None,
        "abwesend_laut": None,
        "abwesend_seit": None,
    },
}
"""Of each table, what its personal columns become."""


async def blank(tx: Transaction, model: type[Base], ids: Collection[int]) -> None:
    """Blank rows that the caller has locked, and with e-mails what mail servers said of them."""
    columns = model.__table__.c
    values = dict(BLANK[model])
    if "geloescht_at" in columns:
        values["geloescht_at"] = tx.now
    if "version" in columns:
        values["version"] = columns.version + 1
    if "updated_at" in columns:
        values["updated_at"] = columns.updated_at
    await tx.session.execute(update(model).where(columns.id.in_(ids)).values(values))
    if model is Email:
        of_them = EmailVersuch.email_id.in_(ids) & EmailVersuch.smtp_text.is_not(None)
        await tx.session.execute(update(EmailVersuch).where(of_them).values(BLANK[EmailVersuch]))
