"""Agreed change: an output on which two kinds of evidence agree, and against which there is none.

The heuristics themselves stand in files of their own; this is the rule that composes them.
"""

from __future__ import annotations

from dataclasses import dataclass

from tracer.clustering.rules import Tier


@dataclass(frozen=True)
class Parameters:
    """How change is accepted.

    families    least families of evidence that single the output out (P; heuristics.md A4: one sign was right in
                89.5 %, two in 99.5 % of guesses)
    outputs     most spendable outputs of a payment whose change is looked for
    confidence  percent, by families that agree, from `families` on (P until measured: docs/accuracy.md)
    """

    families: int = 2
    outputs: int = 10
    confidence: tuple[int, ...] = (70, 80, 85)


@dataclass(frozen=True)
class AgreedChange:
    """Two independent signals for one output and none against it."""

    id: str = "agreed_change"
    title: str = "change, on which two kinds of evidence agree"
    version: int = 1
    tier: Tier = Tier.EXTENDED
    confidence: int = 70
    references: tuple[str, ...] = (
        "BlockSci (heuristics that cannot rule out, composed; its makers advise against using one alone)",
        "Moeser, Narayanan 2022 (payer and payee kept apart)",
    )
    limitations: tuple[str, ...] = (
        "In the real chain no ownership labels exist in the open; the error rate is of a simulated world.",
        "The link holds for the output's address; what that is spent with later joins by co-spend.",
        "A payee known to be a service, and the payees of other payments, are kept out even where a signal errs.",
    )
    parameters: Parameters = Parameters()
