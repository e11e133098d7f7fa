"""Walk raw blocks once and note where everything is: the kernel under `adapters.bitcoin.decode`.

The wire format is Bitcoin's own (developer reference "Raw transaction format", BIP 144 for witnesses), and what chains
of its family made of it, told by the flags that a transaction may carry. Nothing is copied here but numbers; scripts,
outpoints and witnesses stay offsets into the buffer.
"""

from __future__ import annotations

import numba as nb
import numpy as np
from numpy.typing import NDArray

from adapters.bitcoin.wire import MOST, compact, le, skip_bytes

WITNESS, MWEB = 1, 8
"""Flags behind a transaction's marker: BIP 144; LIP-0002 (in a block only the last one has it, the HogEx)."""

OK, CUT_OFF, TRAILING, NO_TRANSACTION, BAD_VALUE, NO_OUTPUT, BAD_COINBASE, TOO_MANY, BAD_WITNESS = range(9)
NO_WITNESS, NOT_LAST = 9, 10

PROBLEMS = {
    CUT_OFF: "it ends in the middle of a transaction, or a length in it is malformed",
    TRAILING: "bytes follow its last transaction",
    NO_TRANSACTION: "it holds no transaction",
    BAD_VALUE: "an output's value, or a transaction's sum, is outside the money range",
    NO_OUTPUT: "a transaction without inputs or outputs",
    BAD_COINBASE: "the first transaction is no coinbase, or another one is",
    TOO_MANY: "it holds more transactions than a position id can count",
    BAD_WITNESS: "a transaction's witness marker or flag is wrong, or its witness is empty",
    NO_WITNESS: "a transaction carries witnesses, and this chain has none",
    NOT_LAST: "a transaction that is not the last carries MWEB data, or one carries MWEB data of its own",
}


@nb.njit(nogil=True, cache=True)
def scan_blocks(buffer, bodies, ends, max_money, flags, tx, txin, txout, counts, problems):  # type: ignore[no-untyped-def]
    """Fill offset columns for whole blocks; returns (transactions, inputs, outputs) written.

    buffer (n,) uint8; bodies, ends (b,) int64: each block from behind its header to its end.
    flags  those a transaction may carry: WITNESS, MWEB
    tx     (t, 10) int64: block, start, end, end of the outputs where a flag is carried (0 without), version, locktime,
           inputs, outputs, out value, flag carried
    txin   (i, 5) int64: transaction, offset of the outpoint, sequence, script offset, script length
    txout  (o, 4) int64: transaction, value, script offset, script length
    counts (b,) int64: transactions per block; problems (b,) int64: OK or why the block is malformed.
    A malformed block writes nothing that is counted and ends the walk.
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
        t0 = n_tx
        i0 = n_in
        o0 = n_out
        problem = OK
        for position in range(count):
            start = at
            flag = np.int64(0)
            if at + 10 > end:
                problem = CUT_OFF
                break
            version = le(buffer, at, 4)
            at += 4
            if buffer[at] == 0:
                flag = np.int64(buffer[at + 1])
                if flag not in (WITNESS, MWEB) or not flag & flags:
                    problem = BAD_WITNESS if flags else NO_WITNESS
                    break
                at += 2
            inputs, at = compact(buffer, at, end, MOST)
            if at < 0 or inputs == 0:
                problem = CUT_OFF if at < 0 else NO_OUTPUT
                break
            first_input = n_in
            null_prevout = False
            for _ in range(inputs):
                if at + 41 > end:
                    at = -1
                    break
                txin[n_in, 0] = n_tx
                txin[n_in, 1] = at
                script, length, after = skip_bytes(buffer, at + 36, end)
                if after < 0 or after + 4 > end:
                    at = -1
                    break
                txin[n_in, 2] = np.int64(le(buffer, after, 4))
                txin[n_in, 3] = script
                txin[n_in, 4] = length
                if le(buffer, at + 32, 4) == np.uint64(0xFFFFFFFF):
                    empty = True
                    for k in range(32):
                        if buffer[at + k] != 0:
                            empty = False
                            break
                    null_prevout = null_prevout or empty
                n_in += 1
                at = after + 4
            if at < 0:
                problem = CUT_OFF
                break
            if null_prevout != (position == 0) or (position == 0 and inputs != 1):
                problem = BAD_COINBASE
                break
            if position == 0 and (txin[first_input, 4] < 2 or txin[first_input, 4] > 100):
                problem = BAD_COINBASE
                break
            outputs, at = compact(buffer, at, end, MOST)
            if at < 0 or outputs == 0:
                problem = CUT_OFF if at < 0 else NO_OUTPUT
                break
            total = np.int64(0)
            for _ in range(outputs):
                if at + 9 > end:
                    at = -1
                    break
                value = np.int64(le(buffer, at, 8))
                if value < 0 or value > max_money:
                    problem = BAD_VALUE
                    break
                total += value
                if total > max_money:
                    problem = BAD_VALUE
                    break
                script, length, after = skip_bytes(buffer, at + 8, end)
                if after < 0:
                    at = -1
                    break
                txout[n_out, 0] = n_tx
                txout[n_out, 1] = value
                txout[n_out, 2] = script
                txout[n_out, 3] = length
                n_out += 1
                at = after
            if at < 0:
                problem = CUT_OFF
            if problem != OK:
                break
            body_end = 0 if flag == 0 else int(at)
            if flag == MWEB:
                if at >= end:
                    problem = CUT_OFF
                    break
                if position == 0 or position != count - 1 or buffer[at] != 0:
                    problem = NOT_LAST
                    break
                at += 1
            if flag == WITNESS:
                empty = True
                for _ in range(inputs):
                    items, at = compact(buffer, at, end, MOST)
                    if at < 0:
                        break
                    empty = empty and items == 0
                    for _ in range(items):
                        _, _, at = skip_bytes(buffer, at, end)
                        if at < 0:
                            break
                    if at < 0:
                        break
                if at >= 0 and empty:
                    problem = BAD_WITNESS
                    break
            if at < 0 or at + 4 > end:
                problem = CUT_OFF
                break
            tx[n_tx, 0] = b
            tx[n_tx, 1] = start
            tx[n_tx, 2] = at + 4
            tx[n_tx, 3] = body_end
            tx[n_tx, 4] = np.int64(np.int32(np.uint32(version)))
            tx[n_tx, 5] = np.int64(le(buffer, at, 4))
            tx[n_tx, 6] = inputs
            tx[n_tx, 7] = outputs
            tx[n_tx, 8] = total
            tx[n_tx, 9] = flag
            n_tx += 1
            at += 4
        if problem == OK and tx[n_tx - 1, 9] == MWEB:
            # an extension block follows where the next byte is 1; it is not decoded
            if at < end and buffer[at] == 0:
                at += 1
            elif at + 1 < end and buffer[at] == 1:
                at = end
            else:
                problem = CUT_OFF
        if problem == OK and at != end:
            problem = TRAILING
        if problem != OK:
            problems[b] = problem
            return t0, i0, o0
        counts[b] = count
    return n_tx, n_in, n_out


def columns(size: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Room for everything that `size` bytes of blocks can hold (untouched pages cost nothing)."""
    return (
        np.empty((size // 60 + 1, 10), np.int64),
        np.empty((size // 41 + 1, 5), np.int64),
        np.empty((size // 9 + 1, 4), np.int64),
    )
