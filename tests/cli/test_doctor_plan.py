"""`tracer doctor --plan`: what is measured, what is made of it, and what is said to be extrapolated."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.bitcoin.chains import CHAINS
from adapters.bitcoin.core.access import access
from adapters.bitcoin.core.source import CoreSource
from adapters.bitcoin.lengths import Length, counted, known
from adapters.bitcoin.rehearsal import Part
from cli.doctor_plan import _predicted, _rates, _said
from tests.cli.running import tracer
from tests.nodes.litecoind import litecoind
from tracer.ledger.coverage import chain_status
from tracer.ledger.pull import pull
from tracer.ledger.store import Ledger
from tracer.workspace import Workspace

MB = 1_000_000
FIRST = Part(10_000, 20_000, 20_000, seconds=1.0, store_bytes=5 * MB, peak_bytes=400 * MB)
SECOND = Part(30_000, 60_000, 60_000, seconds=2.0, store_bytes=17 * MB, peak_bytes=480 * MB)


def test_what_a_whole_chain_takes_is_the_measured_slope_times_its_rows() -> None:
    rates = _rates(FIRST, SECOND)
    assert rates == {
        "seconds_per_million_rows": [10.0, 13.333],  # a second for 100,000 rows more; 2 for 150,000
        "bytes_per_million_rows": [80 * MB, 85 * MB],  # 12 MB for 150,000 rows; 17 for 200,000
    }
    made = _predicted(Length(1_000, 10 * MB, "2026-01-01", "a book"), (FIRST, SECOND), rates)
    assert made["rows"] == 50 * MB  # two inputs and two outputs for each, as in the simulated chain
    assert made["disk_bytes"] == [4_000 * MB, 4_250 * MB]
    assert made["seconds"] == [500, 667]
    # 80 MB for 20,000 transactions more, up to a turn of 300,000; and the headers
    assert made["memory_bytes"] == 400 * MB + 290_000 * 4_000 + 1_000 * 720


def test_inputs_and_outputs_that_a_node_told_take_the_place_of_simulated_ones() -> None:
    length = Length(1_000, MB, "2026-01-01", "the node http://localhost", inputs=3 * MB, outputs=4 * MB)
    assert _predicted(length, (FIRST, SECOND), _rates(FIRST, SECOND))["rows"] == 8 * MB
    said = " ".join(_said(length, (FIRST, SECOND)))
    assert "estimated from some of the node's blocks" in said
    assert "has grown since" not in said


def test_a_longer_part_that_was_faster_makes_nothing_negative() -> None:
    slow = Part(10_000, 20_000, 20_000, seconds=3.0, store_bytes=5 * MB, peak_bytes=500 * MB)
    rates = _rates(slow, SECOND)
    assert rates["seconds_per_million_rows"] == [13.333, 13.333]
    assert (
        _predicted(Length(None, MB, "2026-01-01", "a book"), (slow, SECOND), rates)["memory_bytes"]
        == 500 * MB
    )


def test_lengths_are_of_chains_we_read_each_with_a_day_and_who_said_so() -> None:
    lengths = {name: length for name in CHAINS if (length := known(name)) is not None}
    assert {"bitcoin", "litecoin", "bitcoin-cash"} <= set(lengths)
    for length in lengths.values():
        assert length.transactions > MB
        assert len(length.as_of) == 10
        assert length.source
    assert known("bitcoin-regtest") is None


def test_a_node_counts_its_chain(tmp_path: Path) -> None:
    """Of a chain this short every block is looked at: the estimate is the count."""
    chain = CHAINS["litecoin-regtest"]
    with litecoind(tmp_path / "node") as node:
        node.mine(20)
        source = CoreSource(access(f"{node.url}?cookie={node.cookie}", chain.name, {}), chain)
        length = counted(source.core.ask, source.core.host, "2026-01-01")
        workspace = Workspace(tmp_path / "w").ready()
        pull(lambda: Ledger.open(workspace, chain, read_only=False), source)
    with Ledger.open(workspace, chain) as ledger:
        read = chain_status(ledger)
    assert (length.blocks, length.transactions, length.inputs) == (21, read["txs"], read["inputs"])
    assert length.outputs == pytest.approx(
        read["outputs"], abs=1
    )  # the first block has an output less than the rest
    assert length.source == f"the node {source.core.host}"


def test_a_plan_is_made_from_a_rehearsal_here(tmp_path: Path) -> None:
    ran = tracer(tmp_path, "doctor", "--plan", "bitcoin", "--sample", "2000", "--json")
    assert ran.code == 0, ran
    plan = ran.document["plan"]
    assert plan["length"]["source"].startswith("Bitcoin Core")
    assert 1_500 < sum(part["transactions"] for part in plan["rehearsal"]) < 5_000
    assert plan["predicted"]["disk_bytes"][0] > 10**10
    assert plan["verdict"] == ("does_not_fit" if plan["lacks"] else "fits")
    assert any("the chain has grown since 2025" in said for said in plan["extrapolated"])
    assert list(tmp_path.glob("cache/rehearsal-*")) == []
    assert list(tmp_path.glob("chains/*.duckdb")) == []


@pytest.mark.parametrize(
    ("chain", "verdict", "said"),
    [
        ("dogecoin", "not known whether it fits", "how long dogecoin is, is not known here"),
        ("ethereum", "not measured", "account chains were not measured"),
    ],
)
def test_what_is_not_known_is_said_and_no_error(tmp_path: Path, chain: str, verdict: str, said: str) -> None:
    ran = tracer(tmp_path, "doctor", "--plan", chain, "--sample", "2000")
    assert ran.code == 0, ran
    assert verdict in ran.out
    assert said in ran.out


def test_a_plan_is_of_a_chain(tmp_path: Path) -> None:
    tracer(tmp_path, "doctor", "--plan").refused(2, "is of a chain")
