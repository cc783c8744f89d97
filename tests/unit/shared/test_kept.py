"""What is kept of what was worked out before, and for how long."""

from shared.kept import Forgetting, KeptResults


async def test_what_nobody_asks_for_is_forgotten():
    made: list[int] = []

    def make(number: int) -> str:
        made.append(number)
        return str(number)

    kept = KeptResults(make, most=10)
    kept.of(1)
    await Forgetting().turn()
    assert (kept.of(1), made) == ("1", [1])
    await Forgetting().turn()
    await Forgetting().turn()
    kept.of(1)
    assert made == [1, 1]


def test_no_more_is_kept_than_fits():
    kept = KeptResults[int, str](str, most=10)
    for number in range(100):
        kept.of(number)
        assert len(kept) <= 10
    assert kept.of(99) == "99"
