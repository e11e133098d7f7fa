"""How much one caller may ask: a bucket of tokens for each, filled at a steady rate."""

from __future__ import annotations

import math
import time
from collections.abc import Callable


class Buckets:
    """One bucket for each caller. Used from one thread."""

    def __init__(self, rate: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        """`rate`: requests in a second, 0 for no limit; `burst`: requests at once."""
        self._rate, self._burst, self._clock = rate, burst, clock
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, caller: str) -> int | None:
        """Take one; None where it may go on, else the whole seconds after which there is one again."""
        if not self._rate:
            return None
        now = self._clock()
        left, at = self._left.get(caller, (float(self._burst), now))
        left = min(self._burst, left + (now - at) * self._rate)
        if left < 1:
            self._left[caller] = (left, now)
            return max(1, math.ceil((1 - left) / self._rate))
        self._left[caller] = (left - 1, now)
        return None
