"""What an analyst may want to read, argue with or add to. The composition root hands it to the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tracer.clustering.rules import RuleSet


def clustering() -> RuleSet:
    """The rules: mix detectors in priority order, heuristics, bridges, and their digest."""
    from rules.bridges import BRIDGES
    from rules.bridges.emitters import digest_of_list
    from rules.heuristics import HEURISTICS
    from rules.mixers import DETECTORS
    from tracer.clustering.rules import RuleSet

    return RuleSet(DETECTORS, HEURISTICS, BRIDGES, {"emitters": digest_of_list()})


def digest() -> str:
    """`sha256:...` over the rules' ids, versions and parameters: `rules` in a result's document."""
    return clustering().digest
