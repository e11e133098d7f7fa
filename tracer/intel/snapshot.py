"""Ask claims as of one snapshot. Reading takes no lock: everything a snapshot names is immutable."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from tracer.intel import manifest
from tracer.intel.claims import ClaimKind, KycAt, KycLevel, Vasp
from tracer.intel.manifest import Manifest
from tracer.intel.store import read_list, schema
from tracer.workspace import Workspace

if TYPE_CHECKING:
    import polars as pl

_TAG_ORDER = (
    "chain", "address", "label", "category", "actor", "role", "confidence", "source", "lastmod", "claim_id",
)  # fmt: skip
_VASP_ORDER = ("vasp_id", "valid_from", "valid_to", "assessed_at", "claim_id")


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

    def tags(self, chain: str | None = None) -> pl.DataFrame:
        """Tags of one chain (or of all): `claim_id` and the fields of `claims.Tag`, in a total order.

        A claim that stands in several lists is one row.
        """
        import polars as pl

        return self._tags if chain is None else self._tags.filter(pl.col("chain") == chain)

    def vasps(self) -> pl.DataFrame:
        """Dated statements about services: `claim_id` and the fields of `claims.Vasp`, in a total order."""
        return self._vasps

    def kyc_at(self, vasp_id: str, day: str) -> KycAt:
        """The KYC level of a service on a day (`2021-05-31`); `interval` is that of the claim it rests on.

        Both ends of an interval belong to it. Where several claims hold, the one that began last wins, then
        the one assessed last; if these still disagree, the level is unknown. Outside every interval it is
        unknown with the last level known before; before all evidence nothing is known.
        """
        history = self._history.get(vasp_id, ())
        best = _strongest([row for row in history if _holds(row, day)])
        levels = {row.kyc_level for row in best}
        if len(levels) == 1 and KycLevel.UNKNOWN not in levels:
            return KycAt(best[0].kyc_level, None, (best[0].valid_from, best[0].valid_to))
        ended = [
            row
            for row in history
            if row.valid_to and row.valid_to < day and row.kyc_level != KycLevel.UNKNOWN
        ]
        if not ended:
            return KycAt(KycLevel.UNKNOWN, None, None)
        newest = max(row.valid_to for row in ended)
        last = _strongest([row for row in ended if row.valid_to == newest])
        known = last[0].kyc_level if len({row.kyc_level for row in last}) == 1 else None
        return KycAt(KycLevel.UNKNOWN, known, (last[0].valid_from, newest) if known else None)

    def vasp(self, vasp_id: str, day: str) -> Vasp | None:
        """Who a service is: the claim that holds on the day, else the last before, else the first after it.

        None for a service nobody spoke of. For its level ask `kyc_at`: this row's own may be of another time.
        """
        history = self._history.get(vasp_id, ())
        if holding := _strongest([row for row in history if _holds(row, day)]):
            return holding[0]
        if ended := [row for row in history if row.valid_to and row.valid_to < day]:
            return max(ended, key=lambda row: row.valid_to)
        return history[0] if history else None

    def counts(self) -> dict[str, int]:
        """Rows by kind, for `tracer status`; `entities` are the actors that tags or VASP claims name."""
        actors = set(self._tags["actor"].unique().to_list()) - {""}
        return {
            "tags": self._tags.height,
            "entities": len(actors | self._history.keys()),
            "vasps": len(self._history),
            "prices": 0,
        }

    def lists(self) -> list[ListRow]:
        """The lists this snapshot is made of, as `coverage.intel` shows them.

        `version` is the start of the SHA-256 over the list's sorted claim ids; `published` the newest date
        its rows carry, None where they carry none.
        """
        return [
            ListRow(
                list=entry.list,
                version=entry.claims[:16],
                published=entry.published or None,
                rows=entry.rows,
                status="loaded",
            )
            for entry in self._manifest.lists
        ]

    @cached_property
    def _tags(self) -> pl.DataFrame:
        return self._frame("tags", _TAG_ORDER)

    @cached_property
    def _vasps(self) -> pl.DataFrame:
        return self._frame("vasps", _VASP_ORDER)

    def _frame(self, kind: ClaimKind, order: Iterable[str]) -> pl.DataFrame:
        import polars as pl

        lists = [read_list(self._folder, entry) for entry in self._manifest.lists if entry.kind == kind]
        frame = pl.concat([pl.DataFrame(schema=schema(kind)), *lists])
        return frame.unique("claim_id", maintain_order=True).sort(*order)

    @cached_property
    def _history(self) -> dict[str, tuple[Vasp, ...]]:
        history: dict[str, list[Vasp]] = {}
        for row in self._vasps.drop("claim_id").iter_rows(named=True):
            vasp = Vasp(**{**row, "kyc_level": KycLevel(row["kyc_level"])})
            history.setdefault(vasp.vasp_id, []).append(vasp)
        return {vasp_id: tuple(rows) for vasp_id, rows in history.items()}


def _holds(row: Vasp, day: str) -> bool:
    return row.valid_from <= day and (not row.valid_to or day <= row.valid_to)


def _strongest(rows: list[Vasp]) -> list[Vasp]:
    """The rows that began last and, of these, were assessed last; several where claims tie."""
    best = max(((row.valid_from, row.assessed_at) for row in rows), default=None)
    return [row for row in rows if (row.valid_from, row.assessed_at) == best]
