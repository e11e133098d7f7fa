"""A set of exported files: what each is, which blocks it holds, and its rows of a run of blocks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from adapters.files import columns as read
from adapters.files import staging
from adapters.files.layouts import LAYOUTS, NOT_READ, Dataset, Layout
from adapters.files.rows import File, Rows
from adapters.files.stretch import Stretch
from tracer.errors import BadExport, SourceUnavailable

_SUFFIXES = (".csv", ".json", ".jsonl", ".ndjson", ".parquet")
"""Files of a folder that are looked into, text also where it is packed (.gz); of what is named one by one all are."""
_FLOATS = ("_f32", "_f64")


@dataclass
class Exports:
    """All files of one import.

    files    by what they hold
    passed   files of a folder that hold no movement of value
    blooms   the files of blocks once more, with what their headers tell of logs: half a kilobyte a block
    chains   chain ids that the files name (cryo); ethereum-etl names none
    """

    files: dict[Dataset, list[File]] = field(default_factory=dict)
    passed: list[Path] = field(default_factory=list)
    empty: list[Path] = field(default_factory=list)
    blooms: list[File] = field(default_factory=list)
    chains: dict[int, Path] = field(default_factory=dict)

    def of(self, dataset: Dataset) -> list[File]:
        """The files of one kind."""
        return self.files.get(dataset, [])

    def has(self, dataset: Dataset) -> bool:
        """Whether there is a file of that kind, be it without a row."""
        return dataset in self.files

    def read(self, dataset: Dataset, first: int, last: int) -> list[Rows]:
        """Rows of these blocks, file by file."""
        return _read(self.of(dataset), first, last)

    def read_blooms(self, first: int, last: int) -> list[Rows]:
        """What headers tell of logs, of these blocks."""
        return _read(self.blooms, first, last)

    def holding(self, dataset: Dataset, height: int) -> Path:
        """The first file that has rows of a block."""
        return next(file.path for file in self.of(dataset) if height in file.heights)

    def counts(self, dataset: Dataset, heights: NDArray[np.int64]) -> NDArray[np.int64]:
        """(b,) rows of each of these blocks, which ascend; `BadExport` names a row of a block that is not there."""
        found = np.zeros(len(heights), np.int64)
        for file in self.of(dataset):
            at = np.searchsorted(heights, file.heights)
            strange = np.append(heights, -1)[at] != file.heights
            if strange.any():
                raise BadExport(
                    f"{file.path}: rows of block {file.heights[int(np.argmax(strange))]}, and no file of blocks "
                    "holds it.",
                    hint="Import the blocks with it.",
                )
            np.add.at(found, at, file.counts)
        return found


def _read(files: Sequence[File], first: int, last: int) -> list[Rows]:
    return [
        file.read(first, last)
        for file in files
        if np.searchsorted(file.heights, first) < np.searchsorted(file.heights, last, side="right")
    ]


def find(paths: Sequence[Path]) -> list[tuple[Path, bool]]:
    """Files to look into, in the order of their names, and whether each was named itself; folders recursively."""
    found: dict[Path, bool] = {}
    for path in paths:
        if path.is_dir():
            inside = (
                p
                for p in path.rglob("*")
                if p.name.lower().removesuffix(".gz").endswith(_SUFFIXES)
                and p.is_file()
                and not any(name.startswith(".") for name in p.relative_to(path).parts)
            )
            found.update(dict.fromkeys(sorted(inside), False))
        elif path.is_file():
            found[path] = True
        else:
            raise SourceUnavailable(f"{path} does not exist.")
    if not found:
        raise SourceUnavailable(
            f"no file to import in {', '.join(map(str, paths))}.", hint=f"Looked for {', '.join(_SUFFIXES)}."
        )
    return list(found.items())


def open_exports(
    paths: Sequence[Path], scratch: Path, progress: Callable[[int, int], None] | None = None
) -> Exports:
    """Recognise files by their columns; text is first made Parquet in `scratch`, an empty folder.

    `BadExport` names file and column of what cannot be used, `SourceUnavailable` what cannot be read.
    """
    exports = Exports()
    found = find(paths)
    for number, (path, named) in enumerate(found):
        names = column_names(path)
        if not names:
            exports.empty.append(path)
            continue
        layout = _recognised(path, names, named)
        if layout is None:
            exports.passed.append(path)
            continue
        columns = _columns(path, layout, names)
        file = _open(path, layout, columns, scratch / f"{number}.parquet")
        exports.files.setdefault(layout.dataset, []).append(file.without("logsBloom"))
        if "logsBloom" in columns:
            exports.blooms.append(file.only("logsBloom"))
        if "chainId" in columns and file.rows:
            for chain in _chains(file):
                exports.chains.setdefault(chain, path)
        if progress:
            progress(number + 1, len(found))
    return exports


def is_parquet(path: Path) -> bool:
    """Whether a file is Parquet, by its first bytes."""
    try:
        with path.open("rb") as file:
            return file.read(4) == b"PAR1"
    except OSError as error:
        raise SourceUnavailable(f"cannot read {path}: {error.strerror}.") from error


def column_names(path: Path) -> list[str]:
    """Names of the columns of a file; none where it is empty."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not is_parquet(path):
        return staging.header(path)
    try:
        return list(pq.read_schema(path).names)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise BadExport(f"{path} is no whole Parquet file ({error}).", hint="Export it again.") from error


def _recognised(path: Path, names: list[str], named: bool) -> Layout | None:
    """What a file is; None where it is passed over."""
    has = set(names)
    if twice := [name for name in names if names.count(name) > 1]:
        raise BadExport(f"{path} has two columns {twice[0]}.")
    # cryo writes a uint256 as several columns, of which any may be there
    has |= {
        name.rsplit("_", 1)[0] for name in names if name.endswith(("_binary", "_string", "_d128", *_FLOATS))
    }
    for layout in LAYOUTS:
        if layout.marks <= has:
            return layout
    for marks, what in NOT_READ.items():
        if marks <= has:
            if named:
                raise BadExport(f"{path} holds {what}, and no movement of value.")
            return None
    if not named:
        return None
    raise BadExport(
        f"{path} is no file of ethereum-etl or cryo that can be imported (columns {', '.join(names[:8])}).",
        hint="Blocks, transactions, receipts, logs, token_transfers, traces, erc20_transfers, erc721_transfers.",
    )


def _columns(path: Path, layout: Layout, names: list[str]) -> dict[str, str]:
    """The column of each field; `BadExport` where one that is needed is not there."""
    columns = {}
    for wanted in layout.fields:
        column = next((name for name in wanted.columns if name in names), None)
        if column is not None:
            columns[wanted.name] = column
        elif wanted.required:
            raise _missing(path, layout, wanted.columns, names)
    return columns


def _missing(path: Path, layout: Layout, wanted: Sequence[str], names: list[str]) -> BadExport:
    base = wanted[-1]
    floats = [name for name in names if name in [base + suffix for suffix in _FLOATS]]
    if floats:
        return BadExport(
            f"{path}: column {floats[0]} holds floating-point numbers, which have lost digits.",
            hint="Collect it again with --u256-types binary.",
        )
    hint = f"Export the {layout.dataset} again, whole."
    if layout.tool == "cryo":
        hint = f"Collect the {layout.dataset} again with --include-columns {base}."
    return BadExport(f"{path}: column {base} is missing from these {layout.dataset}.", hint=hint)


def _open(path: Path, layout: Layout, columns: dict[str, str], stored: Path) -> File:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if is_parquet(path):
        stored = path
    else:
        staging.stage(path, layout, sorted(set(columns.values())), stored)
        if not stored.exists():  # a header and nothing else
            return File(path, layout, stored, columns, np.zeros(0, np.int64), np.zeros(0, np.int64))
    try:
        column = pq.read_table(stored, columns=[layout.height]).column(layout.height)
    except (pa.ArrowInvalid, OSError) as error:
        raise BadExport(f"{path} is no whole Parquet file ({error}).", hint="Export it again.") from error
    if not pa.types.is_integer(column.type):
        raise BadExport(
            f"{path}: column {layout.height} is of type {column.type}, which holds no heights.",
            hint="Write it as whole numbers.",
        )
    if column.null_count:
        raise BadExport(f"{path}: column {layout.height} holds nothing in {column.null_count} rows.")
    every = column.to_numpy()
    heights, counts = np.unique(every, return_counts=True)
    # unsigned heights have no negative differences
    stretch = Stretch(stored, sorted(set(columns.values()))) if (every[1:] >= every[:-1]).all() else None
    if len(heights) and not 0 <= int(heights[0]) <= int(heights[-1]) < 1 << 31:
        raise BadExport(f"{path}: column {layout.height} holds heights that no chain has.")
    return File(path, layout, stored, columns, heights.astype(np.int64), counts.astype(np.int64), stretch)


def _chains(file: File) -> list[int]:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    column = file.columns["chainId"]
    found = pa.chunked_array([pc.unique(pq.read_table(file.stored, columns=[column]).column(column))])
    numbers, _ = read.whole(found, read.Place(str(file.path), column, np.zeros(len(found), np.int64)))
    return [int(number) for number in numbers]
