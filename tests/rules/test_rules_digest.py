"""The digest changes with the rules, and with nothing else."""

from __future__ import annotations

from dataclasses import replace

import rules
from rules.mixers.whirlpool import Parameters, Whirlpool
from tracer.clustering.rules import Tier


def test_the_digest_is_stable_and_stated_as_sha256() -> None:
    assert rules.digest() == rules.digest() == rules.clustering().digest
    assert rules.digest().startswith("sha256:")
    assert len(rules.digest()) == len("sha256:") + 64


def test_a_threshold_a_version_or_the_order_changes_the_digest() -> None:
    now = rules.clustering()
    others = [
        replace(now, detectors=(Whirlpool(parameters=Parameters(surplus=110_001)), *now.detectors[1:])),
        replace(now, detectors=(Whirlpool(version=2), *now.detectors[1:])),
        replace(now, detectors=now.detectors[::-1]),
        replace(now, heuristics=()),
    ]
    assert len({now.digest, *(o.digest for o in others)}) == 5


def test_wording_is_not_part_of_the_digest() -> None:
    now = rules.clustering()
    reworded = replace(now, detectors=(Whirlpool(title="another title"), *now.detectors[1:]))
    assert reworded.digest == now.digest


def test_every_heuristic_of_the_cluster_is_conservative_and_says_what_it_misses() -> None:
    for heuristic in rules.clustering().heuristics:
        assert heuristic.tier is Tier.CONSERVATIVE
        assert heuristic.references
        assert heuristic.limitations
