"""Who is on the other side: the best claim on an address, or on its cluster, as a trace would take it.

Claims are resolved for the few addresses that a hit brings up, not for all that a chain has.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tracer.db import named_sql
from tracer.flow.fates import Fate
from tracer.flow.question import Exits
from tracer.flow.services import Services
from tracer.flow.spans import span_of
from tracer.flow.tagged import CLUSTER_CONFIDENCES, Index, resolve
from tracer.intel import ranking
from tracer.intel.claims import most_closed
from tracer.intel.snapshot import Snapshot
from tracer.ledger.store import Ledger
from tracer.watching.model import utc

if TYPE_CHECKING:
    import polars as pl

_SQL = named_sql("tracer.watching", "party.sql")


@dataclass(frozen=True)
class Party:
    """What claims say of whoever holds an address.

    fate       what a trace does there; None where it would go on
    protected  a claim marks a victim or an authorised purchase
    tlp        the most closed marking of the claims; "" none
    """

    address: str
    entity: str | None
    vasp_id: str | None
    category: str | None
    kyc_level: str | None
    kyc_last_known: str | None
    confidence: str | None
    claims: tuple[str, ...]
    fate: Fate | None
    protected: bool
    tlp: str

    def said(self) -> dict[str, Any]:
        """As an alert tells it."""
        return {
            "address": self.address,
            "entity": self.entity,
            "vasp_id": self.vasp_id,
            "category": self.category,
            "kyc_level": self.kyc_level,
            "kyc_last_known": self.kyc_last_known,
            "confidence": self.confidence,
            "claims": list(self.claims),
        }

    def meets(self, wanted: str) -> bool:
        """Whether it is what `--counterparty` asks for. Of whom nothing is known, nothing is said."""
        asked = Exits.parse([wanted])
        if self.fate is None and self.category is None:
            return False
        return self.kyc_level in asked.levels or self.category in asked.categories


class Parties:
    """Holders of some addresses."""

    def __init__(self, ledger: Ledger, snapshot: Snapshot, addresses: Iterable[int]) -> None:
        import polars as pl

        self._snapshot = snapshot
        asked = pl.DataFrame({"address_id": sorted(set(addresses))}, schema={"address_id": pl.Int32})
        with ledger.db.table("asked", asked):
            linked = ledger.db.polars(_SQL["linked"])
        self.names = ledger.render_addresses(linked["address_id"].to_list())
        self._cluster: dict[int, int] = dict(linked.select("address_id", "cluster_id").iter_rows())
        tags = _speaking(ledger, snapshot.tags(ledger.chain.name), linked)
        vasps = set(snapshot.vasps()["vasp_id"].to_list())
        self._tagged = resolve(ledger, tags, snapshot.names, vasps)
        self._services = Services(self._tagged, vasps)
        frame = self._tagged.frame
        whole = frame.filter("whole")
        self._said_of = Index(frame["address_id"], frame["place"])
        self._said_over = Index(whole["cluster_id"], whole["place"])
        self._known: dict[tuple[int, str], Party] = {}

    def of(self, address: int, time: int) -> Party:
        """Who holds an address at a time (unix seconds)."""
        day = utc(time)[:10]
        if (address, day) not in self._known:
            self._known[address, day] = self._made(address, time, day)
        return self._known[address, day]

    def _made(self, address: int, time: int, day: str) -> Party:
        cluster = self._cluster.get(address, address)
        rows = [
            row
            for row, _ in self._tagged.claims(
                sorted({*self._said_of.of(address), *self._said_over.of(cluster)})
            )
            if span_of(row["valid_from"], row["valid_to"])[0] <= time
        ]
        protected = any(ranking.protection_of(row) for row in rows)
        tlp = most_closed(row["tlp"] for row in rows) or ""
        name = self.names[address]
        for number in self._services.holders(address, cluster):
            holding = self._services.holding(number)
            if not self._holds(number, time):
                continue
            entity, best = holding.entity, holding.claims[0] if holding.claims else None
            kyc = self._snapshot.kyc_at(entity.vasp_id, day) if entity.vasp_id else None
            return Party(
                name, entity.name or None, entity.vasp_id, entity.category or None,
                str(kyc.level) if kyc else "unknown",
                str(kyc.last_known) if kyc and kyc.last_known else None,
                best["confidence"] if best else None,
                tuple(row["claim_id"] for row in holding.claims), holding.fate, protected, tlp,
            )  # fmt: skip
        best = next(iter(ranking.ranked(rows)), None)
        if best is None:
            return Party(name, None, None, None, None, None, None, (), None, protected, tlp)
        return Party(
            name, ranking.named(best) or None, None, ranking.category_of(best) or None, None, None,
            best["confidence"], (best["claim_id"],), None, protected, tlp,
        )  # fmt: skip

    def _holds(self, number: int, time: int) -> bool:
        since, until = self._services.span(number)
        return since <= time < until


def request_to(snapshot: Snapshot, vasp_id: str | None) -> Mapping[str, Any] | None:
    """Where a freeze request goes, by the newest statement about a service; None where no register speaks of it."""
    vasp = snapshot.newest(vasp_id) if vasp_id else None
    if vasp is None:
        return None
    names = ("name", "legal_entity", "legal_contact", "records_holder", "retention", "status", "successor")
    return {"vasp_id": vasp.vasp_id, **{name: getattr(vasp, name) or None for name in names}}


def _speaking(ledger: Ledger, tags: pl.DataFrame, linked: pl.DataFrame) -> pl.DataFrame:
    """Tags on one of these addresses, and those on the whole of one of their clusters."""
    import polars as pl

    numbered = tags.with_row_index("row").with_columns(pl.col("row").cast(pl.Int64))
    own = numbered.join(linked.select("kind", "payload").unique(), on=["kind", "payload"], how="semi")["row"]
    whole = numbered.filter(
        pl.col("is_cluster_definer") | pl.col("confidence").is_in(CLUSTER_CONFIDENCES)
    ).select("row", "kind", "payload")
    rows = set(own.to_list())
    if whole.height:
        with ledger.db.table("tag", whole), ledger.db.table("asked", linked.select("cluster_id").unique()):
            rows |= {row for (row,) in ledger.db.rows(_SQL["speaking"])}
    return tags[sorted(rows)]
