"""The day's band drawn: a bar for each half hour, as high as many answer the phone then or are to be rung."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.desk.band import BandPart
from services.rules import DeskRules

STEP, HEIGHT, HIGHEST = 30, 40, 38
"""How wide half an hour is, how high the picture and its highest bar are."""


@dataclass(frozen=True, slots=True)
class BandPicture:
    """Outlines as an SVG path has them, and the desk's day as instants, with the present as per cent of it.

    Attributes:
        windows: of those who answer the phone.
        calls: of the calls planned.
        hours: what stands under each half hour: the full hours, and nothing under the others.
    """

    width: int
    windows: str
    calls: str
    hours: Sequence[str]
    opens: datetime
    closes: datetime
    now: float

    @property
    def is_now(self) -> bool:
        """Whether the present is within the desk's day."""
        return 0 <= self.now <= 100


def draw_band(parts: Sequence[BandPart], now: datetime, rules: DeskRules) -> BandPicture:
    """Draw the day; both kinds of bars by the same measure."""
    most = max(1, *(part.windows for part in parts), *(part.calls for part in parts))
    today = rules.today(now)
    opens, closes = rules.instant(today, parts[0].start), rules.instant(today, parts[-1].end)
    return BandPicture(
        width=STEP * len(parts),
        windows=_bars((part.windows * HIGHEST / most for part in parts), inset=1),
        calls=_bars((part.calls * HIGHEST / most for part in parts), inset=10),
        hours=["" if part.start.minute else f"{part.start:%H}" for part in parts],
        opens=opens,
        closes=closes,
        now=round((now - opens) / (closes - opens) * 100, 2),
    )


def _bars(heights: Iterable[float], *, inset: int) -> str:
    width = STEP - 2 * inset
    return "".join(
        f"M{STEP * number + inset} {HEIGHT}v{-height:.1f}h{width}v{height:.1f}z"
        for number, height in enumerate(heights)
        if height
    )
