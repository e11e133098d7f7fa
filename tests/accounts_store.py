"""Read a store of an account chain through natural keys only, so that two stores can be compared whatever their ids."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tracer.ledger.accounts.batch import AccountBatch
from tracer.ledger.batch import KnownChain
from tracer.ledger.store import Ledger

_NAMED = """
WITH whose AS (SELECT address_id, payload FROM address),
what AS (SELECT asset_id, standard, payload AS contract, token_id FROM asset LEFT JOIN whose ON address_id = contract)
"""
_ASSET = "what.standard, what.contract, what.token_id"
_TRANSFERS = f"""{_NAMED}
SELECT tx_id, position, m.kind, {_ASSET}, s.payload, t.payload, amount{{more}} FROM {{table}} AS m
JOIN what USING (asset_id)
LEFT JOIN whose AS s ON s.address_id = m.source LEFT JOIN whose AS t ON t.address_id = m.target
ORDER BY tx_id, position"""

_NATURAL = {
    "block": f"""{_NAMED} SELECT block.* EXCLUDE (producer), payload FROM block
                 LEFT JOIN whose ON address_id = producer ORDER BY height""",
    "tx": f"""{_NAMED} SELECT tx.* EXCLUDE (sender, recipient, created), s.payload, r.payload, c.payload FROM tx
              JOIN whose AS s ON s.address_id = sender LEFT JOIN whose AS r ON r.address_id = recipient
              LEFT JOIN whose AS c ON c.address_id = created ORDER BY tx_id""",
    "transfer": _TRANSFERS.format(table="transfer", more=", log_index"),
    "outflow": _TRANSFERS.format(table="outflow", more=""),
    "inflow": _TRANSFERS.format(table="inflow", more=""),
    "asset": f"{_NAMED} SELECT standard, contract, token_id FROM what ORDER BY ALL",
    "token": f"""{_NAMED} SELECT payload, symbol, name, decimals, height, problem, genuine FROM token
                 JOIN whose ON address_id = contract ORDER BY payload""",
    "relation": f"""{_NAMED} SELECT tx_id, position, r.kind, g.payload, v.payload, {_ASSET}, amount
                    FROM relation AS r JOIN whose AS g ON g.address_id = giver
                    JOIN whose AS v ON v.address_id = receiver LEFT JOIN what USING (asset_id)
                    ORDER BY tx_id, position""",
    "event": f"""{_NAMED} SELECT tx_id, log_index, payload, topic, topics, data FROM event
                 JOIN whose ON address_id = emitter ORDER BY tx_id, log_index""",
    "opening": f"""{_NAMED} SELECT payload, {_ASSET}, height, amount FROM opening
                   JOIN whose USING (address_id) JOIN what USING (asset_id) ORDER BY ALL""",
    "address": "SELECT kind, payload FROM address ORDER BY ALL",
    "address_lookup": f"{_NAMED} SELECT prefix, payload FROM address_lookup JOIN whose USING (address_id) ORDER BY ALL",
    "txid_lookup": "SELECT prefix, tx_id FROM txid_lookup ORDER BY tx_id",
    "quarantine": "SELECT source, place, reason, raw, tx_id FROM quarantine ORDER BY ALL",
}  # fmt: skip


def contents(ledger: Ledger) -> dict[str, list[tuple[Any, ...]]]:
    """Every fact of a store, on natural keys."""
    return {name: ledger.db.rows(sql) for name, sql in _NATURAL.items()}


@dataclass(frozen=True)
class Run:
    """The plan of a `Listed` source."""

    batches: list[AccountBatch]
    reorg_to: int | None
    at_least: int

    @property
    def first_height(self) -> int:
        """Height of its first block."""
        height: int = self.batches[0].blocks["height"][0].as_py()
        return height

    @property
    def blocks(self) -> int:
        """How many blocks it has."""
        return len(self.batches)


class Listed:
    """The smallest source of an account chain: batches of one block each, the longer branch wins."""

    def __init__(self, batches: list[AccountBatch]) -> None:
        self._batches = batches
        self.bad: set[bytes] = set()

    def plan(self, known: KnownChain, first: int | None, last: int | None) -> list[Run]:
        """What lies between the heights asked for and is not known, up to the first bad block."""
        there = {block.hash for block in known.blocks()}
        tip = max((block.height for block in known.blocks()), default=-1)
        wanted: list[AccountBatch] = []
        for batch in self._batches:
            here, height = batch.blocks["hash"][0].as_py(), batch.blocks["height"][0].as_py()
            if here in self.bad:
                break
            if here not in there and height >= (first or 0) and (last is None or height <= last):
                wanted.append(batch)
        if not wanted:
            return []
        start = wanted[0].blocks["height"][0].as_py()
        if start > tip:
            return [Run(wanted, None, 1)]
        longer = start + len(wanted) - 1 > tip
        return [Run(wanted, start - 1, tip - start + 2)] if longer else []

    def batches(self, plan: Run) -> Iterator[AccountBatch]:
        """The blocks of a plan."""
        yield from plan.batches

    def reject(self, block_hash: bytes) -> bool:
        """There is no other copy."""
        self.bad.add(block_hash)
        return False

    def raw(self, block_hash: bytes) -> tuple[str, bytes]:
        """Nothing was decoded from bytes here."""
        return "a list", block_hash

    def notes(self) -> list[str]:
        """Nothing to say."""
        return []

    def finish(self) -> None:
        """Nothing is wrong with a list."""
