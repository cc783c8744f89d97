"""The simulated desk: three callers who work through the due calls of eight weeks, by one policy."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from benchmarks.reach_world import (
    CLOSES,
    DAY,
    LOOKED_AHEAD,
    MONDAY,
    OPENS,
    THERAPISTS,
    WEEKS,
    Practice,
)
from services.reach.estimate import Chances, Pattern
from services.reach.learning import learn
from services.reach.tallies import BUSY, Hour, Tally, weight
from services.reach.waiting import better_start, hour_of, next_start
from services.scheduling.phone_hours import Interval
from shared.config import Settings

LEARNING_WEEKS = 2
CALLERS, ATTEMPTS = 3, 5
WAIT_DAYS: int = Settings.model_fields["call_wait_days"].default
NOTICE, BUSY_WAIT, IDLE = timedelta(minutes=30), timedelta(minutes=30), timedelta(minutes=5)
TALKS, RINGS = timedelta(minutes=6), timedelta(minutes=2)
BUSY_SHARE = 0.1


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
