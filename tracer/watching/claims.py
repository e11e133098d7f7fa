"""`tag_change` and `sanction_added`: what is said of watched addresses, compared with what was said the last time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tracer.intel import ranking
from tracer.intel.claims import marked, most_closed
from tracer.intel.snapshot import Snapshot
from tracer.ledger.store import Ledger
from tracer.watching import match
from tracer.watching.events import Said
from tracer.watching.links import clusters_of_claims
from tracer.watching.match import Watched
from tracer.watching.model import Raised, Watch, alert_id

if TYPE_CHECKING:
    import polars as pl

SANCTION = "sanction"
UNDONE = "what is said of it changed back"
Changes = tuple[list[Raised], list[str]]
"""What changed, and the ids of alerts that said the contrary of it."""


_TYPES = ("tag_change", "sanction_added")


def changes(said: Said, ledger: Ledger, found: Watched, clusters: pl.DataFrame, before: Snapshot) -> Changes:
    """Claims that came, and claims that went, of what is watched. The event is the claim.

    A claim that goes takes back the alert that it came, and the other way round; each is told when it holds again.
    """
    import polars as pl

    asking = [n for n, w in enumerate(found.watches) if not set(_TYPES).isdisjoint(w.alert_types)]
    if not asking:
        return [], []
    chain = said.chain.name
    new, old = said.snapshot.tags(chain), before.tags(chain)
    came, went = new.join(old, on="claim_id", how="anti"), old.join(new, on="claim_id", how="anti")
    numbers = pl.Series(asking, dtype=pl.Int32).implode()
    events, undone = list[Raised](), list[str]()
    for gone, tags in ((False, came), (True, went)):
        if tags.height:
            for number, row in _concerned(ledger, found, clusters, tags, numbers):
                watch = found.watches[number]
                event = _event(said, watch, row, gone=gone)
                if event is not None:
                    events.append(event)
                undone += [alert_id(watch.watch_id, t, _key(row, gone=not gone)) for t in _TYPES]
    return events, undone


def _concerned(
    ledger: Ledger, found: Watched, clusters: pl.DataFrame, tags: pl.DataFrame, numbers: pl.Expr | pl.Series
) -> list[tuple[int, Mapping[str, Any]]]:
    """Each watch a claim concerns: by its address, the cluster that is in, or the label it bears."""
    import polars as pl

    placed = tags.with_row_index("row").with_columns(pl.col("row").cast(pl.Int64))
    keys = found.keys.filter(pl.col("watch").is_in(numbers))
    pairs = set(placed.join(keys, on=["kind", "payload"]).select("watch", "row").iter_rows())
    if clusters.height:
        of_claim = clusters_of_claims(ledger, tags)
        linked = pl.DataFrame(list(of_claim.items()), {"row": pl.Int64, "cluster_id": pl.Int32}, orient="row")
        whole = clusters.filter(pl.col("watch").is_in(numbers))
        pairs |= set(linked.join(whole, on="cluster_id").select("watch", "row").iter_rows())
    named = match.named(placed, "row").join(found.labels.filter(pl.col("watch").is_in(numbers)), on="name")
    pairs |= set(named.select("watch", "row").iter_rows())
    rows = sorted({row for _, row in pairs})
    concerned = dict(zip(rows, tags[rows].iter_rows(named=True), strict=True))
    return [(watch, concerned[row]) for watch, row in sorted(pairs)]


def _key(row: Mapping[str, Any], *, gone: bool) -> str:
    return f"{row['claim_id']}|removed" if gone else str(row["claim_id"])


def _event(said: Said, watch: Watch, row: Mapping[str, Any], *, gone: bool) -> Raised | None:
    sanction = SANCTION in ranking.words_of(row) or bool(row["designated_at"] or row["programme"])
    kinds: Sequence[str] = ("sanction_added", "tag_change") if sanction and not gone else ("tag_change",)
    kind = next((k for k in kinds if k in watch.alert_types), None)
    if kind is None:
        return None
    details = {
        "change": "removed" if gone else "added",
        "claim": row["claim_id"],
        "address": row["address"],
        "label": row["label"],
        "category": row["category"] or None,
        "actor": row["actor"] or None,
        "source": row["source"],
        "date": row["lastmod"] or None,
        "confidence": row["confidence"] or None,
        "programme": row["programme"] or None,
        "designated_at": row["designated_at"] or None,
    }
    return Raised(
        watch, kind, _key(row, gone=gone),
        "severe" if kind == "sanction_added" else "low", said.chain.name, said.chain.caip2, details=details,
        tlp=most_closed([watch.tlp, marked(row["tlp"], row["case_id"])]) or "",
        protected=bool(ranking.protection_of(row)),
    )  # fmt: skip
