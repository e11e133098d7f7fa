"""What a typology rule says of an address or a transfer, for whoever leans on it: screening, alerting, reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from tracer.ledger.store import Ledger

Finding = Mapping[str, Any]
"""`rule_id`, `rule_version`, `level`, `status`, `txids`, `innocent_explanations` ..."""


class Detector(Protocol):
    """Whoever runs typology rules over addresses of a ledger."""

    def __call__(self, ledger: Ledger, addresses: Sequence[str], /) -> Mapping[str, Sequence[Finding]]:
        """Findings by canonical address, worst first; an address without one has no entry."""


def none(_ledger: Ledger, _addresses: Sequence[str]) -> Mapping[str, Sequence[Finding]]:
    """No rules are installed."""
    return {}
