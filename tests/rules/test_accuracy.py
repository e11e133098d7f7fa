"""What must hold of the clusters on worlds whose owners are known, and the rates that results quote.

`make test` takes one small world, `make acceptance` five of 200,000 transactions.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cli.app import App
from cli.evaluation import Measured, measured
from cli.evaluation_document import document, rates
from cli.evaluation_page import page
from rules import accuracy, clustering
from tests.conftest import FULL
from tracer.clustering.rules import SHAPES, Tier
from tracer.workspace import Workspace

SEEDS, TXS = (range(1, 6), 200_000) if FULL else (range(3, 4), 6_000)


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> list[Measured]:
    app = App(Workspace(tmp_path_factory.mktemp("unused")), quiet=True)
    return [measured(app, seed, TXS) for seed in SEEDS]


@pytest.fixture(scope="module")
def found(worlds: list[Measured]) -> Iterator[dict[str, Any]]:
    yield document(clustering(), worlds, TXS, None)


def tier(found: dict[str, Any], name: str, *, payjoins: bool) -> dict[str, Any]:
    (row,) = (t for t in found["tiers"] if t["tier"] == name and t["payjoins"] is payjoins)
    assert isinstance(row, dict)
    return row


class TestConservative:
    def test_every_false_link_is_a_payjoin_of_the_world(self, found: dict[str, Any]) -> None:
        assert found["false_links"]
        assert [row for row in found["false_links"] if not row["payjoin"]] == []

    def test_without_the_payjoins_precision_is_exactly_one(self, found: dict[str, Any]) -> None:
        without = tier(found, "conservative", payjoins=False)
        assert without["pairs"]["joined"] > 1_000
        assert without["pairs"]["false"] == 0
        assert (without["impure_clusters"], without["precision"]["value"]) == (0, "1.0000")

    def test_no_service_is_joined_with_another(self, found: dict[str, Any]) -> None:
        assert tier(found, "conservative", payjoins=True)["services_joined"] == []

    def test_the_links_are_those_the_build_counts(self, worlds: list[Measured]) -> None:
        """Addresses of unknown owner apart: their links are counted by the build alone."""
        for world in worlds:
            counted = world.links.filter(world.links["heuristic"] == "co_spend")["links"].sum()
            assert world.made["co_spend"] - world.unnamed <= counted <= world.made["co_spend"]


class TestExtended:
    def test_precision(self, found: dict[str, Any]) -> None:
        for payjoins in (True, False):
            assert Decimal(tier(found, "extended", payjoins=payjoins)["precision"]["value"]) >= Decimal(
                "0.97"
            )
            assert Decimal(
                tier(found, "extended", payjoins=payjoins)["bcubed_precision"]["value"]
            ) >= Decimal("0.97")

    def test_recall_of_pairs_is_fifteen_points_above_the_conservative_tier(
        self, found: dict[str, Any]
    ) -> None:
        """B-cubed recall is reported beside it (docs/accuracy.md)."""
        low, high = (
            Decimal(tier(found, name, payjoins=True)["recall"]["value"])
            for name in ("conservative", "extended")
        )
        assert high - low >= Decimal("0.15")

    def test_no_service_is_joined_with_another(self, found: dict[str, Any]) -> None:
        assert tier(found, "extended", payjoins=True)["services_joined"] == []


def test_every_mix_is_found_and_named_and_nothing_else_is(found: dict[str, Any]) -> None:
    mixers = {row["kind"]: row for row in found["mixers"] if row["kind"] != "payjoin_possible"}
    assert set(mixers) == {"whirlpool_mix", "wasabi2", "joinmarket"}
    for row in mixers.values():
        assert row["true"] == row["found"] == row["right"] > 0
    assert set(found["recognised_beyond_truth"]) <= {
        kind for kind, effect in SHAPES.items() if not effect.apart
    }


def test_every_rule_that_links_is_measured_or_said_not_to_be(found: dict[str, Any]) -> None:
    rules = clustering()
    told = {row["id"] for row in (*found["heuristics"], *found["change"])}
    assert told == {h.id for h in rules.heuristics if h.tier is not Tier.LEAD}
    text = page(found)
    for name in told:
        assert f"`{name}`" in text
    (never,) = (row for row in found["heuristics"] if row["id"] == "same_key")
    assert (never["links"], never["rate"]) == (0, None)
    assert "same_key" not in rates(found)["rules"]


class TestQuotedRates:
    def test_a_rate_is_quoted_for_the_version_that_was_measured(self) -> None:
        said = accuracy.error_rate("co_spend", 1)
        assert said is not None
        low, high = (Decimal(end) for end in said["interval"])
        assert 0 < low <= Decimal(said["rate"]) <= high < Decimal("0.05")
        assert said["links"] > 100_000
        assert said["measured_on"]

    def test_no_rate_is_quoted_for_another_version_or_an_unknown_rule(self) -> None:
        assert accuracy.error_rate("co_spend", 999) is None
        assert accuracy.error_rate("never_heard_of", 1) is None

    def test_the_page_names_the_rules_it_was_measured_with(self) -> None:
        text = (Path(__file__).parents[2] / "docs" / "accuracy.md").read_text(encoding="utf-8")
        assert f"`{clustering().digest}`" in text, "the rules changed: run `make accuracy`"
