"""Labelled transactions as a ledger of their own: what they spend is known, and each stands there once."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

from adapters.labels.coinjoins import read_labels, scratch_ledger
from tracer.chain import ScriptKind
from tracer.workspace import Workspace

PARENT, CHILD, DATA = "11" * 32, "22" * 32, "6a0461626364"
P2WPKH, P2TR = "0014" + "01" * 20, "5120" + "02" * 32


def row(txid: str, time: int, inputs: list[list[object]], outputs: list[list[object]]) -> dict[str, object]:
    return {
        "txid": txid,
        "block_hash": f"{time:064x}",
        "index": 7,
        "time": time,
        "inputs": inputs,
        "outputs": outputs,
    }


def write(folder: Path, label: str, *rows: dict[str, object]) -> None:
    with gzip.open(folder / f"{label}.jsonl.gz", "wt") as file:
        file.writelines(json.dumps(r) + "\n" for r in rows)


def test_a_chain_of_labelled_transactions(tmp_path: Path) -> None:
    parent = row(PARENT, 100, [["aa" * 32, 1, 900, P2TR]], [[500, P2WPKH], [300, P2TR], [0, DATA]])
    child = row(CHILD, 200, [[PARENT, 0, 500, P2WPKH], ["bb" * 32, 0, 60, P2WPKH]], [[550, P2TR]])
    write(tmp_path, "wasabi2", child, parent)
    write(tmp_path, "wasabi1_postmix", child)
    labels = read_labels(tmp_path)
    assert labels.published.rows() == [(CHILD, "wasabi1_postmix"), (PARENT, "wasabi2"), (CHILD, "wasabi2")]
    assert [t["txid"] for t in labels.transactions] == [PARENT, CHILD]
    with scratch_ledger(Workspace(tmp_path / "w"), labels.transactions) as ledger:
        (first,), (second,) = (ledger.find_tx(ledger.chain.hash_bytes(t)) for t in (PARENT, CHILD))
        spent = ledger.db.rows("SELECT tx_id, prev_tx_id, value, kind FROM txin ORDER BY tx_id, vin")
        assert spent == [
            (first, None, 900, ScriptKind.P2TR),
            (second, first, 500, ScriptKind.P2WPKH),
            (second, None, 60, ScriptKind.P2WPKH),
        ]
        kinds = ledger.db.rows("SELECT kind, address_id IS NULL FROM txout ORDER BY tx_id, vout")
        p2wpkh, p2tr, data = ScriptKind.P2WPKH, ScriptKind.P2TR, ScriptKind.OP_RETURN
        assert kinds == [(p2wpkh, False), (p2tr, False), (data, True), (p2tr, False)]
        assert ledger.db.value("SELECT count(*) FROM address") == 2
        assert ledger.db.rows("SELECT fee FROM tx WHERE inputs > 0 ORDER BY tx_id") == [(100,), (10,)]
