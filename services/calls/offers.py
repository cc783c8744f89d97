"""What a therapist who was reached can offer: places, from when, for whom, and when to ask again."""

from dataclasses import dataclass, fields
from datetime import date
from typing import Self

from services.errors import FieldError
from services.models import MOST_PLACES, Audience, PhoneCall
from services.scheduling.calendar import FURTHEST_DAYS
from services.work import Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What was said about places; None, or nobody, where nothing was said.

    Attributes:
        plaetze: how many; `MOST_PLACES` stands for so many and more.
        plaetze_ab: from which day on.
        plaetze_fuer: for whom.
        warteliste: whether there is a waiting list.
        wieder_fragen_am: the day on or after which to ask again.
    """

    plaetze: int | None = None
    plaetze_ab: date | None = None
    plaetze_fuer: tuple[Audience, ...] = ()
    warteliste: bool | None = None
    wieder_fragen_am: date | None = None

    @classmethod
    def of(cls, call: PhoneCall) -> Self:
        """Return what was said in a call."""
        return cls(
            plaetze=call.plaetze,
            plaetze_ab=call.plaetze_ab,
            plaetze_fuer=tuple(Audience(code) for code in call.plaetze_fuer or ()),
            warteliste=call.warteliste,
            wieder_fragen_am=call.wieder_fragen_am,
        )

    def columns(self) -> dict[str, object]:
        """Return this as a call's columns hold it."""
        held: dict[str, object] = {field.name: getattr(self, field.name) for field in fields(self)}
        held["plaetze_fuer"] = [code.value for code in Audience if code in self.plaetze_fuer] or None
        return held

    def write(self, call: PhoneCall) -> None:
        """Note this on a call that reached somebody."""
        for name, value in self.columns().items():
            setattr(call, name, value)


NOTHING_SAID = Offer()


def offer_errors(moment: Moment, offer: Offer) -> list[FieldError]:
    """Return what is wrong with an offer."""
    errors: list[FieldError] = []
    if offer.plaetze is not None and not 0 <= offer.plaetze <= MOST_PLACES:
        limits = (("most", MOST_PLACES),)
        errors.append(FieldError("plaetze", "From 0 to %(most)s places; more than that is the same.", limits))
    if offer.plaetze_ab is not None and abs((offer.plaetze_ab - moment.today).days) > FURTHEST_DAYS:
        errors.append(FieldError("plaetze_ab", "This date is too far away."))
    return errors


def question_errors(moment: Moment, offer: Offer) -> list[FieldError]:
    """Return what is wrong with the day on which to ask again, which is to come."""
    day = offer.wieder_fragen_am
    if day is None or 0 < (day - moment.today).days <= FURTHEST_DAYS:
        return []
    words = "This date is not ahead." if day <= moment.today else "This date is too far ahead."
    return [FieldError("wieder_fragen_am", words)]
