"""Geometry of the charts that the server draws as SVG. Pure.

Bars lie at per cents of the drawing's width, so that it fits any screen with its words as large as others.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from services.desk.statistics import HourRate

NICE_STEPS = (1, 2, 5)


@dataclass(frozen=True, slots=True)
class Bar:
    """One day: a bar for the whole and, inside it, one for the part; `x` and `width` in per cent.

    `minor` labels can be left out where there is little room.
    """

    x: float
    width: float
    whole_y: float
    whole_height: float
    part_y: float
    part_height: float
    label: str
    minor: bool

    @property
    def middle(self) -> float:
        """Where the label is centred."""
        return round(self.x + self.width / 2, 2)


@dataclass(frozen=True, slots=True)
class GridLine:
    """A horizontal line with its value."""

    y: float
    value: int


@dataclass(frozen=True, slots=True)
class BarChart:
    """Bars over a grid, `height` pixels high; labels stand below `base`."""

    height: int
    base: int
    bars: list[Bar]
    lines: list[GridLine]


@dataclass(frozen=True, slots=True)
class HeatCell:
    """An hour of a weekday; `level` 0 to 4 says how dark it is, None that nobody rang then."""

    x: int
    y: int
    level: int | None
    rate: HourRate | None


@dataclass(frozen=True, slots=True)
class HeatMap:
    """Weekdays down, hours across."""

    width: int
    height: int
    left: int
    cell_width: int
    cell_height: int
    hours: list[int]
    cells: list[HeatCell]


def bar_chart(days: Sequence[tuple[str, int, int]], *, height: int = 190) -> BarChart:
    """Return the bars of `days`, each a label, the whole and the part of it."""
    top, base = 8, height - 24
    step = grid_step(max((whole for _, whole, _ in days), default=0))
    highest = max(step, *(-(-whole // step) * step for _, whole, _ in days)) if days else step
    scale = (base - top) / highest
    slot = 100 / max(len(days), 1)
    labelled = [index for index, (label, _, _) in enumerate(days) if label]
    bars = [
        Bar(
            x=round(index * slot + slot * 0.14, 2),
            width=round(slot * 0.72, 2),
            whole_y=round(base - whole * scale, 2),
            whole_height=round(whole * scale, 2),
            part_y=round(base - part * scale, 2),
            part_height=round(part * scale, 2),
            label=label,
            minor=index in labelled[1::2],
        )
        for index, (label, whole, part) in enumerate(days)
    ]
    lines = [GridLine(round(base - value * scale, 2), value) for value in range(0, highest + 1, step)]
    return BarChart(height, base, bars, lines)


def grid_step(largest: int, lines: int = 4) -> int:
    """Return the smallest of 1, 2, 5, 10, 20, 50 ... that covers `largest` with at most `lines` steps."""
    power = 1
    while True:
        for nice in NICE_STEPS:
            if nice * power * lines >= largest:
                return nice * power
        power *= 10


def heat_map(rates: Sequence[HourRate]) -> HeatMap:
    """Return a cell for every weekday and hour between the first and last hour anybody rang."""
    hours = [rate.hour for rate in rates]
    shown = list(range(min(hours, default=8), max(hours, default=17) + 1))
    days = range(max(5, max((rate.weekday for rate in rates), default=0) + 1))
    left, top, cell_width, cell_height = 92, 22, 46, 30
    found = {(rate.weekday, rate.hour): rate for rate in rates}
    cells = [
        HeatCell(
            x=left + column * cell_width,
            y=top + day * cell_height,
            level=heat_level(found.get((day, hour))),
            rate=found.get((day, hour)),
        )
        for day in days
        for column, hour in enumerate(shown)
    ]
    return HeatMap(
        width=left + len(shown) * cell_width,
        height=top + len(days) * cell_height,
        left=left,
        cell_width=cell_width,
        cell_height=cell_height,
        hours=shown,
        cells=cells,
    )


def heat_level(rate: HourRate | None) -> int | None:
    """Return how dark an hour is drawn: 0 for nobody reached to 4 for nearly everybody."""
    return None if rate is None else min(4, int(rate.rate * 5))
