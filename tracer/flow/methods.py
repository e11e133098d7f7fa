"""The conventions a trace can use: one registry line per method, one kernel file each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module

from tracer.errors import UsageError
from tracer.flow.movements import Apart, Method

METHODS: Mapping[str, str] = {
    "fifo": "tracer.flow.kernels.fifo",
    "haircut": "tracer.flow.kernels.haircut",
    "lifo": "tracer.flow.kernels.lifo",
    "tiho": "tracer.flow.kernels.tiho",
    "poison": "tracer.flow.kernels.poison",
}
"""Name -> module with `run` and `apart`; imported when used, because kernels compile."""

DEFAULT = ("fifo", "haircut")
"""What is run where no method is named: the answer is a range (DESIGN section 5)."""


def method(name: str) -> Method:
    """The kernel of a method; `UsageError` names those there are."""
    if name not in METHODS:
        raise UsageError(f"there is no method {name!r}.", hint=f"Choose from: {', '.join(METHODS)}.")
    run: Method = import_module(METHODS[name]).run
    return run


def breaks_ties(names: Iterable[str]) -> bool:
    """Whether one of these methods reads `Movements.out_rank`."""
    return any(getattr(import_module(METHODS[name]), "BREAKS_TIES", False) for name in names)


def apart(name: str) -> Apart:
    """How the same method tells seeds apart."""
    found: Apart = import_module(METHODS[name]).apart
    return found
