"""The digest changes with the rules, and with nothing else."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

import pytest

import rules
from rules.mixers.whirlpool import Parameters, Whirlpool
from tracer.clustering.rules import Heuristic, RuleSet, Tier
from tracer.errors import BadRule


def test_the_digest_is_stable_and_stated_as_sha256() -> None:
    assert rules.digest() == rules.digest() == rules.clustering().digest
    assert rules.digest().startswith("sha256:")
    assert len(rules.digest()) == len("sha256:") + 64


def test_a_threshold_a_version_or_the_order_changes_the_digest() -> None:
    now = rules.clustering()
    others = [
        replace(now, detectors=(Whirlpool(parameters=Parameters(surplus=110_001)), *now.detectors[1:])),
        replace(now, detectors=(Whirlpool(version=99), *now.detectors[1:])),
        replace(now, detectors=now.detectors[::-1]),
        replace(now, heuristics=()),
    ]
    assert len({now.digest, *(o.digest for o in others)}) == 5


def test_wording_is_not_part_of_the_digest() -> None:
    now = rules.clustering()
    reworded = replace(now, detectors=(Whirlpool(title="another title"), *now.detectors[1:]))
    assert reworded.digest == now.digest


def test_only_what_is_certain_of_itself_forms_the_conservative_cluster() -> None:
    tiers = {h.id: h.tier for h in rules.clustering().heuristics}
    assert {name for name, tier in tiers.items() if tier is Tier.CONSERVATIVE} == {
        "co_spend", "same_key", "self_change",
    }  # fmt: skip


@dataclass(frozen=True)
class Headless:
    """A heuristic as somebody might begin to write it."""

    id: str = "mine"
    title: str = "my own"
    version: int = 1
    references: tuple[str, ...] = ("a paper",)
    limitations: tuple[str, ...] = ("many",)
    confidence: int = 50


def test_a_rule_without_a_whole_header_is_refused_by_file_and_field() -> None:
    with pytest.raises(BadRule, match=r"rules/test_rules_digest.py: the header lacks `tier`") as refused:
        RuleSet((), (cast("Heuristic", Headless()),))
    assert refused.value.exit_code == 4
    assert "limitations" in refused.value.hint


def test_two_rules_of_one_id_are_refused() -> None:
    now = rules.clustering()
    with pytest.raises(BadRule, match=r"co_spend.* is taken"):
        replace(now, heuristics=(*now.heuristics, now.heuristics[0]))
