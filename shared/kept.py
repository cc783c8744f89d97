"""Keeps what was made, found by all it was made of, as long as somebody asks for it."""

from collections.abc import Callable, Hashable, Iterable
from typing import Any, Generic, TypeVar
from weakref import WeakSet

from shared.supervision import take_turns

KEPT_SECONDS = 600.0
"""What nobody asks for is forgotten after twice as long at most."""

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Kept(Generic[K, V]):
    """Values by keys that stand for all they are made of.

    What nobody asks for since the last but one `age` is forgotten. Where there is more than `most`, those
    asked for longest ago go, half of all at once.
    """

    def __init__(self, *, most: int) -> None:
        self._half = most // 2
        self._lately: dict[K, V] = {}
        self._before: dict[K, V] = {}
        _all.add(self)

    def __len__(self) -> int:
        return len(self._lately) + len(self._before)

    def find(self, key: K) -> V | None:
        """Return a value that is kept."""
        found = self._lately.get(key)
        if found is None and self._before:
            found = self._before.pop(key, None)
            return None if found is None else self.keep(key, found)
        return found

    def find_each(self, keys: Iterable[K]) -> list[V | None]:
        """Return what is kept by each of some keys."""
        lately = self._lately
        return [lately.get(key) or self.find(key) for key in keys]

    def keep(self, key: K, value: V) -> V:
        """Keep a value, and return it."""
        if len(self._lately) >= self._half:
            self.age()
        self._lately[key] = value
        return value

    def age(self) -> None:
        """Let everything become one turn older."""
        self._before, self._lately = self._lately, {}


class KeptResults(Kept[K, V]):
    """What a pure function gave for its argument."""

    def __init__(self, make: Callable[[K], V], *, most: int) -> None:
        super().__init__(most=most)
        self._make = make

    def of(self, made_of: K) -> V:
        """Return what the function gave before, else call it."""
        found = self._lately.get(made_of)
        if found is None:
            found = self.find(made_of)
        return self.keep(made_of, self._make(made_of)) if found is None else found

    def of_each(self, every: Iterable[K]) -> list[V]:
        """Return the same for each of some arguments."""
        lately = self._lately
        return [lately.get(made_of) or self.of(made_of) for made_of in every]


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
