"""The buckets of callers: as many at once as the burst, then the rate, each caller for itself."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cli.service.limits import Buckets


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_then_the_rate() -> None:
    clock = Clock()
    buckets = Buckets(2.0, 3, clock)
    assert [buckets.take("a") for _ in range(4)] == [None, None, None, 1]
    assert buckets.take("b") is None
    clock.now = 0.5
    assert [buckets.take("a") for _ in range(2)] == [None, 1]


def test_no_rate_is_no_limit() -> None:
    buckets = Buckets(0.0, 1, Clock())
    assert [buckets.take("a") for _ in range(100)] == [None] * 100


@given(
    rate=st.floats(0.1, 100),
    burst=st.integers(1, 50),
    steps=st.lists(st.floats(0, 5), min_size=1, max_size=200),
)
def test_never_more_than_burst_and_rate_allow_and_who_waits_as_told_is_let_in(
    rate: float, burst: int, steps: list[float]
) -> None:
    clock = Clock()
    buckets = Buckets(rate, burst, clock)
    taken = 0
    for step in steps:
        clock.now += step
        wait = buckets.take("a")
        taken += wait is None
        assert taken <= burst + clock.now * rate + 1e-6
        if wait is not None:
            clock.now += wait
            assert buckets.take("a") is None
            taken += 1
