"""What really happened on one chain of a world of accounts, in the ids of a ledger that read its blocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from adapters.simulation.evaluation import services_joined
from adapters.simulation.exchanges import VASPS
from tracer.clustering import measure

if TYPE_CHECKING:
    from adapters.simulation.accounts.truth import AccountTruth
    from tracer.ledger.store import Ledger

MARKET = "market"
GATHERS = ("hot", "pool")
"""Roles of the accounts where a service gathers what its customers paid in."""


@dataclass(frozen=True)
class Known:
    """The truth about the ledger of one chain.

    owned     address_id i32, owner u32 (who: a number of this world), service bool (a VASP or a market), by address_id
    names     owner u32, name, actor (what kind of owner)
    nobody    addresses the truth has no name for
    deposits  address_id, service u32, clone bool (a contract, not an account with a key), swept bool
    gathers   address_id, service u32: where services gather what was paid in
    payers    deposit, payer (address ids), owner u32: who paid into a deposit account, its service apart
    pairs     a, b (address ids), same_owner bool, reason: what a heuristic may be misled by, and what it may find
    misleads  what the limitations of rules name -> how many accounts of this chain do so
    """

    owned: pl.DataFrame
    names: pl.DataFrame
    nobody: int
    deposits: pl.DataFrame
    gathers: pl.DataFrame
    payers: pl.DataFrame
    pairs: pl.DataFrame
    misleads: dict[str, int]

    def services_joined(self, clusters: pl.DataFrame, column: str) -> list[tuple[str, ...]]:
        """Clusters (`address_id`, `column`) that hold accounts of two services or more: their names."""
        return services_joined(self.owned, self.names, clusters, column)


def known(ledger: Ledger, truth: AccountTruth) -> Known:
    """Join the truth of a world to the ledger that holds all blocks of one of its chains."""
    shown = measure.addresses(ledger)
    services = [vasp.vasp_id for vasp in VASPS]
    everybody = truth.addresses.with_columns(
        pl.col("owner").rank("dense").cast(pl.UInt32).alias("number"),
        (pl.col("owner").is_in(services) | (pl.col("actor_kind") == MARKET)).alias("service"),
    )
    here = shown.join(everybody.filter(chain=ledger.chain.name), on="address").sort("address_id")
    payments = truth.payments.filter(chain=ledger.chain.name)
    swept = payments.filter(purpose="sweep")["source"].unique()
    clones = truth.contracts.filter(chain=ledger.chain.name, name="clone of Forwarder")["address"]
    deposits = here.filter(role="deposit").select(
        "address_id", "address", "customer", pl.col("number").alias("service"),
        pl.col("address").is_in(clones.implode()).alias("clone"),
        pl.col("address").is_in(swept.implode()).alias("swept"),
    )  # fmt: skip
    payers = _payers(here, deposits, payments)
    gathers = here.filter(pl.col("service") & pl.col("role").is_in(GATHERS))
    return Known(
        owned=here.select("address_id", pl.col("number").alias("owner"), "service"),
        names=everybody.select(
            pl.col("number").alias("owner"), pl.col("owner").alias("name"), pl.col("actor_kind").alias("actor")
        ).unique().sort("owner"),
        nobody=shown.height - here.height,
        deposits=deposits.drop("address", "customer"),
        gathers=gathers.select("address_id", pl.col("number").alias("service")),
        payers=payers.select("deposit", "payer", "owner"),
        pairs=_pairs(shown, truth.links),
        misleads={
            "pay a service's hot account directly": _directly(gathers, payments),
            "pay into one deposit account only, and it is another customer's": payers.filter(
                (pl.len().over("payer") == 1) & (pl.col("name") != pl.col("customer"))
            ).height,
        },
    )  # fmt: skip


def _payers(here: pl.DataFrame, deposits: pl.DataFrame, payments: pl.DataFrame) -> pl.DataFrame:
    """deposit, customer (name), payer, owner, name (of the owner)."""
    into = payments.select("source", "target").unique()
    paid = into.join(deposits, left_on="target", right_on="address").join(
        here.select(
            "address", pl.col("address_id").alias("payer"), pl.col("number").alias("owner"),
            pl.col("owner").alias("name"),
        ),
        left_on="source", right_on="address",
    )  # fmt: skip
    others = paid.filter(pl.col("owner") != pl.col("service"))
    return others.select(
        pl.col("address_id").alias("deposit"), "customer", "payer", "owner", "name"
    ).sort("deposit", "payer")  # fmt: skip


def _directly(gathers: pl.DataFrame, payments: pl.DataFrame) -> int:
    """Accounts of others than the service that pay the account where it gathers."""
    there = pl.col("target").is_in(gathers["address"].implode())
    return payments.filter(there & (pl.col("payer") != pl.col("payee")))["source"].n_unique()


def _pairs(shown: pl.DataFrame, links: pl.DataFrame) -> pl.DataFrame:
    """Each pair once, both of whose accounts this chain has seen."""
    found = links
    for end in ("a", "b"):
        found = found.join(shown.rename({"address_id": f"{end}_id"}), left_on=end, right_on="address")
    return (
        found.select(
            pl.min_horizontal("a_id", "b_id").alias("a"), pl.max_horizontal("a_id", "b_id").alias("b"),
            "same_owner", "reason",
        )
        .filter(pl.col("a") != pl.col("b"))
        .unique()
        .sort("a", "b", "reason")
    )  # fmt: skip
