"""The k best paths of random networks are those that trying every path finds, in the same order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracer.flow.paths.search import Network, Path, Paths, by_name

MOST = (1 << 63) - 1


@dataclass(frozen=True)
class Table:
    """A random network: outputs per transaction, and what each output is."""

    outs: list[int]
    value: list[int]
    onward: list[int]
    target: list[bool]
    start: list[int]
    txids: list[str]

    @property
    def network(self) -> Network:
        return Network(
            np.array([0, *np.cumsum(self.outs)], np.int64),
            np.array(self.value, np.int64),
            np.array(self.onward, np.int64),
            np.array(self.target, np.bool_),
            np.array(self.start, np.int64),
        )

    def every_path(self, hops: int, floor: int) -> list[Path]:
        """All paths, tried one by one, best first."""
        net = self.network
        found: list[Path] = []

        def go_on(way: tuple[int, ...], width: int) -> None:
            tx = self.onward[way[-1]]
            if tx < 0 or len(way) > hops:
                return
            for output in range(int(net.out_start[tx]), int(net.out_start[tx + 1])):
                wide = min(width, self.value[output])
                if wide < max(1, floor):
                    continue
                if self.target[output]:
                    found.append(Path(wide, (*way, output)))
                else:
                    go_on((*way, output), wide)

        for output, units in enumerate(self.start):
            if min(units, self.value[output]) >= max(1, floor):
                go_on((output,), min(units, self.value[output]))
        return sorted(found, key=lambda path: (-path.bottleneck, path.hops, self.names(path)))

    def names(self, path: Path) -> list[tuple[str, int]]:
        net = self.network
        return [(self.txids[int(net.out_tx[o])], o - int(net.out_start[net.out_tx[o]])) for o in path.outputs]


@st.composite
def tables(draw: st.DrawFn) -> Table:
    """Up to 9 transactions of up to 4 outputs; few distinct values, so that many paths tie."""
    outs = draw(st.lists(st.integers(1, 4), min_size=2, max_size=9))
    owner = [tx for tx, count in enumerate(outs) for _ in range(count)]
    values = draw(st.sampled_from([(0, 1, 2), (1, 1), (0, 5, MOST - 1, MOST)]))
    value = [draw(st.sampled_from(values)) for _ in owner]
    later = [draw(st.integers(tx + 1, len(outs))) for tx in owner]
    return Table(
        outs=outs,
        value=value,
        onward=[tx if tx < len(outs) else -1 for tx in later],
        target=[draw(st.integers(0, 3)) == 0 for _ in owner],
        start=[draw(st.sampled_from([0, 0, v // 2, v])) for v in value],
        txids=draw(st.permutations([f"{tx:02}" for tx in range(len(outs))])),
    )


@settings(max_examples=400, deadline=None)
@given(table=tables(), hops=st.integers(0, 9), floor=st.sampled_from([0, 2]), count=st.integers(1, 30))
def test_the_best_paths_are_those_that_trying_all_of_them_finds(
    table: Table, hops: int, floor: int, count: int
) -> None:
    paths = Paths(table.network, hops, floor)
    expected = table.every_path(hops, floor)
    assert paths.best(count, by_name(table.txids, table.network.out_start)) == expected[:count]


@settings(max_examples=200, deadline=None)
@given(table=tables(), hops=st.integers(0, 9))
def test_what_is_said_of_every_target_is_its_widest_path(table: Table, hops: int) -> None:
    reached = Paths(table.network, hops).reached
    expected = table.every_path(hops, 1)
    for output, target in enumerate(table.target):
        if target:
            widths = [path.bottleneck for path in expected if path.outputs[-1] == output]
            assert reached[output] == max(widths, default=0)


@settings(max_examples=200, deadline=None)
@given(table=tables(), hops=st.integers(1, 9))
def test_transactions_that_need_no_name_do_not_change_the_order(table: Table, hops: int) -> None:
    paths = Paths(table.network, hops)
    named = [txid if met else "" for txid, met in zip(table.txids, paths.met.tolist(), strict=True)]
    start = table.network.out_start
    assert paths.best(30, by_name(named, start)) == paths.best(30, by_name(table.txids, start))


@pytest.mark.parametrize("width", [2, 3])
def test_of_paths_more_than_can_be_counted_the_best_are_found(width: int) -> None:
    """`width` ** 60 ways of one bottleneck: only prefixes of the best are opened."""
    steps = 60
    outs = [1, *[width] * steps]
    onward = [1, *[tx + 1 for tx in range(1, steps) for _ in range(width)], *[-1] * width]
    count = len(onward)
    last = count - width
    table = Table(
        outs, [7] * count, onward, [o >= last for o in range(count)], [7] + [0] * (count - 1),
        [f"{tx:02}" for tx in range(steps + 1)],
    )  # fmt: skip
    found = Paths(table.network, 100).best(3, by_name(table.txids, table.network.out_start))
    assert [path.hops for path in found] == [steps] * 3
    assert [path.outputs[-2:] for path in found][:2] == [(last - width, last), (last - width, last + 1)]


def test_nothing_to_start_from_has_no_paths() -> None:
    nothing = np.empty(0, np.int64)
    paths = Paths(Network(np.zeros(1, np.int64), nothing, nothing, np.empty(0, np.bool_), nothing), 5)
    assert paths.best(3, nothing) == []
