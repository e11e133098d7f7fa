"""Clusters under watch: `cluster_merge`, and `watch_overgrown`: the watch falls back to the address it was set on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracer.chain import first_tx_id
from tracer.clustering.lookup import clusters_of
from tracer.db import named_sql
from tracer.ledger.store import Ledger
from tracer.watching import match
from tracer.watching.events import Said, outgrown
from tracer.watching.match import Watched
from tracer.watching.model import Block, Raised, Watch
from tracer.watching.party import Parties

if TYPE_CHECKING:
    import polars as pl

_SQL = named_sql("tracer.watching", "links.sql")
OVERGROWN = 10
"""A cluster of so many times the addresses it had when it was added is another thing."""


@dataclass(frozen=True)
class Measure:
    """What a watched cluster is now. `held`: the service that claims name as its holder, "" none."""

    watch: Watch
    size: int
    held: str

    @property
    def reason(self) -> str:
        """Why the watch falls back to its anchor; "" where it does not."""
        base_size, base_held = self.watch.base_size, self.watch.base_held
        if base_size is None or base_held is None:
            return ""
        if self.held and not base_held:
            return "service"
        return "size" if self.size >= OVERGROWN * max(base_size, 1) else ""


def measures(said: Said, ledger: Ledger, found: Watched, clusters: pl.DataFrame, time: int) -> list[Measure]:
    """Size and holder of every cluster under watch; one the ledger never saw has one address and no holder."""
    if not found.clusters.height:
        return []
    with ledger.db.table("watched_cluster", clusters):
        sizes = dict(ledger.db.rows(_SQL["sizes"]))
    parties = Parties(ledger, said.snapshot, clusters["anchor"].to_list())
    seen = {watch: (anchor, cluster) for watch, anchor, cluster in clusters.iter_rows()}
    result = []
    for number in found.clusters["watch"].to_list():
        size, held = 1, ""
        if number in seen:
            anchor, cluster = seen[number]
            size = sizes.get(cluster, 1)
            party = parties.of(anchor, time)
            held = (party.entity or "?") if party.fate is not None else ""
        result.append(Measure(found.watches[number], size, held))
    return result


def overgrown(said: Said, measure: Measure, block: Block) -> Raised:
    """The one alert that says a watch fell back to its anchor."""
    watch = measure.watch
    details = {
        "reason": measure.reason,
        "addresses": measure.size,
        "addresses_when_added": watch.base_size,
        "held_by": measure.held or None,
        "watched_from_here_on": watch.subject,
    }
    return outgrown(said, watch, "", details, block)


def anchored(ledger: Ledger, found: Watched) -> pl.DataFrame:
    """The columns watch (number) and cluster_id of those that ask for merges, by the cluster their address is in."""
    import polars as pl

    schema = {"watch": pl.Int32, "cluster_id": pl.Int32}
    if not found.merging.height:
        return pl.DataFrame(schema=schema)
    seen = ledger.find_addresses(found.merging)
    ids = clusters_of(ledger, seen["address_id"].to_list())
    rows = [(found.merging["watch"][place], ids[address]) for place, address in seen.iter_rows()]
    return pl.DataFrame(rows, schema, orient="row")


def merges(said: Said, ledger: Ledger, found: Watched, first: int, last: int) -> list[Raised]:
    """Where a watched address's cluster and another became one in these blocks."""
    clusters = anchored(ledger, found)
    if not clusters.height:
        return []
    with ledger.db.table("watched_cluster", clusters):
        rows = ledger.db.rows(_SQL["merges"], {"first": first_tx_id(first), "stop": first_tx_id(last + 1)})
    names = ledger.render_addresses({i for row in rows for i in row[3:5]})
    text = ledger.chain.hash_text
    txs = {row[0]: row for row in match.transactions(ledger, [row[1] for row in rows]).iter_rows()}
    events = []
    for number, tx_id, heuristic, kept, merged, kept_size, merged_size, alarm in rows:
        _, txid, height, raw, time, _ = txs[tx_id]
        block = Block(height, text(bytes(raw)), time)
        watch, shown = found.watches[number], text(bytes(txid))
        details = {
            "heuristic": heuristic,
            "kept": f"cluster:{names[kept]}@{height}",
            "merged": f"cluster:{names[merged]}@{height}",
            "kept_addresses": kept_size,
            "merged_addresses": merged_size,
            "alarm": alarm,
        }
        events.append(
            Raised(
                watch,
                "cluster_merge",
                f"{said.chain.name}|{shown}|{names[kept]}|{names[merged]}",
                "medium" if alarm else "low",
                said.chain.name,
                said.chain.caip2,
                shown,
                details=details,
                chain_state="confirmed",
                block=block,
                late=time < said.late_before,
                tlp=watch.tlp,
            )
        )
    return events


def clusters_of_claims(ledger: Ledger, tags: pl.DataFrame) -> dict[int, int]:
    """Row of a claim -> cluster of its address, of those the ledger has seen."""
    with ledger.db.table("found", ledger.find_addresses(tags)):
        return dict(ledger.db.rows(_SQL["tagged_clusters"]))
