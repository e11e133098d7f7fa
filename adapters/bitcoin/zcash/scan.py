"""Walk raw Zcash blocks once: the columns of `adapters.bitcoin.scan`, and what goes through shielded pools.

The formats are those of the protocol specification section 7.1: version 1 is Bitcoin's; 2 adds JoinSplits (Sprout), 3 a
version group and an expiry height (ZIP 202), 4 Sapling (ZIP 243), 5 Orchard in a layout of its own (ZIP 225), 6
Ironwood (ZIP 229). Proofs, notes and signatures are skipped by their lengths.
"""

from __future__ import annotations

import numba as nb
import numpy as np

from adapters.bitcoin import scan
from adapters.bitcoin.scan import (
    BAD_COINBASE,
    BAD_VALUE,
    CUT_OFF,
    NO_OUTPUT,
    NO_TRANSACTION,
    OK,
    TOO_MANY,
    TRAILING,
)
from adapters.bitcoin.wire import MOST, compact, le, skip_bytes

UNKNOWN_VERSION, BAD_BALANCE = 20, 21

PROBLEMS = scan.PROBLEMS | {
    UNKNOWN_VERSION: "a transaction is of a version, or a version group, that is not known here",
    BAD_BALANCE: "what a transaction moves through a shielded pool is outside the money range, or moved by nothing",
}

POOLS = ("sprout", "sapling", "orchard", "ironwood")
"""Shielded pools by number."""
SPROUT, SAPLING, ORCHARD, IRONWOOD = range(4)
OVERWINTERED = 1 << 31
GROUPS = {3: 0x03C48270, 4: 0x892F2085, 5: 0x26A7270A, 6: 0xD884B698}
"""Version -> the version group its format is told by."""
TREE_FROM = 5
"""From this version on a txid is a tree of hashes (`zcash.txids`)."""

_V3, _V4, _V5, _V6 = (GROUPS[v] for v in (3, 4, 5, 6))
_PHGR13, _GROTH16 = 1802, 1698
"""Bytes of a JoinSplit: with the first proofs, up to version 3, and with Sapling's."""


def behind_version(header: int) -> int:
    """How many bytes stand between the first four of a transaction and its inputs."""
    if not header & OVERWINTERED:
        return 0
    return 16 if header & ~OVERWINTERED >= TREE_FROM else 4


@nb.njit(nogil=True, cache=True)
def _transparent(buffer, at, end, n_tx, max_money, txin, n_in, txout, n_out):  # type: ignore[no-untyped-def]
    """Past inputs and outputs, which are Bitcoin's: (next, inputs, outputs, their sum, a null outpoint, problem)."""
    inputs, at = compact(buffer, at, end, MOST)
    if at < 0 or inputs > (end - at) // 41:
        return -1, 0, 0, 0, False, CUT_OFF
    nowhere = False
    for i in range(inputs):
        if at + 41 > end:
            return -1, 0, 0, 0, False, CUT_OFF
        script, length, after = skip_bytes(buffer, at + 36, end)
        if after < 0 or after + 4 > end:
            return -1, 0, 0, 0, False, CUT_OFF
        row = n_in + i
        txin[row, 0] = n_tx
        txin[row, 1] = at
        txin[row, 2] = np.int64(le(buffer, after, 4))
        txin[row, 3] = script
        txin[row, 4] = length
        if le(buffer, at + 32, 4) == np.uint64(0xFFFFFFFF):
            empty = True
            for k in range(32):
                if buffer[at + k] != 0:
                    empty = False
                    break
            nowhere = nowhere or empty
        at = after + 4
    outputs, at = compact(buffer, at, end, MOST)
    if at < 0 or outputs > (end - at) // 9:
        return -1, 0, 0, 0, False, CUT_OFF
    total = np.int64(0)
    for i in range(outputs):
        if at + 9 > end:
            return -1, 0, 0, 0, False, CUT_OFF
        value = np.int64(le(buffer, at, 8))
        if value < 0 or value > max_money:
            return -1, 0, 0, 0, False, BAD_VALUE
        total += value
        if total > max_money:
            return -1, 0, 0, 0, False, BAD_VALUE
        script, length, after = skip_bytes(buffer, at + 8, end)
        if after < 0:
            return -1, 0, 0, 0, False, CUT_OFF
        row = n_out + i
        txout[row, 0] = n_tx
        txout[row, 1] = value
        txout[row, 2] = script
        txout[row, 3] = length
        at = after
    return at, inputs, outputs, total, nowhere, OK


@nb.njit(nogil=True, cache=True)
def _balance(buffer, at, end, max_money, pools, pool):  # type: ignore[no-untyped-def]
    """A value balance, which counts what leaves the pool: OK or a problem; the pool is credited."""
    if at + 8 > end:
        return CUT_OFF
    value = np.int64(le(buffer, at, 8))
    if value < -max_money or value > max_money:
        return BAD_BALANCE
    pools[pool] = -value
    return OK


@nb.njit(nogil=True, cache=True)
def _joinsplits(buffer, at, end, size, max_money, pools):  # type: ignore[no-untyped-def]
    """Past JoinSplits of `size` bytes each, their key and signature: (next, how many, problem)."""
    count, at = compact(buffer, at, end, MOST)
    if at < 0 or count > (end - at) // size:
        return -1, 0, CUT_OFF
    for _ in range(count):
        into = np.int64(le(buffer, at, 8))
        out_of = np.int64(le(buffer, at + 8, 8))
        if into < 0 or into > max_money or out_of < 0 or out_of > max_money or (into > 0 and out_of > 0):
            return -1, 0, BAD_BALANCE
        pools[SPROUT] += into - out_of
        if abs(pools[SPROUT]) > max_money:
            return -1, 0, BAD_BALANCE
        at += size
    at += 96 if count else 0
    return (at, count, OK) if at <= end else (-1, 0, CUT_OFF)


@nb.njit(nogil=True, cache=True)
def _sapling4(buffer, at, end, max_money, pools):  # type: ignore[no-untyped-def]
    """Past the Sapling fields of version 4: (next, spends, outputs, problem). The binding signature comes later."""
    problem = _balance(buffer, at, end, max_money, pools, SAPLING)
    if problem != OK:
        return -1, 0, 0, problem
    spends, at = compact(buffer, at + 8, end, MOST)
    if at < 0 or spends > (end - at) // 384:
        return -1, 0, 0, CUT_OFF
    at += 384 * spends
    receipts, at = compact(buffer, at, end, MOST)
    if at < 0 or receipts > (end - at) // 948:
        return -1, 0, 0, CUT_OFF
    if spends + receipts == 0 and pools[SAPLING] != 0:
        return -1, 0, 0, BAD_BALANCE
    return at + 948 * receipts, spends, receipts, OK


@nb.njit(nogil=True, cache=True)
def _sapling(buffer, at, end, max_money, pools):  # type: ignore[no-untyped-def]
    """Past the Sapling fields of version 5 and later: (next, spends, outputs, problem)."""
    spends, at = compact(buffer, at, end, MOST)
    if at < 0 or spends > (end - at) // 352:
        return -1, 0, 0, CUT_OFF
    at += 96 * spends
    receipts, at = compact(buffer, at, end, MOST)
    if at < 0 or receipts > (end - at) // 948:
        return -1, 0, 0, CUT_OFF
    at += 756 * receipts
    if spends + receipts == 0:
        return at, 0, 0, OK
    problem = _balance(buffer, at, end, max_money, pools, SAPLING)
    if problem != OK:
        return -1, 0, 0, problem
    at += 8 + (32 if spends else 0) + (192 + 64) * spends + 192 * receipts + 64
    return (at, spends, receipts, OK) if at <= end else (-1, 0, 0, CUT_OFF)


@nb.njit(nogil=True, cache=True)
def _actions(buffer, at, end, max_money, pools, pool):  # type: ignore[no-untyped-def]
    """Past the Orchard fields, or the Ironwood ones, which are alike: (next, actions, problem)."""
    actions, at = compact(buffer, at, end, MOST)
    if at < 0 or actions > (end - at) // 884:
        return -1, 0, CUT_OFF
    at += 820 * actions
    if actions == 0:
        return at, 0, OK
    problem = _balance(buffer, at + 1, end, max_money, pools, pool)
    if problem != OK:
        return -1, 0, problem
    proofs, at = compact(buffer, at + 41, end, MOST)
    if at < 0 or proofs + 64 * actions + 64 > end - at:
        return -1, 0, CUT_OFF
    return at + proofs + 64 * actions + 64, actions, OK


@nb.njit(nogil=True, cache=True)
def _version(buffer, at, end):  # type: ignore[no-untyped-def]
    """The version as written and the format it means: 1 to 6, 0 where it is unknown."""
    if at + 8 > end:
        return 0, 0
    header = np.int64(le(buffer, at, 4))
    version = header & 0x7FFFFFFF
    if header == version:  # before Overwinter any number was allowed
        return version, min(version, 2)
    group = np.int64(le(buffer, at + 4, 4))
    known = (
        (version == 3 and group == _V3)
        or (version == 4 and group == _V4)
        or (version == 5 and group == _V5)
        or (version == 6 and group == _V6)
    )
    return version, version if known else 0


@nb.njit(nogil=True, cache=True)
def _shielded(buffer, at, end, form, max_money, pools):  # type: ignore[no-untyped-def]
    """Past what follows the outputs: (next, lock time, what takes out of pools, what puts in, problem)."""
    locktime = np.int64(0)
    spends, receipts, joins, actions, more = 0, 0, 0, 0, 0
    problem = OK
    if form >= TREE_FROM:
        at, spends, receipts, problem = _sapling(buffer, at, end, max_money, pools)
        if problem == OK:
            at, actions, problem = _actions(buffer, at, end, max_money, pools, ORCHARD)
        if problem == OK and form == 6:
            at, more, problem = _actions(buffer, at, end, max_money, pools, IRONWOOD)
    else:
        if at + 4 + (4 if form >= 3 else 0) > end:
            return -1, locktime, 0, 0, CUT_OFF
        locktime = np.int64(le(buffer, at, 4))
        at += 8 if form >= 3 else 4
        if form == 4:
            at, spends, receipts, problem = _sapling4(buffer, at, end, max_money, pools)
        if problem == OK and form >= 2:
            size = _GROTH16 if form == 4 else _PHGR13
            at, joins, problem = _joinsplits(buffer, at, end, size, max_money, pools)
        if problem == OK and spends + receipts > 0:
            at += 64
    if problem == OK and at > end:
        problem = CUT_OFF
    return at, locktime, spends + joins + actions + more, receipts + joins + actions + more, problem


@nb.njit(nogil=True, cache=True)
def scan_blocks(buffer, bodies, ends, max_money, tx, txin, txout, pools, counts, problems):  # type: ignore[no-untyped-def]
    """`scan.scan_blocks` for Zcash's formats; of `tx` column 9 is the version where the txid is a tree.

    pools (t, 4) int64, zero when given: base units that each transaction adds to each of `POOLS`; below zero: takes
    out of it.
    """
    n_tx = 0
    n_in = 0
    n_out = 0
    for b in range(bodies.shape[0]):
        end = ends[b]
        count, at = compact(buffer, bodies[b], end, MOST)
        if at < 0:
            problems[b] = CUT_OFF
            return n_tx, n_in, n_out
        if count == 0 or count >= (1 << 24):
            problems[b] = NO_TRANSACTION if count == 0 else TOO_MANY
            return n_tx, n_in, n_out
        t0, i0, o0 = n_tx, n_in, n_out
        problem = OK
        for position in range(count):
            start = at
            if at + 10 > end:
                problem = CUT_OFF
                break
            version, form = _version(buffer, at, end)
            if form == 0:
                problem = UNKNOWN_VERSION
                break
            at += 20 if form >= TREE_FROM else (8 if form >= 3 else 4)
            at, inputs, outputs, total, nowhere, problem = _transparent(
                buffer, at, end, n_tx, max_money, txin, n_in, txout, n_out
            )
            if problem != OK:
                break
            own = pools[n_tx]
            at, locktime, takers, givers, problem = _shielded(buffer, at, end, form, max_money, own)
            if problem != OK:
                break
            if inputs + takers == 0 or outputs + givers == 0:
                problem = NO_OUTPUT
                break
            coinbase = position == 0
            if nowhere != coinbase or (coinbase and inputs != 1):
                problem = BAD_COINBASE
                break
            if coinbase and (txin[n_in, 4] < 2 or txin[n_in, 4] > 100):
                problem = BAD_COINBASE
                break
            into = total
            for pool in range(4):
                if coinbase and own[pool] < 0:  # new coins, and nothing out of a pool
                    problem = BAD_COINBASE
                into += max(own[pool], 0)
            if into > max_money:
                problem = BAD_BALANCE
            if problem != OK:
                break
            if form >= TREE_FROM:
                locktime = np.int64(le(buffer, start + 12, 4))
            tx[n_tx, 0] = b
            tx[n_tx, 1] = start
            tx[n_tx, 2] = at
            tx[n_tx, 3] = 0
            tx[n_tx, 4] = version
            tx[n_tx, 5] = locktime
            tx[n_tx, 6] = inputs
            tx[n_tx, 7] = outputs
            tx[n_tx, 8] = total
            tx[n_tx, 9] = form if form >= TREE_FROM else 0
            n_tx += 1
            n_in += inputs
            n_out += outputs
        if problem == OK and at != end:
            problem = TRAILING
        if problem != OK:
            problems[b] = problem
            return t0, i0, o0
        counts[b] = count
    return n_tx, n_in, n_out
