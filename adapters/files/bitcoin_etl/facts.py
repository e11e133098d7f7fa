"""A run of blocks out of exported rows -> one batch, by the decoder that reads raw blocks.

What the rows tell is written as raw blocks without witnesses and decoded like any other. The Merkle root is checked
over the txids that are stated; a txid that does not follow from its row is refused, but where the rows cannot tell it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from adapters.bitcoin.entry import BitcoinChain, Layout
from adapters.bitcoin.hashing import sha256_rows
from adapters.bitcoin.headers import work_problem
from adapters.bitcoin.work import HEADER_SIZE
from adapters.bitcoin.zcash.scan import POOLS
from adapters.files.bitcoin_etl.decoding import batch_of
from adapters.files.bitcoin_etl.heads import Heads
from adapters.files.bitcoin_etl.ordering import Ordered, ordered
from tracer.ledger.batch import UtxoBatch

if TYPE_CHECKING:
    import pyarrow as pa

STATED = (
    "transactions are as the files state them: what would make their txids is not in the files; that they are of their "
    "blocks is proved by the Merkle roots, what they moved is not"
)
DOUBTED = (
    "transactions have not the txid that is stated, and may be right all the same: a coinbase with an unusual "
    "sequence, tokens of bitcoin-cash. They are as the files state them, or a row is damaged"
)
UNLINKED = (
    "blocks of which the files do not tell what they build on: their headers and their work were not checked"
)
LONG = "blocks whose headers hold more than is exported: their hashes and their work were not checked"
NO_WITNESSES = "witnesses are not in such files: what blocks commit to of them was not checked"
UNSIZED = "transactions whose size is not told: theirs is without witness"
"""What files may lack, as notes say it."""


@dataclass(frozen=True)
class Facts:
    """The sound blocks from the first on; why the next cannot be used; what is to be said: sentence -> how many."""

    batch: UtxoBatch | None
    sound: int
    problem: str | None
    notes: Mapping[str, int]


def facts(table: pa.Table, heads: Heads, chain: BitcoinChain, where: Callable[[int], str]) -> Facts:
    """Everything that rows say of consecutive blocks; `where` tells the file of the n-th of them."""
    found = ordered(table, heads)
    problems: dict[int, str] = {}
    for of in (found.problems, _headers(heads, chain), _unproved(found, heads, chain)):
        for height, text in of.items():
            problems.setdefault(height, f"{where(height - int(heads.heights[0]))}: {text}.")
    bad = min(problems, default=None)
    sound = len(heads) if bad is None else bad - int(heads.heights[0])
    problem = None if bad is None else problems[bad]
    if not sound:
        return Facts(None, 0, problem, {})
    found, heads = found.head(sound), heads.take(np.arange(sound))
    made = batch_of(found, heads, chain)
    if made.problem is not None:
        sound = made.sound
        problem = f"{where(sound)}: block {heads.heights[sound]} is refused, {made.problem}."
        found, heads = found.head(sound), heads.take(np.arange(sound))
    return Facts(made.batch, sound, problem, +_notes(found, heads, chain))


def _headers(heads: Heads, chain: BitcoinChain) -> dict[int, str]:
    """Headers that have not the hash that is stated, or not the work; where they can be written out."""
    problems: dict[int, str] = {}
    wire = heads.wire()
    whole = heads.linked & _short(heads, chain)
    wrong = whole & (sha256_rows(wire, double=True) != heads.hashes).any(axis=1)
    for row in np.flatnonzero(wrong).tolist():
        problems[int(heads.heights[row])] = (
            f"block {heads.heights[row]} does not have the hash that is stated, {_shown(heads.hashes[row])}, by what "
            f"is stated of its header and block {heads.heights[row] - 1} below it"
        )
    for row in np.flatnonzero(whole & ~wrong).tolist():
        header = wire[row].tobytes()
        if chain.proof.size(header) == HEADER_SIZE and (problem := work_problem(header, chain)):
            problems[int(heads.heights[row])] = f"block {heads.heights[row]} is refused, {problem}"
    if heads.heights[0] == 0 and heads.hashes[0].tobytes() != chain.genesis_hash:
        problems[0] = (
            f"block 0 is {_shown(heads.hashes[0])}, and the genesis of {chain.name} is {chain.genesis}"
        )
    return problems


def _short(heads: Heads, chain: BitcoinChain) -> NDArray[np.bool_]:
    """(b,) whether the header is 80 bytes, but for a proof of merged mining behind them."""
    return heads.short & (chain.layout is not Layout.ZCASH)


def _shown(raw: NDArray[np.uint8]) -> str:
    return raw.tobytes()[::-1].hex()


def _unproved(found: Ordered, heads: Heads, chain: BitcoinChain) -> dict[int, str]:
    """Transactions whose txid does not follow from their rows, though nothing is missing there."""
    block = np.repeat(np.arange(len(heads)), found.counts)
    heights = heads.heights[block]
    flag = {name: found.table.column(name).to_numpy(zero_copy_only=False) for name in ("blind", "coinbase")}
    version = found.column("version")
    shielded = np.any([found.column(name) != 0 for name in POOLS], axis=0)
    loose = flag["blind"] | flag["coinbase"]
    bare = found.column("bare") > 0
    if chain.layout is Layout.ZCASH:
        shielded |= bare & (version > 1)  # what pools pay each other without a fee shows nothing
        loose |= (version > 2) | shielded
    if chain.tokens_height is not None:
        loose |= heights >= chain.tokens_height
    problems: dict[int, str] = {}

    def refuse(rows: NDArray[np.bool_], what: str) -> None:
        for row in np.flatnonzero(rows)[::-1].tolist():
            txid = found.txids[row].tobytes()[::-1].hex()
            problems[int(heights[row])] = f"transaction {txid} of block {heights[row]} {what}"

    refuse(
        (found.column("fits") == 0) & ~loose,
        "has not the txid that is stated, with its version, inputs, outputs and lock_time",
    )
    refuse(bare & ~shielded, "has no inputs or no outputs")
    refuse(
        shielded & (chain.layout is not Layout.ZCASH),
        f"pays into a shielded pool, which {chain.name} has not",
    )
    if chain.layout is Layout.ZCASH:
        refuse(
            (version > 4) & ~heads.own[block] & ~flag["coinbase"],
            "is of version 5 or later, of which bitcoin-etl leaves out what the Orchard pool moved",
        )
    return problems


def _notes(found: Ordered, heads: Heads, chain: BitcoinChain) -> Counter[str]:
    """What is to be said of sound blocks."""
    segwit = chain.segwit_height
    stated = found.column("fits") == 0
    flags = {name: found.table.column(name).to_numpy(zero_copy_only=False) for name in ("blind", "coinbase")}
    doubted = stated & ~flags["blind"] & (flags["coinbase"] | (chain.layout is not Layout.ZCASH))
    return Counter(
        {
            STATED: int((stated & ~doubted).sum()),
            DOUBTED: int(doubted.sum()),
            UNLINKED: int((~heads.linked & _short(heads, chain)).sum()),
            LONG: int((~_short(heads, chain)).sum() + sum(_merged(heads, chain))),
            UNSIZED: int((found.column("size") < 0).sum()) if segwit is not None else 0,
            NO_WITNESSES: 0 if segwit is None else int((heads.heights >= segwit).sum()),
        }
    )


def _merged(heads: Heads, chain: BitcoinChain) -> list[bool]:
    """Of each block that could be checked, whether its header goes on behind what is exported."""
    if chain.proof.fixed is not None:
        return []
    rows = np.flatnonzero(heads.linked & _short(heads, chain))
    return [chain.proof.size(header.tobytes()) != HEADER_SIZE for header in heads.wire()[rows]]
