"""Swaps and wraps: transactions in which units of one asset become units of another.

**Swap.** In a transaction that touches a pool each party's assets are netted over all transfers but gas; the pools
themselves, and contracts that wrap, are no parties. Exactly one loser of one asset and one gainer of another: a
conversion, which stands for all these transfers. Anything else is left as it is, and ends at the pool. The rule is
that of heuristics.md section E, "Generic swap rule" (GraphSense nets asset flows alike).

**Pool.** Tagged as a decentralised exchange while the tag holds, or known by swap events in transactions of enough
senders: anybody can emit an event, and a contract that only its maker trades with is no pool but an account like any
other (ADR 9). Senders cost little, so where a transaction touches a pool that nobody tagged, money becomes only what
the pools themselves paid out, and only native coin or a token everybody knows; else it ends at the pool.

**Wrap.** The token created (destroyed) and the native coin that came (went) for it, 1:1. A node that gives no common
order tells native coin by its trace and tokens by their logs, each in order; wraps are in both and join the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np

from tracer.chain import TransferKind
from tracer.clustering.rules import Heuristic, RuleSet
from tracer.db import named_sql
from tracer.flow.accounts.rows import EARNED, SWAP, WRAP, is_fee, plain, schema
from tracer.flow.movements import I64
from tracer.flow.services import Services
from tracer.flow.sets import distinct, minus, union
from tracer.flow.spans import FOREVER
from tracer.ledger.store import Ledger

if TYPE_CHECKING:
    import polars as pl

_SQL = named_sql("tracer.flow.accounts", "swaps.sql")

SWAP_POOL = "swap_pool"
"""Id of the heuristic that recognises a pool by its events; its header is `rules/heuristics/swap_pool.py`."""


@dataclass(frozen=True)
class Thresholds:
    """senders  of transactions with swap events, from where on it is a pool (P): one person's sham trades make none."""

    senders: int = 5


class PoolRule(Heuristic, Protocol):
    """The header of `swap_pool`."""

    @property
    def parameters(self) -> Thresholds:
        """From where on a contract is one."""


def pool_least(rules: RuleSet) -> Thresholds | None:
    """What the rule asks for, or None where these rules recognise no pool that nobody tagged."""
    rule = cast("PoolRule | None", rules.heuristic(SWAP_POOL))
    return None if rule is None else rule.parameters


TOPICS = (
    "d78ad95fa46c994b6551d0da85fc275fe613ce37657fb8d5e3d130840159d822",  # Uniswap v2 Swap
    "c42079f94a6350d7e6235f29174924f928cc2ac818eb64fed8004e115fbcca67",  # Uniswap v3 Swap
    "40e9cecb9f5f1f1c5b9c97dec2917b7ee92e57ba5563708daca94dd84ad7112f",  # Uniswap v4 Swap
)
"""Topic 0 of swap events (heuristics.md, section E)."""

CATEGORIES = ("defi_dex", "defi_dex_pair")
"""Categories of tags that make a contract a pool that swaps."""

_MOST = 10**30
"""Amounts from here on are netted nowhere (P): sums could outgrow 128 bits, and no honest swap moves so many."""

_PARTY = ("tx_id", "party", "asset_id")


class Swaps:
    """The conversions of one question; each transaction is looked at once.

    pools       address ids of all pools, tagged at any time or recognised
    unlabelled  those recognised by their events, but where a tag without bounds says so
    """

    def __init__(
        self, ledger: Ledger, services: Services, disbelieved: pl.DataFrame, least: Thresholds | None
    ) -> None:
        """`disbelieved`: asset_id of those that nothing becomes; into these there is no conversion.

        `least`: from where on a contract that nobody tagged is a pool; None: none is.
        """
        import polars as pl

        self._ledger, self._disbelieved = ledger, disbelieved
        topics = [bytes.fromhex(topic) for topic in TOPICS]
        found = pl.DataFrame(schema={"address_id": pl.Int32})
        if least is not None:
            found = ledger.db.polars(_SQL["recognised"], {"topics": topics, "senders": least.senders})
        spans = pl.DataFrame(_tagged(services), schema=_span(), orient="row")
        always = spans.filter((pl.col("since") == FOREVER[0]) & (pl.col("until") == FOREVER[1]))
        self.unlabelled = minus(
            distinct(found["address_id"].to_numpy()), distinct(always["address_id"].to_numpy())
        )
        since, until = FOREVER
        seen = pl.DataFrame({"address_id": self.unlabelled}).with_columns(
            since=since, until=until, tagged=False
        )
        alike = seen.select(pl.col(name).cast(kind) for name, kind in _span().items())
        self._spans = pl.concat([spans, alike])
        self.pools = distinct(self._spans["address_id"].to_numpy())
        self._sound = ledger.db.polars(_SQL["sound"])
        self._looks = bool(len(self.pools)) or bool(ledger.db.value(_SQL["wraps"]))
        self._asked = np.empty(0, np.int64)
        self._rows = pl.DataFrame(schema=schema())

    def applied(self, rows: pl.DataFrame) -> pl.DataFrame:
        """These rows, without those that a conversion stands for; in affected transactions in their true order."""
        affected = self.of(distinct(rows["tx_id"].to_numpy()))
        if not affected.height:
            return rows
        import polars as pl

        kept = rows.join(affected.select("tx_id").unique(), on="tx_id", how="anti", maintain_order="left")
        same = affected.join(rows.select("tx_id", "position"), on=["tx_id", "position"], how="semi")
        return pl.concat([kept, same.filter(pl.col("basis") == 0)]).sort("tx_id", "turn")

    def of(self, tx_ids: I64) -> pl.DataFrame:
        """All rows of those of these transactions (distinct, ascending) in which anything was converted, in order."""
        import polars as pl

        if not self._looks:
            return self._rows
        fresh = minus(tx_ids, self._asked)
        if len(fresh):
            self._asked = union(self._asked, fresh)
            wanted = pl.DataFrame({"tx_id": fresh}, schema={"tx_id": pl.Int64})
            with self._ledger.db.table("pools", self._spans), self._ledger.db.table("wanted", wanted):
                found = self._ledger.db.polars(_SQL["touched"])
            self._rows = pl.concat([self._rows, self._converted(found)])
        asked = pl.DataFrame({"tx_id": tx_ids}, schema={"tx_id": pl.Int64})
        return self._rows.join(asked, on="tx_id", how="semi", maintain_order="left").sort("tx_id", "turn")

    def _converted(self, moved: pl.DataFrame) -> pl.DataFrame:
        import polars as pl

        if not moved.height:
            return pl.DataFrame(schema=schema())
        swaps = self._netted(moved)
        rest = moved.join(swaps.select("tx_id"), on="tx_id", how="anti", maintain_order="left")
        fees = plain(moved.filter(is_fee()).join(swaps.select("tx_id"), on="tx_id", how="semi"))
        return pl.concat([swaps, fees, _wrapped(rest)]).sort("tx_id", "turn")

    def _netted(self, moved: pl.DataFrame) -> pl.DataFrame:
        """The swaps among these transfers, one row each."""
        import polars as pl

        moved = moved.filter(pl.col("pooled") & ~is_fee())
        amount = pl.col("amount").cast(pl.Int128)
        strange = moved.filter(amount.is_null() | (amount >= _MOST)).select("tx_id").unique()
        moved = moved.join(strange, on="tx_id", how="anti").with_columns(amount)
        sides = [
            moved.select(
                "tx_id", "position", "asset_id", party=end, units=sign * pl.col("amount"), pool=f"{end}_pool"
            )
            for end, sign in (("source", -1), ("target", 1))
        ]
        neutral = moved.select("tx_id", party="wrapper").drop_nulls()
        net = (
            pl.concat(sides)
            .drop_nulls("party")
            .filter(~pl.col("pool"))
            .join(neutral, on=["tx_id", "party"], how="anti")
            .group_by(_PARTY)
            .agg(pl.col("units").sum(), pl.col("position").max())
            .filter(pl.col("units") != 0)
        )
        lost, gained = pl.col("units") < 0, pl.col("units") > 0
        told = (
            net.group_by("tx_id")
            .agg(
                losers=lost.sum(), gainers=gained.sum(),
                source=pl.col("party").filter(lost).first(), asset_in=pl.col("asset_id").filter(lost).first(),
                amount_in=pl.lit(0, pl.Int128) - pl.col("units").filter(lost).first(),
                target=pl.col("party").filter(gained).first(),
                asset_out=pl.col("asset_id").filter(gained).first(),
                amount_out=pl.col("units").filter(gained).first(),
                position=pl.col("position").filter(gained).first(),
            )
            .filter(
                (pl.col("losers") == 1) & (pl.col("gainers") == 1) & (pl.col("asset_in") != pl.col("asset_out"))
            )
            .join(self._disbelieved, left_on="asset_out", right_on="asset_id", how="anti")
        )  # fmt: skip
        return _row(self._paid_out(told, moved, pl.concat(sides)), SWAP, TransferKind.TOKEN)

    def _paid_out(self, told: pl.DataFrame, moved: pl.DataFrame, sides: pl.DataFrame) -> pl.DataFrame:
        """Those of these swaps whose pools are all tagged, or that brought what the pools paid out and everybody knows.

        A wrapped coin counts as the native coin where the transaction wraps it.
        """
        import polars as pl

        wrapped = moved.filter(pl.col("wrapper").is_not_null()).select("tx_id", "asset_id").unique()
        native = wrapped.with_columns(coin=pl.lit(0, pl.Int32))
        key = ["tx_id", "asset_id"]
        coin = pl.coalesce("coin", "asset_id")
        paid = (
            sides.filter("pool")
            .join(native, on=key, how="left")
            .group_by("tx_id", coin.alias("coin"))
            .agg(paid=pl.lit(0, pl.Int128) - pl.col("units").sum())
        )
        told = told.join(moved.select("tx_id", "claimed").unique(), on="tx_id", how="left")
        told = told.join(native.rename({"asset_id": "asset_out"}), on=["tx_id", "asset_out"], how="left")
        told = told.with_columns(pl.coalesce("coin", "asset_out").alias("coin"))
        told = told.join(paid, on=["tx_id", "coin"], how="left")
        known = pl.col("coin").is_in(self._sound["asset_id"].implode())
        enough = pl.col("paid").fill_null(0) >= pl.col("amount_out")
        return told.filter(pl.col("claimed") | (known & enough))


def _span() -> dict[str, pl.DataType]:
    """Columns of who is a pool between which unix seconds."""
    import polars as pl

    return {"address_id": pl.Int32(), "since": pl.Int64(), "until": pl.Int64(), "tagged": pl.Boolean()}


def _tagged(services: Services) -> list[tuple[int, int, int, bool]]:
    """Rows of `_span`: what is tagged as a pool that swaps, and when."""
    import polars as pl

    stops = pl.col("fate").is_not_null()
    spans = services.tagged.frame.filter(stops).select("since", "until").iter_rows()
    return [
        (address, since, until, True)
        for (row, address), (since, until) in zip(services.tagged.select(stops), spans, strict=True)
        if row["category"] in CATEGORIES
    ]


def _row(told: pl.DataFrame, basis: int, kind: TransferKind) -> pl.DataFrame:
    """Conversions as rows, at the place of what came out of them."""
    import polars as pl

    turn = pl.col("turn") if "turn" in told.columns else pl.col("position").cast(pl.Int64)
    return told.with_columns(
        turn=turn, kind=pl.lit(int(kind), pl.UInt8), basis=pl.lit(basis, pl.UInt8)
    ).select(pl.col(name).cast(kind) for name, kind in schema().items())


def _wrapped(moved: pl.DataFrame) -> pl.DataFrame:
    """Rows of transactions that wrap or unwrap, each pair of them one row, and in one order; of others nothing."""
    import polars as pl

    moved = moved.with_columns(amount=pl.col("amount").cast(pl.Int128))
    made = moved.filter(pl.col("wrapper").is_not_null() & pl.col("amount").is_not_null())
    native = moved.filter((pl.col("asset_id") == 0) & ~is_fee() & pl.col("amount").is_not_null())
    key = ["tx_id", "contract", "wrapping", "amount", "nth"]
    nth = pl.col("position").cum_count().over("tx_id", "contract", "wrapping", "amount").alias("nth")
    wrapping = pl.col("kind") == int(TransferKind.WRAP)
    token = made.with_columns(contract=pl.col("wrapper"), wrapping=wrapping).with_columns(nth)
    contracts = token.select("tx_id", "contract").unique()
    coins = pl.concat(
        [
            native.with_columns(contract=pl.col(end), wrapping=pl.lit(end == "target"))
            for end in ("target", "source")
        ]
    )
    coins = coins.join(contracts, on=["tx_id", "contract"], how="semi").sort("tx_id", "position")
    pairs = token.join(coins.with_columns(nth), on=key, suffix="_coin").sort("tx_id", "position")
    if not pairs.height:
        return pl.DataFrame(schema=schema())
    rows = moved.join(pairs.select("tx_id").unique(), on="tx_id", how="semi", maintain_order="left")
    return _in_one_order(rows, pairs)


def _in_one_order(rows: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """All rows of the transactions of `pairs`, which take the place of the two transfers each stands for.

    What comes before a pair in either order of facts, of native coin or of tokens, comes before it here.
    """
    import polars as pl

    joints = (
        pl.concat(
            [
                pairs.select("tx_id", "position", native=pl.lit(value=False)),
                pairs.select("tx_id", position="position_coin", native=pl.lit(value=True)),
            ]
        )
        .unique()
        .with_columns(joint=pl.lit(1, pl.Int64))
    )
    rows = rows.with_columns(native=pl.col("asset_id") == 0)
    rows = rows.join(joints, on=["tx_id", "position", "native"], how="left").sort("tx_id", "position")
    before = pl.col("joint").fill_null(0).cum_sum().over("tx_id", "native")
    stage = rows.with_columns(stage=before)
    last = pl.col("position").max().over("tx_id").cast(pl.Int64) + 1
    # gas comes behind all
    turned = stage.with_columns(
        turn=pl.when(is_fee()).then(pl.lit(EARNED) + pl.col("position")).otherwise(
            2 * pl.col("stage") * last + pl.col("position")
        )
    ).filter(pl.col("joint").is_null())  # fmt: skip
    places = turned.select("tx_id", "position", own="turn")
    others = plain(turned).join(places, on=["tx_id", "position"], maintain_order="left")
    others = others.with_columns(turn=pl.col("own")).drop("own")
    wrapping = pl.col("wrapping")
    told = pairs.with_columns(
        source=pl.when(wrapping).then("source_coin").otherwise("source"),
        target=pl.when(wrapping).then("target").otherwise("target_coin"),
        asset_in=pl.when(wrapping).then(pl.lit(0, pl.Int32)).otherwise("asset_id"),
        asset_out=pl.when(wrapping).then("asset_id").otherwise(pl.lit(0, pl.Int32)),
        amount_in=pl.col("amount"), amount_out=pl.col("amount"),
        out=pl.when(wrapping).then("position").otherwise("position_coin"),
        # between its two stages: behind what came before it, before what comes after
        turn=pl.col("position").cum_count().over("tx_id").cast(pl.Int64),
    )  # fmt: skip
    ends = stage.group_by("tx_id").agg(last=pl.col("position").max().cast(pl.Int64) + 1)
    told = told.join(ends, on="tx_id", maintain_order="left").with_columns(
        position=pl.col("out"), turn=(2 * pl.col("turn") - 1) * pl.col("last")
    )
    return pl.concat([others, _row(told, WRAP, TransferKind.WRAP)]).sort("tx_id", "turn")
