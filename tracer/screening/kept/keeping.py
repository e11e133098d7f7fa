"""What whoever screens calls with what was answered: exceptions are applied, and the documents are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tracer.screening.kept import exceptions, policies, store
from tracer.state import State

if TYPE_CHECKING:
    from tracer.screening.policy import Policy


def keep(
    state: State,
    documents: Sequence[Mapping[str, Any]],
    *,
    policy: Policy | None = None,
    case_id: str = "",
    now: int | None = None,
) -> list[dict[str, Any]]:
    """Apply exceptions and keep the documents; -> what is to be answered, in the same order.

    policy  they were judged by: kept once, so that a rescan can ask as it was asked then
    now     unix seconds of keeping; the clock's where left out
    """
    told = exceptions.apply_all(state, documents)
    if policy is not None:
        policies.keep(state, policy)
    store.save(state, told, case_id=case_id, now=now)
    return told
