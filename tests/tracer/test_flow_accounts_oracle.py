"""Random account ledgers, traced by the engine through its store and by the oracle: equal to the unit.

The oracle (tests/oracle_queues.py) walks the whole ledger with plain deques; the engine finds by its closure what it
has to read. So a queue, a stretch of one, or an opening balance that the closure gets wrong shows here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import scaled
from tests.oracle_queues import FOLLOWED, OracleQueueTaint, OracleTransfer, Queue, trace_queues
from tests.scenarios.account_case import AccountCase, AccountFound, tag
from tests.scenarios.accounts import Block, Move, Row, Token, Tx
from tracer.chain import TransferKind

NAMES = ("ann", "bob", "cid", "dee", "eve")
ENDS = {"hot": "service", "till": "custodial_pool"}
TOKENS = ("USDT", "DAI")
# nobody's wallet is taken for a deposit address: the oracle knows no heuristics
PEOPLE = [tag(name, name, category="user") for name in (*NAMES, "validator")]
TAGS = [
    *PEOPLE, tag("hot", "acme"), tag("till", "bazaar", category="gambling"),
    tag("pool", "dex", category="defi_dex_pair"), tag("dex", "dex", category="defi_dex"),
]  # fmt: skip
MIGHT = [20, 10**6, 10**28]


@dataclass
class Table:
    """Rows for the store beside the same transfers for the oracle, in order."""

    rows: list[Row]
    transfers: list[OracleTransfer]
    held: dict[Queue, int]

    def put(
        self, tx: str, place: int | str, source: str | None, target: str | None, units: int, asset: str
    ) -> None:
        """A plain transfer."""
        self.transfers.append(OracleTransfer(f"{tx}:{place}", source, target, units, asset))
        self.count(source, -units, asset)
        self.count(target, units, asset)

    def count(self, who: str | None, units: int, asset: str) -> None:
        if who is not None:
            self.held[who, asset] = self.held.get((who, asset), 0) + units

    def exchange(self, tx: str, giver: str, of: str, gives: int, getter: str, asset: str, gets: int) -> None:
        """A swap or a wrap."""
        self.transfers += [
            OracleTransfer(f"{tx}:in", giver, None, gives, of, into=tx),
            OracleTransfer(f"{tx}:out", None, getter, gets, asset, out_of=tx),
        ]
        self.count(giver, -gives, of)
        self.count(getter, gets, asset)


@st.composite
def tables(draw: st.DrawFn, *, most: int = 14) -> Table:
    """Mints, payments of one to three assets at once, gas and tips, burns, swaps at a tagged pool, wraps."""
    big = draw(st.sampled_from(MIGHT))
    table = Table([], [], {})
    first = {name: draw(st.integers(1, big)) for name in NAMES}
    table.rows.append(Block(rewards=list(first.items())))
    for place, (name, units) in enumerate(first.items()):
        table.put("block 0", place, None, name, units, "ETH")
    for number in range(draw(st.integers(3, most))):
        name, who = f"t{number}", draw(st.sampled_from(NAMES))
        kind = draw(st.sampled_from(["pay", "pay", "pay", "mint", "swap", "wrap", "unwrap"]))
        same = draw(st.booleans()) and isinstance(table.rows[-1], Tx)  # what no transaction did comes last
        if kind == "mint":
            asset, units = draw(st.sampled_from(TOKENS)), draw(st.integers(1, big))
            table.rows.append(Tx(name, "bank", moves=[Move(None, who, units, asset)], same_block=same))
            table.put(name, 0, None, who, units, asset)
        elif kind == "pay":
            _pay(draw, table, name, who, same=same)
        else:
            _convert(draw, table, name, who, kind, big, same=same)
    return table


def _units(draw: st.DrawFn, table: Table, who: str, asset: str) -> int:
    held = table.held.get((who, asset), 0)
    return draw(st.one_of(st.just(held), st.integers(0, held)))


def _pay(draw: st.DrawFn, table: Table, name: str, who: str, *, same: bool) -> None:
    moves = []
    for place in range(draw(st.integers(1, 3))):
        payer = who if place == 0 else draw(st.sampled_from(NAMES))
        asset = draw(st.sampled_from(["ETH", *TOKENS, "WETH"]))
        units = _units(draw, table, payer, asset)
        target = draw(st.sampled_from([*NAMES, "hot", "till", None]))
        moves.append(Move(payer, target, units, asset))
        if units:
            table.put(name, place, payer, target, units, asset)
    fee, tip = (draw(st.integers(0, min(3, table.held.get((who, "ETH"), 0) // 2))) for _ in range(2))
    if fee:
        table.transfers.append(OracleTransfer(f"{name}:fee", who, None, fee, "ETH", fee=True))
    if tip:
        table.transfers.append(OracleTransfer(f"{name}:tip", who, None, tip, "ETH", fee=True))
        table.put(name, "earned", None, "validator", tip, "ETH")
    table.count(who, -fee - tip, "ETH")
    table.rows.append(Tx(name, who, moves=moves, fee=fee, tip=tip, same_block=same))


def _convert(draw: st.DrawFn, table: Table, name: str, who: str, kind: str, big: int, *, same: bool) -> None:
    of = {"wrap": "ETH", "unwrap": "WETH"}.get(kind) or draw(st.sampled_from(TOKENS))
    gives = _units(draw, table, who, of)
    if not gives:
        return
    if kind == "wrap":
        moves = [Move(None, who, gives, "WETH", TransferKind.WRAP)]
        table.rows.append(Tx(name, who, to="WETH", value=gives, moves=moves, same_block=same))
        table.exchange(name, who, "ETH", gives, who, "WETH", gives)
    elif kind == "unwrap":
        moves = [Move("WETH", who, gives), Move(who, None, gives, "WETH", TransferKind.UNWRAP)]
        table.rows.append(Tx(name, who, to="WETH", moves=moves, same_block=same))
        table.exchange(name, who, "WETH", gives, who, "ETH", gives)
    else:
        gets, other = draw(st.integers(1, big)), TOKENS[1 - TOKENS.index(of)]
        getter = draw(st.sampled_from([who, *NAMES, "hot"]))
        moves = [Move(who, "pool", gives, of), Move("pool", getter, gets, other)]
        table.rows.append(Tx(name, who, to="pool", moves=moves, same_block=same))
        table.exchange(name, who, of, gives, getter, other, gets)


def turned(table: Table) -> list[OracleTransfer]:
    """The same transfers with time turned round; gas comes back out of nothing."""
    return [
        replace(t, source=t.target, target=t.source, into=t.out_of, out_of=t.into, fee=False)
        for t in reversed(table.transfers)
    ]


def expected(
    table: Table, seeds: dict[str, tuple[int, int]], method: str, direction: str, hops: int | None, floor: int
) -> dict[str, Any]:
    """What the oracle says, in the shape of `told`."""
    backward = direction == "backward"
    ledger = turned(table) if backward else table.transfers
    ends = {(who, asset): end for who, end in ENDS.items() for asset in ("ETH", "WETH", *TOKENS)}
    if backward:
        ends |= {queue: "unread" for queue in table.held if queue not in ends}
    openings = table.held if backward else {}
    taint = trace_queues(
        ledger, seeds, method, openings=openings, ends=ends, hops=hops, floors={"ETH": floor}
    )  # fmt: skip
    rests = {queue: rest for queue, (end, rest) in taint.rests.items() if rest and end in FOLLOWED}
    return {**_met(ledger, taint, ends, nothing="minted" if backward else "burned"), "rests": rests}


def _met(
    ledger: Sequence[OracleTransfer], taint: OracleQueueTaint, ends: dict[Queue, str], *, nothing: str
) -> dict[str, Any]:
    """(reason, address, transaction, asset) -> units of what ended, and sums per asset."""
    ended: dict[tuple[str, str, str, str], int] = defaultdict(int)
    sums: dict[tuple[str, str], int] = defaultdict(int)
    for t in ledger:
        units, tx = taint.amount.get(t.name, 0), t.name.rpartition(":")[0]
        sums[t.asset, "seed"] += taint.seeded.get(t.name, 0)
        if t.name in taint.cut:
            reason, cut = taint.cut[t.name]
            assert t.source is not None
            ended[reason, t.source, tx, t.asset] += cut
        if t.out_of is not None:
            sums[t.asset, "converted_in"] += units - taint.seeded.get(t.name, 0)
        if t.into is not None:
            sums[t.asset, "converted_out"] += units
        elif t.fee:
            sums[t.asset, "fees"] += units
        elif t.target is None:
            sums[t.asset, nothing] += units
        elif (end := ends.get((t.target, t.asset), "unspent")) not in FOLLOWED:
            ended[end, t.target, tx, t.asset] += units
    return {
        "ended": {key: units for key, units in ended.items() if units},
        "sums": {key: units for key, units in sums.items() if units},
    }


def told(found: AccountFound, *, backward: bool) -> dict[str, Any]:
    """What the engine's document says, in the same shape."""
    doc = found.document
    ended: dict[tuple[str, str, str, str], int] = defaultdict(int)
    for row in doc["endpoints"]:
        for leg in row["legs"]:
            units = int(leg["amount_traced"]["base_units"])
            ended["service", "hot", found.names[leg["txid"]], row["amount"]["asset"]] += units
    for reason, address, tx, asset, units in found.stops:
        ended[reason, address, tx, asset] += units
    names = ("seed", "converted_in", "converted_out", "fees", "minted" if backward else "burned")
    return {
        "ended": dict(ended),
        "sums": {
            (asset, name): row[name] for asset, row in found.totals.items() for name in names if name in row
        },
        "rests": found.rests("unread" if backward else "unspent"),
    }


def conserves(found: AccountFound) -> None:
    """Per asset: seed + converted in = everything else."""
    for asset, row in found.totals.items():
        entered = row.pop("seed", 0) + row.pop("converted_in", 0)
        assert entered == sum(row.values()), asset


def arrivals(table: Table, members: Iterable[str]) -> dict[str, tuple[int, int]]:
    """What arrives in a set from outside, less what it sent before in the same transaction; not by its own swaps."""
    inside = set(members)
    sent: dict[tuple[str, str], int] = defaultdict(int)
    gave = {t.into for t in table.transfers if t.into is not None and t.source in inside}
    seeds = {}
    for t in table.transfers:
        key = (t.name.rpartition(":")[0], t.asset)
        if t.fee or t.into is not None or (t.source in inside and t.target in inside):
            continue
        if t.source in inside:
            sent[key] += t.units or 0
        elif t.target in inside and t.out_of not in gave:
            back = min(sent[key], t.units or 0) if t.out_of is None else 0
            sent[key] -= back
            if (t.units or 0) - back:
                seeds[t.name] = ((t.units or 0) - back, 0)
    return seeds


@pytest.mark.parametrize("direction", ["forward", "backward"])
@given(data=st.data())
@settings(max_examples=scaled(6, full=200), deadline=None)
def test_engine_equals_oracle(direction: str, data: st.DataObject) -> None:
    """Every leg, stop, cut, rest and total, under all methods, from lots and from sets."""
    table = data.draw(tables())
    plain = [t.name for t in table.transfers if t.name.rpartition(":")[2].isdecimal() and t.units]
    if data.draw(st.booleans()):
        names = data.draw(st.lists(st.sampled_from(plain), min_size=1, max_size=3, unique=True))
        places = {t.name: t for t in table.transfers}
        names = [name for name in names if not name.startswith("block")] or [
            name for name in plain if not name.startswith("block")
        ][:1]
        if not names:
            return
        seeds = {name: (places[name].units or 0, number) for number, name in enumerate(names)}
        asked: Sequence[str] = names
    else:
        asked = data.draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=2, unique=True))
        seeds = arrivals(table, asked)
    hops = data.draw(st.one_of(st.none(), st.integers(0, 3)))
    floor = data.draw(st.sampled_from([0, 5]))
    with TemporaryDirectory() as folder:
        case = AccountCase(Path(folder), table.rows, tags=TAGS, told=[Token(a, 0) for a in (*TOKENS, "WETH")])
        case.names |= {f"block {n}": f"block {n}" for n in range(2)}
        for method in ("fifo", "lifo", "haircut", "poison"):
            found = case.trace(
                *asked, method=method, direction=direction, hops=10_000 if hops is None else hops, min_value=floor,
                degree=0,
            )  # fmt: skip
            right = expected(table, seeds, method, direction, hops, floor)
            assert told(found, backward=direction == "backward") == right, method
            if method != "poison":
                conserves(found)
