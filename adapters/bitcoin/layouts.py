"""How the chains of the family write transactions: one walk over a run of blocks for each `Layout`.

A new layout is a kernel that fills the columns of `scan.scan_blocks`, and a line in `walk`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numba as nb
import numpy as np
from numpy.typing import NDArray

from adapters.bitcoin import scan
from adapters.bitcoin.entry import BitcoinChain, Layout
from adapters.bitcoin.hashing import sha256_pieces
from adapters.bitcoin.wire import compact
from adapters.bitcoin.zcash import scan as zcash_scan
from adapters.bitcoin.zcash.txids import tree_txids

_TOKEN = 0xEF
_LARGEST = 0x7FFFFFFFFFFFFFFF
"""Of an amount of tokens."""


@dataclass
class Walked:
    """The sound blocks at the front of a run, as offsets into its buffer.

    tx, txin, txout  as `scan.scan_blocks` says; txids (t, 32) uint8 in wire order; counts (b,) transactions per block
    sound            how many blocks these are; problem: what is wrong with the next, None where there is none
    pools            what each transaction moves into each shielded pool (`zcash.scan`), None where the chain has none
    """

    tx: NDArray[np.int64]
    txin: NDArray[np.int64]
    txout: NDArray[np.int64]
    txids: NDArray[np.uint8]
    counts: NDArray[np.int64]
    sound: int
    problem: str | None
    pools: NDArray[np.int64] | None = None


def walk(
    buffer: NDArray[np.uint8],
    bodies: NDArray[np.int64],
    ends: NDArray[np.int64],
    first_height: int,
    chain: BitcoinChain,
) -> Walked:
    """Walk blocks of consecutive heights, each from behind its header (`bodies`) to its end, by the chain's layout."""
    if chain.layout is Layout.ZCASH:
        return _walk_zcash(buffer, bodies, ends, chain.max_money)
    flags = 0 if chain.segwit_height is None else scan.WITNESS
    if chain.layout is Layout.MWEB:
        flags |= scan.MWEB
    found = _walk(buffer, bodies, ends, flags, chain.max_money)
    if chain.layout is Layout.CASHTOKENS and chain.tokens_height is not None:
        skip_tokens(buffer, found.txout, first_output(found, chain.tokens_height - first_height))
    return found


def first_output(walked: Walked, block: int) -> int:
    """The row of the first output from a block of the run on."""
    return int(np.searchsorted(walked.tx[walked.txout[:, 0], 0], block))


def _walk(
    buffer: NDArray[np.uint8], bodies: NDArray[np.int64], ends: NDArray[np.int64], flags: int, max_money: int
) -> Walked:
    tx, txin, txout = scan.columns(int(np.maximum(ends - bodies, 0).sum()))
    counts = np.zeros(len(bodies), np.int64)
    problems = np.zeros(len(bodies), np.int64)
    n_tx, n_in, n_out = scan.scan_blocks(
        buffer, bodies, ends, max_money, flags, tx, txin, txout, counts, problems
    )
    sound, problem = _sound(problems, scan.PROBLEMS)
    tx = tx[:n_tx]
    return Walked(tx, txin[:n_in], txout[:n_out], txids(buffer, tx), counts[:sound], sound, problem)


def _walk_zcash(
    buffer: NDArray[np.uint8], bodies: NDArray[np.int64], ends: NDArray[np.int64], max_money: int
) -> Walked:
    tx, txin, txout = scan.columns(int(np.maximum(ends - bodies, 0).sum()))
    pools = np.zeros((len(tx), len(zcash_scan.POOLS)), np.int64)
    counts = np.zeros(len(bodies), np.int64)
    problems = np.zeros(len(bodies), np.int64)
    n_tx, n_in, n_out = zcash_scan.scan_blocks(
        buffer, bodies, ends, max_money, tx, txin, txout, pools, counts, problems
    )
    sound, problem = _sound(problems, zcash_scan.PROBLEMS)
    tx = tx[:n_tx]
    names = txids(buffer, tx)
    trees = np.flatnonzero(tx[:, 9])
    names[trees] = tree_txids(buffer, tx[trees, 1], tx[trees, 2])
    return Walked(tx, txin[:n_in], txout[:n_out], names, counts[:sound], sound, problem, pools[:n_tx])


def _sound(problems: NDArray[np.int64], words: Mapping[int, str]) -> tuple[int, str | None]:
    """How many blocks are sound, and what is wrong with the next."""
    bad = np.flatnonzero(problems)
    return (int(bad[0]), words[int(problems[bad[0]])]) if len(bad) else (len(problems), None)


def txids(buffer: NDArray[np.uint8], tx: NDArray[np.int64]) -> NDArray[np.uint8]:
    """SHA-256d of each transaction without marker, flag and what they announce."""
    start, end, body_end = tx[:, 1], tx[:, 2], tx[:, 3]
    pieces = np.zeros((len(tx), 6), np.int64)
    plain = body_end == 0
    pieces[:, 0] = start
    pieces[:, 1] = np.where(plain, end, start + 4)
    pieces[:, 2] = np.where(plain, 0, start + 6)
    pieces[:, 3] = np.where(plain, 0, body_end)
    pieces[:, 4] = np.where(plain, 0, end - 4)
    pieces[:, 5] = np.where(plain, 0, end)
    return sha256_pieces(buffer, pieces, double=True)


@nb.njit(nogil=True, cache=True)
def skip_tokens(buffer, txout, first):  # type: ignore[no-untyped-def]
    """Leave the token prefix (CHIP-2022-02) out of the locking scripts of `txout`, from row `first` on.

    0xef, category (32 bytes), a byte of flags, the commitment where told, the amount where told; then the script.
    What is no such prefix stays part of the script: nobody can spend that.
    """
    for row in range(first, txout.shape[0]):
        at = txout[row, 2]
        end = at + txout[row, 3]
        if at + 34 > end or buffer[at] != _TOKEN:
            continue
        told = buffer[at + 33]
        nft = told & 0x20 != 0
        commitment = told & 0x40 != 0
        amount = told & 0x10 != 0
        if told & 0x80 or told & 0x0F > 2 or not (nft or amount):
            continue
        if not nft and (commitment or told & 0x0F):
            continue
        at += 34
        if commitment:
            size, at = compact(buffer, at, end, _LARGEST)
            if at < 0 or size == 0 or size > end - at:
                continue
            at += size
        if amount:
            size, at = compact(buffer, at, end, _LARGEST)
            if at < 0 or size == 0:
                continue
        txout[row, 2] = at
        txout[row, 3] = end - at
