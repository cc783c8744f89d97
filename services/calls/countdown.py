"""How much time is left: one rule for the list, the panel and the script that goes on counting."""

from dataclasses import dataclass
from datetime import datetime, timedelta

FEW_MINUTES = 15
"""So many minutes before the phone hours end there is no more time for much else."""

ANNOUNCED_AT = (10, 2)
"""At how many minutes left somebody who can't see the countdown hears of it: not at every one."""

HOUR_MINUTES = 60


@dataclass(frozen=True, slots=True)
class Countdown:
    """The time from an instant until another.

    `ends` says that something ends then, so that few minutes left are worth a warning.
    """

    until: datetime
    now: datetime
    ends: bool = True

    @property
    def minutes(self) -> int:
        """Minutes left, begun ones counted; 0 when it is over."""
        return max(0, -(-(self.until - self.now) // timedelta(minutes=1)))

    @property
    def hours_and_minutes(self) -> tuple[int, int]:
        """The same as whole hours and the minutes beyond."""
        return divmod(self.minutes, HOUR_MINUTES)

    @property
    def few_left(self) -> bool:
        """Whether this is the time to warn."""
        return self.ends and self.minutes <= FEW_MINUTES
