"""Says who is on the phone with whom."""

from services.calls.hands import Hand
from webapp.i18n import gettext


def held_in_words(hand: Hand) -> str:
    """Say who is on the phone with whom; a therapist not in the directory has no name here."""
    return gettext("%(name)s is on the phone with %(whom)s right now.") % {
        "name": hand.staff_name,
        "whom": hand.therapist_name or gettext("this therapist"),
    }


def on_line_in_words(hand: Hand) -> str:
    """Say who rings somebody else under the same number."""
    return gettext("%(name)s is on the phone under this number right now.") % {"name": hand.staff_name}


def hand_in_words(hand: Hand, therapist_id: int) -> str:
    """Say who is on the phone with a therapist, or with another under the same number."""
    return held_in_words(hand) if hand.therapist_id == therapist_id else on_line_in_words(hand)
