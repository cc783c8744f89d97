"""What somebody has to do with their account before they may do anything else (pure)."""

from enum import StrEnum
from typing import Literal

from services.models import Staff

RequiredOf = bool | Literal["everybody"]
"""Who needs a second factor: nobody, administrators (true), or everybody."""


class Duty(StrEnum):
    """The first thing to do."""

    PASSWORD = "password"  # noqa: S105
    """Change a password that somebody else knows."""

    SECOND_FACTOR = "second_factor"
    """Set up a second factor."""


def duty_of(staff: Staff, second_factor_required: RequiredOf) -> Duty | None:
    """Return what somebody has to do first, if anything."""
    if staff.einmalpasswort_bis is not None:
        return Duty.PASSWORD
    if needs_second_factor(staff, second_factor_required) and not staff.has_second_factor:
        return Duty.SECOND_FACTOR
    return None


def needs_second_factor(staff: Staff, required: RequiredOf) -> bool:
    """Say whether somebody may not work without a second factor."""
    return required == "everybody" or (required is True and staff.admin)
