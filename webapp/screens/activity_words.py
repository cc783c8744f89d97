"""What the page Activity calls what was done, and why something failed."""

from services.work import Action
from webapp.i18n import gettext


def msgid(text: str) -> str:
    """Mark a text to be translated where it is used."""
    return text


ACTIONS = {
    Action.EMAIL_CREATED: msgid("wrote an e-mail"),
    Action.EMAIL_CHANGED: msgid("changed an e-mail"),
    Action.EMAIL_QUEUED: msgid("queued an e-mail"),
    Action.EMAIL_CANCELED: msgid("took an e-mail out of the queue"),
    Action.EMAIL_RETRIED: msgid("had a failed e-mail sent again"),
    Action.EMAIL_RESENT: msgid("had an unclear e-mail sent again"),
    Action.EMAIL_WAS_SENT: msgid("decided that an unclear e-mail was sent"),
    Action.EMAIL_DOUBTED: msgid("made an e-mail unclear after restoring"),
    Action.REPLY_RECORDED: msgid("recorded a reply"),
    Action.FOLLOW_UP_OBSTACLE: msgid("could plan no follow-up call"),
    Action.CALL_SCHEDULED: msgid("planned a call"),
    Action.CALL_MOVED: msgid("moved a call"),
    Action.CALL_CHANGED: msgid("changed a call"),
    Action.CALL_CANCELED: msgid("cancelled a call"),
    Action.CALL_SETTLED: msgid("settled a call that needed a decision"),
    Action.CALL_RESTORED: msgid("brought a cancelled call back"),
    Action.OUTCOME_RECORDED: msgid("recorded what came of a call"),
    Action.OUTCOME_UNDONE: msgid("took an outcome back"),
    Action.DO_NOT_CALL_SET: msgid("noted not to call a therapist"),
    Action.DO_NOT_CALL_LIFTED: msgid("allowed to call a therapist again"),
    Action.CALL_HINT_SET: msgid("changed the hint for calls to a therapist"),
    Action.OUTCOME_CORRECTED: msgid("corrected what came of a call"),
    Action.CALL_GUIDE_CHANGED: msgid("changed the guide for calls"),
    Action.PHONE_CORRECTED: msgid("corrected a therapist's phone number"),
    Action.PHONE_CORRECTION_LIFTED: msgid("took back a corrected phone number"),
    Action.THERAPIST_EXPORTED: msgid("exported what is held of a therapist"),
    Action.THERAPIST_ERASED: msgid("erased a therapist"),
    Action.LIST_EXPORTED: msgid("exported a list"),
    Action.ABSENCE_SET: msgid("noted that a therapist is absent"),
    Action.ABSENCE_LIFTED: msgid("noted that a therapist is there again"),
    Action.STAFF_ADDED: msgid("added an account"),
    Action.STAFF_OPENED: msgid("opened an account again"),
    Action.STAFF_CLOSED: msgid("closed an account"),
    Action.STAFF_UNLOCKED: msgid("unlocked an account"),
    Action.ROLE_CHANGED: msgid("changed a role"),
    Action.PASSWORD_RESET: msgid("gave a one-time password"),
    Action.PASSWORD_CHANGED: msgid("changed their own password"),
    Action.SECOND_FACTOR_SET: msgid("set up a second factor"),
    Action.SECOND_FACTOR_REMOVED: msgid("took a second factor away"),
    Action.RECOVERY_CODES_MADE: msgid("got new recovery codes"),
    Action.RECOVERY_CODE_USED: msgid("A recovery code was used"),
    Action.LOGGED_IN: msgid("logged in"),
    Action.LOGIN_FAILED: msgid("A login failed"),
    Action.SESSIONS_ENDED: msgid("logged out elsewhere"),
    Action.API_KEY_CREATED: msgid("created an API key"),
    Action.API_KEY_REVOKED: msgid("revoked an API key"),
    Action.API_KEY_REFUSED: msgid("An API key was refused"),
    Action.EVENT_RETRIED: msgid("had an event published again"),
    Action.QUEUE_HELD: msgid("held sending"),
    Action.QUEUE_RELEASED: msgid("released sending"),
    Action.INCOMING_MATCHED: msgid("put a message to its e-mail"),
    Action.INCOMING_CORRECTED: msgid("corrected what a message is"),
    Action.INCOMING_ASIDE: msgid("put a message aside"),
    Action.INCOMING_UNDONE: msgid("took back what was decided on a message"),
    Action.ADDRESS_STOPPED: msgid("stopped an address"),
    Action.SHIFT_NOTE_LEFT: msgid("left a note for the next shift"),
    Action.SHIFT_NOTE_TAKEN_DOWN: msgid("took a note for the next shift down"),
    Action.ADDRESS_RELEASED: msgid("released an address"),
}

REASONS = {
    "unknown_name": msgid("nobody has this name, or the account is closed"),
    "wrong_password": msgid("wrong password"),
    "account_paused": msgid("too many tries"),
    "one_time_password_over": msgid("the one-time password is too old"),
    "changed_meanwhile": msgid("the account was changed meanwhile"),
    "wrong_code": msgid("wrong code"),
    "code_paused": msgid("too many wrong codes"),
    "revoked": msgid("it is revoked"),
    "expired": msgid("it has expired"),
    "scope": msgid("it is for something else"),
    "unknown": msgid("it was never given out"),
}

OBJECT_TYPES = {
    "email": msgid("E-mail"),
    "call": msgid("Call"),
    "therapist": msgid("Therapist"),
    "incoming": msgid("Message"),
    "stop_entry": msgid("Stop list"),
    "call_guide": msgid("Call guide"),
    "staff": msgid("Account"),
    "api_key": msgid("API key"),
    "queue": msgid("E-mail queue"),
    "event": msgid("Event"),
}

PAGES = {
    "email": "/emails",
    "call": "/calls",
    "therapist": "/therapists",
    "incoming": "/inbox",
    "staff": "/system/staff",
}


def words_of_action(action: str) -> str:
    """Return what somebody did, as goes on after their name."""
    known = {str(each): words for each, words in ACTIONS.items()}
    return gettext(known[action]) if action in known else action


def words_of_details(details: dict[str, object]) -> str:
    """Return what else there is to say: why something failed, or which role somebody has now."""
    reason = details.get("reason")
    if isinstance(reason, str) and reason in REASONS:
        return gettext(REASONS[reason])
    if "admin" in details:
        return gettext("Administrator") if details["admin"] else gettext("Staff")
    return ""
