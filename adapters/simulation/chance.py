"""Chance that a seed decides: one `random.Random`, of which only `random()` is used.

Only rational arithmetic follows, so that a seed gives the same world on every platform.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Chance:
    """Draws, one after the other."""

    def __init__(self, seed_text: str) -> None:
        self.random = random.Random(seed_text).random  # noqa: S311 - a simulation, no secret

    def between(self, low: int, high: int) -> int:
        """A whole number, both ends included."""
        return low + int(self.random() * (high - low + 1))

    def pick(self, items: Sequence[T]) -> T:
        """One of the items."""
        return items[int(self.random() * len(items))]

    def chance(self, percent: int) -> bool:
        """True in so many of a hundred cases."""
        return self.random() * 100 < percent

    def shuffle(self, items: list[T]) -> None:
        """Fisher-Yates by `random()` alone (random.shuffle's use of bits is not promised for ever)."""
        for i in range(len(items) - 1, 0, -1):
            j = int(self.random() * (i + 1))
            items[i], items[j] = items[j], items[i]
