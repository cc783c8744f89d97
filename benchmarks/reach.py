"""Whether waiting for a better hour pays: a desk of three callers, simulated for eight weeks.

`python -m benchmarks.reach [--quick] [--seeds N] [--first N]`. No database: the rules are those of
`services.reach`, the rates at which somebody picks up are made up and hidden from them. The rules were tuned
with the seeds 1 to 4; reported are others.
"""

import math
import random
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from heapq import heapify, heappop, heappush
from statistics import fmean, stdev
from typing import NamedTuple

from benchmarks.harness import read_arguments
from services.hours.reading import Windows, parse
from services.reach.estimate import Chances, Pattern
from services.reach.learning import learn
from services.reach.tallies import BUSY, Hour, Tally, weight
from services.reach.waiting import better_start, hour_of, next_start
from services.scheduling.phone_hours import Interval
from shared.config import Settings
from webapp.demo.sample.therapists import PHONE_HOURS

MONDAY = date(2026, 1, 12)
WEEKS, LEARNING_WEEKS = 8, 2
THERAPISTS, CALLERS, ATTEMPTS = 300, 3, 5
WAIT_DAYS: int = Settings.model_fields["call_wait_days"].default
LOADS = (40, 100)
OPENS, CLOSES = time(8), time(18)
NOTICE, BUSY_WAIT, IDLE = timedelta(minutes=30), timedelta(minutes=30), timedelta(minutes=5)
TALKS, RINGS = timedelta(minutes=6), timedelta(minutes=2)
BUSY_SHARE = 0.1
DAY = timedelta(days=1)
LOOKED_AHEAD = 28

WORLDS = {
    "by hour": (0.5, 0.9, 0.5),
    "every hour of its own": (0.5, 0.0, 1.05),
    "flat": (0.5, 0.0, 0.0),
}
"""How much therapists, their hours and their weekdays' hours differ: deviations of the log odds."""

EVERYBODY = {8: -0.3, 9: 0.0, 10: 0.3, 11: 0.3, 12: 0.1, 13: -0.3, 14: -0.2, 15: 0.1, 16: 0.0, 17: -0.2}
LEVEL = -0.5
BESIDE = "closing first"
POLICIES = ("random", BESIDE, "ours", "true rates")

Job = tuple[str, int, int]


@dataclass(frozen=True)
class Practice:
    """A therapist: phone hours of every day, and the hidden chance in every hour of a weekday."""

    phone_hours: Mapping[date, Sequence[Interval]]
    rates: Mapping[Hour, float]

    def openings(self, day: date, days: int = 1) -> list[Interval]:
        """Return the phone hours of some days, cut to the desk's."""
        return [each for ahead in range(days) for each in self.phone_hours[day + ahead * DAY]]


@dataclass
class Call:
    """A call to be made, since when, and from when on it may be."""

    number: int
    therapist: int
    due: datetime
    planned: datetime
    attempt: int = 1


class Figures(NamedTuple):
    """What a policy came to: shares, days and numbers."""

    per_attempt: float
    given_up: float
    waited: float
    attempts: float
    reached: float


@dataclass
class Result:
    """What is counted during a run, from the third week on."""

    attempts: int = 0
    reached: int = 0
    given_up: int = 0
    waited: timedelta = timedelta()

    def figures(self) -> Figures:
        closed = self.reached + self.given_up
        return Figures(
            self.reached / self.attempts,
            self.given_up / closed,
            self.waited / closed / DAY,
            self.attempts,
            self.reached,
        )


def world(kind: str, seed: int) -> list[Practice]:
    """Make up therapists with the phone hours of the demo."""
    chance = random.Random(seed)
    level, hours, weekdays = WORLDS[kind]
    everybody = {hour: 0.0 if kind == "flat" else value for hour, value in EVERYBODY.items()}
    phone_hours = [every_day(parse(value).windows) for name, value in PHONE_HOURS.items() if name != "none"]
    practices: list[Practice] = []
    for number in range(THERAPISTS):
        own = LEVEL + chance.gauss(0, level)
        by_hour = {hour: chance.gauss(0, hours) for hour in everybody}
        rates = {
            Hour(weekday, hour): 1
            / (1 + math.exp(-(own + everybody[hour] + by_hour[hour] + chance.gauss(0, weekdays))))
            for hour in everybody
            for weekday in range(5)
        }
        practices.append(Practice(phone_hours[number % len(phone_hours)], rates))
    return practices


def every_day(windows: Windows) -> dict[date, list[Interval]]:
    """Return the phone hours of all days that anybody looks at, cut to the desk's."""
    return {
        day: [
            Interval(
                datetime.combine(day, max(window.start, OPENS)),
                datetime.combine(day, min(window.end, CLOSES)),
            )
            for window in windows.get(day.weekday(), ())
        ]
        for day in (MONDAY + ahead * DAY for ahead in range(WEEKS * 7 + LOOKED_AHEAD))
    }


class Desk:
    """One run: the same therapists, due calls and luck for every policy."""

    def __init__(self, practices: Sequence[Practice], policy: str, load: int, seed: int) -> None:
        self.practices, self.policy, self.load, self.seed = practices, policy, load, seed
        self.result = Result()
        self._due = random.Random(f"due {seed}")
        self._pick = random.Random(f"pick {seed}")
        self._open: list[Call] = []
        self._made = 0
        self._past: list[dict[Hour, Tally]] = [{} for _ in practices]
        self._pattern = Pattern()
        self._chances: dict[int, Chances] = {}
        self._waits: dict[tuple[int, int, int], bool] = {}
        self._counted_from = datetime.combine(MONDAY + LEARNING_WEEKS * 7 * DAY, time())

    def run(self) -> Result:
        """Work through all days."""
        for ahead in range(WEEKS * 7):
            day = MONDAY + ahead * DAY
            if day.weekday() < 5:
                self._begin(day)
                self._work(day)
        return self.result

    def _luck(self, call: Call) -> float:
        """Return a number of 0 to 1 that is the same whatever else happens."""
        return random.Random(f"{self.seed} {call.therapist} {call.due} {call.attempt}").random()

    def _begin(self, day: date) -> None:
        taken = {call.therapist for call in self._open}
        order = self._due.sample(range(THERAPISTS), THERAPISTS)
        free = [number for number in order if number not in taken and self.practices[number].openings(day)]
        for therapist in free[: self.load]:
            due = self.practices[therapist].openings(day)[0].start
            self._open.append(Call(self._made, therapist, due, due))
            self._made += 1
        if self.policy == "ours" and day.weekday() == 0:
            self._look_back()
        self._waits.clear()

    def _work(self, day: date) -> None:
        openings = {call.therapist: self.practices[call.therapist].openings(day) for call in self._open}
        free = [(datetime.combine(day, OPENS), number) for number in range(CALLERS)]
        heapify(free)
        end = datetime.combine(day, CLOSES)
        while free:
            now, caller = heappop(free)
            if now >= end:
                continue
            chosen = self._choose(now, openings)
            if chosen is None:
                heappush(free, (now + IDLE, caller))
                continue
            heappush(free, (now + self._ring(chosen, now), caller))

    def _choose(self, now: datetime, openings: Mapping[int, Sequence[Interval]]) -> Call | None:
        reachable: list[tuple[datetime, datetime, int, Call]] = []
        for call in self._open:
            if call.planned > now:
                continue
            for start, end in openings[call.therapist]:
                if start <= now < end and not self._wait(call, now):
                    reachable.append((end, call.planned, call.number, call))
        if not reachable:
            return None
        return self._pick.choice(reachable)[-1] if self.policy == "random" else min(reachable)[-1]

    def _wait(self, call: Call, now: datetime) -> bool:
        chance = self._chance(call.therapist)
        if chance is None:
            return False
        key = (call.number, call.attempt, now.hour)
        if key not in self._waits:
            until = datetime.combine(call.planned.date() + WAIT_DAYS * DAY, CLOSES)
            openings = self.practices[call.therapist].openings(now.date(), WAIT_DAYS + 1)
            self._waits[key] = better_start(chance, now, openings, until) is not None
        return self._waits[key]

    def _chance(self, therapist: int) -> Callable[[Hour], float] | None:
        if self.policy == "true rates":
            return self.practices[therapist].rates.__getitem__
        if self.policy != "ours":
            return None
        if therapist not in self._chances:
            self._chances[therapist] = Chances(self._pattern, self._past[therapist])
        return self._chances[therapist].at

    def _ring(self, call: Call, now: datetime) -> timedelta:
        hour = hour_of(now)
        rate = self.practices[call.therapist].rates[hour]
        luck = self._luck(call)
        reached, busy = luck < rate, rate <= luck < rate + BUSY_SHARE * rate
        said = Tally(1, reached, busy, 1.0, reached + BUSY * busy)
        past = self._past[call.therapist]
        past[hour] = past.get(hour, Tally()) + said
        self._chances.pop(call.therapist, None)
        counted = now >= self._counted_from
        self.result.attempts += counted
        if reached or call.attempt == ATTEMPTS:
            self._open.remove(call)
            self.result.reached += counted and reached
            self.result.given_up += counted and not reached
            self.result.waited += (now - call.due) * counted
        else:
            call.attempt += 1
            call.planned = self._next(call, now, busy)
        return TALKS if reached else RINGS

    def _next(self, call: Call, now: datetime, busy: bool) -> datetime:
        openings = self.practices[call.therapist].openings(now.date(), LOOKED_AHEAD // 2)
        over = next((opening.end for opening in openings if opening.start <= now < opening.end), now)
        earliest = now + BUSY_WAIT if busy else max(over, now + NOTICE)
        first = next(max(opening.start, earliest) for opening in openings if opening.end > earliest)
        chance = self._chance(call.therapist)
        if chance is None:
            return first
        until = first + WAIT_DAYS * DAY
        return next_start(chance, first, openings, until)

    def _look_back(self) -> None:
        """Learn everybody's pattern, and let what is known grow a week older."""
        self._chances.clear()
        self._past = [{hour: _aged(tally) for hour, tally in one.items()} for one in self._past]
        self._pattern = learn(self._past)


def _aged(tally: Tally) -> Tally:
    counts = weight(7)
    return replace(tally, weight=tally.weight * counts, picked_up=tally.picked_up * counts)


def play(job: Job) -> dict[str, Figures]:
    """Run every policy in the same world."""
    kind, load, seed = job
    practices = world(kind, seed)
    return {policy: Desk(practices, policy, load, seed).run().figures() for policy in POLICIES}


def show(results: Mapping[Job, Mapping[str, Figures]], seeds: Sequence[int]) -> None:
    """Print every policy beside closing first: means over the seeds, and how far these lie apart."""
    for kind in WORLDS:
        for load in LOADS:
            print(f"\n{kind}, {load} due a day, from week {LEARNING_WEEKS + 1} on")
            print(
                f"{'':14}{'per attempt':>24}{'given up':>24}{'days waited':>18}{'attempts':>9}{'reached':>9}"
            )
            for policy in POLICIES:
                pairs = [
                    (results[kind, load, seed][policy], results[kind, load, seed][BESIDE]) for seed in seeds
                ]
                print(f"{policy:14}{in_words(pairs)}")


def in_words(pairs: Sequence[tuple[Figures, Figures]]) -> str:
    """Return one policy's figures, each with its difference to the other policy's."""
    mine = Figures(*map(fmean, zip(*(one for one, _ in pairs), strict=True)))
    waits = [one.waited - other.waited for one, other in pairs]
    per_attempt, given_up, _, attempts, reached = (
        [one[number] / other[number] - 1 for one, other in pairs] for number in range(len(mine))
    )
    return (
        f"{mine.per_attempt:9.3f} {fmean(per_attempt):+7.1%} ±{spread(per_attempt):4.1%}"
        f"{mine.given_up:10.3f} {fmean(given_up):+7.1%} ±{spread(given_up):4.1%}"
        f"{mine.waited:7.2f} {fmean(waits):+5.2f} ±{spread(waits):4.2f}"
        f"{fmean(attempts):+9.1%}{fmean(reached):+9.1%}"
    )


def spread(values: Sequence[float]) -> float:
    """Return the standard deviation from seed to seed."""
    return stdev(values) if len(values) > 1 else 0.0


def main() -> None:
    chosen = read_arguments(__doc__, seeds=(3, 1), first=(1000, 1000))
    seeds = range(chosen.first, chosen.first + chosen.seeds)
    jobs = [(kind, load, seed) for kind in WORLDS for load in LOADS for seed in seeds]
    with ProcessPoolExecutor(2) as pool:
        show(dict(zip(jobs, pool.map(play, jobs), strict=True)), seeds)


if __name__ == "__main__":
    main()
