"""TIHO, taint in, highest out: tainted units fill the largest outputs first.

heuristics.md section C (a forensic technique, DFT-1129). Outputs are filled by value, falling; equal values by
(script, value, vout); the fee last of all, also where it is an output (`Movements.fee_lot`). Tainted units go in
vin order, so that the label of the first tainted input is in the largest output; clean units take what is left.
It is nobody's inverse: which clean units a transaction took in is forgotten.
"""

from __future__ import annotations

from tracer.flow.kernels.segments import TAINTED_FIRST, apart_stream, run_stream
from tracer.flow.movements import I64, Limits, Movements, Seeding, Taint

BREAKS_TIES = True
"""Ties are broken by `Movements.out_rank`."""


def run(movements: Movements, seeding: Seeding, limits: Limits) -> Taint:
    """TIHO over all movements in order; see `tracer.flow.movements` for shapes."""
    return run_stream(movements, seeding, limits, TAINTED_FIRST)


def apart(movements: Movements, taint: Taint, owner: I64) -> dict[int, I64]:
    """Which seed's each output's taint is; adds up to `taint.amount` exactly (`apart_stream`)."""
    return apart_stream(movements, taint, owner, TAINTED_FIRST)
