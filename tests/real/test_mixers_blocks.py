"""Real blocks from 2009 to 2022: the known partition, and under one percent called a mix, each hit known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from adapters.bitcoin.prevouts import with_prevouts
from rules.mixers import DETECTORS
from tests.cli.running import tracer
from tests.real.test_blocks import _block, _undo, _unpacked
from tests.real.test_mixers import script_kind
from tests.rules.ledger_of import Coin, Tx, ledger_of
from tests.stores import opened
from tracer.clustering.mixing import find_mixes
from tracer.clustering.rules import SHAPES
from tracer.ledger.ingest import Loader
from tracer.ledger.store import Ledger
from tracer.workspace import Workspace


def test_the_known_partition_of_blocks_0_to_4312(realdata: Path, tmp_path: Path) -> None:
    blocks = realdata / "bitcoin" / "blocks" / "mainnet-0-4312.blk.dat"
    assert tracer(tmp_path, "sync", "bitcoin", "--source", f"blocks:{blocks}").code == 0
    said = tracer(tmp_path, "cluster", "build", "--json").document
    assert (said["addresses"], said["clusters"], said["largest"]) == (4_357, 4_171, 44)
    assert said["as_of"][0]["block_hash"].endswith("abfc7863")
    assert sum(said["excluded"].values()) == 0


def called(ledger: Ledger) -> list[tuple[str, str]]:
    """Kind and txid of what is said of the ledger's transactions, in the order of the chain."""
    with ledger.db.table("found", find_mixes(ledger, DETECTORS, first=0)):
        rows = ledger.db.rows("SELECT kind, txid FROM found JOIN tx USING (tx_id) ORDER BY tx_id")
    return [(kind, txid[::-1].hex()) for kind, txid in rows]


OF_2014 = [
    ("mix_possible", "40984b43"),
    ("joinmarket", "dbb220ef"),
]


@pytest.mark.parametrize(("height", "txs", "hits"), [(300_025, 461, OF_2014), (367_891, 420, [])])
def test_hits_in_whole_blocks(
    realdata: Path, tmp_path: Path, height: int, txs: int, hits: list[tuple[str, str]]
) -> None:
    folder = realdata / "bitcoin" / "blocks"
    if height == 300_025:
        raw = (folder / "block300025.raw").read_bytes()
        told = list(_undo((folder / "block300025-undo.raw").read_bytes()))
    else:
        raw = _unpacked(folder / "367891.raw.zst")
        rows = json.loads(_unpacked(folder / "367891.spent_utxos.json.zst"))
        told = [(r["txout"]["value"], bytes.fromhex(r["txout"]["script_pubkey"])) for r in rows]
    batch = with_prevouts(_block(raw, height), [value for value, _ in told], [script for _, script in told])
    with opened(Workspace(tmp_path), "bitcoin", read_only=False) as ledger:
        Loader(ledger).load([batch])
        found = called(ledger)
    argued = (Path(__file__).parents[2] / "docs" / "mixers.md").read_text(encoding="utf-8")
    assert [(kind, txid[:8]) for kind, txid in found] == hits
    assert all(txid in argued for _, txid in found)
    assert len(found) < 0.01 * txs


def _inline(transaction: dict[str, Any], name: str) -> Tx:
    """A transaction of `prevouts_inline`; a coinbase has no inputs."""
    told = [i["previous_output"]["data"] for i in transaction["inputs"]]
    spent = [(data["value"], data["pk_script"].removeprefix("0x")) for data in told]
    paid = [(o["value"], o["pk_script"].removeprefix("0x")) for o in transaction["outputs"]]
    inputs = [Coin(script, sat, script_kind(script)) for sat, script in spent if script]
    return Tx(name, inputs, [Coin(script, sat, script_kind(script)) for sat, script in paid])


def test_the_blocks_with_inline_prevouts_hold_one_whirlpool_mix(realdata: Path, tmp_path: Path) -> None:
    blocks = sorted((realdata / "bitcoin" / "prevouts_inline").glob("full_*.json"))
    data = [json.loads(path.read_text(encoding="utf-8"))["blocks"][0]["data"] for path in blocks]
    named = [
        _inline(tx, f"{path.stem}:{at}")
        for path, block in zip(blocks, data, strict=True)
        for at, tx in enumerate(block["transactions"])
    ]
    with ledger_of(tmp_path, named, per_block=len(named)) as ledger:
        found = find_mixes(ledger, DETECTORS, first=0)
    hits = [(named[tx_id].name, kind) for tx_id, kind in found.select("tx_id", "kind").rows()]
    assert len(named) == 159
    assert [hit for hit in hits if SHAPES[hit[1]].stops] == [("full_757752:68", "whirlpool_mix")]
