"""Find the block files a path means: a file, a folder of them, or a node's data folder with one chain or several."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from adapters.bitcoin.chains import BitcoinChain
from adapters.bitcoin.folder.obfuscation import folder_key, reveal
from tracer.errors import SourceUnavailable

_BLOCK_FILE = re.compile(r"blk(\d{5,})\.dat")
_NOT_BLOCKS = ("rev", "xor", "peers", "banlist", "mempool", "fee_estimates", "anchors", "O0", "leaf", "prun")
"""Beside a node's own, the last three are what litecoind keeps of MWEB."""


@dataclass(frozen=True)
class BlockFolder:
    """Block files in the order of their names, and the key they are obfuscated with (empty: none)."""

    files: list[Path]
    key: bytes


def find_blocks(path: Path, chain: BitcoinChain) -> BlockFolder:
    """The file itself; or a folder's `blk*.dat`; or those of the chain in a node's data folder.

    A node keeps its main chain in `blocks/` and others in folders of its own naming (`regtest/blocks`,
    `testnet3/blocks`): the one whose first block is of the chain is taken. Raises `SourceUnavailable`.
    """
    try:
        if path.is_file():
            numbered = _BLOCK_FILE.fullmatch(path.name)
            return BlockFolder([path], folder_key(path.parent) if numbered else b"")
        if not path.is_dir():
            known = "is neither a file nor a folder" if path.exists() else "does not exist"
            raise SourceUnavailable(f"{path} {known}.", hint="Give a block file or a folder of them.")
        if files := _files(path) or _other_files(path):
            return BlockFolder(files, folder_key(path))
        folders = [path / "blocks", *sorted(path.glob("*/blocks"))]
        found = [(folder, files) for folder in folders if (files := _files(folder))]
        if found:
            mine = (item for item in found if _begins_as(item[1][0], folder_key(item[0]), chain))
            folder, files = next(mine, found[0])
            return BlockFolder(files, folder_key(folder))
    except OSError as error:
        raise SourceUnavailable(f"cannot read {path}: {error.strerror}.") from error
    raise SourceUnavailable(
        f"the folder {path} holds no block files (blk*.dat).", hint="Give the folder with the blk*.dat files."
    )


def undo_file(block_file: Path) -> Path | None:
    """The undo file of a block file, there or not; None where the name does not tell."""
    named = _BLOCK_FILE.fullmatch(block_file.name)
    return block_file.with_name(f"rev{named[1]}.dat") if named else None


def _files(folder: Path) -> list[Path]:
    """By number: after blk99999.dat comes blk100000.dat."""
    return sorted(folder.glob("blk*.dat"), key=lambda file: (len(file.name), file.name))


def _other_files(folder: Path) -> list[Path]:
    return sorted(f for f in folder.glob("*.dat") if not f.name.startswith(_NOT_BLOCKS))


def _begins_as(file: Path, key: bytes, chain: BitcoinChain) -> bool:
    with file.open("rb") as handle:
        magic = np.frombuffer(handle.read(4), np.uint8).copy()
    reveal(magic, 0, key)
    return magic.tobytes() == chain.magic
