"""A service's deposit address on an account chain, recognised by where its money goes (heuristics.md, B1).

An untagged account is a customer's deposit address of one service, as far as one asset is concerned, when all it ever
paid out (gas apart) went to hot accounts of that service, when it kept at most `kept` percent of what it held and got
by its last payment, and each arrival that is called a deposit was passed on, by the next payment, within `blocks`
blocks. A hot account is tagged as one (or as a pool). Who pays another customer's deposit address pays a service; a
service does not sweep there. One payment to anybody else makes it an account like any other, and what it paid is
followed: else a second exit would be hidden, and what the service got overstated. A log moves only its own token, so
nobody's spam unmakes the deposits of another asset.

Tier extended; its header is `rules/heuristics/account_deposit_sweep.py`. It fails where a person pays all they have
straight from a wallet of their own to a hot account: the service is right, the address named as its deposit address is
the payer's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

from tracer.clustering.constraints import HOT_ROLES, HOT_WORDS
from tracer.clustering.rules import Heuristic, RuleSet
from tracer.db import named_sql
from tracer.flow.fates import Fate
from tracer.flow.holdings import Holding
from tracer.flow.services import Services
from tracer.intel.ranking import words_of
from tracer.ledger.store import Ledger

if TYPE_CHECKING:
    import polars as pl

_SQL = named_sql("tracer.flow.accounts", "deposits.sql")

ACCOUNT_SWEEP = "account_deposit_sweep"
"""Id of the heuristic."""


@dataclass(frozen=True)
class Thresholds:
    """What a deposit address does.

    kept    percent of what came by its last payment that may be there still, at most (P): dust that anybody sent
    blocks  between an arrival and the payment that passes it on, at most: t_max of Tutela (heuristics.md, B1)
    """

    kept: int = 5
    blocks: int = 3_200


class SweepRule(Heuristic, Protocol):
    """The header of `account_deposit_sweep`."""

    @property
    def parameters(self) -> Thresholds:
        """From where on an account is one."""


def sweep_least(rules: RuleSet) -> Thresholds | None:
    """What the rule asks for, or None where these rules do not recognise deposit addresses."""
    rule = cast("SweepRule | None", rules.heuristic(ACCOUNT_SWEEP))
    return None if rule is None else rule.parameters


_MOST = 10**30
"""What pays out amounts from here on is no customer's deposit address (P): sums of such could outgrow 128 bits."""


class Deposits:
    """Deposit addresses, as a trace meets them; each queue is asked once.

    looked_at  numbers of the holdings that were looked at to tell
    """

    def __init__(self, ledger: Ledger, services: Services, least: Thresholds) -> None:
        import polars as pl

        self._ledger, self._services, self._least = ledger, services, least
        self._known = pl.DataFrame(schema={"address_id": pl.Int32, "asset_id": pl.Int32})
        self._unsure = self._known.clear()
        self._paid = pl.DataFrame(
            schema={
                "address_id": pl.Int32, "asset_id": pl.Int32, "left": pl.Int64,
                "service": pl.Int64, "swept_to": pl.Int64,
            }
        )  # fmt: skip
        self.looked_at: set[int] = set()

    def swept(self, arrivals: pl.DataFrame) -> pl.DataFrame:
        """Those of these arrivals (tx_id, address_id, asset_id; at untagged accounts) that are deposits.

        -> the same, service (holding number, int64), swept_to (address id, int64), left (tx_id of the sweep)
        """
        import polars as pl

        key = ["address_id", "asset_id"]
        fresh = arrivals.select(key).unique().join(self._known, on=key, how="anti").sort(key)
        if fresh.height:
            self._known = pl.concat([self._known, fresh])
            with self._ledger.db.table("asked", fresh):
                out = self._ledger.db.polars(_SQL["paid_out"])
                kept = self._ledger.db.polars(_SQL["kept"])
            came, went = (pl.col(name).cast(pl.Int128) for name in ("came", "went"))
            passing = kept.filter((went * 100 >= came * (100 - self._least.kept)) & ~pl.col("beyond"))
            self._unsure = pl.concat([self._unsure, passing.filter(~pl.col("begun")).select(key)])
            found = self._of_one_service(out).join(
                passing.select(key), on=key, how="semi", maintain_order="left"
            )
            self._paid = pl.concat([self._paid, found]).sort(*key, "left", maintain_order=True)
        asked = arrivals.sort("tx_id")
        found = asked.join_asof(
            self._paid.sort("left", maintain_order=True), left_on="tx_id", right_on="left", by=key, strategy="forward",
            check_sortedness=False,
        )  # fmt: skip
        late = (pl.col("left") // (1 << 24)) - (pl.col("tx_id") // (1 << 24)) > self._least.blocks
        return found.filter(pl.col("service").is_not_null() & ~late)

    def unsure(self, queues: pl.DataFrame) -> pl.DataFrame:
        """Those of these deposit accounts (address_id, asset_id) of which nobody told what they held before.

        One that held more than the rule allows is its owner's own account, and what came may be there still.
        """
        return queues.join(self._unsure, on=["address_id", "asset_id"], how="semi")

    def _of_one_service(self, out: pl.DataFrame) -> pl.DataFrame:
        """All payments of the accounts that pay nobody but one service, in order."""
        import polars as pl

        numbers = out["holding"].drop_nulls().unique().to_list()
        self.looked_at.update(numbers)
        entities = [
            (number, holding.entity.name)
            for number, holding in zip(numbers, self._services.holdings(numbers), strict=True)
            if _swept_into(holding)
        ]
        names = pl.DataFrame(entities, schema={"holding": pl.Int32, "entity": pl.String}, orient="row")
        key = ["source", "asset_id"]
        out = out.join(names, on="holding", how="left", maintain_order="left")
        units = pl.col("amount").cast(pl.Int128)
        whole = out.group_by(key).agg(
            most=units.max(), unread=units.is_null().any(), elsewhere=pl.col("entity").is_null().any(),
            entities=pl.col("entity").n_unique(),
        )  # fmt: skip
        plain = (pl.col("most") < _MOST) & ~pl.col("unread")
        sweeping = whole.filter(plain & ~pl.col("elsewhere") & (pl.col("entities") == 1)).select(*key)
        own = out.join(sweeping, on=key, how="semi", maintain_order="left")
        return own.select(
            pl.col("source").alias("address_id"), "asset_id", pl.col("tx_id").alias("left"),
            pl.col("holding").cast(pl.Int64).alias("service"), pl.col("target").cast(pl.Int64).alias("swept_to"),
        )  # fmt: skip


def _swept_into(holding: Holding) -> bool:
    """Whether a service is claimed to gather there what its customers paid in."""
    if holding.fate is not Fate.SERVICE or not holding.entity.name or holding.whole_cluster:
        return False
    if holding.role:
        return holding.role in HOT_ROLES
    return any(not HOT_WORDS.isdisjoint(words_of(row)) for row in holding.claims)
