"""Statistics: how the work goes."""

from datetime import timedelta

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response import Template

from services.desk.statistics import load_statistics
from services.work import Work
from webapp import i18n
from webapp.screens.charts import bar_chart, heat_map

PERIODS = (14, 30, 90)
MOST_LABELS = 15


class StatisticsController(Controller):
    """The numbers of a period that ends today."""

    include_in_schema = False

    @get("/statistics")
    async def show(self, work: NamedDependency[Work], days: FromQuery[int] = PERIODS[0]) -> Template:
        """Draw mails and calls by day, and the hours that pay off."""
        period = period_of(days)
        last = work.today
        statistics = await load_statistics(work, first=last - timedelta(days=period - 1), last=last)
        every = -(-period // MOST_LABELS)
        labels = [
            i18n.day(day, "short") if index % every == 0 else "" for index, day in enumerate(statistics.days)
        ]
        numbers = list(statistics.days.values())
        return Template(
            "statistics/page.html",
            context={
                "active_page": "statistics",
                "statistics": statistics,
                "period": period,
                "periods": PERIODS,
                "mails": bar_chart([(lb, n.sent, n.answered) for lb, n in zip(labels, numbers, strict=True)]),
                "calls": bar_chart([(lb, n.calls, n.reached) for lb, n in zip(labels, numbers, strict=True)]),
                "heat": heat_map(statistics.hours),
            },
        )


def period_of(days: int) -> int:
    """Return how many days are shown: what was asked for where that can be chosen."""
    return days if days in PERIODS else PERIODS[0]
