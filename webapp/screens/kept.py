"""Keeps what was written before, found by all it was made of, as long as somebody asks for it."""

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Kept(Generic[K, V]):
    """What pure functions gave for their arguments.

    Whatever nobody asked for since the last but one `age` is forgotten. Of more than `most` things the oldest
    half goes at once.
    """

    def __init__(self, make: Callable[[K], V], *, most: int) -> None:
        self._make, self._half = make, most // 2
        self._lately: dict[K, V] = {}
        self._before: dict[K, V] = {}

    def __len__(self) -> int:
        return len(self._lately) + len(self._before)

    def of(self, made_of: K) -> V:
        """Return what was made of these before, else make it."""
        found = self._lately.get(made_of)
        if found is not None:
            return found
        found = self._before.pop(made_of, None) or self._make(made_of)
        if len(self._lately) >= self._half:
            self.age()
        self._lately[made_of] = found
        return found

    def age(self) -> None:
        """Let everything become one turn older."""
        self._before, self._lately = self._lately, {}
