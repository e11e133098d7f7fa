"""The conventions a trace of an account chain can use, under the names they have on a UTXO chain."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from tracer.errors import UsageError
from tracer.flow.queues.taint import QueueApart, QueueMethod

QUEUE_METHODS: Mapping[str, str] = {
    "fifo": "tracer.flow.queues.fifo",
    "haircut": "tracer.flow.queues.haircut",
    "lifo": "tracer.flow.queues.lifo",
    "poison": "tracer.flow.queues.poison",
}
"""Name -> module with `run` and `apart`; imported when used, because kernels compile."""


def queue_method(name: str) -> QueueMethod:
    """The account kernel of a method; `UsageError` names those there are."""
    run: QueueMethod = import_module(_module(name)).run
    return run


def queue_apart(name: str) -> QueueApart:
    """How the same method tells seeds apart; `UsageError` names those there are."""
    found: QueueApart = import_module(_module(name)).apart
    return found


def _module(name: str) -> str:
    hint = f"Choose from: {', '.join(QUEUE_METHODS)}."
    if name == "tiho":
        raise UsageError("tiho fills the largest output first, and an account transfer has one.", hint=hint)
    if name not in QUEUE_METHODS:
        raise UsageError(f"there is no method {name!r} for accounts.", hint=hint)
    return QUEUE_METHODS[name]
