"""Seeds that cannot be answered, and amounts that overflow 64 bits: one clear line, or the exact answer."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from tests.scenarios.case import CHAIN, Case, tag, vasp
from tests.scenarios.ledger import GENESIS_TIME, Tx, shown
from tracer.errors import AmbiguousSeed, BadSeeds, StoreDamaged, UsageError
from tracer.flow.seeding.entity import MOST, in_kernel_units
from tracer.flow.seeding.seed_file import Listed, parse

BOTH = pytest.mark.parametrize("method", ["fifo", "haircut"])
ROWS = [
    Tx("fund", outs=[("ann", 5), ("bob", 2), ("ann", 1)]),
    Tx("pay", ins=["fund:0"], outs=[("cid", 5)]),
]


def listed(*cells: str) -> tuple[Listed, ...]:
    return (parse("\n".join(["address", *cells]).encode(), CHAIN, "list.csv"),)


@pytest.mark.parametrize(
    "seed",
    ["zoe", "cluster:zoe", f"{shown('zoe')}:0", shown("zoe"), f"{shown('zoe')}@ann", f"{shown('zoe')}:*"],
)
def test_a_seed_that_the_ledger_never_saw_is_unseen(tmp_path: Path, seed: str) -> None:
    case = Case(tmp_path, ROWS)
    with pytest.raises(UsageError, match=r"never seen in the blocks read up to height 1 .*`unseen`") as error:
        case.trace("ann", seed, method="fifo")
    assert error.value.exit_code == 2
    with pytest.raises(UsageError, match="none of 1 listed seeds"):
        case.trace(method="fifo", listed=listed(seed))


@pytest.mark.parametrize("seed", ["tag:nobody", "vasp:nobody"])
def test_a_name_that_no_claim_has_is_unseen(tmp_path: Path, seed: str) -> None:
    case = Case(tmp_path, ROWS)
    with pytest.raises(UsageError, match="no tag of an address seen"):
        case.trace(seed, method="fifo")
    with pytest.raises(UsageError, match="listed seeds"):
        case.trace(method="fifo", listed=listed(seed))


@pytest.mark.parametrize("seed", ["fund:3", "fund@cid", "fund@zoe"])
def test_an_output_that_does_not_exist_is_said(tmp_path: Path, seed: str) -> None:
    case = Case(tmp_path, ROWS)
    with pytest.raises(UsageError, match="has no output") as error:
        case.trace(seed, method="fifo")
    assert error.value.exit_code == 2
    with pytest.raises(
        BadSeeds, match=r"list\.csv: 1 row cannot be used: line 3: transaction .* has no output"
    ) as bad:
        case.trace(method="fifo", listed=listed("ann", case.seed(seed)))
    assert bad.value.exit_code == 4


def test_a_bare_txid_with_several_outputs_lists_them(tmp_path: Path) -> None:
    case = Case(tmp_path, ROWS)
    with pytest.raises(AmbiguousSeed, match="has 3 outputs") as error:
        case.trace("fund", method="fifo")
    assert error.value.exit_code == 2
    for vout, (name, coins) in enumerate(
        [("ann", "0.00000005"), ("bob", "0.00000002"), ("ann", "0.00000001")]
    ):
        assert f"{shown('fund')}:{vout} ({coins} BTC to {name})" in error.value.problem
    with pytest.raises(BadSeeds, match=r"list\.csv: 1 row cannot be used: line 2: .* has 3 outputs"):
        case.trace(method="fifo", listed=listed(case.seed("fund")))


@BOTH
def test_a_txid_with_one_output_and_a_coinbase_are_taken(tmp_path: Path, method: str) -> None:
    case = Case(tmp_path, [*ROWS, Tx("block", outs=[("miner", 50)])])
    assert case.trace("pay", method=method).totals == {"seed": 5, "unspent": 5}
    assert case.trace("block", method=method).totals == {"seed": 50, "unspent": 50}


@BOTH
def test_an_unspent_seed_is_a_complete_answer(tmp_path: Path, method: str) -> None:
    case = Case(tmp_path, ROWS, tags=[tag("zed", "acme")], vasps=[vasp("acme", "none")])
    for found in (case.trace("fund:1", method=method), case.trace("bob", method=method)):
        assert found.unspent == {"fund:1": 2}
        assert found.totals == {"seed": 2, "unspent": 2}


@BOTH
@pytest.mark.parametrize("seed", ["ann", "fund:0", "tag:payee"])
def test_a_seed_window_after_the_tip_holds_nothing_and_says_so(
    tmp_path: Path, seed: str, method: str
) -> None:
    case = Case(tmp_path, ROWS, tags=[tag("ann", category="vendor", label="payee")])
    found = case.trace(seed, method=method, seed_after=GENESIS_TIME + 10**8)
    assert found.totals == {}
    notes = found.document["coverage"]["notes"]
    assert any("nothing arrived in the seed set in the window" in note for note in notes)


@BOTH
def test_rows_of_a_list_after_the_tip_hold_nothing(tmp_path: Path, method: str) -> None:
    case = Case(tmp_path, ROWS)
    text = f"address,valid_from\nann,2031-01-01\n{shown('pay')},2031-01-01\n"
    found = case.trace(method=method, listed=(parse(text.encode(), CHAIN, "list.csv"),))
    assert found.totals == {}
    assert "1 seed outputs lie outside the seed window" in found.document["coverage"]["notes"]


# base units that overflow 64 bits as soon as two are added
HALF = 1 << 62
HOSTILE = [
    Tx("a", outs=[("s1", HALF)]),
    Tx("b", outs=[("s2", HALF)]),
    Tx("c", outs=[("s1", HALF)]),
    Tx("d", outs=[("s2", HALF)]),
    Tx("on", ins=["a:0"], outs=[("s2", HALF)]),
    Tx("away", ins=["b:0"], outs=[("bob", HALF)]),
]


@BOTH
def test_receipts_whose_sum_passes_64_bits_are_exact(tmp_path: Path, method: str) -> None:
    case = Case(tmp_path, HOSTILE)
    for found in (
        case.trace("s1", "s2", method=method),
        case.trace("a:0", "b:0", "c:0", "d:0", method=method),
    ):
        assert found.totals == {"seed": 4 * HALF, "unspent": 4 * HALF}
    summary = case.trace("s1", "s2", method=method).document["seed_summary"]
    assert [
        int(summary[part]["base_units"]) for part in ("gross_received", "internal", "external_received")
    ] == [
        5 * HALF,
        HALF,
        4 * HALF,
    ]


@BOTH
def test_an_entity_whose_outflow_passes_64_bits_is_exact(tmp_path: Path, method: str) -> None:
    rows = [
        *HOSTILE,
        Tx("more", ins=["c:0"], outs=[("cid", HALF)]),
        Tx("most", ins=["d:0"], outs=[("dee", HALF)]),
    ]
    tags = [tag(name, "house", category="vendor") for name in ("s1", "s2")]
    found = Case(tmp_path, rows, tags=tags, clusters=False).trace("vasp:house", method=method, unit="entity")
    assert found.totals == {"seed": 3 * HALF, "unspent": 3 * HALF}
    assert int(found.document["seed_summary"]["left"]["base_units"]) == 3 * HALF


@BOTH
def test_endpoints_whose_sum_passes_64_bits_are_exact(tmp_path: Path, method: str) -> None:
    case = Case(tmp_path, HOSTILE, tags=[tag("s1", "acme"), tag("s2", "acme")], vasps=[vasp("acme", "none")])
    found = case.trace("s1", "s2", method=method)
    assert found.endpoints == {"acme": 4 * HALF}
    assert found.totals == {"seed": 4 * HALF, "services": 4 * HALF}


def test_a_net_no_kernel_holds_is_a_damaged_store() -> None:
    """The loader refuses such a transaction; a store that holds one was written by something else."""
    frame = pl.DataFrame({"tx_id": [1, 2], "net": [MOST, 1]}, schema={"tx_id": pl.Int64, "net": pl.Int128})
    assert in_kernel_units(frame, "net").rows() == [(1, MOST), (2, 1)]
    with pytest.raises(StoreDamaged, match=r"more than 2\^63-1") as error:
        in_kernel_units(frame.with_columns(pl.col("net") + 1), "net")
    assert error.value.exit_code == 4
