"""Put claims in: each list one immutable file, each import one new snapshot, two at once both arrive."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from tracer.errors import SourceUnavailable, StoreDamaged, UsageError
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
    "overrides": ("chain", "a", "b"),
    "withdrawals": ("claim",),
}
"""What a claim is about, for telling additions from removals; the last column of tags only names it."""

RED_LIST = "TLP:RED claims"
"""What coverage calls red claims: the manifest is open to all who may use the workspace."""


LONG_LIST = 100
"""From this many entries on, a list that lost a tenth of them at once is taken for cut off. Our default (P)."""


@dataclass(frozen=True)
class Change:
    """What importing one list did to it. `added` and `removed` are rows that say what each claim is about.

    changed  subjects that are in both versions, with other words
    kept     claims of the former version that were not removed, because the file may be damaged
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
    forerunner, but removes nothing on the word of a file that may be damaged (`_doubtful`). Raises
    `StoreUnwritable`, `StoreBusy`, and `UsageError` for a list older than the one that stands.
    """
    import polars as pl

    folder = workspace.ready().intel
    with writers_turn(folder):
        before = manifest.current(folder)
        _once(readings)
        after, changes = before, []
        given: dict[ClaimKind, list[pl.DataFrame]] = {}
        for reading in readings:
            if not reading.frame.height:
                continue
            given.setdefault(reading.kind, []).append(reading.frame.select("claim_id"))
            first = reading.frame["claim_id"].is_first_distinct()
            unique = reading.frame if first.all() else reading.frame.filter(first)
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


def _once(readings: Sequence[Reading]) -> None:
    """Two files that are each all of one list cannot both be: which one counted would depend on their order."""
    seen: dict[tuple[ClaimKind, str], str] = {}
    for reading in readings:
        if reading.about.whole and reading.frame.height:
            key = (reading.kind, reading.about.list)
            if key in seen:
                raise UsageError(
                    f"{seen[key]} and {reading.file} are both all of the list {reading.about.list!r}.",
                    hint="Import one of them, or each apart, the older one first with --published DATE.",
                )
            seen[key] = reading.file


def read_list(folder: Path, entry: ListEntry, columns: list[str] | None = None) -> pl.DataFrame:
    """The claims of one list, by claim id. Raises `StoreDamaged` where the file is missing or altered.

    Raises `PermissionError` where a red list is not for this user's eyes, `SourceUnavailable` where another file
    cannot be read.
    """
    import polars as pl

    path = next(iter(sorted(folder.glob(f"{_stem(entry)}-*.parquet"))), None)
    if path is None:
        raise StoreDamaged(
            f"the claims of list {entry.list!r} are missing from {folder}.",
            hint="Restore them from a backup, or import the list again.",
        )
    try:
        content = path.read_bytes()
    except OSError as error:
        if isinstance(error, PermissionError) and entry.tlp:
            raise
        raise SourceUnavailable(
            f"cannot read {path}: {error.strerror}.", hint="Check its owner and mode."
        ) from error
    if not path.stem.endswith(hashlib.sha256(content).hexdigest()[:_BYTES_DIGITS]):
        raise StoreDamaged(
            f"{path} (list {entry.list!r}) is damaged.",
            hint="Delete it and import the list again, or restore it from a backup.",
        )
    frame = pl.read_parquet(io.BytesIO(content), columns=columns)
    return frame if columns else whole(entry.kind, frame)


def claim_ids(folder: Path, snapshot: Manifest, kind: ClaimKind) -> pl.DataFrame:
    """Ids of all claims of one kind in a snapshot, each once, as a frame (`claim_id`).

    What cannot be read is left out: a lost file must not keep others from coming in.
    """
    import polars as pl

    lists = (_readable(folder, entry, ["claim_id"]) for entry in snapshot.lists if entry.kind == kind)
    frames = [frame for frame in lists if frame is not None]
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
    if not frame.select(red.any()).item():
        return [frame]  # no copy of a large list for what most have not
    return [part for part in (frame.filter(~red), frame.filter(red)) if part.height]


def _store(folder: Path, snapshot: Manifest, reading: Reading, frame: pl.DataFrame) -> Change:
    """Write the claims of one list, unless the same ones stand there already; -> what that changes."""
    import polars as pl

    kind, about = reading.kind, reading.about
    red = frame["tlp"][0] == RED
    name = about.list or list_name(set(frame["source"].unique().to_list()))
    shown = _shown(name, red=red, whole=about.whole)
    former = snapshot.standing(kind, shown) if about.whole else None
    old = _readable(folder, former) if former else None
    published = about.published or str(frame[DATED[kind]].max() or "")
    kept, rejected = 0, _reasons(reading)
    if former and not about.published and _alike(frame, old):
        published = former.published  # it says what that says, so it is of that day too
    if former and published < former.published:
        raise UsageError(
            f"{reading.file}: this version of {name!r} is {f'of {published}' if published else 'undated'}, the one "
            f"that stands is of {former.published}: an older list would take newer entries out.",
            hint="Say when it was published with --published DATE, or give it a name of its own with --list NAME.",
        )
    if former and old is not None and _doubtful(reading, former):
        rest = old.join(frame, on="claim_id", how="anti")
        # the same file read again must not find its own bad rows forgiven
        frame, kept, rejected = pl.concat([frame, rest]), rest.height, former.rejected
    frame = frame[frame["claim_id"].arg_sort()]  # takes a third less memory than a sort of the frame
    entry = ListEntry(
        list=shown,
        kind=kind,
        claims=hashlib.sha256(frame["claim_id"].str.join("").item().encode()).hexdigest(),
        published=published,
        rows=frame.height,
        version=about.version,
        whole=about.whole,
        tlp=RED if red else "",
        rejected=rejected if about.whole else (),
        entries=(former.entries if former and kept else about.entries or 0) if about.whole else 0,
    )
    if not any(folder.glob(f"{_stem(entry)}-*.parquet")):
        _write(folder, entry, frame)
    added, removed, changed = _difference(kind, old, frame)
    return Change(entry, former, about.entries, added, removed, changed, kept)


def _shown(name: str, *, red: bool, whole: bool) -> str:
    """What the manifest, which all who may use the workspace can read, calls a list.

    A whole red list needs a name of its own to be found again; that name is its hash.
    """
    if not red:
        return name
    return f"{RED_LIST} {hashlib.sha256(name.encode()).hexdigest()[:8]}" if whole else RED_LIST


def _readable(folder: Path, entry: ListEntry, columns: list[str] | None = None) -> pl.DataFrame | None:
    """The claims of a list; None where its file is lost, damaged or not for this user."""
    try:
        return read_list(folder, entry, columns)
    except (StoreDamaged, PermissionError):
        return None


def _reasons(reading: Reading) -> tuple[str, ...]:
    """What was wrong with the rows of a file, so that only new faults are noticed when it comes again."""
    said = {hashlib.sha256(rejection.reason.encode()).hexdigest()[:16] for rejection in reading.rejections}
    return tuple(sorted(said))


def _doubtful(reading: Reading, former: ListEntry) -> bool:
    """Whether a file may be damaged, so that what it lacks is no removal.

    A fault that the former version did not have, or a tenth of all entries gone, as in a download cut off.
    """
    if not set(_reasons(reading)) <= set(former.rejected):
        return True
    entries = reading.about.entries
    return entries is not None and former.entries >= LONG_LIST and entries * 10 < former.entries * 9


def _alike(frame: pl.DataFrame, old: pl.DataFrame | None) -> bool:
    """Whether two lists hold the same claims."""
    if old is None or frame.height != old.height:
        return False
    return not frame.join(old, on="claim_id", how="anti").height


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
    """Claims that came, claims that went, and how many subjects say something else than before.

    Of claims about one subject, as many went and came as changed their words; only what is left over was
    added or removed.
    """
    import polars as pl

    if old is None:
        return (), (), 0
    columns = list(_SUBJECT[kind])
    key = columns[: {"tags": 2, "legs": 2, "prices": 3, "overrides": 3}.get(kind, 1)]

    def only(frame: pl.DataFrame, other: pl.DataFrame) -> pl.DataFrame:
        rest = frame.join(other, on="claim_id", how="anti").sort(*columns, "claim_id")
        return rest.with_columns(pl.int_range(pl.len()).over(key).alias("place")).select(*columns, "place")

    came, went = only(new, old), only(old, new)
    pair = [*key, "place"]
    return (
        tuple(came.join(went, on=pair, how="anti").select(columns).sort(columns).to_dicts()),
        tuple(went.join(came, on=pair, how="anti").select(columns).sort(columns).to_dicts()),
        came.join(went, on=pair, how="semi").height,
    )
