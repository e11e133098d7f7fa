"""LIFO over account queues: the last unit in is the first unit out; the kernel of `fifo`."""

from __future__ import annotations

from tracer.flow.movements import Limits
from tracer.flow.queues import fifo
from tracer.flow.queues.columns import QueueSeeding, Transfers
from tracer.flow.queues.taint import QueueTaint
from tracer.flow.queues.wide import Wide


def run(transfers: Transfers, seeding: QueueSeeding, limits: Limits) -> QueueTaint:
    """LIFO over all transfers in order; see `tracer.flow.queues.columns` for shapes and errors."""
    return fifo.run(transfers, seeding, limits, last_first=True)


def apart(transfers: Transfers, seeding: QueueSeeding, limits: Limits) -> dict[int, Wide]:
    """Which seed's each transfer's taint is, in one run; adds up to the taint of all exactly."""
    return fifo.apart(transfers, seeding, limits, last_first=True)
