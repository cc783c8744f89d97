"""Keeps what pure functions gave, found by all it was made of, as long as somebody asks for it."""

from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar
from weakref import WeakSet

from shared.supervision import take_turns

KEPT_SECONDS = 600.0
"""What nobody asks for is forgotten after twice as long at most."""

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Kept(Generic[K, V]):
    """What a function gave for its argument.

    What nobody asked for since the last but one `age` is forgotten. Where there is more than `most`, those
    asked for longest ago go, half of all at once.
    """

    def __init__(self, make: Callable[[K], V], *, most: int) -> None:
        self._make, self._half = make, most // 2
        self._lately: dict[K, V] = {}
        self._before: dict[K, V] = {}
        _all.add(self)

    def __len__(self) -> int:
        return len(self._lately) + len(self._before)

    def of(self, made_of: K) -> V:
        """Return what the function gave before, else call it."""
        found = self._lately.get(made_of)
        if found is None:
            found = self._before.pop(made_of, None) or self._make(made_of)
            if len(self._lately) >= self._half:
                self.age()
            self._lately[made_of] = found
        return found

    def age(self) -> None:
        """Let everything become one turn older."""
        self._before, self._lately = self._lately, {}


_all = WeakSet[Kept[Any, Any]]()


class Forgetting:
    """Forgets what nobody asks for any more, of all that this process keeps."""

    async def run(self) -> None:
        """Forget until cancelled."""
        await take_turns(self.turn, rest_seconds=KEPT_SECONDS)

    async def turn(self) -> None:
        """Let all of it become one turn older."""
        for kept in tuple(_all):
            kept.age()
