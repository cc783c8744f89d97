"""Says in words who did what, where somebody else was quicker."""

from services.claims import ClaimedByOther
from services.desk import Desk, ElsewhereChange
from services.errors import DomainError, InvalidInput, StaleVersion
from webapp.i18n import clock_time, gettext


def change_in_words(change: ElsewhereChange) -> str:
    """Say what happened to a call that a page still shows as it was."""
    if change.changed is not None:
        return _changed(change.changed)
    return _in_hand(change.holder_name)


def conflict_in_words(error: DomainError, desk: Desk) -> str:
    """Say why a call could not be taken or changed."""
    if isinstance(error, StaleVersion):
        return _changed(error)
    if isinstance(error, ClaimedByOther):
        return _in_hand(desk.name_of(error.values["staff_id"]))
    if isinstance(error, InvalidInput):
        return " ".join(gettext(field.message) % dict(field.values) for field in error.fields)
    return gettext(error.message_id) % error.values


def _in_hand(name: str | None) -> str:
    if name is None:
        return gettext("Somebody else has this therapist on the phone right now.")
    return gettext("%(name)s has this therapist on the phone right now.") % {"name": name}


def _changed(error: StaleVersion) -> str:
    values = error.values
    if "action" not in values:
        return gettext(error.message_id)
    words = {
        "outcome_recorded": gettext("%(name)s recorded an outcome for this call at %(time)s."),
        "outcome_undone": gettext("%(name)s took back the outcome of this call at %(time)s."),
        "call_moved": gettext("%(name)s moved this call at %(time)s."),
        "call_canceled": gettext("%(name)s cancelled this call at %(time)s."),
    }
    names = {
        "staff": values["staff_name"],
        "api": gettext("Another service"),
        "system": gettext("The system"),
    }
    name = names.get(values["actor"]) or gettext("Somebody")
    text = words.get(values["action"], gettext("%(name)s changed this call at %(time)s."))
    return text % {"name": name, "time": clock_time(values["at"])}
