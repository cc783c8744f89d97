"""What was done to a message of the inbox, in words."""

from services.desk.inbox import Handled, load_message
from services.errors import NotFound
from services.models import IncomingState
from webapp.i18n import clock_time, gettext
from webapp.screens.inbox import InboxQuery, Said
from webapp.screens.visit import Visit


async def done_words(visit: Visit, done: str, about: int | None) -> Said | None:
    """Return what the status line says of what was done to a message, if it is so."""
    if about is None:
        return None
    try:
        message = await load_message(visit.work, about, InboxQuery().show)
    except NotFound:
        return None
    incoming = message.incoming
    name = (
        message.therapist.display_name if message.therapist else incoming.absender_name or incoming.absender
    )
    words = {
        ("accept", IncomingState.DONE): gettext("Recorded: the message of %(name)s."),
        ("correct", IncomingState.DONE): gettext("Recorded: the message of %(name)s."),
        ("put_aside", IncomingState.ASIDE): gettext("Put aside: the message of %(name)s."),
        ("undo", IncomingState.SUGGESTED): gettext("Taken back: the message of %(name)s waits again."),
        ("undo", IncomingState.OPEN): gettext("Taken back: the message of %(name)s waits again."),
    }
    text = words.get((done, IncomingState(incoming.zustand)))
    if text is None:
        return None
    return Said(about, incoming.version, text % {"name": name or gettext("a mail system")}, done != "undo")


def change_words(handled: Handled | None, visit: Visit) -> str:
    """Say what somebody did to a message since a page showed it; nothing of what its reader did."""
    if handled is None:
        return gettext("This message has changed meanwhile.")
    if handled.staff_id == visit.staff.id:
        return ""
    words = {
        "incoming_matched": gettext("%(name)s has recorded this message meanwhile (%(time)s)."),
        "incoming_corrected": gettext("%(name)s has corrected this message meanwhile (%(time)s)."),
        "incoming_aside": gettext("%(name)s has put this message aside meanwhile (%(time)s)."),
        "incoming_undone": gettext("%(name)s has taken this message back meanwhile (%(time)s)."),
    }
    text = words.get(handled.action, gettext("%(name)s has changed this message meanwhile (%(time)s)."))
    return text % {"name": handled.who or gettext("The system"), "time": clock_time(handled.at)}
