"""Internal transactions: what contracts did inside a transaction, in the order they did it.

A node keeps them only with `vm.saveInternalTx`; rejected ones moved nothing. What one was is its note, written in hex.
TRX and TRC-10 move by `call`, `create` and `suicide` alone; every other note has a `callValue` too, which is a stake,
a reward or a delegation (java-tron `Program.addInternalTx`, developers.tron.network "TVM internal transactions").
"""

from __future__ import annotations

import polars as pl

from adapters.tron.answers import hex_addresses, odd, raw, whole
from adapters.tron.rows import MOVES, RELATIONS, UNREAD, Stage, address, numbered, rows, stacked, sun
from tracer.chain import AssetStandard, RelationKind, TransferKind
from tracer.errors import BadBlock

MOVING = ("call", "create", "suicide")
REWARD = "withdrawReward"
LENDING = "^(delegateResourceOf|freezeFor|freezeBalanceV2For)"
RETURNING = "^(unDelegateResourceOf|unfreezeFor|unfreezeBalanceV2For)"
SILENT = ("voteWitness", "withdrawExpireUnfreeze", "cancelAllUnfreezeV2", "")
"""Notes of what changes nobody's property; an empty one had no note to write."""


def frames(txs: pl.DataFrame) -> pl.DataFrame:
    """One row per internal transaction of successful transactions, rejected ones left out.

    txs  of `decode.facts`
    -> tx_id, txID, frame (its place among all of them), caller_address, transferTo_address (hex), note (text), values
    """
    found = (
        txs.filter("ok")
        .select("tx_id", "txID", "internal_transactions")
        .explode("internal_transactions", empty_as_null=False, keep_nulls=False)
        .with_columns(frame=pl.int_range(pl.len(), dtype=pl.Int64).over("tx_id"))
        .unnest("internal_transactions")
        .filter(pl.col("rejected").fill_null("false") != "true")
        .pipe(hex_addresses, "caller_address", "transferTo_address")
    )
    note = pl.col("note").fill_null("")
    decoded = raw("note").cast(pl.String, strict=False)
    # with visible=true the note is text already
    found = found.with_columns(note=pl.when(decoded.is_null()).then(note).otherwise(decoded))
    target = pl.col("transferTo_address").is_null() & pl.col("note").is_in(MOVING)
    lost = found.filter(pl.col("caller_address").is_null() | target)
    if len(lost):
        raise BadBlock(
            f"transaction {lost['txID'][0]} has an internal transaction without readable addresses."
        )
    return found.rename({"callValueInfo": "values"})


def movements(found: pl.DataFrame, trc10_from: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Movements of `frames` (`rows.MOVES`), and what of them was not understood (`rows.UNREAD`)."""
    values = (
        found.explode("values", empty_as_null=False, keep_nulls=False)
        .with_columns(value=pl.int_range(pl.len(), dtype=pl.Int64).over("tx_id", "frame"))
        .unnest("values")
        .filter(odd("callValue") | (whole("callValue") > 0))
        .with_columns(
            token_name=pl.col("tokenId").replace("", None).str.encode("hex"),
            order=pl.col("frame") * (1 << 16) + pl.col("value"),
        )
    )
    values = numbered(values, "token_name", trc10_from)
    is_token = pl.col("tokenId").fill_null("") != ""
    moving, reward = pl.col("note").is_in(MOVING), pl.col("note") == REWARD
    to_itself = pl.col("caller_address") == pl.col("transferTo_address")
    burnt = to_itself & (pl.col("note") == "suicide")
    known = (
        moving | reward | pl.col("note").is_in(SILENT) | pl.col("note").str.contains(f"{LENDING}|{RETURNING}")
    )
    # a delegated call runs in the caller's own account and moves nothing
    moves = values.filter(moving & (~to_itself | burnt) & (~is_token | pl.col("token").is_not_null()))
    unknown = values.filter(~known)
    parts = (
        rows(
            moves, MOVES, stage=int(Stage.INSIDE), kind=int(TransferKind.INTERNAL),
            standard=pl.when(is_token).then(int(AssetStandard.TRC10)).otherwise(int(AssetStandard.NATIVE)),
            source=address("caller_address"), amount=sun("callValue"),
            target=pl.when(~burnt).then(address("transferTo_address")),
        ),
        rows(
            values.filter(reward), MOVES, stage=int(Stage.INSIDE), kind=int(TransferKind.REWARD),
            target=address("caller_address"), amount=sun("callValue"),
        ),
        rows(
            unknown, MOVES, stage=int(Stage.INSIDE), kind=int(TransferKind.INTERNAL), source=address("caller_address"),
        ),
    )  # fmt: skip
    unread = (
        _unread(unknown, pl.format("internal transaction of an unknown kind: {}", "note")),
        _unread(values.filter(known & odd("callValue")), pl.lit("callValue is no amount")),
        _unread(
            values.filter(moving & is_token & pl.col("token").is_null()),
            pl.lit("the TRC-10 token is not named"),
        ),
    )
    return stacked(parts, MOVES), stacked(unread, UNREAD)


def relations(found: pl.DataFrame) -> pl.DataFrame:
    """Contracts created and resources lent inside transactions (`rows.RELATIONS`)."""
    first = found.with_columns(order="frame", amount=pl.col("values").list.first().struct.field("callValue"))
    others = pl.col("caller_address") != pl.col("transferTo_address")

    def facts(where: pl.Expr, kind: RelationKind, amount: pl.Expr) -> pl.DataFrame:
        return rows(
            first.filter(where & others), RELATIONS, stage=int(Stage.INSIDE), kind=int(kind), amount=amount,
            giver=address("caller_address"), receiver=address("transferTo_address"),
        )  # fmt: skip

    parts = (
        facts(pl.col("note") == "create", RelationKind.CREATE, pl.lit(None)),
        facts(pl.col("note").str.contains(LENDING), RelationKind.DELEGATION, sun("amount")),
        facts(pl.col("note").str.contains(RETURNING), RelationKind.UNDELEGATION, sun("amount")),
    )
    return stacked(parts, RELATIONS)


def _unread(values: pl.DataFrame, reason: pl.Expr) -> pl.DataFrame:
    return rows(
        values, UNREAD, place=pl.format("transaction {} frame {}", "txID", "frame"), reason=reason,
        raw=pl.format("{} {} {}", "note", "callValue", pl.col("tokenId").fill_null("")).cast(pl.Binary),
    )  # fmt: skip
