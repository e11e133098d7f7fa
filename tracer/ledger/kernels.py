"""Set-wise resolution of one turn's columns: who spends what, and which addresses are the same.

What lies inside the turn is settled here in memory; only what refers to earlier turns asks the store.
Hash tables are open-addressed with linear probing; hashes only find candidates, full bytes decide.
"""

from __future__ import annotations

import numba as nb
import numpy as np

_MIX = np.uint64(0x9E3779B97F4A7C15)
_FNV = np.uint64(0x100000001B3)

SOUND, NO_SUCH_OUTPUT, DOUBLE_SPEND, OUT_OF_NOTHING, COINBASE_TOO_MUCH, TOLD_OTHERWISE = range(6)

PROBLEMS = {
    NO_SUCH_OUTPUT: "spends an output that does not exist",
    DOUBLE_SPEND: "spends an output that was spent before",
    OUT_OF_NOTHING: "pays out more than it takes in",
    COINBASE_TOO_MUCH: "creates more coins than subsidy and fees allow",
    TOLD_OTHERWISE: "spends another amount or address than its source told",
}


def table_size(count: int) -> int:
    """Slots for `count` entries: a power of two, at most half full."""
    return 1 << max(4, (2 * count - 1).bit_length())


@nb.njit(nogil=True, cache=True)
def match_prevouts(txids, in_first, prev_txids, prev_vout, out_first, table, in_out, spent):  # type: ignore[no-untyped-def]
    """Find the output row of every input whose transaction is in the turn.

    txids (n, 4), prev_txids (m, 4) uint64: 32 bytes each; in_first, out_first (n + 1,) int64: rows of each
    transaction's inputs and outputs; table int32 filled with -1; in_out (m,) int64 filled with -1; spent
    (o,) bool. Transactions are taken in order, so nothing can spend what comes later, and a txid used again
    (before BIP 30) means its latest use. Returns (problem, transaction).
    """
    mask = np.uint64(table.shape[0] - 1)
    for t in range(txids.shape[0]):
        for i in range(in_first[t], in_first[t + 1]):
            slot = (prev_txids[i, 0] * _MIX) >> np.uint64(20) & mask
            found = -1
            while table[slot] >= 0:
                c = table[slot]
                if (
                    txids[c, 0] == prev_txids[i, 0]
                    and txids[c, 1] == prev_txids[i, 1]
                    and txids[c, 2] == prev_txids[i, 2]
                    and txids[c, 3] == prev_txids[i, 3]
                ):
                    found = c
                    break
                slot = (slot + np.uint64(1)) & mask
            if found < 0:
                continue
            row = out_first[found] + prev_vout[i]
            if prev_vout[i] < 0 or row >= out_first[found + 1]:
                return NO_SUCH_OUTPUT, t
            if spent[row]:
                return DOUBLE_SPEND, t
            spent[row] = True
            in_out[i] = row
        slot = (txids[t, 0] * _MIX) >> np.uint64(20) & mask
        while table[slot] >= 0:
            c = table[slot]
            if (
                txids[c, 0] == txids[t, 0]
                and txids[c, 1] == txids[t, 1]
                and txids[c, 2] == txids[t, 2]
                and txids[c, 3] == txids[t, 3]
            ):
                break
            slot = (slot + np.uint64(1)) & mask
        table[slot] = t
    return SOUND, -1


@nb.njit(nogil=True, cache=True)
def settle_fees(in_first, in_value, out_value, block_first, allowance, fee):  # type: ignore[no-untyped-def]
    """Fee of each transaction, and the check that no value comes out of nothing.

    in_value (m,) int64, -1 where unknown; block_first (b + 1,) int64: transactions of each block; allowance
    (b,) int64: the subsidy; fee (n,) int64 out: -1 where an input is unknown, and for coinbases.
    Returns (problem, transaction).
    """
    for b in range(block_first.shape[0] - 1):
        fees = 0
        complete = True
        coinbase = block_first[b]
        fee[coinbase] = -1
        for t in range(coinbase + 1, block_first[b + 1]):
            total = 0
            known = True
            for i in range(in_first[t], in_first[t + 1]):
                if in_value[i] < 0:
                    known = False
                    break
                total += in_value[i]
                if total < 0:  # a sum beyond 2^63 is no money
                    return OUT_OF_NOTHING, t
            if not known:
                fee[t] = -1
                complete = False
                continue
            if total < out_value[t]:
                return OUT_OF_NOTHING, t
            fee[t] = total - out_value[t]
            fees += fee[t]
        if complete and out_value[coinbase] > allowance[b] + fees:
            return COINBASE_TOO_MUCH, coinbase
    return SOUND, -1


@nb.njit(nogil=True, cache=True)
def same_addresses(kinds, prefixes, offsets, data, table, local, firsts):  # type: ignore[no-untyped-def]
    """Number equal (kind, payload) rows alike, in order of first appearance; returns how many there are.

    kinds (n,) uint8; prefixes (n,) int64; offsets (n + 1,) and data: payload bytes, empty for none; table int32
    filled with -1; local (n,) int32 out, -1 for none; firsts (n,) int64 out: row of each first appearance.
    """
    mask = np.uint64(table.shape[0] - 1)
    count = 0
    for i in range(kinds.shape[0]):
        size = offsets[i + 1] - offsets[i]
        if size == 0:
            local[i] = -1
            continue
        # the whole payload: anybody can pay to thousands of addresses that begin alike
        mixed = np.uint64(prefixes[i])
        for k in range(offsets[i] + 8, offsets[i + 1]):
            mixed = (mixed ^ np.uint64(data[k])) * _FNV
        slot = (mixed * _MIX) >> np.uint64(20) & mask
        while True:
            c = table[slot]
            if c < 0:
                table[slot] = count
                firsts[count] = i
                local[i] = count
                count += 1
                break
            j = firsts[c]
            same = prefixes[j] == prefixes[i] and kinds[j] == kinds[i] and offsets[j + 1] - offsets[j] == size
            if same:
                for k in range(size):
                    if data[offsets[j] + k] != data[offsets[i] + k]:
                        same = False
                        break
            if same:
                local[i] = c
                break
            slot = (slot + np.uint64(1)) & mask
    return count


@nb.njit(nogil=True, cache=True)
def address_prefixes(kinds, offsets, data, out):  # type: ignore[no-untyped-def]
    """`tracer.ledger.prefix.address_prefix` of each row: kinds (n,) uint8, payloads as in `same_addresses`."""
    for i in range(kinds.shape[0]):
        head = np.uint64(0)
        for k in range(min(8, offsets[i + 1] - offsets[i])):
            head |= np.uint64(data[offsets[i] + k]) << np.uint64(8 * k)
        out[i] = np.int64(head ^ (np.uint64(kinds[i]) << np.uint64(56)))
