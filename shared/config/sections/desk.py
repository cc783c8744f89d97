"""How the desk calls, and how long it remembers."""

from datetime import time
from typing import Annotated

from pydantic import Field

from shared.config.sections.section import Section
from shared.config.values import DeskHours, Months, State


class Calls(Section):
    """Calls."""

    holiday_state: State = "BE"
    """The desk's state, by its two letters: its public holidays count where a practice's postcode tells of no
    state."""

    desk_lines: Annotated[int, Field(ge=1, le=100)] = 3
    """Calls that can be made at the same time."""

    desk_hours: DeskHours = (time(8), time(18))
    """From when until when calls are planned; `24:00` is the end of the day."""

    call_duration_minutes: Annotated[int, Field(ge=1, le=240)] = 5
    """Length of a call when none is given."""

    call_gap_minutes: Annotated[int, Field(ge=0, le=240)] = 5
    """Rest between two calls to the same therapist."""

    call_notice_minutes: Annotated[int, Field(ge=0, le=10_080)] = 30
    """No call is planned sooner than this from now."""

    call_grid_minutes: Annotated[int, Field(ge=1, le=60)] = 5
    """Planned calls start at multiples of this."""

    call_horizon_days: Annotated[int, Field(ge=1, le=365)] = 14
    """How far ahead a free time is looked for."""

    call_max_attempts: Annotated[int, Field(ge=1, le=50)] = 5
    """Then a person decides."""

    call_wait_days: Annotated[int, Field(ge=0, le=14)] = 4
    """So many days a call waits at most for an hour in which somebody is clearly likelier to pick up; `0`:
    nobody waits."""

    call_claim_minutes: Annotated[int, Field(ge=5, le=240)] = 10
    """How long a call stays in somebody's hands without a sign of life, 5 or more; an open page gives one
    every two minutes."""

    undo_seconds: Annotated[int, Field(ge=0, le=300)] = 15
    """How long an outcome can be taken back."""

    follow_up_after_days: Annotated[int, Field(ge=1, le=365)] = 7
    """Days without an answer after which a call is planned."""


class Retention(Section):
    """How long things are kept."""

    retention_emails_months: Months = 0
    """Texts, names and addresses of e-mails that are over are blanked after so many months; 0 keeps them for
    ever (docs/how-to/privacy.md)."""

    retention_drafts_months: Months = 0
    """Likewise of e-mails that were never sent."""

    retention_incoming_months: Months = 0
    """Likewise of messages that came in."""

    retention_calls_months: Months = 0
    """Likewise what was written about calls."""

    retention_activity_months: Months = 0
    """Likewise who did what: that it was done stays known."""
