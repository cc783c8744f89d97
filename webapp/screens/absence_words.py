"""What an absence did, in words."""

from services.calls.absences import SetAbsent
from services.models import CallStatus, Therapist
from webapp.i18n import day, gettext, ngettext


def absent_in_words(absent: SetAbsent) -> str:
    """Say until when somebody is away, and what became of the calls planned before."""
    canceled = sum(moved.call.status == CallStatus.CANCELED for moved in absent.calls)
    count = len(absent.calls) - canceled
    moved = ngettext("%(num)s call is moved behind it.", "%(num)s calls are moved behind it.", count)
    vain = ngettext(
        "%(num)s call is cancelled, for no time is free after it: a person decides.",
        "%(num)s calls are cancelled, for no time is free after it: a person decides.",
        canceled,
    )
    until = gettext("%(name)s is absent and back on %(day)s.") % {
        "name": absent.therapist.display_name,
        "day": day(absent.after.wieder_da_am, "weekday"),
    }
    parts = [until, moved % {"num": count} if count else "", vain % {"num": canceled} if canceled else ""]
    return " ".join(filter(None, parts))


def there_in_words(therapist: Therapist) -> str:
    """Say that somebody is there again."""
    text = gettext("%(name)s is there again. Planned calls stay where they are.")
    return text % {"name": therapist.display_name}
