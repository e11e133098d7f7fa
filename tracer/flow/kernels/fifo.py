"""FIFO: the first unit in is the first unit out, inside each transaction.

heuristics.md section C. The inputs' segments, concatenated in vin order, fill the outputs in vout order;
what is left is the fee. Clayton's Case (1816) is its anchor in common law.
"""

from __future__ import annotations

from tracer.flow.kernels.segments import FORWARDS, apart_stream, run_stream
from tracer.flow.movements import I64, Limits, Movements, Seeding, Taint


def run(movements: Movements, seeding: Seeding, limits: Limits) -> Taint:
    """FIFO over all movements in order; see `tracer.flow.movements` for shapes."""
    return run_stream(movements, seeding, limits, FORWARDS)


def apart(movements: Movements, taint: Taint, owner: I64) -> dict[int, I64]:
    """Which seed's each output's taint is; adds up to `taint.amount` exactly (`apart_stream`)."""
    return apart_stream(movements, taint, owner, FORWARDS)
