"""Put claims in: each list one immutable file, each import one new snapshot, two at once both arrive."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracer.errors import StoreDamaged
from tracer.intel import manifest
from tracer.intel.claims import ClaimKind, ClaimT, Reading, Tag, Vasp, claim_id
from tracer.intel.files import write_whole, writers_turn
from tracer.intel.manifest import ListEntry, Manifest
from tracer.workspace import Workspace

if TYPE_CHECKING:
    import polars as pl

_BYTES_DIGITS = 16


@dataclass(frozen=True)
class Added:
    """What an import did: claims that were new, claims that were there already, and the snapshot after it."""

    imported: int
    unchanged: int
    snapshot_id: str


def add(workspace: Workspace, kind: ClaimKind, readings: Sequence[Reading[ClaimT]]) -> Added:
    """Import what was read; `imported + unchanged` are the good rows of all readings.

    Everything or nothing: readers see the snapshot before until HEAD moves. A row given twice is once new and
    once unchanged. A file without a good row adds no list. Raises `StoreUnwritable`, `StoreBusy`.
    """
    folder = workspace.ready().intel
    with writers_turn(folder):
        before = manifest.current(folder)
        entries: list[ListEntry] = []
        given: set[str] = set()
        for reading in readings:
            if claims := {claim_id(claim): claim for claim in reading.claims}:
                entries.append(_store(folder, kind, claims))
                given.update(claims)
        # only now: a list whose file was lost is whole again once it is imported again
        imported = len(given - claim_ids(folder, before, kind))
        rows = sum(len(reading.claims) for reading in readings)
        after = before.with_lists(entries)
        if after != before:
            after.save(folder)
    return Added(imported, rows - imported, after.id)


def schema(kind: ClaimKind) -> dict[str, pl.DataType]:
    """Columns of a claim frame: `claim_id`, then the fields of `Tag` or `Vasp`."""
    import polars as pl

    special: dict[str, pl.DataType] = {
        "kind": pl.UInt8(),
        "payload": pl.Binary(),
        "is_cluster_definer": pl.Boolean(),
        "xmr_support": pl.Boolean(),
    }
    names = (field.name for field in fields(Tag if kind == "tags" else Vasp))
    return {"claim_id": pl.String(), **{name: special.get(name, pl.String()) for name in names}}


def read_list(folder: Path, entry: ListEntry, columns: list[str] | None = None) -> pl.DataFrame:
    """The claims of one list, by claim id. Raises `StoreDamaged` where the file is missing or altered."""
    import polars as pl

    path = next(iter(sorted(folder.glob(f"{entry.kind}-{entry.claims}-*.parquet"))), None)
    if path is None:
        raise StoreDamaged(
            f"the claims of list {entry.list!r} are missing from {folder}.",
            hint="Restore them from a backup, or import the list again.",
        )
    content = path.read_bytes()
    if not path.stem.endswith(hashlib.sha256(content).hexdigest()[:_BYTES_DIGITS]):
        raise StoreDamaged(
            f"{path} (list {entry.list!r}) is damaged.",
            hint="Delete it and import the list again, or restore it from a backup.",
        )
    return pl.read_parquet(io.BytesIO(content), columns=columns)


def claim_ids(folder: Path, snapshot: Manifest, kind: ClaimKind) -> set[str]:
    """Ids of all claims of one kind in a snapshot."""
    ids: set[str] = set()
    for entry in snapshot.lists:
        if entry.kind == kind:
            ids.update(read_list(folder, entry, ["claim_id"])["claim_id"].to_list())
    return ids


def _store(folder: Path, kind: ClaimKind, claims: dict[str, Any]) -> ListEntry:
    """Write the claims of one list, unless the same ones stand there already."""
    import polars as pl

    ids = sorted(claims)
    digest = hashlib.sha256("".join(ids).encode()).hexdigest()
    published = max(map(_dated, claims.values()))
    name = list_name({claim.source for claim in claims.values()})
    entry = ListEntry(list=name, kind=kind, claims=digest, published=published, rows=len(ids))
    if not any(folder.glob(f"{kind}-{digest}-*.parquet")):
        columns = schema(kind)
        data = {column: _column(column, ids, claims) for column in columns}
        buffer = io.BytesIO()
        pl.DataFrame(data, schema=columns).write_parquet(buffer, compression="zstd")
        content = buffer.getvalue()
        check = hashlib.sha256(content).hexdigest()[:_BYTES_DIGITS]
        write_whole(folder / f"{kind}-{digest}-{check}.parquet", content)
    return entry


def list_name(sources: Collection[str]) -> str:
    """What coverage calls a list: its one source, else where its sources lie.

    Not the file's name: the same claims are the same list, whatever somebody called the file.
    """
    first, last = min(sources), max(sources)
    if first == last:
        return first
    pairs = takewhile(lambda pair: pair[0] == pair[1], zip(first.split("/"), last.split("/"), strict=False))
    shared = [part for part, _ in pairs]
    if len(shared) < len(("https:", "", "host")):
        return f"{first} and {len(sources) - 1} more"
    return f"{'/'.join(shared)}/ ({len(sources)} sources)"


def _column(name: str, ids: Iterable[str], claims: dict[str, Any]) -> list[Any]:
    return list(ids) if name == "claim_id" else [getattr(claims[i], name) for i in ids]


def _dated(claim: Tag | Vasp) -> str:
    return claim.lastmod if isinstance(claim, Tag) else claim.assessed_at
