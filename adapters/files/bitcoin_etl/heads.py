"""The blocks of bitcoin-etl's files: each once, in order, with the hash of the block below where anything tells it.

bitcoin-etl does not export that hash. It is the hash of the block below where the files (or the ledger) hold that one;
the header is then written out again and must have the hash that is stated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from adapters.bitcoin.headers import HEADER_SIZE
from adapters.files.bitcoin_etl.layout import Dataset
from adapters.files.bitcoin_etl.parts import Files, Found, parts
from adapters.files.bitcoin_etl.values import BadValue, Rows, heights_of
from tracer.errors import BadExport

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Heads:
    """Blocks as columns.

    heights, times, versions, bits, nonces, counts   (b,) int64; sizes: -1 where not told
    hashes, roots, parents   (b, 32) uint8, wire order; linked (b,): whether the parent is known
    own       (b,) whether the file has a column for the parent, as those of `tracer export` do
    short     (b,) whether the header is the 80 bytes that all chains share: its nonce is one word
    mints     scripts of the coinbases (large_binary), null where not told
    file      (b,) number of the file
    """

    heights: NDArray[np.int64]
    hashes: NDArray[np.uint8]
    roots: NDArray[np.uint8]
    parents: NDArray[np.uint8]
    linked: NDArray[np.bool_]
    own: NDArray[np.bool_]
    times: NDArray[np.int64]
    versions: NDArray[np.int64]
    bits: NDArray[np.int64]
    nonces: NDArray[np.int64]
    short: NDArray[np.bool_]
    counts: NDArray[np.int64]
    sizes: NDArray[np.int64]
    file: NDArray[np.int64]
    mints: pa.LargeBinaryArray

    def __len__(self) -> int:
        return len(self.heights)

    def take(self, rows: NDArray[np.int64]) -> Heads:
        """Some of the blocks."""
        import pyarrow as pa

        arrays: dict[str, Any] = {each.name: getattr(self, each.name) for each in fields(self)}
        mints = arrays.pop("mints").take(pa.array(rows))
        return Heads(**{name: array[rows] for name, array in arrays.items()}, mints=mints)

    def rows(self, first: int, last: int) -> slice:
        """Rows of the blocks from one height to another, of blocks in order."""
        low, high = np.searchsorted(self.heights, [first, last + 1]).tolist()
        return slice(low, high)

    def row_of(self, heights: NDArray[np.int64]) -> NDArray[np.int64]:
        """(n,) the row of each height, -1 where that block is not there."""
        if not len(self):
            return np.full(len(heights), -1, np.int64)
        rows = np.minimum(np.searchsorted(self.heights, heights), len(self) - 1)
        return np.where(self.heights[rows] == heights, rows, -1)

    def wire(self) -> NDArray[np.uint8]:
        """(b, 80) headers; a parent that is not known is all zero."""
        out = np.zeros((len(self), HEADER_SIZE), np.uint8)
        for at, column in ((0, self.versions), (68, self.times), (72, self.bits), (76, self.nonces)):
            word = (column & 0xFFFFFFFF).astype("<u4")
            out[:, at : at + 4] = word.view(np.uint8).reshape(-1, 4)
        out[:, 4:36] = self.parents
        out[:, 36:68] = self.roots
        return out


@dataclass(frozen=True)
class Blocks:
    """The blocks of all files in order, each once; why some cannot be used, by height."""

    heads: Heads
    files: tuple[str, ...]
    problems: dict[int, str]

    def where(self, row: int) -> str:
        """The file a block is in."""
        return self.files[int(self.heads.file[row])]


def read_blocks(files: Files, progress: Callable[[], None] | None = None) -> Blocks:
    """`BadExport` where no file holds blocks; what is wrong with one block is in `problems`."""
    found: list[Heads] = []
    problems: dict[int, str] = {}
    names = tuple(str(file.path) for file in files.of(Dataset.BLOCKS))
    for number, file in enumerate(files.of(Dataset.BLOCKS)):
        found += _of_file(file, number, problems)
        if progress:
            progress()
    if not sum(map(len, found)):
        raise BadExport(
            "no file holds blocks, and without them no transaction has a place and a time.",
            hint="Export the blocks of the same heights too.",
        )
    heads = _each_once(_joined(found), names, problems)
    heads = _linked(heads, names, problems)
    return Blocks(heads, names, problems)


def _of_file(file: Found, number: int, problems: dict[int, str]) -> Iterator[Heads]:
    row = 1
    for table in parts(file):
        heights = heights_of(table, "number", str(file.path), row)
        row += len(table)
        kept = np.arange(len(heights))
        while len(kept):
            try:
                yield _heads(Rows.some(table, kept, str(file.path), heights), number)
                break
            except BadValue as error:
                kept = spoilt(error, problems, heights, kept)


def spoilt(
    error: BadValue, problems: dict[int, str], heights: NDArray[np.int64], kept: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Note why a block cannot be used; -> the rows of the blocks below it: none above it will be."""
    problems.setdefault(error.height, error.problem)
    return kept[heights[kept] < error.height]


def _heads(rows: Rows, number: int) -> Heads:
    scripts, minted = rows.scripts("coinbase_param")
    nonces, short = rows.hexadecimal("nonce", 8, 64)
    bits, _ = rows.hexadecimal("bits", 8, 8)
    parents = rows.hashes("previous_hash", must=False)
    return Heads(
        rows.heights, rows.hashes("hash").raw, rows.hashes("merkle_root").raw, parents.raw,
        parents.there | (rows.heights == 0), np.full(len(rows), rows.has("previous_hash")),
        rows.integers("timestamp", 0, 0xFFFFFFFF),
        rows.integers("version", -(1 << 31), 0xFFFFFFFF), bits, nonces, short,
        rows.integers("transaction_count", 0, 1 << 24), rows.integers("size", 0, 1 << 31, absent=-1),
        np.full(len(rows), number, np.int64),
        _nullable(scripts.data, scripts.starts, minted),
    )  # fmt: skip


def _nullable(
    data: NDArray[np.uint8], starts: NDArray[np.int64], there: NDArray[np.bool_]
) -> pa.LargeBinaryArray:
    import pyarrow as pa

    mask = np.packbits(there, bitorder="little")
    buffers = [pa.py_buffer(mask), pa.py_buffer(starts), pa.py_buffer(data)]
    return pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(there), buffers)


def _joined(found: Sequence[Heads]) -> Heads:
    import pyarrow as pa

    each = {f.name: [getattr(part, f.name) for part in found] for f in fields(Heads)}
    mints = pa.concat_arrays(each.pop("mints"))
    return Heads(**{name: np.concatenate(arrays) for name, arrays in each.items()}, mints=mints)


def _each_once(heads: Heads, names: Sequence[str], problems: dict[int, str]) -> Heads:
    """In order of height; a block that two rows tell the same way is one."""
    heads = heads.take(np.argsort(heads.heights, kind="stable"))
    twice = np.flatnonzero(np.diff(heads.heights) == 0)
    same = (heads.wire()[twice] == heads.wire()[twice + 1]).all(axis=1)
    same &= (heads.hashes[twice] == heads.hashes[twice + 1]).all(axis=1)
    same &= heads.counts[twice] == heads.counts[twice + 1]
    for row in twice[~same].tolist():
        one, two = names[int(heads.file[row])], names[int(heads.file[row + 1])]
        where = f"{two} (also in {one})" if one != two else two
        problems.setdefault(
            int(heads.heights[row]),
            f"{where}: block {heads.heights[row]} is there twice, and the two differ.",
        )
    first = np.ones(len(heads), np.bool_)
    first[twice + 1] = False
    return heads.take(np.flatnonzero(first))


def _linked(heads: Heads, names: Sequence[str], problems: dict[int, str]) -> Heads:
    """The block below is the parent; where a file names another, the upper one is of another branch."""
    follows = np.flatnonzero(np.diff(heads.heights) == 1) + 1
    told = heads.linked[follows] & (heads.parents[follows] != heads.hashes[follows - 1]).any(axis=1)
    for row in follows[told].tolist():
        problems.setdefault(
            int(heads.heights[row]),
            f"{names[int(heads.file[row])]}: block {heads.heights[row]} does not build on block "
            f"{heads.heights[row] - 1} ({heads.hashes[row - 1].tobytes()[::-1].hex()}).",
        )
    parents, linked = heads.parents.copy(), heads.linked.copy()
    parents[follows], linked[follows] = heads.hashes[follows - 1], True
    return replace(heads, parents=parents, linked=linked)
