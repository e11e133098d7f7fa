"""Ask claims as of one snapshot. Reading takes no lock: everything a snapshot names is immutable."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from tracer.intel import kyc, manifest
from tracer.intel.claims import Actor, ClaimKind, Leg, Override, Vasp, Withdrawal, from_row
from tracer.intel.frames import schema
from tracer.intel.kyc import Known, KycAt
from tracer.intel.manifest import ListEntry, Manifest
from tracer.intel.names import Names
from tracer.intel.store import read_list
from tracer.workspace import Workspace

if TYPE_CHECKING:
    import polars as pl

_ORDER: dict[ClaimKind, tuple[str, ...]] = {
    "tags": (
        "chain", "address", "label", "category", "actor", "role", "confidence", "source", "lastmod", "claim_id",
    ),
    "actors": ("id", "source", "claim_id"),
    "vasps": ("vasp_id", "valid_from", "valid_to", "assessed_at", "claim_id"),
    "prices": ("asset", "currency", "day", "source", "claim_id"),
    "legs": ("chain", "origin", "to_chain", "target", "claim_id"),
    "overrides": ("chain", "a", "b", "kind", "txid", "claim_id"),
    "withdrawals": ("claim", "withdrawn_at", "claim_id"),
}  # fmt: skip


class ListRow(TypedDict):
    """One list as coverage quotes it (CONTRACTS, "coverage"): the list, its version, and its date."""

    list: str
    version: str
    published: str | None
    rows: int
    status: str


class Snapshot:
    """The claims of one snapshot. Frames are read once and kept; equal snapshots give equal bytes."""

    def __init__(self, folder: Path, lists: Manifest) -> None:
        self._folder = folder
        self._manifest = lists
        self._frames: dict[ClaimKind, pl.DataFrame] = {}
        self.id = lists.id

    @classmethod
    def open(cls, workspace: Workspace, snapshot_id: str | None = None) -> Snapshot:
        """The current snapshot, or a past one by its id.

        Raises `UsageError` for an id this workspace does not hold, `StoreDamaged` where a file is not what
        its name says.
        """
        folder = workspace.intel
        return cls(
            folder, manifest.current(folder) if snapshot_id is None else manifest.load(folder, snapshot_id)
        )

    def claims(self, kind: ClaimKind) -> pl.DataFrame:
        """The claims of one kind that stand: `claim_id` and the fields of its dataclass, in a total order.

        A claim that stands in several lists is one row; withdrawn claims are not among them.
        """
        import polars as pl

        frame = self._all(kind)
        return frame.filter(~pl.col("claim_id").is_in(list(self.withdrawn))) if self.withdrawn else frame

    def tags(self, chain: str | None = None) -> pl.DataFrame:
        """Tags of one chain, or of all."""
        import polars as pl

        tags = self.claims("tags")
        return tags if chain is None else tags.filter(pl.col("chain") == chain)

    def tags_of(self, addresses: pl.DataFrame) -> pl.DataFrame:
        """Tags of many addresses (chain, kind uint8, payload): the tags with the number of their row, `asked`.

        Ordered by `asked`, then as tags are.
        """
        asked = addresses.with_row_index("asked")
        found = self.tags().with_row_index("place").join(asked, on=["chain", "kind", "payload"])
        return found.sort("asked", "place").drop("place")

    def vasps(self) -> pl.DataFrame:
        """Dated statements about services."""
        return self.claims("vasps")

    def kyc_at(self, vasp_id: str, day: str) -> KycAt:
        """The KYC level of a service on a day (`2021-05-31`); see `tracer.intel.kyc`."""
        return kyc.kyc_at(self._history.get(vasp_id, ()), day)

    def vasp(self, vasp_id: str, day: str) -> Vasp | None:
        """Who a service is, as said on the day, else before, else after it; None where nobody spoke of it."""
        known = kyc.speaking_for(self._history.get(vasp_id, ()), day)
        return known[1] if known else None

    def newest(self, vasp_id: str) -> Vasp | None:
        """The newest statement about a service: where a request goes is a matter of now."""
        known = kyc.newest(self._history.get(vasp_id, ()))
        return known[1] if known else None

    def statements(self, vasp_id: str) -> tuple[str, ...]:
        """Claim ids of everything said about a service."""
        return tuple(claim for claim, _ in self._history.get(vasp_id, ()))

    def statement(self, claim: str) -> Vasp:
        """The statement about a service with this claim id, as `kyc_at` names it."""
        return self._statements[claim]

    @cached_property
    def names(self) -> Names:
        """Which names mean the same actor."""
        return Names(self._actors.values(), (row for rows in self._history.values() for _, row in rows))

    def naming(self, names: Iterable[str]) -> set[str]:
        """Claim ids of the actors and services that any of these names is said to mean."""
        import polars as pl

        meant = {actor for name in names for actor in self.names.owners(name)}
        found = {claim for actor in meant for claim in self.statements(actor)}
        rows = self.claims("actors").filter(pl.col("id").is_in(list(meant)))
        return found | set(rows["claim_id"].to_list())

    def legs(self) -> list[tuple[str, Leg]]:
        """Off-chain links with their claim ids."""
        rows = self.claims("legs").iter_rows(named=True)
        return [(row["claim_id"], leg) for row in rows if isinstance(leg := from_row("legs", row), Leg)]

    def overrides(self, chain: str) -> list[tuple[str, Override]]:
        """Analysts' words on the links of one chain, with their claim ids."""
        import polars as pl

        rows = self.claims("overrides").filter(pl.col("chain") == chain).iter_rows(named=True)
        return [
            (row["claim_id"], said)
            for row in rows
            if isinstance(said := from_row("overrides", row), Override)
        ]

    def withdrawn_tags(self) -> pl.DataFrame:
        """Tags that were withdrawn, as `tags` gives those that stand."""
        import polars as pl

        return self._all("tags").filter(pl.col("claim_id").is_in(list(self.withdrawn)))

    @cached_property
    def withdrawn(self) -> dict[str, tuple[str, Withdrawal]]:
        """Claims taken back, and by what: its claim id and what it says.

        A withdrawal that was itself withdrawn takes nothing back.
        """
        said: dict[str, list[tuple[str, Withdrawal]]] = {}
        for row in self._all("withdrawals").iter_rows(named=True):
            claim = from_row("withdrawals", row)
            if isinstance(claim, Withdrawal):
                said.setdefault(claim.claim, []).append((row["claim_id"], claim))

        def standing(claim: str) -> tuple[str, Withdrawal] | None:
            # a withdrawal holds the hash of what it withdraws, so this cannot go round in circles
            return next((found for found in said.get(claim, ()) if standing(found[0]) is None), None)

        return {claim: taken for claim in said if (taken := standing(claim)) is not None}

    def holds(self, claim: str) -> bool:
        """Whether a claim stands in this snapshot."""
        return claim not in self.withdrawn and any(self._holding(claim))

    def find(self, claim: str) -> tuple[ClaimKind, str] | None:
        """Kind and whole id of a claim of this snapshot, withdrawn or not, by the start of its id.

        None where no claim, or more than one, begins so.
        """
        found = {(kind, number) for kind in _ORDER for number in self._beginning(kind, claim)}
        return found.pop() if len(found) == 1 else None

    def counts(self) -> dict[str, int]:
        """Rows by kind, for `tracer status`; `entities` are the actors that any claim names."""
        actors = set(self.tags()["actor"].unique().to_list()) - {""}
        return {
            "tags": self.tags().height,
            "entities": len(actors | self._history.keys() | self._actors.keys()),
            "vasps": len(self._history),
            "prices": self.claims("prices").height,
        }

    def lists(self, *kinds: ClaimKind) -> list[ListRow]:
        """The lists this snapshot is made of, all or those of some kinds, as `coverage.intel` shows them.

        `version` is the publisher's, else the start of the SHA-256 over the list's sorted claim ids;
        `published` the date its publisher gives, else the newest its rows carry, None where there is none;
        `status` is `missing` where this user may not read it.
        """
        return [
            ListRow(
                list=entry.list,
                version=entry.version or entry.claims[:16],
                published=entry.published or None,
                rows=entry.rows,
                status="loaded" if self._readable(entry) else "missing",
            )
            for entry in self._manifest.lists
            if not kinds or entry.kind in kinds
        ]

    @property
    def entries(self) -> tuple[ListEntry, ...]:
        """The lists of this snapshot, sorted."""
        return self._manifest.lists

    def unreadable(self) -> list[ListEntry]:
        """Lists whose permissions keep them from this user: an answer without them is partial."""
        return [entry for entry in self._manifest.lists if not self._readable(entry)]

    def list_frame(self, entry: ListEntry, columns: list[str] | None = None) -> pl.DataFrame:
        """All claims of one list, withdrawn or not; some of their columns, or all."""
        return read_list(self._folder, entry, columns)

    def _readable(self, entry: ListEntry) -> bool:
        if not entry.tlp:
            return True
        try:
            read_list(self._folder, entry, ["claim_id"])
        except PermissionError:
            return False
        return True

    def _all(self, kind: ClaimKind) -> pl.DataFrame:
        """Every claim of one kind, withdrawn or not."""
        import polars as pl

        if kind not in self._frames:
            lists = [
                read_list(self._folder, entry)
                for entry in self._manifest.lists
                if entry.kind == kind and self._readable(entry)
            ]
            frame = pl.concat([pl.DataFrame(schema=schema(kind)), *lists])
            self._frames[kind] = frame.unique("claim_id", keep="any").sort(*_ORDER[kind])
        return self._frames[kind]

    def _beginning(self, kind: ClaimKind, start: str) -> list[str]:
        import polars as pl

        begins = pl.col("claim_id").str.starts_with(start)
        found: set[str] = set()
        for entry in self._manifest.lists:
            if entry.kind == kind and self._readable(entry):
                found.update(
                    read_list(self._folder, entry, ["claim_id"]).filter(begins)["claim_id"].to_list()
                )
        return sorted(found)

    def _holding(self, claim: str) -> list[ClaimKind]:
        return [kind for kind in _ORDER if self._beginning(kind, claim)]

    @cached_property
    def _statements(self) -> dict[str, Vasp]:
        return {claim: row for rows in self._history.values() for claim, row in rows}

    @cached_property
    def _actors(self) -> dict[str, Actor]:
        found: dict[str, Actor] = {}
        for row in self.claims("actors").iter_rows(named=True):
            claim = from_row("actors", row)
            if isinstance(claim, Actor):
                found.setdefault(claim.id, claim)
        return found

    @cached_property
    def _history(self) -> dict[str, tuple[Known, ...]]:
        history: dict[str, list[Known]] = {}
        for row in self.vasps().iter_rows(named=True):
            claim = from_row("vasps", row)
            if isinstance(claim, Vasp):
                history.setdefault(claim.vasp_id, []).append((row["claim_id"], claim))
        return {vasp_id: tuple(rows) for vasp_id, rows in history.items()}
