"""The form that records what came back for an e-mail."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from services.emails.reply import Reply
from services.models import Email, ReplyKind
from services.receiving.refusals import address_is_dead
from services.rules import DeskRules
from webapp.i18n import gettext
from webapp.screens.forms import Form, FormErrors, read_date, read_time
from webapp.screens.visit import Visit


@dataclass
class ReplyForm(Form):
    """What the form sends, as text; date and time are local wall clock, to the minute."""

    version: str = ""
    art: str = ""
    antwortdatum: str = ""
    uhrzeit: str = ""
    antwortinhalt: str = ""
    rueckkehr: str = ""
    nachverfolgung_erforderlich: str = ""
    nachverfolgung_notizen: str = ""
    preview: str = ""

    @classmethod
    def new(cls, email: Email, visit: Visit) -> Self:
        """Return the form as it opens: it came just now, or what is recorded already."""
        came = visit.rules.local(email.antwortdatum or visit.now)
        return cls(
            art=ReplyKind.REPLY.value,
            antwortdatum=came.date().isoformat(),
            uhrzeit=f"{came:%H:%M}",
            antwortinhalt=(email.antwortinhalt or "") if email.antwort_erhalten else "",
            nachverfolgung_erforderlich="ja" if email.nachverfolgung_erforderlich else "",
            nachverfolgung_notizen=email.nachverfolgung_notizen or "",
        )

    def wants_follow_up(self, email: Email) -> bool:
        """Say whether somebody is to follow this up: ticked, or written down what has to be done.

        What stands there from before says nothing: it may be done already.
        """
        typed = self.nachverfolgung_notizen.strip()
        return bool(self.nachverfolgung_erforderlich or (typed and typed != email.nachverfolgung_notizen))

    def to_reply(self, email: Email, rules: DeskRules) -> tuple[Reply, FormErrors]:
        """Return the reply to an e-mail and what can't be understood of it."""
        errors: FormErrors = []
        day, at = read_date(self.antwortdatum), read_time(self.uhrzeit)
        if day is None:
            errors.append(("antwortdatum", gettext("Give the day on which it came.")))
        if at is None:
            errors.append(("uhrzeit", gettext("Give the time at which it came, such as 14:30.")))
        if self.art not in set(ReplyKind):
            errors.append(("art", gettext("Choose what came back.")))
        if self.rueckkehr and self.art == ReplyKind.OUT_OF_OFFICE and read_date(self.rueckkehr) is None:
            errors.append(("rueckkehr", gettext("Give a date, or leave it empty.")))
        if self.art == ReplyKind.REPLY and not self.antwortinhalt.strip():
            errors.append(("antwortinhalt", gettext("Write down what they answered.")))
        if errors or day is None or at is None:
            return Reply(), errors
        art = ReplyKind(self.art)
        return Reply(
            art=art,
            eingang=_to_the_second(email, rules.instant(day, at)),
            inhalt=self.antwortinhalt.strip() or None,
            rueckkehr=read_date(self.rueckkehr) if art is ReplyKind.OUT_OF_OFFICE else None,
            adresse_tot=art is ReplyKind.UNDELIVERABLE and address_is_dead("", self.antwortinhalt),
            nachverfolgung_erforderlich=self.wants_follow_up(email),
            nachverfolgung_notizen=self.nachverfolgung_notizen.strip(),
        ), []


def _to_the_second(email: Email, came: datetime) -> datetime:
    """Return when a reply came: what is recorded already, or the e-mail's making, if in the same minute."""
    known = (email.antwortdatum, email.created_at)
    return next((at for at in known if at and 0 <= (at - came).total_seconds() < 60), came)
