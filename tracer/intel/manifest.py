"""What a snapshot is made of: the lists that were imported, named by what they say.

    intel/HEAD                           the current snapshot's id
    intel/snapshot-<id>.json             a manifest; its SHA-256 is its name
    intel/tags-<claims>-<bytes>.parquet  the claims of one list, sorted by claim id; likewise the other kinds

A list is identified by the SHA-256 of its sorted claim ids, so that neither the order of rows, nor the
order of imports, nor the version of the Parquet writer changes a snapshot's id. `<bytes>` are the first 16
digits of the SHA-256 of the file: damage on disk is noticed. All files but HEAD are immutable.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from tracer.errors import SourceUnavailable, StoreDamaged, UsageError
from tracer.intel.claims import ClaimKind
from tracer.intel.files import write_whole

SCHEMA = "tracer.intel/1"
_ID = re.compile(r"(?:sha256:)?([0-9a-f]{64})")


@dataclass(frozen=True, order=True)
class ListEntry:
    """One imported list, all of it told by its claims and its publisher.

    list       what coverage calls it (`tracer.intel.store.list_name`)
    claims     SHA-256 of its sorted claim ids
    published  the date its publisher gives, else the newest date its rows carry, "" where none does
    version    the publisher's name of this version, "" where there is none
    whole      True where a later import of the same list takes its place
    rejected   hashes of the reasons for which rows of a whole list's file were rejected, sorted
    entries    persons and bodies in a whole list's file, 0 where its rows are all there is
    tlp        `TLP:RED` where it lies in a file of its own permissions, else ""
    """

    list: str
    kind: ClaimKind
    claims: str
    published: str
    rows: int
    version: str = ""
    whole: bool = False
    tlp: str = ""
    rejected: tuple[str, ...] = ()
    entries: int = 0

    @property
    def said(self) -> dict[str, Any]:
        """Its fields; later ones only where they say something, so that old snapshots keep their ids."""
        first = ("list", "kind", "claims", "published", "rows")
        return {name: value for name, value in asdict(self).items() if name in first or value}


@dataclass(frozen=True)
class Manifest:
    """The lists of one snapshot, sorted; equal sets give equal bytes and so equal ids."""

    lists: tuple[ListEntry, ...] = ()

    @property
    def content(self) -> bytes:
        """The bytes the id is the hash of."""
        document = {"schema": SCHEMA, "lists": [entry.said for entry in self.lists]}
        return json.dumps(document, ensure_ascii=False, sort_keys=True, indent=1).encode() + b"\n"

    @property
    def id(self) -> str:
        """`sha256:...`, what results carry as `intel_snapshot`."""
        return f"sha256:{hashlib.sha256(self.content).hexdigest()}"

    def standing(self, kind: ClaimKind, name: str) -> ListEntry | None:
        """The whole list of that name, as it stands."""
        found = (e for e in self.lists if e.whole and (e.kind, e.list) == (kind, name))
        return next(found, None)

    def with_lists(self, more: Iterable[ListEntry]) -> Manifest:
        """Add lists; a list that is in already changes nothing, a whole list takes its forerunner's place."""
        kept = set(self.lists)
        for entry in more:
            if entry.whole:
                kept -= {e for e in kept if e.whole and (e.kind, e.list) == (entry.kind, entry.list)}
            kept.add(entry)
        return Manifest(tuple(sorted(kept)))

    def save(self, folder: Path) -> None:
        """Keep this manifest and make it the current one, in this order."""
        write_whole(_path(folder, self.id), self.content)
        write_whole(folder / "HEAD", self.id.encode() + b"\n")


def current(folder: Path) -> Manifest:
    """The manifest HEAD points at; the empty one where nothing was ever imported."""
    head = folder / "HEAD"
    try:
        found = _ID.fullmatch(head.read_text(encoding="ascii", errors="replace").strip())
    except FileNotFoundError:
        return Manifest()
    except OSError as error:
        raise _unreadable(head, error) from error
    if found is None:
        raise StoreDamaged(f"{head} names no snapshot.", hint="Restore it from a backup.")
    return _read(folder, found[1])


def load(folder: Path, snapshot_id: str) -> Manifest:
    """A past or present manifest by its id (`sha256:...`, or its 64 digits).

    Raises `UsageError` where the id is none, or not of this workspace.
    """
    found = _ID.fullmatch(snapshot_id)
    if found is None:
        raise UsageError(
            f"{snapshot_id!r} is no snapshot id.", hint="It is `sha256:` and 64 digits, as results print it."
        )
    if f"sha256:{found[1]}" == Manifest().id:
        return Manifest()
    if not _path(folder, found[1]).exists():
        raise UsageError(
            f"snapshot sha256:{found[1]} is not in {folder}.",
            hint="Import the claims it was made of, or use the workspace it comes from.",
        )
    return _read(folder, found[1])


def every(folder: Path) -> list[Manifest]:
    """All manifests ever made here, by id."""
    paths = sorted(folder.glob("snapshot-*.json"))
    return [_read(folder, path.stem.removeprefix("snapshot-")) for path in paths]


def _unreadable(path: Path, error: OSError) -> SourceUnavailable:
    return SourceUnavailable(f"cannot read {path}: {error.strerror}.", hint="Check its owner and mode.")


def _path(folder: Path, snapshot_id: str) -> Path:
    return folder / f"snapshot-{snapshot_id.removeprefix('sha256:')}.json"


def _read(folder: Path, digits: str) -> Manifest:
    path = _path(folder, digits)
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise StoreDamaged(f"{path} is missing.", hint="Restore it from a backup.") from error
    except OSError as error:
        raise _unreadable(path, error) from error
    if hashlib.sha256(content).hexdigest() != digits:
        raise StoreDamaged(f"{path} does not match its name.", hint="Restore it from a backup.")
    document = json.loads(content)
    known = {field.name for field in fields(ListEntry)}
    if document["schema"] != SCHEMA or any(entry.keys() - known for entry in document["lists"]):
        raise StoreDamaged(
            f"{path} is of schema {document['schema']}, of a later version.",
            hint="Use the version that wrote it.",
        )
    lists = ({**entry, "rejected": tuple(entry.get("rejected", ()))} for entry in document["lists"])
    return Manifest(tuple(ListEntry(**entry) for entry in lists))
