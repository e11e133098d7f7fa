"""Hold the links of a ledger against owners that are known, as in a simulated world.

`owned` names them: columns address_id int32 and owner (any label), one row per address. Addresses whose owner is not
known take no part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tracer.chain import Family, ScriptKind
from tracer.clustering import account_leads, change
from tracer.clustering.account_links import MOVING
from tracer.clustering.constraints import Constraints
from tracer.clustering.overlay import CHANGE
from tracer.clustering.rules import RuleSet
from tracer.db import named_sql
from tracer.ledger.store import Ledger

if TYPE_CHECKING:
    import polars as pl

_SQL = named_sql("tracer.clustering", "measure.sql")


def labels(ledger: Ledger, owned: pl.DataFrame) -> pl.DataFrame:
    """address_id, kind (`ScriptKind`), owner, and the cluster of either tier: `conservative`, `extended`."""
    with ledger.db.table("owned", owned):
        return ledger.db.polars(_SQL["labels"])


def links(ledger: Ledger, owned: pl.DataFrame) -> pl.DataFrame:
    """Every statement "these are one owner's" that stands behind the clusters.

    Columns: tx_id, heuristic, links, wrong (how many of them join two owners), kind (script kind, null where
    several). A transaction that spends from k addresses says so k - 1 times; with m owners m - 1 of them are wrong.
    On account chains nothing is spent together: there the links of the overlay are all.
    """
    import polars as pl

    with ledger.db.table("owned", owned):
        parts = [ledger.db.polars(_SQL["overlaid"])]
        if ledger.chain.family is Family.UTXO:
            parts = [
                ledger.db.polars(_SQL["co_spent"], {"anyone": int(ScriptKind.WITNESS_UNKNOWN)}),
                ledger.db.polars(_SQL["same_key"]),
                *parts,
            ]
    columns = {
        "tx_id": pl.Int64,
        "heuristic": pl.String,
        "links": pl.Int32,
        "wrong": pl.Int32,
        "kind": pl.UInt8,
    }
    return pl.concat([part.select(pl.col(n).cast(t) for n, t in columns.items()) for part in parts])


def joined_to(ledger: Ledger, heuristic: str) -> list[int]:
    """Ids of the addresses that links of a heuristic of the overlay joined to another, ascending."""
    return [row[0] for row in ledger.db.rows(_SQL["joined_to"], {"heuristic": heuristic})]


def account_leads_of(
    ledger: Ledger, rules: RuleSet, constraints: Constraints, owned: pl.DataFrame
) -> pl.DataFrame:
    """Every lead between two owned accounts of an account chain; none is a link.

    Columns: heuristic, a, b (address ids, a below b), direct (one did it for the other; else a third did it for both),
    one_owner. One row per heuristic and pair, by these. The statements are those that people are shown leads by: all
    accounts are asked for on either side.
    """
    import polars as pl

    asked = owned.select("address_id", pl.lit(value=True).alias("asked"))
    sides = [asked.with_columns(pl.lit(side, pl.Int32).alias("side")) for side in (0, 1)]
    with ledger.db.table("side", pl.concat(sides)):
        found = account_leads.rows(ledger, rules, constraints, stop=_ALL, limit=_ALL)
    told = pl.DataFrame(
        [(row[_HEURISTIC], row[_X], row[_Y], row[_BETWEEN] is None) for rows in found for row in rows],
        schema={"heuristic": pl.String, "x": pl.Int32, "y": pl.Int32, "direct": pl.Boolean},
        orient="row",
    )
    owner = owned.select("address_id", "owner")
    key = ["heuristic", "a", "b"]
    return (
        told.filter(pl.col("x") != pl.col("y"))
        .select(
            "heuristic", pl.min_horizontal("x", "y").alias("a"), pl.max_horizontal("x", "y").alias("b"), "direct"
        )
        .group_by(key).agg(pl.col("direct").any())
        .join(owner, left_on="a", right_on="address_id")
        .join(owner, left_on="b", right_on="address_id", suffix="_b")
        .select(*key, "direct", (pl.col("owner") == pl.col("owner_b")).alias("one_owner"))
        .sort(key)
    )  # fmt: skip


_X, _Y, _HEURISTIC, _BETWEEN, _ALL = 3, 5, 9, 13, 1 << 62
"""Places in a row of `account_leads.sql`; no limit."""


def arrivals(ledger: Ledger, owned: pl.DataFrame) -> pl.DataFrame:
    """What owned accounts of an account chain were paid in native coin and tokens that everybody knows.

    Columns: tx_id, address_id, asset_id, source (address id, null where it came out of nothing); distinct, by these.
    """
    with ledger.db.table("owned", owned):
        return ledger.db.polars(_SQL["arrivals"], {"moving": MOVING})


def change_signals(ledger: Ledger, rules: RuleSet, owned: pl.DataFrame) -> pl.DataFrame:
    """What each change heuristic says on its own, before any is composed or refused.

    One row per heuristic and script kind of the output: signals (it leaves this output alone), wrong (of them to
    another owner than the payer), ruled_out, own_ruled_out (of them to the payer, who took change nowhere else),
    payments (all that were looked at; the same in every row). Payments with an output of unknown owner are left out.
    """
    import polars as pl

    rule: Any = rules.heuristic(CHANGE)
    tip = ledger.tip()
    schema = {
        "heuristic": pl.String, "kind": pl.UInt8, "signals": pl.Int64, "wrong": pl.Int64,
        "ruled_out": pl.Int64, "own_ruled_out": pl.Int64, "payments": pl.Int64,
    }  # fmt: skip
    if rule is None or tip is None or not rules.change:
        return pl.DataFrame(schema=schema)
    frame = change.outputs(ledger, 0, tip.height + 1, rule.parameters.outputs)
    owner = owned.select("address_id", "owner")
    payer = owner.rename({"address_id": "payer_address", "owner": "payer_owner"})
    frame = change.opinions(frame, rules.change)
    frame = frame.join(owner, on="address_id", how="left").join(payer, on="payer_address", how="left")
    known = pl.col("owner").is_not_null() & pl.col("payer_owner").is_not_null()
    frame = frame.filter(known.all().over("tx_id")).with_columns(
        own_output=pl.col("owner") == pl.col("payer_owner")
    )
    mine = pl.col("own_output")
    only = mine & (mine.sum().over("tx_id") == 1)
    parts = [
        frame.with_columns(only=only).group_by("kind").agg(
            pl.lit(h.id).alias("heuristic"),
            pl.col(f"for_{h.id}").sum().alias("signals"),
            (pl.col(f"for_{h.id}") & ~mine).sum().alias("wrong"),
            pl.col(f"against_{h.id}").sum().alias("ruled_out"),
            (pl.col(f"against_{h.id}") & pl.col("only")).sum().alias("own_ruled_out"),
            pl.lit(frame["tx_id"].n_unique()).alias("payments"),
        )
        for h in rules.change
    ]  # fmt: skip
    return pl.concat(parts).select(pl.col(n).cast(t) for n, t in schema.items()).sort("heuristic", "kind")


def addresses(ledger: Ledger) -> pl.DataFrame:
    """address_id and address (canonical text) of all a ledger has seen. For worlds, not for a chain."""
    import polars as pl

    ids = ledger.db.polars(_SQL["addresses"])["address_id"]
    texts = ledger.render_addresses(ids.to_list())
    return pl.DataFrame({"address_id": ids, "address": pl.Series([texts[i] for i in ids], dtype=pl.String)})


def placed(ledger: Ledger, rows: pl.DataFrame) -> pl.DataFrame:
    """`rows` with `tx_id` in place of `txid` (as shown), by tx_id; those the ledger has not read are left out."""
    import polars as pl

    wire = pl.DataFrame(
        {"txid": pl.Series([ledger.chain.hash_bytes(text) for text in rows["txid"]], dtype=pl.Binary)}
    )
    with ledger.db.table("wanted", wire.with_row_index("row")):
        found = ledger.db.polars(_SQL["placed"])
    return rows[found["row"]].drop("txid").insert_column(0, found["tx_id"]).sort("tx_id")


def mixes(ledger: Ledger) -> pl.DataFrame:
    """tx_id and kind of every transaction that a detector recognised."""
    return ledger.db.polars(_SQL["mixes"])


def transactions(ledger: Ledger) -> int:
    """How many transactions a ledger holds, coinbases too."""
    return int(ledger.db.value(_SQL["transactions"]))
