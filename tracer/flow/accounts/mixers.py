"""Leads through mixer pools of an account chain: withdrawals that may answer a traced deposit (tier L).

A pool pays anybody who knows a secret; no flow goes through it. Four habits of its users leave traces (heuristics.md
section B, "Tornado-type linking"; Beres et al. 2021, the Tutela project, Wang et al. 2023): an address that deposits
and is paid; a price of gas that nobody else chose; accounts that pay each other elsewhere; the same numbers of
deposits and withdrawals in several pools within a day. Each names the anonymity set that is left: the deposits that the
withdrawal can answer, less those that an address or a price ties to another withdrawal. None of it is proof.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracer.chain import accounts
from tracer.db import named_sql
from tracer.ledger.store import Ledger

if TYPE_CHECKING:
    import polars as pl

_SQL = named_sql("tracer.flow.accounts", "mixers.sql")

DEPOSIT = "a945e51eec50ab98c161376f0db4cf2aeba3ec92755fe2fcd388bdbbb80ff196"
WITHDRAWAL = "e9e508bad6d4c3227e881ca19068f099da81b5164dd6d62b2eaf1e8bc6c34931"
"""Topic 0 of `Deposit(bytes32,uint32,uint256)` and `Withdrawal(address,bytes32,address,uint256)`."""
TOPICS = (DEPOSIT, WITHDRAWAL)

HABITS = ("address_match", "unique_gas_price", "linked_address", "multi_denomination")
INTERACTIONS = 3
"""Accounts that paid each other in so many transactions are linked (Tutela)."""
DAY = 86_400
"""Seconds in which deposits, or withdrawals, into several pools are counted together (Tutela)."""


@dataclass(frozen=True)
class Pools:
    """What the pools of one ledger did.

    deposits     pool, tx_id, log_index, depositor, gas_price, time, plain, number (row), by (tx_id, log_index)
    withdrawals  the same with recipient (address id), relayed, fee (int128; null where it is no number)
    """

    deposits: pl.DataFrame
    withdrawals: pl.DataFrame

    @classmethod
    def read(cls, ledger: Ledger, pools: list[int]) -> Pools:
        """All events of these pools (address ids)."""
        import polars as pl

        with ledger.db.table("pools", pl.DataFrame({"address_id": pools}, schema={"address_id": pl.Int32})):
            deposits = ledger.db.polars(_SQL["deposits"], {"topic": bytes.fromhex(DEPOSIT)})
            taken = ledger.db.polars(_SQL["withdrawals"], {"topic": bytes.fromhex(WITHDRAWAL)})
        word = [pl.col("data").bin.slice(32 * place, 32) for place in range(3)]
        short = word[2].bin.slice(0, 16) == bytes(16)
        high, low = (
            word[2].bin.slice(first, 8).bin.reinterpret(dtype=pl.UInt64, endianness="big").cast(pl.Int128)
            for first in (16, 24)
        )
        # fees are small: a word of more than 38 digits is no fee
        told = taken.filter(pl.col("data").bin.size() == 96).with_columns(
            paid=word[0].bin.slice(12, 20),
            fee=pl.when(short & (high < 1 << 62)).then(high * 2**64 + low),
            relayer=pl.col("topics").bin.slice(12, 20),
        )
        kind = pl.lit(accounts(ledger.chain).account_kind, pl.UInt8)
        seen = ledger.find_addresses(told.select(kind.alias("kind"), pl.col("paid").alias("payload")))
        told = told.with_row_index("place").with_columns(pl.col("place").cast(pl.Int64))
        told = told.join(
            seen.rename({"address_id": "recipient"}), on="place", how="left", maintain_order="left"
        )
        relayed = (pl.col("relayer") != bytes(20)) | (pl.col("sender") != pl.col("recipient"))
        return cls(
            deposits.with_row_index("number"),
            told.with_columns(relayed=relayed.fill_null(value=True)).drop("data", "topics", "place", "paid", "relayer")
            .with_row_index("number"),
        )  # fmt: skip


def listed_pools(ledger: Ledger, pools: Mapping[bytes, int]) -> dict[int, int]:
    """Address id -> denomination of those of these contracts that the ledger has seen."""
    import polars as pl

    kind = accounts(ledger.chain).account_kind
    rows = sorted(pools.items())
    listed = pl.DataFrame(
        {"kind": [kind] * len(rows), "payload": [contract for contract, _ in rows]},
        schema={"kind": pl.UInt8, "payload": pl.Binary},
    )
    seen = ledger.find_addresses(listed)
    return {address: rows[place][1] for place, address in seen.select("place", "address_id").iter_rows()}


def links(ledger: Ledger, pools: Pools, traced: pl.DataFrame) -> pl.DataFrame:
    """Withdrawals that may answer traced deposits: `deposit` and `withdrawal` (numbers), habits, anonymity_set.

    traced  tx_id: transactions by which traced money was deposited
    """
    import polars as pl

    deposits, withdrawals = pools.deposits, pools.withdrawals
    mine = deposits.join(traced.select("tx_id").unique(), on="tx_id", how="semi", maintain_order="left")
    sure = [
        found.with_columns(habit=pl.lit(habit))
        for habit, found in (
            (HABITS[0], _same_address(deposits, withdrawals)), (HABITS[1], _same_price(deposits, withdrawals)),
        )
    ]  # fmt: skip
    among = pl.concat(sure)
    led = [
        _linked(ledger, mine, withdrawals).with_columns(habit=pl.lit(HABITS[2])),
        _same_counts(deposits, withdrawals, mine).with_columns(habit=pl.lit(HABITS[3])),
    ]
    every = pl.concat([among.join(mine.select(deposit="number"), on="deposit", how="semi"), *led])
    found = every.group_by("deposit", "withdrawal").agg(pl.col("habit").unique().sort().alias("habits"))
    return _with_sets(found, among, pools).sort("withdrawal", "deposit")


def _pairs(deposits: pl.DataFrame, withdrawals: pl.DataFrame, on: list[str]) -> pl.DataFrame:
    """deposit, withdrawal: of one pool and equal in these columns, the deposit first."""
    import polars as pl

    met = deposits.rename({"number": "deposit"}).join(
        withdrawals.rename({"number": "withdrawal"}), on=["pool", *on], how="inner", suffix="_out"
    )
    return met.filter(pl.col("tx_id") < pl.col("tx_id_out")).select("deposit", "withdrawal")


def _same_address(deposits: pl.DataFrame, withdrawals: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    named = withdrawals.with_columns(depositor=pl.col("recipient")).drop_nulls("depositor")
    return _pairs(deposits, named, ["depositor"])


def _same_price(deposits: pl.DataFrame, withdrawals: pl.DataFrame) -> pl.DataFrame:
    """A price that one deposit of the pool has alone, and a withdrawal that nobody relayed."""
    import polars as pl

    alone = deposits.filter(
        pl.col("plain") & pl.col("gas_price").is_not_null() & (pl.len().over("pool", "gas_price") == 1)
    )
    return _pairs(alone, withdrawals.filter(pl.col("plain") & ~pl.col("relayed")), ["gas_price"])


def _linked(ledger: Ledger, mine: pl.DataFrame, withdrawals: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    depositors = mine.select(pl.col("depositor").alias("address_id").cast(pl.Int32)).unique()
    recipients = (
        withdrawals.select(pl.col("recipient").alias("address_id").cast(pl.Int32)).drop_nulls().unique()
    )
    with ledger.db.table("depositors", depositors), ledger.db.table("recipients", recipients):
        met = ledger.db.polars(_SQL["interactions"], {"least": INTERACTIONS})
    known = withdrawals.join(met.select("recipient", "depositor"), on="recipient", how="inner")
    return _pairs(mine, known, ["depositor"])


def _same_counts(deposits: pl.DataFrame, withdrawals: pl.DataFrame, mine: pl.DataFrame) -> pl.DataFrame:
    """Runs of a day in two pools or more with equal counts in each; of several recipients that fit, all."""
    import polars as pl

    own = deposits.join(mine.select("depositor").unique(), on="depositor", how="semi", maintain_order="left")
    put, taken = _runs(own, "depositor"), _runs(withdrawals.drop_nulls("recipient"), "recipient")
    both = put.join(taken, on="counts", how="inner", suffix="_out")
    # all of it was there before any of it was taken
    both = both.filter(pl.col("last") < pl.col("first_out"))
    rows = both.select(
        deposit=pl.col("numbers"), withdrawal=pl.col("numbers_out")
    ).explode("deposit").explode("withdrawal")  # fmt: skip
    met = rows.join(deposits.select(deposit="number", pool="pool"), on="deposit").join(
        withdrawals.select(withdrawal="number", pool_out="pool"), on="withdrawal"
    )
    same = met.filter(pl.col("pool") == pl.col("pool_out"))
    return (
        same.join(mine.select(deposit="number"), on="deposit", how="semi")
        .select("deposit", "withdrawal")
        .unique()
    )


def _runs(events: pl.DataFrame, who: str) -> pl.DataFrame:
    """Runs of an account's events in two pools or more, all within a day: counts by pool, numbers, ends."""
    import polars as pl

    gap = (pl.col("time") - pl.col("time").shift(1)).over(who).fill_null(DAY + 1) > DAY
    told = events.sort(who, "tx_id", "log_index").with_columns(run=gap.cast(pl.Int64).cum_sum())
    counted = told.group_by("run", "pool").agg(pl.len().alias("count")).sort("run", "pool")
    text = pl.concat_str("pool", pl.lit("x"), "count").str.join(",").alias("counts")
    counts = counted.group_by("run", maintain_order=True).agg(text, pl.len().alias("pools"))
    spans = told.group_by("run", maintain_order=True).agg(
        pl.col("number").alias("numbers"), pl.col("tx_id").min().alias("first"), pl.col("tx_id").max().alias("last"),
        (pl.col("time").max() - pl.col("time").min()).alias("span"),
    )  # fmt: skip
    return spans.join(counts, on="run").filter((pl.col("pools") > 1) & (pl.col("span") <= DAY)).sort("run")


def _with_sets(found: pl.DataFrame, sure: pl.DataFrame, pools: Pools) -> pl.DataFrame:
    """Links with the anonymity set that is left to each withdrawal."""
    import polars as pl

    asked = (
        found.select("withdrawal")
        .unique()
        .join(pools.withdrawals.select(withdrawal="number", pool="pool", taken="tx_id"), on="withdrawal")
    )
    before = asked.join(pools.deposits.select(deposit="number", pool="pool", put="tx_id"), on="pool")
    before = before.filter(pl.col("put") < pl.col("taken"))
    here = sure.select("deposit", "withdrawal").unique().with_columns(mine=pl.lit(value=True))
    tied = sure.select("deposit").unique().with_columns(tied=pl.lit(value=True))
    left = before.join(here, on=["deposit", "withdrawal"], how="left").join(tied, on="deposit", how="left")
    left = left.filter(pl.col("tied").is_null() | pl.col("mine").is_not_null())
    sets = left.group_by("withdrawal").agg(pl.len().cast(pl.Int64).alias("anonymity_set"))
    return found.join(sets, on="withdrawal", how="left").with_columns(pl.col("anonymity_set").fill_null(0))
