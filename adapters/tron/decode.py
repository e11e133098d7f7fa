"""Answers of a Tron node -> one batch of columns, verified on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import polars as pl

from adapters.evm.decode import Decoded
from adapters.tron import contracts, internals, tokens
from adapters.tron.answers import (
    DIGEST,
    odd,
    raw,
    read_blocks,
    read_infos,
    read_receipts,
    read_transactions,
    whole,
)
from adapters.tron.chains import TronChain
from adapters.tron.proof import check
from adapters.tron.rows import MOVES, RELATIONS, UNITS, UNREAD, Stage, address, rows, stacked
from tracer.chain import TransferKind
from tracer.errors import BadBlock, SourceUnavailable
from tracer.ledger.accounts.batch import AccountBatch, schemas

if TYPE_CHECKING:
    import pyarrow as pa

NO_ROOT = "the root over the transactions of a block could not be recomputed"
NO_FEES = "results came from JSON-RPC, which tells neither fees nor rewards nor internal transactions"
NO_INTERNALS = (
    "contracts ran and no internal transaction was told: the node may not keep them (vm.saveInternalTx)"
)
_NOBODY = "00" * 20
_HISTORY = "Ask again; if it stays like this, the node keeps no results (storage.transHistory.switch)."


def decode(
    chain: TronChain,
    blocks: Sequence[bytes],
    infos: Sequence[bytes],
    receipts: Sequence[bytes] = (),
    *,
    wanted: frozenset[bytes] = frozenset(),
) -> Decoded:
    """Columns of a run of blocks out of what a node answered, and sentences about what it did not tell.

    Each item is one HTTP body as it came; their order does not matter.

    blocks    answers of `getblockbylimitnext` or `getblockbynum`: consecutive heights of one branch, each once
    infos     answers of `gettransactioninfobyblocknum`, one per block
    receipts  answers of `eth_getBlockReceipts`, for blocks without an answer in `infos`
    wanted    topics 0 (32 bytes each) of the events to keep in `events`

    `BadBlock`: a block that breaks a rule. `SourceUnavailable`: answers that do not belong together (a reorg while
    they were read), a missing one, an error in place of one: asking again may help.
    """
    found = read_blocks(blocks)
    txs = read_transactions(found)
    notes = Counter({NO_ROOT: check(found, txs)})
    told = facts(found, txs, pl.concat([read_infos(infos), read_receipts(receipts)], how="diagonal"))
    frames, logs = internals.frames(told), tokens.logs(told)
    carried, unread_carried = contracts.movements(told, chain.trc10_from)
    inside, unread_inside = internals.movements(frames, chain.trc10_from)
    logged, unread_logged = tokens.movements(logs, chain.wrapped)
    approvals, unread_approvals = tokens.relations(logs)
    seen = _traced(found, told)
    notes[NO_FEES] = told.filter(pl.col("told") == "json-rpc")["block"].n_unique()
    notes[NO_INTERNALS] = seen.filter(~pl.col("traced"))["block"].len()
    batch = AccountBatch(
        blocks=_table("blocks", _blocks(seen)),
        txs=_table("txs", _txs(told)),
        transfers=_table("transfers", _placed([carried, inside, logged, *_fees(told)], MOVES)),
        relations=_table(
            "relations",
            _placed([contracts.relations(told), internals.relations(frames), approvals], RELATIONS),
        ),
        events=_table("events", tokens.events(logs, wanted).sort("tx_id", "log_index")),
        quarantine=_table(
            "quarantine",
            stacked([unread_carried, unread_inside, unread_logged, unread_approvals], UNREAD).sort(
                "tx_id", "place", "reason"
            ),
        ),
    )
    return Decoded(batch, +notes)


def facts(blocks: pl.DataFrame, txs: pl.DataFrame, infos: pl.DataFrame) -> pl.DataFrame:
    """Transactions beside their results; refused where results are missing or of another block.

    -> the columns of `read_transactions` and of `read_infos` (those with equal names as `..._told`), and ok, kind,
    created, issued and token_number (hex of a TRC-10 number)
    """
    infos = infos.with_columns(txID=pl.col("id").str.to_lowercase(), there=pl.lit(value=True)).drop("id")
    told = txs.with_columns(pl.col("txID").str.to_lowercase()).join(
        infos, on="txID", how="left", suffix="_told", maintain_order="left"
    )
    of_block = blocks.select(
        "block", time=whole("timestamp").fill_null(0), block_id=pl.col("blockID").str.to_lowercase()
    )
    told = told.join(of_block, on="block", how="left", maintain_order="left")
    _belong(told, infos)
    done = ("SUCCESS", "DEFAULT")
    failed = (
        (pl.col("result") == "FAILED").fill_null(value=False)
        | ~pl.col("ret").list.first().struct.field("contractRet").fill_null("SUCCESS").is_in(done)
        | ~pl.col("receipt_result").fill_null("SUCCESS").is_in(done)
    )
    genesis = pl.col("height") == 0
    # the first block's payments come from no account, and a shielded transfer may have no sender to name
    unsent = genesis | (pl.col("type") == "ShieldedTransferContract")
    told = told.with_columns(
        ok=~failed,
        kind=pl.col("type").replace_strict(
            contracts.TYPES, default=contracts.UNKNOWN_TYPE, return_dtype=pl.UInt8
        ),
        told=pl.when(genesis).then(pl.lit("genesis")).otherwise("told"),
        payer=pl.when(~genesis).then("owner_address"),
        owner_address=pl.col("owner_address").fill_null(pl.when(unsent).then(pl.lit(_NOBODY))),
        created=pl.when(pl.col("type") == "CreateSmartContract").then("contract_address_told"),
        issued=pl.col("assetIssueID").str.encode("hex"),
        token_number=pl.col("token_id").str.encode("hex"),
        withdraw_amount=pl.when(pl.col("told") == "json-rpc")
        .then(pl.lit("not told"))
        .otherwise("withdraw_amount"),
    )
    unnamed = told.filter(raw("txID", DIGEST).is_null())
    if len(unnamed):
        raise BadBlock(f"block {unnamed['height'][0]}: a transaction has the id {unnamed['txID'][0]!r}.")
    for name, types in contracts.NAMED.items():
        lost = told.filter(pl.col(name).is_null() & (contracts.of(*types) if types else pl.lit(value=True)))
        if len(lost):
            row = lost.row(0, named=True)
            raise BadBlock(
                f"block {row['height']}: transaction {row['txID']} has no readable {name}.",
                block_hash=bytes.fromhex(row["block_id"]),
            )
    return told


def _belong(told: pl.DataFrame, infos: pl.DataFrame) -> None:
    """Refuse results that are missing, of no transaction here, or of another branch."""
    lost = told.filter(pl.col("there").is_null() & (pl.col("height") > 0))
    if len(lost):
        row = lost.row(0, named=True)
        raise SourceUnavailable(
            f"block {row['height']}: the node tells no result of transaction {row['txID']}.", hint=_HISTORY
        )
    others = infos.join(told, on="txID", how="anti")
    if len(others):
        raise SourceUnavailable(
            f"the node told the result of transaction {others['txID'][0]}, which is in none of these blocks: "
            "it changed branch in between."
        )
    stated = (
        (whole("blockNumber").fill_null(pl.col("height")) != pl.col("height"))
        | (whole("blockTimeStamp").fill_null(pl.col("time")) != pl.col("time"))
        | (pl.col("blockHash").fill_null(pl.col("block_id")) != pl.col("block_id"))
    )
    moved = told.filter(stated)
    if len(moved):
        row = moved.row(0, named=True)
        raise SourceUnavailable(
            f"block {row['height']}: the result of transaction {row['txID']} is of another block: "
            "the node changed branch in between."
        )


def _traced(blocks: pl.DataFrame, told: pl.DataFrame) -> pl.DataFrame:
    """Blocks with `traced`: no contract ran, or the node shows that it keeps internal transactions."""
    kept = pl.col("internal_transactions").list.len().fill_null(0) > 0
    of_block = told.group_by("block").agg(traced=~contracts.of(*contracts.CALLS).any() | kept.any())
    return blocks.join(of_block, on="block", how="left", maintain_order="left").with_columns(
        pl.col("traced").fill_null(value=True)
    )


def _blocks(seen: pl.DataFrame) -> pl.DataFrame:
    return seen.select(
        pl.col("height").cast(pl.Int32),
        hash=raw("blockID", DIGEST),
        prev_hash=raw("parentHash", DIGEST),
        time=whole("timestamp").fill_null(0) // 1000,
        tx_count=pl.col("transactions").list.len().fill_null(0).cast(pl.Int32),
        producer=address("producer"),
        base_fee=pl.lit(None).cast(UNITS),
        traced="traced",
    )


def _txs(told: pl.DataFrame) -> pl.DataFrame:
    creates = pl.col("type") == "CreateSmartContract"
    recipient = pl.coalesce(
        raw(name, 20) for name in ("to_address", "contract_address", "account_address", "receiver_address")
    )
    data = pl.col("data").str.slice(0, 8).str.decode("hex", strict=False)
    return told.select(
        "tx_id",
        txid=raw("txID", DIGEST),
        sender=address("owner_address"),
        recipient=pl.when(~creates).then(recipient),
        created=address("created"),
        status=pl.col("ok").cast(pl.UInt8),
        kind="kind",
        nonce=pl.lit(None).cast(pl.Int64),
        selector=pl.when((pl.col("type") == "TriggerSmartContract") & (data.bin.size() == 4)).then(data),
        gas_used=pl.when(pl.col("told") == "json-rpc")
        .then(whole("receipt_energy_usage_total"))
        .otherwise(whole("receipt_energy_usage_total").fill_null(0)),
        gas_price=pl.lit(None).cast(UNITS),
        fee=_fee(),
    )


def _fee() -> pl.Expr:
    """All the TRX a transaction cost, null where it is not told."""
    known = (pl.col("told") != "json-rpc") & ~odd("fee")
    return pl.when(known).then(whole("fee").fill_null(0)).cast(UNITS)


def _fees(told: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What transactions cost: burnt, and (where the network has a fee pool) paid to witnesses; null where not told."""
    pooled = pl.when(~odd("packingFee")).then(whole("packingFee").fill_null(0)).cast(UNITS)
    costs = told.with_columns(paid=pl.when(_fee() > 0).then(pooled).otherwise(0), all=_fee())
    burnt = costs.filter(pl.col("all").is_null() | (pl.col("all") > pl.col("paid")))

    def fee(frame: pl.DataFrame, kind: TransferKind, amount: pl.Expr, order: int) -> pl.DataFrame:
        return rows(
            frame, MOVES, stage=int(Stage.FEE), order=order, kind=int(kind), source=address("owner_address"),
            amount=amount,
        )  # fmt: skip

    return (
        fee(burnt, TransferKind.FEE_BURNED, pl.col("all") - pl.col("paid"), 0),
        fee(costs.filter(pl.col("paid") > 0), TransferKind.FEE_PAID, pl.col("paid"), 1),
    )


def _placed(parts: Sequence[pl.DataFrame], schema: dict[str, pl.DataType]) -> pl.DataFrame:
    """All rows in the order of execution, with their position in their transaction."""
    return (
        stacked(parts, schema)
        .sort("tx_id", "stage", "order", maintain_order=True)
        .with_columns(position=pl.int_range(pl.len(), dtype=pl.Int32).over("tx_id"))
    )


def _table(name: str, frame: pl.DataFrame) -> pa.Table:
    """A frame as a table of the batch, in its types."""
    schema = schemas()[name]
    return frame.select(schema.names).to_arrow(compat_level=pl.CompatLevel.oldest()).cast(schema)
