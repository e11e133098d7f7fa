"""Read a store through natural keys only, so that two stores can be compared whatever their ids."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from adapters.bitcoin.chains import CHAINS
from adapters.bitcoin.folder.source import BlockFiles
from tracer.ledger.pull import Pulled, pull
from tracer.ledger.store import Ledger
from tracer.workspace import Workspace

_NATURAL = {
    "block": "SELECT * FROM block ORDER BY height",
    "tx": "SELECT * FROM tx ORDER BY tx_id",
    "txout": """SELECT txout.tx_id, vout, value, txout.kind, script, address.kind, payload FROM txout
                LEFT JOIN address USING (address_id) ORDER BY tx_id, vout""",
    "txin": """SELECT txin.tx_id, vin, prev_tx_id, prev_vout, value, txin.kind, sequence, address.kind, payload
               FROM txin LEFT JOIN address USING (address_id) ORDER BY tx_id, vin""",
    "pending_spend": "SELECT * FROM pending_spend ORDER BY tx_id, vin",
    "spend": "SELECT * FROM spend ORDER BY prev_tx_id, prev_vout",
    "address": "SELECT kind, payload FROM address ORDER BY kind, payload",
    "address_lookup": """SELECT prefix, kind, payload FROM address_lookup JOIN address USING (address_id)
                         ORDER BY kind, payload""",
    "address_tx": """SELECT kind, payload, tx_id FROM address_tx JOIN address USING (address_id)
                     ORDER BY kind, payload, tx_id""",
    "txid_lookup": "SELECT prefix, tx_id FROM txid_lookup ORDER BY tx_id",
}


def contents(ledger: Ledger) -> dict[str, list[tuple[Any, ...]]]:
    """Every fact of a store, on natural keys."""
    return {name: ledger.db.rows(sql) for name, sql in _NATURAL.items()}


def opened(workspace: Workspace, chain: str = "bitcoin-regtest", *, read_only: bool = True) -> Ledger:
    """A ledger of a workspace."""
    return Ledger.open(workspace.ready(), CHAINS[chain], read_only=read_only)


def synced(folder: Path, source: Path, chain: str = "bitcoin-regtest") -> Workspace:
    """A workspace after reading `source`."""
    workspace = Workspace(folder)
    sync(workspace, source, chain)
    return workspace


def sync(
    workspace: Workspace,
    source: Path,
    chain: str = "bitcoin-regtest",
    *,
    first: int | None = None,
    last: int | None = None,
) -> Pulled:
    """Read what is new of block files into a workspace."""
    return pull(
        lambda: opened(workspace, chain, read_only=False),
        BlockFiles(source, CHAINS[chain]),
        first=first,
        last=last,
    )


def facts(workspace: Workspace, chain: str = "bitcoin-regtest") -> dict[str, list[tuple[Any, ...]]]:
    """Every fact of a workspace's store."""
    with opened(workspace, chain) as ledger:
        return contents(ledger)
