"""thorchain: vaults on many chains; what a payment is for stands in its memo, what answers it names its txid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracer.flow.bridges.rules import Event, Join

if TYPE_CHECKING:
    import polars as pl

_DEPOSIT = bytes.fromhex("ef519b7eb82aaf6ac376a6df2d793843ebfd593de5f1a0601d3cc6ab49ebb395")
_OUT = bytes.fromhex("a9cd03aa3c1b4515114539cd53d22085129d495cb9e9f9af77864526240f1bf7")
_SWAPS = ("=", "S", "SWAP", "=<")
_SHORT: Mapping[str, str] = {
    "a": "AVAX", "b": "BTC", "c": "BCH", "d": "DOGE", "e": "ETH", "g": "GAIA", "l": "LTC", "r": "THOR", "s": "BSC",
}  # fmt: skip
"""One-letter assets of memos -> the chain they are of."""


@dataclass(frozen=True)
class Thorchain:
    """A crossing is the txid of the payment that started it."""

    id: str = "thorchain"
    title: str = "THORChain"
    version: int = 1
    join: Join = "identifier"
    references: tuple[str, ...] = (
        "thorchain/ethereum, THORChain_Router.sol: Deposit, TransferOut",
        "dev.thorchain.org, transaction memos: FUNC:ASSET:DEST/REFUND:LIMIT:AFFILIATE:FEE; OUT:TXID, REFUND:TXID",
    )
    limitations: tuple[str, ...] = (
        "What happens between the two chains is not read: the payout may be less fees, in parts, or a refund.",
        "Anybody may call the router: its events count only where the vault they name is listed or tagged as a bridge, "
        "as memos do. Vaults change and must be listed in time.",
        "Swaps without a memo (a code in the last digits of the amount) are not recognised.",
    )
    events: tuple[Event, ...] = (
        Event("Deposit(address,address,uint256,string)", _DEPOSIT, "out"),
        Event("TransferOut(address,address,address,uint256,string)", _OUT, "in"),
    )

    def sides(self, events: pl.DataFrame, home: str) -> pl.DataFrame:  # noqa: ARG002
        """Indexed: vault, asset; vault, recipient."""
        import polars as pl

        from rules.bridges import abi

        paid, answered = abi.text(abi.tail(1)), abi.text(abi.tail(2))
        return abi.together(
            abi.sides(
                events, _DEPOSIT, "out", pl.when(asks(paid)).then(pl.col("txid").str.to_lowercase()),
                far=asked_chain(paid), asset=abi.token(abi.topic(2)), amount=abi.units(abi.word(0)), note=paid,
                named=destination(paid), trusts=abi.address(abi.topic(1)),
            ),
            abi.sides(
                events, _OUT, "in", answers(answered), recipient=abi.address(abi.topic(2)),
                asset=abi.token(abi.word(0)), amount=abi.units(abi.word(1)), note=answered,
                trusts=abi.address(abi.topic(1)),
            ),
        )  # fmt: skip

    def from_memos(self, memos: pl.DataFrame) -> pl.DataFrame:
        """See `from_memos` below."""
        return from_memos(memos)


def asks(memo: pl.Expr) -> pl.Expr:
    """Whether a memo asks for a swap to an address; null where there is none."""
    parts = memo.str.split(":")
    swaps = parts.list.get(0, null_on_oob=True).str.to_uppercase().is_in(list(_SWAPS))
    return swaps & (destination(memo).str.len_chars() > 0)


def destination(memo: pl.Expr) -> pl.Expr:
    """The address that a swap's memo asks to pay, as its chain writes it."""
    return memo.str.split(":").list.get(2, null_on_oob=True).str.split("/").list.get(0, null_on_oob=True)


def asked_chain(memo: pl.Expr) -> pl.Expr:
    """The chain of the asset that a swap's memo asks for: `ETH` of `ETH.USDT-0x...`."""
    import polars as pl

    asset = memo.str.split(":").list.get(1, null_on_oob=True)
    whole = asset.str.split(".").list.get(0, null_on_oob=True).str.to_uppercase()
    return pl.when(asset.str.len_chars() == 1).then(
        asset.str.to_lowercase().replace_strict(dict(_SHORT), default=None, return_dtype=pl.String)
    ).otherwise(whole)  # fmt: skip


def answers(memo: pl.Expr) -> pl.Expr:
    """The txid, lower-case hex, of the payment that a payout or refund answers; null where it names none."""
    import polars as pl

    named = memo.str.extract(r"^(?i:OUT|REFUND):(?:0[xX])?([0-9a-fA-F]{64})$", 1).str.to_lowercase()
    return pl.when(memo.is_not_null()).then(named)


def from_memos(memos: pl.DataFrame) -> pl.DataFrame:
    """Sides told by OP_RETURN memos of a UTXO chain.

    memos  tx_id int64, txid string (lower-case hex), log_index int32 (the vout of the memo), memo string
    """
    import polars as pl

    from rules.bridges import abi
    from tracer.flow.bridges.rules import side_schema

    memo, none = pl.col("memo"), pl.lit(None)
    rows = [
        memos.select(
            "tx_id", "log_index", pl.lit(side).alias("side"), key.alias("key"), far.alias("far"),
            none.alias("recipient"), none.alias("token"), none.alias("amount"), memo.alias("note"), to.alias("named"),
            none.alias("trusts"), none.alias("trusts_far"),
        ).cast(pl.Schema(side_schema()))
        for side, key, far, to in (
            ("out", pl.when(asks(memo)).then(pl.col("txid").str.to_lowercase()), asked_chain(memo), destination(memo)),
            ("in", answers(memo), none, none),
        )
    ]  # fmt: skip
    return abi.together(*rows)
