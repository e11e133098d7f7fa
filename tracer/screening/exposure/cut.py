"""Out of one trail for many, the part that each one's lots reach: columns for the trace's own kernels, run after run.

The trail is the closure over the lots of all. A run is one set of lots; its part is found hop by hop over the columns,
copied, and numbered anew, so that parts of different runs never touch and one call of a kernel does them all.
Whatever is static is the trail's; only what depends on whose question it is, is decided here: money that came back to
the set itself, and addresses of the set that would end somebody else's trail.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from tracer.flow.fates import Fate
from tracer.flow.movements import I64, LEAVING, U8, Movements, Seeding, fixed

OWN = 200
"""Fate of what came back to the set that is asked about; no `Fate` has this number."""

SPENT, HOP_LIMIT, TX_LIMIT = int(Fate.SPENT), int(Fate.HOP_LIMIT), int(Fate.TX_LIMIT)


@dataclass(frozen=True)
class Field:
    """The trail as the cut reads it: k outputs, m movements.

    spender  int64[k]  movement that takes the output in, -1 where none of the trail does
    maker    int64[k]  movement that makes it
    own      int64[k]  number of the set that its address is in, -1 where none
    fate     uint8[k]  static fate; other[k]: that of anybody but its own set, where it differs, else 255
    back     uint8[k]  fate of its own set's, where it differs, else 255
    """

    movements: Movements
    spender: I64
    maker: I64
    own: I64
    fate: U8
    other: U8
    back: U8


@dataclass(frozen=True)
class Entries:
    """Per run what enters: slices of outputs with the units of each (0: it takes of the movement's), of movements with
    the net to spread; `seed` is the set's number.
    """

    seed: I64
    out_start: I64
    out: I64
    units: I64
    mov_start: I64
    mov: I64
    net: I64


@dataclass(frozen=True)
class Cut:
    """Parts of some runs, one after the other.

    run    int64[k']  place of the run in `Entries`
    source int64[k']  output of the trail
    over   bool[runs] whether a run reached too many transactions, and was cut
    """

    movements: Movements
    seeding: Seeding
    run: I64
    source: I64
    over: npt.NDArray[np.bool_]
    last: int


def cut(field: Field, entries: Entries, first: int, hops: int, most: int, room: int) -> Cut:
    """The parts of the runs from `first` on, as many as `room` outputs hold and one at least."""
    m = field.movements
    least = len(m.out_value) + len(entries.out) + 1
    room = max(least, min(room, least * (len(entries.seed) - first)))
    assert m.out_rank is not None
    found = _cut(
        fixed(m.in_start), fixed(m.in_ref), fixed(m.in_value), fixed(m.out_start), fixed(m.out_value), m.out_rank,
        fixed(m.fee), fixed(field.spender), fixed(field.maker), fixed(field.own), field.fate, field.other, field.back,
        fixed(entries.seed), fixed(entries.out_start), fixed(entries.out), fixed(entries.units),
        fixed(entries.mov_start), fixed(entries.mov), fixed(entries.net), first, hops, most, room,
    )  # fmt: skip
    last, t, k, n, in_start, out_start, fee, left, in_ref, in_value, *columns, over = found
    value, rank, fate, flag, given, run, source = columns
    movements = Movements(
        in_start=in_start[: t + 1], in_ref=in_ref[:n], in_value=in_value[:n], out_start=out_start[: t + 1],
        out_value=value[:k], out_rank=rank[:k], out_fate=fate[:k], fee=fee[:t],
    )  # fmt: skip
    seeding = Seeding(flag[:k], given[:k], np.zeros(t, np.int64), left[:t])
    return Cut(movements, seeding, run[:k], source[:k], over, int(last))


@njit(cache=True, nogil=True)
def _fate(o, seed, own, fate, other, back):  # type: ignore[no-untyped-def]
    if own[o] == seed and own[o] >= 0:
        return back[o] if back[o] != 255 else fate[o]
    return other[o] if other[o] != 255 else fate[o]


@njit(cache=True, nogil=True)
def _more(column, needed):  # type: ignore[no-untyped-def]
    if needed <= len(column):
        return column
    bigger = np.empty(max(needed, 2 * len(column)), column.dtype)
    bigger[: len(column)] = column
    return bigger


@njit(cache=True, nogil=True)
def _cut(  # type: ignore[no-untyped-def]
    in_start, in_ref, in_value, out_start, out_value, out_rank, fee_of, spender, maker, own, fate, other, back,
    seed_of, entry_start, entry_out, entry_units, net_start, net_mov, net_units, first, hops, most, room,
):  # fmt: skip
    movs, outs, runs = len(fee_of), len(out_value), len(seed_of)
    reached = np.full(movs, -1, np.int64)  # run that reaches a movement
    whole = np.full(movs, -1, np.int64)  # run that spreads over what it makes
    part = np.full(movs, -1, np.int64)  # run of which lots lie in it
    lot = np.full(outs, -1, np.int64)  # run of which an output is an entry
    units = np.zeros(outs, np.int64)
    here = np.full(outs, -1, np.int64)  # run that copied it
    place = np.zeros(outs, np.int64)  # and where to
    net_of = np.zeros(movs, np.int64)
    some = np.empty(64, np.int64)
    over = np.zeros(runs, np.bool_)
    c_in_start, c_out_start = np.zeros(room + 1, np.int64), np.zeros(room + 1, np.int64)
    c_fee, c_left = np.zeros(room, np.int64), np.zeros(room, np.int64)
    c_in_ref, c_in_value = np.empty(room, np.int64), np.empty(room, np.int64)
    c_value, c_given = np.empty(room, np.int64), np.empty(room, np.int64)
    c_rank = np.empty(room, np.int32)
    c_fate, c_flag = np.empty(room, np.uint8), np.empty(room, np.uint8)
    c_run, c_source = np.empty(room, np.int64), np.empty(room, np.int64)
    t_at, k_at, n_at = 0, 0, 0
    r = first
    while r < runs:
        seed, count = seed_of[r], 0
        for e in range(net_start[r], net_start[r + 1]):
            t = net_mov[e]
            whole[t] = r
            net_of[t] = net_units[e]
            some = _more(some, count + 1)
            some[count] = t
            count += 1
        for e in range(entry_start[r], entry_start[r + 1]):
            o = entry_out[e]
            t = maker[o]
            lot[o] = r
            units[o] = entry_units[e]
            if whole[t] != r and part[t] != r:
                part[t] = r
                some = _more(some, count + 1)
                some[count] = t
                count += 1
        # hop by hop: movements found in the last hop stand in some[low:count]
        hit, low, end = 0, 0, 0
        depth, stopped = 0, 0
        while depth < hops and stopped == 0:
            depth += 1
            begun = count
            last = end if depth > 1 else low + 1
            for s in range(low, last):
                if depth == 1:
                    a, b = entry_start[r], entry_start[r + 1]
                else:
                    a, b = out_start[some[s]], out_start[some[s] + 1]
                for e in range(a, b):
                    o = entry_out[e] if depth == 1 else e
                    to = spender[o]
                    if to < 0 or reached[to] == r or _fate(o, seed, own, fate, other, back) != SPENT:
                        continue
                    reached[to] = r
                    some = _more(some, count + 1)
                    some[count] = to
                    count += 1
                    hit += 1
                    if hit > most:
                        stopped = 1
                        break
                if stopped:
                    break
            if stopped:  # this hop is not taken: the part is exact up to the one before
                for s in range(begun, count):
                    reached[some[s]] = -1
                count = begun
                over[r] = True
                break
            low, end = begun, count
            if begun == count:
                break
        # sizes, and whether it still fits
        k_need, n_need = entry_start[r + 1] - entry_start[r], 0
        listed = np.unique(some[:count])
        for t in listed:
            if reached[t] == r:
                n_need += in_start[t + 1] - in_start[t]
            if reached[t] == r or whole[t] == r:
                k_need += out_start[t + 1] - out_start[t]
        if r > first and (k_at + k_need > room or t_at + len(listed) > room):
            break
        c_in_ref, c_in_value = _more(c_in_ref, n_at + n_need), _more(c_in_value, n_at + n_need)
        limit = TX_LIMIT if over[r] else HOP_LIMIT
        for t in listed:
            begin = k_at
            copied = reached[t] == r or whole[t] == r
            a, b = out_start[t], out_start[t + 1]
            if not copied:  # its lots alone: entries stand in the order of outputs
                own_first, own_last = entry_start[r], entry_start[r + 1]
                a, b = np.searchsorted(entry_out[own_first:own_last], np.array([a, b])) + own_first
            for e in range(a, b):
                o = e if copied else entry_out[e]
                f = _fate(o, seed, own, fate, other, back)
                if f == SPENT and (spender[o] < 0 or reached[spender[o]] != r):
                    f = np.uint8(limit)
                c_value[k_at] = out_value[o]
                c_rank[k_at] = out_rank[o] if copied else k_at - begin
                c_fate[k_at] = f
                c_flag[k_at] = LEAVING if lot[o] == r and units[o] == 0 else 0
                c_given[k_at] = units[o] if lot[o] == r else 0
                c_run[k_at] = r
                c_source[k_at] = o
                here[o] = r
                place[o] = k_at
                k_at += 1
            if reached[t] == r:
                c_fee[t_at] = fee_of[t]
                for i in range(in_start[t], in_start[t + 1]):
                    ref = in_ref[i]
                    c_in_ref[n_at] = place[ref] if ref >= 0 and here[ref] == r else -1
                    c_in_value[n_at] = in_value[i]
                    n_at += 1
            c_left[t_at] = net_of[t] if whole[t] == r else 0
            t_at += 1
            c_in_start[t_at] = n_at
            c_out_start[t_at] = k_at
        r += 1
    return (
        r, t_at, k_at, n_at, c_in_start, c_out_start, c_fee, c_left, c_in_ref, c_in_value, c_value, c_rank, c_fate,
        c_flag, c_given, c_run, c_source, over,
    )  # fmt: skip
