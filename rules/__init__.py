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
    from rules.pools import digest_of_list as digest_of_pools
    from tracer.clustering.rules import RuleSet

    lists = {"emitters": digest_of_list(), "pools": digest_of_pools()}
    return RuleSet(DETECTORS, HEURISTICS, BRIDGES, lists)


def digest() -> str:
    """`sha256:...` over the rules' ids, versions and parameters: `rules` in a result's document."""
    return clustering().digest
