"""What a transaction's own contract moves and says: one schema for all contract types of `core/Tron.proto`.

A balance here is what an account owns of TRX, staked or not: staking, unstaking and voting move nothing to anybody
else and make no movement. Rewards of witnesses and voters appear when they are withdrawn, which is when java-tron adds
them to a balance. Movements whose amounts the answers do not tell (TRC-10 exchanges and orders, the token side of
buying into an issue) are rows without an amount, and raw in quarantine.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from adapters.tron.answers import odd, raw, whole
from adapters.tron.rows import MOVES, RELATIONS, UNREAD, Stage, address, numbered, rows, stacked, sun
from tracer.chain import AssetStandard, RelationKind, TransferKind

TYPES: Mapping[str, int] = {
    "AccountCreateContract": 0, "TransferContract": 1, "TransferAssetContract": 2, "VoteAssetContract": 3,
    "VoteWitnessContract": 4, "WitnessCreateContract": 5, "AssetIssueContract": 6, "WitnessUpdateContract": 8,
    "ParticipateAssetIssueContract": 9, "AccountUpdateContract": 10, "FreezeBalanceContract": 11,
    "UnfreezeBalanceContract": 12, "WithdrawBalanceContract": 13, "UnfreezeAssetContract": 14,
    "UpdateAssetContract": 15, "ProposalCreateContract": 16, "ProposalApproveContract": 17,
    "ProposalDeleteContract": 18, "SetAccountIdContract": 19, "CreateSmartContract": 30,
    "TriggerSmartContract": 31, "UpdateSettingContract": 33, "ExchangeCreateContract": 41,
    "ExchangeInjectContract": 42, "ExchangeWithdrawContract": 43, "ExchangeTransactionContract": 44,
    "UpdateEnergyLimitContract": 45, "AccountPermissionUpdateContract": 46, "ClearABIContract": 48,
    "UpdateBrokerageContract": 49, "ShieldedTransferContract": 51, "MarketSellAssetContract": 52,
    "MarketCancelOrderContract": 53, "FreezeBalanceV2Contract": 54, "UnfreezeBalanceV2Contract": 55,
    "WithdrawExpireUnfreezeContract": 56, "DelegateResourceContract": 57, "UnDelegateResourceContract": 58,
    "CancelAllUnfreezeV2Contract": 59,
}  # fmt: skip
"""`Transaction.Contract.ContractType`: the `kind` of a transaction."""
UNKNOWN_TYPE = 255
UNTOLD = (
    "ExchangeCreateContract", "ExchangeInjectContract", "ExchangeWithdrawContract", "ExchangeTransactionContract",
    "ShieldedTransferContract", "MarketSellAssetContract", "MarketCancelOrderContract",
)  # fmt: skip
"""Types that move TRX or TRC-10 by amounts or to parties that the answers do not tell."""
CALLS = ("TriggerSmartContract", "CreateSmartContract")
NAMED: Mapping[str, tuple[str, ...]] = {
    "owner_address": (),
    "to_address": ("TransferContract", "TransferAssetContract", "ParticipateAssetIssueContract"),
    "contract_address": ("TriggerSmartContract",),
    "created": ("CreateSmartContract",),
    "account_address": ("AccountCreateContract",),
    "receiver_address": ("DelegateResourceContract", "UnDelegateResourceContract"),
}
"""Account -> the types that must name it when they succeed; none: every transaction must."""

_VALUE, _NATIVE, _TRC10 = int(TransferKind.VALUE), int(AssetStandard.NATIVE), int(AssetStandard.TRC10)


def of(*types: str) -> pl.Expr:
    """Successful transactions of these types."""
    return pl.col("ok") & pl.col("type").is_in(types)


def movements(txs: pl.DataFrame, trc10_from: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Movements that successful transactions carry themselves (`rows.MOVES`), and what of them was not understood.

    txs         of `decode.facts`
    trc10_from  first height where TRC-10 tokens have numbers
    """
    parts, unread = [], []

    def carried(
        where: pl.Expr, amount: str, source: str | None, target: str | None, kind: int = _VALUE
    ) -> None:
        subject = txs.filter(where & (odd(amount) | (whole(amount) > 0)))
        unread.append(_unread(subject.filter(odd(amount)), f"{amount} is no amount"))
        ends = {"source": source, "target": target}
        parts.append(
            rows(
                subject, MOVES, stage=int(Stage.CARRIED), order=0, kind=kind, amount=sun(amount),
                **{name: address(column) for name, column in ends.items() if column},
            )
        )  # fmt: skip

    def tokens(
        where: pl.Expr, amount: str | None, token: str, source: str | None, target: str | None
    ) -> None:
        given = pl.lit(True) if amount is None else odd(amount) | (whole(amount) > 0)
        subject = numbered(txs.filter(where & given), token, trc10_from)
        unread.append(_unread(subject.filter(pl.col("token").is_null()), "the TRC-10 token is not named"))
        if amount is None:
            unread.append(_unread(subject, "the amount of TRC-10 tokens is not told"))
        else:
            unread.append(_unread(subject.filter(odd(amount)), f"{amount} is no amount"))
        ends = {"source": source, "target": target}
        parts.append(
            rows(
                subject.filter(pl.col("token").is_not_null()), MOVES, stage=int(Stage.CARRIED), order=1, kind=_VALUE,
                standard=_TRC10, amount=sun(amount) if amount else pl.lit(None),
                **{name: address(column) for name, column in ends.items() if column},
            )
        )  # fmt: skip

    carried(of("TransferContract", "ParticipateAssetIssueContract"), "amount", "payer", "to_address")
    carried(of("TriggerSmartContract"), "call_value", "owner_address", "contract_address")
    carried(of("CreateSmartContract"), "endowment", "owner_address", "created")
    carried(of("WithdrawBalanceContract"), "withdraw_amount", None, "owner_address", int(TransferKind.REWARD))
    tokens(of("TransferAssetContract"), "amount", "asset_name", "owner_address", "to_address")
    tokens(
        of("TriggerSmartContract"), "call_token_value", "token_number", "owner_address", "contract_address"
    )
    tokens(of("CreateSmartContract"), "call_token_value", "token_number", "owner_address", "created")
    tokens(of("AssetIssueContract"), "total_supply", "issued", None, "owner_address")
    tokens(of("ParticipateAssetIssueContract"), None, "asset_name", "to_address", "owner_address")
    # an unknown amount of TRX makes a balance unknown: it must not look unchanged
    untold = txs.filter(of(*UNTOLD) | (pl.col("ok") & (pl.col("kind") == UNKNOWN_TYPE)))
    unread.append(_unread(untold, "what it moved is not told"))
    parts.append(
        rows(untold, MOVES, stage=int(Stage.CARRIED), order=0, kind=_VALUE, source=address("owner_address"))
    )
    return stacked(parts, MOVES), stacked(unread, UNREAD)


def relations(txs: pl.DataFrame) -> pl.DataFrame:
    """Facts between accounts that transactions state themselves (`rows.RELATIONS`).

    Activation: a transaction that creates an account says so, or its fee does. Sending TRX or TRC-10 to a new account
    burns a fee on top of bandwidth and energy. A memo and further signatures burn fees as well, so that only the fee
    of a plain transfer tells; where it does not, nothing is said. A delegated amount is the TRX staked for it.
    """
    fees = ("fee", "receipt_net_fee", "receipt_energy_fee")
    beyond = whole("fee").fill_null(0) - whole(fees[1]).fill_null(0) - whole(fees[2]).fill_null(0)
    plain = pl.col("memo").fill_null("").str.len_bytes().eq(0) & (pl.col("signature").list.len() == 1)
    told = (pl.col("told") == "http") & ~pl.any_horizontal(odd(fee) for fee in fees)
    lent = pl.col("receiver_address").is_not_null() & (pl.col("receiver_address") != pl.col("owner_address"))

    def facts(where: pl.Expr, kind: RelationKind, receiver: str, amount: str | None = None) -> pl.DataFrame:
        return rows(
            txs.filter(where & pl.col(receiver).is_not_null()), RELATIONS, stage=int(Stage.CARRIED), order=0,
            kind=int(kind), giver=address("owner_address"), receiver=address(receiver),
            amount=sun(amount) if amount else pl.lit(None),
        )  # fmt: skip

    parts = (
        facts(of("AccountCreateContract"), RelationKind.ACTIVATION, "account_address"),
        facts(
            of("TransferContract", "TransferAssetContract") & told & plain & (beyond > 0),
            RelationKind.ACTIVATION,
            "to_address",
        ),
        facts(of("CreateSmartContract"), RelationKind.CREATE, "created"),
        facts(of("DelegateResourceContract"), RelationKind.DELEGATION, "receiver_address", "balance"),
        facts(of("UnDelegateResourceContract"), RelationKind.UNDELEGATION, "receiver_address", "balance"),
        facts(
            of("FreezeBalanceContract") & lent, RelationKind.DELEGATION, "receiver_address", "frozen_balance"
        ),
        facts(
            of("UnfreezeBalanceContract") & lent,
            RelationKind.UNDELEGATION,
            "receiver_address",
            "unfreeze_amount",
        ),
    )
    return stacked(parts, RELATIONS)


def _unread(txs: pl.DataFrame, reason: str) -> pl.DataFrame:
    """Transactions as rows of quarantine: raw data where the node gave it, else the id."""
    what = pl.format("{}: {}", pl.col("type").fill_null("no type"), pl.lit(reason))
    place = pl.format("transaction {}", "txID")
    return rows(txs, UNREAD, place=place, reason=what, raw=raw("raw_data_hex").fill_null(raw("txID")))
