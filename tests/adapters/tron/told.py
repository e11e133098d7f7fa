"""What a batch says, in names: so that tests read as tables."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from adapters.evm.decode import Decoded
from adapters.tron.chains import TronChain
from adapters.tron.decode import decode
from tests.adapters.tron.town import CHAIN, Block, Tx, blocks, name_of
from tracer.chain import AssetStandard, RelationKind, TransferKind
from tracer.ledger.accounts.batch import AccountBatch


def body(answer: object) -> bytes:
    """An answer as it comes."""
    return json.dumps(answer).encode()


def decoded(
    branch: Sequence[Block], chain: TronChain = CHAIN, wanted: frozenset[bytes] = frozenset()
) -> Decoded:
    """A branch as a node tells it, decoded."""
    answers = [body({"block": [block.block for block in branch]})]
    return decode(chain, answers, [body(block.results) for block in branch], wanted=wanted)


def of(*txs: Tx, chain: TronChain = CHAIN, wanted: frozenset[bytes] = frozenset()) -> AccountBatch:
    """One block of these transactions, behind a genesis block."""
    return decoded(blocks(txs), chain, wanted).batch


def asset(row: dict[str, Any]) -> str:
    """The asset of a movement: TRX, a contract's name, `NFT#7` (one of its kind), `GAME*3` (many), `TRC10:1000001`."""
    standard, contract, token = row["standard"], name_of(row["contract"]), row["token_id"]
    number = int.from_bytes(token, "big") if token else 0
    return {
        AssetStandard.NATIVE: "TRX",
        AssetStandard.FUNGIBLE: contract,
        AssetStandard.UNIQUE: f"{contract}#{number}",
        AssetStandard.MULTI: f"{contract}*{number}",
        AssetStandard.TRC10: f"TRC10:{number}",
    }[standard] or ""


def moves(batch: AccountBatch) -> list[tuple[str, str, str | None, str | None, int | None]]:
    """(kind, asset, source, target, amount) of each movement, in order."""
    return [
        (TransferKind(row["kind"]).name, asset(row), name_of(row["source"]), name_of(row["target"]),
         None if row["amount"] is None else int(row["amount"]))
        for row in batch.transfers.to_pylist()
    ]  # fmt: skip


def relations(batch: AccountBatch) -> list[tuple[str, str | None, str | None, int | None]]:
    """(kind, giver, receiver, amount) of each relation, in order."""
    return [
        (RelationKind(row["kind"]).name, name_of(row["giver"]), name_of(row["receiver"]),
         None if row["amount"] is None else int(row["amount"]))
        for row in batch.relations.to_pylist()
    ]  # fmt: skip


def refused(batch: AccountBatch) -> list[tuple[str, str]]:
    """(where in the transaction, why) of each row of quarantine."""
    rows = batch.quarantine.to_pylist()
    return [(" ".join(row["place"].split()[2:]), row["reason"]) for row in rows]
