"""Put claims in: each list one immutable file, each import one new snapshot, two at once both arrive."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from tracer.errors import StoreDamaged, UsageError
from tracer.intel import manifest
from tracer.intel.claims import DATED, RED, ClaimKind
from tracer.intel.files import write_whole, writers_turn
from tracer.intel.frames import schema, whole
from tracer.intel.manifest import ListEntry, Manifest
from tracer.intel.reading import Reading
from tracer.workspace import Workspace

if TYPE_CHECKING:
    import polars as pl

_BYTES_DIGITS = 16
_SUBJECT: Mapping[ClaimKind, tuple[str, ...]] = {
    "tags": ("chain", "address", "label"),
    "actors": ("id", "label"),
    "vasps": ("vasp_id", "name"),
    "prices": ("asset", "currency", "day"),
    "legs": ("origin", "target"),
    "withdrawals": ("claim",),
}
"""What a claim is about, for telling additions from removals; the last column of tags only names it."""

RED_LIST = "TLP:RED claims"
"""What coverage calls red claims: the manifest is open to all who may use the workspace."""


@dataclass(frozen=True)
class Change:
    """What importing one list did to it. `added` and `removed` are rows that say what each claim is about.

    changed  subjects that are in both versions, with other words
    kept     claims of the former version that were not removed, because more rows were rejected than before
    """

    entry: ListEntry
    former: ListEntry | None
    entries: int | None
    added: tuple[dict[str, str], ...]
    removed: tuple[dict[str, str], ...]
    changed: int
    kept: int


@dataclass(frozen=True)
class Added:
    """What an import did: claims that were new, claims that were there already, and the snapshot after it."""

    imported: int
    unchanged: int
    snapshot_id: str
    changes: tuple[Change, ...] = ()


def add(workspace: Workspace, readings: Sequence[Reading]) -> Added:
    """Import what was read; `imported + unchanged` are the good rows of all readings.

    Everything or nothing: readers see the snapshot before until HEAD moves. A row given twice is once new and
    once unchanged. A file without a good row adds and removes nothing. A whole list takes the place of its
    forerunner, but removes nothing on the word of a file with more rejected rows than that had. Raises
    `StoreUnwritable`, `StoreBusy`, and `UsageError` for a list older than the one that stands.
    """
    import polars as pl

    folder = workspace.ready().intel
    with writers_turn(folder):
        before = manifest.current(folder)
        after, changes = before, []
        given: dict[ClaimKind, list[pl.DataFrame]] = {}
        for reading in readings:
            if not reading.frame.height:
                continue
            given.setdefault(reading.kind, []).append(reading.frame.select("claim_id"))
            unique = reading.frame.filter(pl.col("claim_id").is_first_distinct())
            for part in _by_permission(unique):
                change = _store(folder, after, reading, part)
                after = after.with_lists([change.entry])
                changes.append(change)
        rows = sum(reading.frame.height for reading in readings)
        # only now: a list whose file was lost is whole again once it is imported again
        imported = sum(
            pl.concat(frames).unique().join(claim_ids(folder, before, kind), on="claim_id", how="anti").height
            for kind, frames in given.items()
        )
        if after != before:
            after.save(folder)
    return Added(imported, rows - imported, after.id, tuple(changes))


def read_list(folder: Path, entry: ListEntry, columns: list[str] | None = None) -> pl.DataFrame:
    """The claims of one list, by claim id. Raises `StoreDamaged` where the file is missing or altered.

    `PermissionError` where the file is not for this user's eyes.
    """
    import polars as pl

    path = next(iter(sorted(folder.glob(f"{_stem(entry)}-*.parquet"))), None)
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
    frame = pl.read_parquet(io.BytesIO(content), columns=columns)
    return frame if columns else whole(entry.kind, frame)


def claim_ids(folder: Path, snapshot: Manifest, kind: ClaimKind) -> pl.DataFrame:
    """Ids of all claims of one kind in a snapshot, each once, as a frame (`claim_id`)."""
    import polars as pl

    frames = [read_list(folder, entry, ["claim_id"]) for entry in snapshot.lists if entry.kind == kind]
    return pl.concat([pl.DataFrame(schema={"claim_id": pl.String()}), *frames]).unique()


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


def _by_permission(frame: pl.DataFrame) -> list[pl.DataFrame]:
    """Claims that only some may read are kept apart from the others."""
    import polars as pl

    red = pl.col("tlp") == RED
    return [part for part in (frame.filter(~red), frame.filter(red)) if part.height]


def _store(folder: Path, snapshot: Manifest, reading: Reading, frame: pl.DataFrame) -> Change:
    """Write the claims of one list, unless the same ones stand there already; -> what that changes."""
    import polars as pl

    kind, about = reading.kind, reading.about
    red = frame["tlp"][0] == RED
    name = RED_LIST if red else about.list or list_name(set(frame["source"].unique().to_list()))
    former = snapshot.standing(kind, name) if about.whole and not red else None
    kept = 0
    old = read_list(folder, former) if former else None
    if former and old is not None:
        if about.published and about.published < former.published:
            raise UsageError(
                f"{reading.file}: this version of {name!r} is of {about.published}, the one that stands is of "
                f"{former.published}: an older list would take newer entries out.",
                hint="Import it under a name of its own with --list NAME.",
            )
        if len(reading.rejections) > former.rejected:
            rest = old.join(frame, on="claim_id", how="anti")
            frame, kept = pl.concat([frame, rest]), rest.height
    frame = frame[frame["claim_id"].arg_sort()]  # takes a third less memory than a sort of the frame
    entry = ListEntry(
        list=name,
        kind=kind,
        claims=hashlib.sha256(frame["claim_id"].str.join("").item().encode()).hexdigest(),
        published=about.published or str(frame[DATED[kind]].max() or ""),
        rows=frame.height,
        version=about.version,
        whole=about.whole and not red,
        tlp=RED if red else "",
        rejected=len(reading.rejections) if about.whole and not red else 0,
    )
    if not any(folder.glob(f"{_stem(entry)}-*.parquet")):
        _write(folder, entry, frame)
    added, removed, changed = _difference(kind, old, frame)
    return Change(entry, former, about.entries, added, removed, changed, kept)


def _write(folder: Path, entry: ListEntry, frame: pl.DataFrame) -> None:
    buffer = io.BytesIO()
    frame.select(list(schema(entry.kind))).write_parquet(buffer, compression="zstd")
    content = buffer.getvalue()
    check = hashlib.sha256(content).hexdigest()[:_BYTES_DIGITS]
    path = folder / f"{_stem(entry)}-{check}.parquet"
    write_whole(path, content, private=bool(entry.tlp))


def _stem(entry: ListEntry) -> str:
    return f"{entry.kind}{'-red' if entry.tlp else ''}-{entry.claims}"


def _difference(
    kind: ClaimKind, old: pl.DataFrame | None, new: pl.DataFrame
) -> tuple[tuple[dict[str, str], ...], tuple[dict[str, str], ...], int]:
    """Subjects that came, subjects that went, and how many are in both with other words."""
    columns = list(_SUBJECT[kind])
    key = columns[:2] if kind in ("tags", "legs") else columns if kind == "prices" else columns[:1]
    if old is None:
        return (), (), 0

    def rows(frame: pl.DataFrame, other: pl.DataFrame) -> pl.DataFrame:
        gone = frame.join(other, on=key, how="anti").select(columns).sort(columns)
        return gone.unique(key, keep="first", maintain_order=True)

    came, went = rows(new, old), rows(old, new)
    words = new.join(old, on="claim_id", how="anti").join(old, on=key, how="semi").select(key).unique()
    return tuple(came.to_dicts()), tuple(went.to_dicts()), words.height
