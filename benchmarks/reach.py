"""Whether waiting for a better hour pays: a desk of three callers, simulated for eight weeks.

`python -m benchmarks.reach [--quick] [--seeds N] [--first N]`. No database: the rules are those of
`services.reach`, the rates at which somebody picks up are made up and hidden from them. The rules were tuned
with the seeds 1 to 4; reported are others.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from statistics import fmean, stdev

from benchmarks.harness import read_arguments
from benchmarks.reach_desk import LEARNING_WEEKS, Desk, Figures
from benchmarks.reach_world import WORLDS, world
from benchmarks.verdict import report

LOADS = (40, 100)
BESIDE = "closing first"
POLICIES = ("random", BESIDE, "ours", "true rates")

Job = tuple[str, int, int]
Pair = tuple[Figures, Figures]
Results = Mapping[Job, Mapping[str, Figures]]


def play(job: Job) -> dict[str, Figures]:
    """Run every policy in the same world."""
    kind, load, seed = job
    practices = world(kind, seed)
    return {policy: Desk(practices, policy, load, seed).run().figures() for policy in POLICIES}


def compared(results: Results, kind: str, load: int, policy: str, seeds: Sequence[int]) -> list[Pair]:
    """Return a policy's figures beside those of closing first, seed by seed."""
    return [(results[kind, load, seed][policy], results[kind, load, seed][BESIDE]) for seed in seeds]


def gained(pairs: Sequence[Pair]) -> list[Figures]:
    """Return how much more one is than the other, seed by seed: shares of the other, and days."""
    return [
        Figures(*(mine / beside - 1 for mine, beside in zip(one, other, strict=True)))._replace(
            waited=one.waited - other.waited
        )
        for one, other in pairs
    ]


def mean(figures: Sequence[Figures]) -> Figures:
    return Figures(*map(fmean, zip(*figures, strict=True)))


def show(results: Results, seeds: Sequence[int]) -> None:
    """Print every policy beside closing first: means over the seeds, and how far these lie apart."""
    for kind in WORLDS:
        for load in LOADS:
            print(f"\n{kind}, {load} due a day, from week {LEARNING_WEEKS + 1} on")
            print(
                f"{'':14}{'per attempt':>24}{'given up':>24}{'days waited':>18}{'attempts':>9}{'reached':>9}"
            )
            for policy in POLICIES:
                print(f"{policy:14}{in_words(compared(results, kind, load, policy, seeds))}")


def in_words(pairs: Sequence[Pair]) -> str:
    """Return one policy's figures, each with its difference to the other policy's."""
    mine, more = mean([one for one, _ in pairs]), gained(pairs)
    middle, apart = mean(more), Figures(*map(spread, zip(*more, strict=True)))
    return (
        f"{mine.per_attempt:9.3f} {middle.per_attempt:+7.1%} ±{apart.per_attempt:4.1%}"
        f"{mine.given_up:10.3f} {middle.given_up:+7.1%} ±{apart.given_up:4.1%}"
        f"{mine.waited:7.2f} {middle.waited:+5.2f} ±{apart.waited:4.2f}"
        f"{middle.attempts:+9.1%}{middle.reached:+9.1%}"
    )


def judge(results: Results, seeds: Sequence[int]) -> None:
    """Report our rule beside closing first, in the world where it does worst."""
    for load in LOADS:
        ours = {kind: mean(gained(compared(results, kind, load, "ours", seeds))) for kind in WORLDS}
        flat = abs(ours.pop("flat").per_attempt) * 100
        reached = min(more.per_attempt for more in ours.values()) * 100
        fewer = min(-more.given_up for more in ours.values()) * 100
        longer = max(more.waited for more in ours.values())
        report(f"reached per attempt, {load} due a day, more", reached, at_least=20, unit=" %")
        report(f"given up, {load} due a day, fewer", fewer, at_least=30, unit=" %")
        report(f"from due to the end, {load} due a day, longer", longer, at_most=1, unit=" days")
        report(f"reached per attempt, rates are flat, {load} due a day, apart", flat, at_most=2, unit=" %")


def spread(values: Sequence[float]) -> float:
    """Return the standard deviation from seed to seed."""
    return stdev(values) if len(values) > 1 else 0.0


def main() -> None:
    chosen = read_arguments(__doc__, seeds=(3, 1), first=(1000, 1000))
    seeds = range(chosen.first, chosen.first + chosen.seeds)
    jobs = [(kind, load, seed) for kind in WORLDS for load in LOADS for seed in seeds]
    with ProcessPoolExecutor(2) as pool:
        results = dict(zip(jobs, pool.map(play, jobs), strict=True))
    show(results, seeds)
    judge(results, seeds)


if __name__ == "__main__":
    main()
