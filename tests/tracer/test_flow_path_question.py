"""Through store, closure and the search from both ends, the paths are those that a walk through the table finds."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import scaled
from tests.scenarios.case import Case, tag, vasp
from tests.scenarios.ledger import Tx, shown
from tests.scenarios.test_paths import Asked, Way

NAMES = ("ann", "bob", "cid", "dee")
SERVICE, POOL = "hot", "pool"


@st.composite
def tables(draw: st.DrawFn) -> list[Tx]:
    """Up to 14 transactions that spend one or two outputs each; a tagged service and a tagged pool among the payees."""
    made: dict[str, int] = {}
    rows: list[Tx] = []
    for number in range(draw(st.integers(4, 14))):
        ins = draw(st.permutations(sorted(made)))[: draw(st.integers(1, 2))] if number else []
        total = sum(made.pop(point) for point in ins) if ins else 40
        outs = []
        for _ in range(draw(st.integers(1, 3))):
            value = draw(st.integers(0, total))
            total -= value
            outs.append((draw(st.sampled_from([*NAMES, *NAMES, SERVICE, POOL])), value))
        outs[-1] = (outs[-1][0], outs[-1][1] + total)
        made.update({f"t{number}:{vout}": value for vout, (_, value) in enumerate(outs)})
        rows.append(Tx(f"t{number}", ins=ins, outs=outs))
    return rows


def walk(rows: list[Tx], start: str, end: str, hops: int) -> list[Way]:
    """Every path, tried one by one, in the order that documents have."""
    outs = {f"{row.name}:{vout}": out for row in rows for vout, out in enumerate(row.outs)}
    spender = {point: row for row in rows for point in row.ins}
    found: list[Way] = []

    def go_on(way: list[str]) -> None:
        row = spender.get(way[-1])
        held = outs[way[-1]][0] in (SERVICE, POOL)
        if row is None or held or len(way) > hops:
            return
        for vout, (name, _) in enumerate(row.outs):
            longer = [*way, f"{row.name}:{vout}"]
            if name == end:
                found.append((min(outs[point][1] for point in longer), longer))
            else:
                go_on(longer)

    go_on([start])
    named = {point: (shown(point.split(":")[0]), int(point.split(":")[1])) for point in outs}
    ways = [way for way in found if way[0]]
    return sorted(ways, key=lambda way: (-way[0], len(way[1]), [named[point] for point in way[1]]))


@settings(max_examples=scaled(15, full=40), deadline=None)
@given(rows=tables(), data=st.data())
def test_both_halves_together_find_all_paths_in_order(rows: list[Tx], data: st.DataObject) -> None:
    seen = sorted({name for row in rows for name, _ in row.outs})
    start = data.draw(st.sampled_from([f"{r.name}:{v}" for r in rows for v in range(len(r.outs))]))
    tags = [tag(SERVICE, "acme"), tag(POOL, "bazaar", category="market", role="pool")]
    with tempfile.TemporaryDirectory() as folder:
        case = Case(Path(folder), rows, tags=tags, vasps=[vasp("acme", "none")], clusters=False)
        for end in data.draw(st.lists(st.sampled_from(seen), min_size=1, max_size=2, unique=True)):
            hops, best = data.draw(st.integers(1, 8)), data.draw(st.integers(1, 6))
            expected = walk(rows, start, end, hops)
            asked = Asked(case, start, end, hops=hops, best=best)
            assert asked.ways == expected[:best]
            assert asked.document["more"] is (len(expected) > best)
            assert asked.document["reached"]["outputs"] == len({way[1][-1] for way in expected})
