"""`tracer watch` as a user runs it: lists, a simulated market, bad input, a monitor from outside."""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from itertools import accumulate
from pathlib import Path

import pytest

from adapters.bitcoin.chains import chain_named
from adapters.simulation import build_world
from tests.cli.running import tracer
from tests.oracle import OracleTx
from tests.scenarios.world import parsed
from tracer.state import State
from tracer.workspace import Workspace

CHAIN = "bitcoin-regtest"
SOURCE = "simulation:market?seed=3&txs=1500"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace that read the first half of a market."""
    folder = tmp_path_factory.mktemp("market")
    assert tracer(folder, "sync", CHAIN, "--source", SOURCE, "--to", "150").code == 0
    return folder


@cache
def market() -> list[tuple[int, OracleTx]]:
    """Every transaction with its height, as parsed from the blocks; a coinbase begins a block."""
    world = build_world(name="market", seed=3, txs=1500)
    owners = {(row["txid"], row["vout"]): row["address"] for row in world.truth.outputs.iter_rows(named=True)}
    txs = list(parsed(world, owners))
    return list(zip((n - 1 for n in accumulate(not tx.ins for tx in txs)), txs, strict=True))


def moved(address: str, first: int, last: int = 10_000) -> dict[str, int]:
    """Txid -> what an address got, net, in blocks between two heights."""
    owner = {(tx.name, vout): out for _, tx in market() for vout, out in enumerate(tx.outs)}
    found = {}
    for height, tx in market():
        came = [out.value for out in tx.outs if out.address == address]
        went = [owner[point].value for point in tx.ins if owner[point].address == address]
        if (came or went) and first <= height <= last:
            found[tx.name] = sum(came) - sum(went)
    return found


def busiest(last: int, first: int = 0) -> Counter[str]:
    """Outputs to each address between two heights."""
    return Counter(
        out.address for height, tx in market() if first <= height <= last for out in tx.outs if out.address
    )


def test_a_list_is_watched_over_the_rest_of_a_market(world: Path, tmp_path: Path) -> None:
    names = [address for address, _ in busiest(10_000, 151).most_common(5)]
    listed = tmp_path / "list.csv"
    listed.write_text(
        "address,label,tags\n" + "".join(f"{a},number {n},one two\n" for n, a in enumerate(names))
    )
    ran = tracer(world, "watch", "add", "--file", listed, "--chain", CHAIN, "--case", "K-1", "--json")
    assert (ran.document["added"], ran.document["watches"]) == (5, 5), ran
    again = tracer(
        world, "watch", "add", "--file", listed, "--chain", CHAIN, "--case", "K-1", "--json"
    ).document
    assert (again["added"], again["unchanged"]) == (0, 5)
    rows = tracer(world, "watch", "list", "--json").document["watches"]
    assert {row["above_height"] for row in rows} == {150}
    assert {row["tlp"] for row in rows} == {"TLP:AMBER+STRICT"}
    tested = tracer(
        world, "watch", "backtest", *names, "--chain", CHAIN, "--from", "0", "--to", "150", "--json"
    )
    assert tested.code == 0, tested
    past = busiest(150)
    assert {row["subject"] for row in tested.document["by_watch"] if row["alerts"]} == {
        a for a in names if past[a]
    }
    ran = tracer(world, "watch", "run", CHAIN, "--source", SOURCE, "--json")
    assert ran.code == 0, ran
    (turn,) = ran.document["chains"]
    assert turn["problem"] is None
    with State.open(Workspace(world)) as state:
        said = [json.loads(text) for (text,) in state.rows("SELECT document FROM alert")]
    told = {(d["watch"]["label"], d["txid"], int(d["amount"]["base_units"])) for d in said}
    expected = {
        (f"number {n}", txid, abs(net)) for n, a in enumerate(names) for txid, net in moved(a, 151).items()
    }
    assert told == expected
    assert {d["late"] for d in said} == {True}
    again = tracer(world, "watch", "run", CHAIN, "--json").document["chains"][0]
    assert (again["raised"], again["revised"], again["blocks"]) == (0, 0, 0)
    status = tracer(world, "watch", "status", "--max-lag", "1h", "--json")
    assert status.code == 0, status
    assert (status.document["alerts"], status.document["watches"]) == (turn["raised"], 5)
    assert tracer(world, "watch", "status", "--max-lag", "0s").code == 3
    assert tracer(world, "status", "--json").document["watch"]["watches"] == 5
    removed = tracer(world, "watch", "remove", rows[0]["id"][:10], "--by", "li", "--json")
    assert removed.document["removed"] == [rows[0]["id"]]
    gone = tracer(world, "watch", "list", "--purged", "--json").document["watches"]
    assert [(row["watch_id"], row["case_id"]) for row in gone] == [(rows[0]["id"], "K-1")]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("add",), 2, "nothing to watch"),
        (("add", "nonsense"), 2, "nonsense"),
        (("add", "tag:x", "--on", "everything"), 2, "'everything' is no alert type"),
        (("add", "tag:x", "--on", ""), 2, "is no alert type"),
        (("add", "tag:x", "--min-amount", "much"), 2, "--min-amount 'much' is no amount"),
        (("add", "tag:x", "--min-amount", "-1"), 2, "--min-amount"),
        (("add", "tag:x", "--counterparty", "kyc:some"), 2, "--counterparty 'kyc:some'"),
        (("add", "tag:x", "--trail", "3"), 2, "--on reached_service"),
        (("add", "tag:x", "--channel", "pager"), 2, "no channel 'pager'"),
        (("add", "tag:x", "--expires", "soon"), 2, "'soon' is no date"),
        (("add", "tag:x", "--expires", "2020-01-01"), 2, "is over"),
        (("add", "tag:x", "--expires", "9999999d"), 2, "after the year 9999"),
        (("show", ""), 2, "no watch has an id"),
        (("run", "--interval", "nan"), 2, "--interval nan is no number"),
        (("backtest", "tag:x", "--days", "nan"), 2, "--days nan is no number"),
        (("backtest", "tag:x", "--from", "5", "--to", "2"), 2, "--to 2 is below --from 5"),
        (("add", "tag:x", "--asset", "USDT"), 2, "--asset is for account chains"),
        (("add", "tag:x", "--on", "exposure", "--policy", "nowhere.yml"), None, "nowhere.yml"),
        (("add", "--file", "nowhere.csv"), 3, "nowhere.csv"),
        (("show", "w-00"), 2, "no watch has an id"),
        (("remove", "w-00", "--by", "li"), 2, "no watch has an id"),
        (("run", "--once", "--follow"), 2, "--once and --follow"),
        (("run", "--source", "blocks:x"), 2, "--source is of one chain"),
        (("run", "bitcoin", "--source", "esplora:https://example.org"), 2, "every address"),
        (("status", "--max-lag", "long"), 2, "'long' is no length of time"),
        (("backtest", "tag:x"), 2, "which blocks?"),
        (("backtest", "--days", "3"), 2, "nothing is watched"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_one_line(
    tmp_path: Path, arguments: tuple[str, ...], code: int | None, words: str
) -> None:
    ran = tracer(tmp_path, "watch", *arguments)
    ran.refused(code or ran.code, words)
    assert ran.code in (2, 3, 4)


def test_bad_rows_of_a_list_are_named_and_nothing_is_added(tmp_path: Path) -> None:
    key = chain_named(CHAIN)
    good = key.render_address(key.parse_address(next(iter(busiest(20)))))
    listed = tmp_path / "list.csv"
    listed.write_text(f"subject,expires\n{good},\nnonsense,\n{good},tomorrow\n")
    tracer(tmp_path / "w", "watch", "add", "--chain", CHAIN, "--file", listed).refused(
        4, "line 3", "line 4: 'tomorrow'"
    )
    assert tracer(tmp_path / "w", "watch", "list", "--json").document["watches"] == []
    listed.write_bytes(b"\xff\xfe")
    tracer(tmp_path / "w", "watch", "add", "--file", listed).refused(4, "no UTF-8")
    listed.write_text("who\nx\n")
    tracer(tmp_path / "w", "watch", "add", "--file", listed).refused(4, "subject")


def test_a_watch_before_the_chain_is_read_begins_at_its_first_tip(tmp_path: Path) -> None:
    address = busiest(10_000).most_common(1)[0][0]
    assert tracer(tmp_path, "watch", "add", address, "--chain", CHAIN).code == 0
    assert tracer(tmp_path, "watch", "status", "--max-lag", "1h").code == 3
    first = tracer(tmp_path, "watch", "run", CHAIN, "--source", SOURCE, "--json").document["chains"][0]
    assert (first["raised"], first["blocks"]) == (0, 0)
    assert first["height"] > 150
