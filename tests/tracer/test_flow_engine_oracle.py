"""The whole engine, store and closure included, equals the oracle over random ledgers."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracle import OracleSeeds, trace
from tests.scenarios.case import Case, tag, vasp
from tests.scenarios.ledger import Tx, oracle_ledger
from tracer.flow.methods import METHODS

NAMES = ("ann", "bob", "cid", "dee", "eve", "fay", "gus")
HOT, POOL = "hot", "pool"


@st.composite
def tables(draw: st.DrawFn) -> list[Tx]:
    """Up to 16 transactions over a few reused names, a tagged service and a tagged pool."""
    big = draw(st.sampled_from([20, 10**6, 1 << 58]))
    made: dict[str, int] = {}
    rows: list[Tx] = []
    for number in range(draw(st.integers(3, 16))):
        count = draw(st.integers(0, min(3, len(made)))) if number else 0
        ins = draw(st.permutations(sorted(made)))[:count]
        total = sum(made.pop(point) for point in ins) if ins else draw(st.integers(1, big))
        outs: list[tuple[str, int]] = []
        for _ in range(draw(st.integers(1, 4))):
            value = draw(st.one_of(st.just(0), st.integers(0, total)))
            total -= value
            outs.append((draw(st.sampled_from([*NAMES, HOT, POOL, "OP_RETURN"])), value))
        if draw(st.booleans()):
            outs[-1] = (outs[-1][0], outs[-1][1] + total)
        made.update({f"t{number}:{v}": value for v, (name, value) in enumerate(outs) if name != "OP_RETURN"})
        rows.append(Tx(f"t{number}", ins=ins, outs=outs))
    return rows


@settings(max_examples=40, deadline=None)
@given(rows=tables(), data=st.data())
def test_engine_equals_oracle_through_the_store(rows: list[Tx], data: st.DataObject) -> None:
    ledger = oracle_ledger(rows)
    seen = {name for row in rows for name, _ in row.outs} - {"OP_RETURN", HOT, POOL}
    points = [f"{row.name}:{v}" for row in rows for v in range(len(row.outs))]
    lots = data.draw(st.lists(st.sampled_from(points), max_size=2, unique=True))
    members = data.draw(st.lists(st.sampled_from(sorted(seen)), max_size=2, unique=True)) if seen else []
    if not lots and not members:
        lots = [points[0]]
    unit = "lot" if lots else data.draw(st.sampled_from(["lot", "entity"]))
    hops = data.draw(st.sampled_from([10_000, 0, 1, 3]))
    ends = {HOT: "service", POOL: "custodial_pool"}
    if unit == "entity":
        ends.update(dict.fromkeys(members, "custodial_pool"))
    # the oracle knows no heuristics: without a role nothing is `hot`, so no sweep is recognised, and without
    # links there is no cluster that an entity seed would take and no mix
    tags = [tag(HOT, "acme"), tag(POOL, "bazaar", category="market", role="pool")]
    with tempfile.TemporaryDirectory() as folder:
        case = Case(Path(folder), rows, tags=tags, vasps=[vasp("acme", "none")], clusters=False)
        for method in METHODS:
            options: dict[str, Any] = {"hops": hops, "unit": unit}
            found = case.trace(*lots, *members, method=method, **options)
            pairs = frozenset((name, int(vout)) for name, _, vout in (p.rpartition(":") for p in lots))
            expected = trace(
                ledger, OracleSeeds(pairs, frozenset(members), unit), method, address_ends=ends, hops=hops
            )
            totals = expected.totals()
            said = found.totals
            assert said.get("seed", 0) == expected.seed
            assert said.get("fees", 0) == totals.get("fees", 0)
            assert said.get("services", 0) == totals.get("service", 0)
            assert said.get("stopped", 0) == totals.get("custodial_pool", 0)
            assert said.get("pruned", 0) == totals.get("hop_limit", 0)
            assert said.get("burned", 0) == totals.get("burned", 0)
            assert found.unspent == {
                f"{name}:{vout}": units
                for (name, vout), (reason, units) in expected.rests.items()
                if reason == "unspent" and units
            }
            assert {point: traced for _, _, point, _, traced in found.legs} == {
                f"{name}:{vout}": units
                for (name, vout), (reason, units) in expected.rests.items()
                if reason == "service" and units
            }
