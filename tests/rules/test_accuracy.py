"""What must hold of the clusters on worlds whose owners are known, and the rates that results quote.

`make test` takes one small world, `make acceptance` five of 200,000 transactions.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from adapters.simulation.accounts import AccountWorld
from cli.app import App
from cli.evaluation import Measured, measured
from cli.evaluation_accounts import ALONE, measured_world
from cli.evaluation_document import document
from cli.evaluation_mixers import of_worlds
from cli.evaluation_page import page
from cli.evaluation_rates import rates
from rules import accuracy, clustering
from tests.conftest import FULL
from tests.nodes.simulated import TXS as ACCOUNT_TXS
from tracer.chain import Family, ScriptKind
from tracer.clustering.rules import SHAPES, Tier
from tracer.workspace import Workspace

SEEDS, TXS = (range(1, 6), 200_000) if FULL else (range(3, 4), 6_000)
POINTS = Decimal("0.15") if FULL else Decimal("0.12")
"""Of recall, that the extended tier must add. Short of its sweeps of deposits the small world gains less than this."""


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

    @pytest.mark.parametrize("measure", ["recall", "bcubed_recall"])
    def test_recall_is_fifteen_points_above_the_conservative_tier(
        self, found: dict[str, Any], measure: str
    ) -> None:
        low, high = (
            Decimal(tier(found, name, payjoins=True)[measure]["value"])
            for name in ("conservative", "extended")
        )
        assert high - low >= POINTS

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


def world_of(*mixes: tuple[str | None, str | None]) -> Measured:
    """A world of which nothing is known but what each transaction is, and was recognised as."""
    frame = pl.DataFrame(mixes, schema={"true": pl.String, "found": pl.String}, orient="row")
    none = pl.DataFrame()
    return Measured(1, none, none, none, none, none, frame, {}, {}, {}, 0, 0, 0)


class TestDetectorsInWorlds:
    def test_a_mix_of_another_name_is_counted_apart_and_is_not_wrong(self) -> None:
        world = world_of(("joinmarket", "joinmarket"), ("wasabi2", "joinmarket"), (None, "joinmarket"))
        told, _ = of_worlds(clustering(), [world])
        (row,) = (r for r in told if r["kind"] == "joinmarket")
        assert (row["links"], row["right"], row["another_mix"], row["false"]) == (3, 1, 1, 1)
        assert row["rate"] == "0.333333"

    def test_a_mix_that_the_truth_names_nowhere_has_a_rate_and_no_precision(self) -> None:
        told, _ = of_worlds(clustering(), [world_of(("wasabi2", "other_mix"), (None, "other_mix"))])
        (row,) = (r for r in told if r["kind"] == "other_mix")
        assert (row["links"], row["another_mix"], row["false"]) == (2, 1, 1)
        assert row["precision"]["value"] is None

    def test_of_what_may_be_a_mix_nothing_is_called_false(self) -> None:
        world = world_of(("joinmarket", "stonewall"), (None, "stonewall"), (None, "whirlpool_tx0"))
        told, (row,) = of_worlds(clustering(), [world])
        assert {r["kind"] for r in told} == {"joinmarket"}
        assert (row["kind"], row["links"], row["labelled_mixes"]) == ("stonewall", 2, 1)
        assert (row["false"], row["rate"], row["interval"]) == (None, None, None)


class TestWrittenRates:
    def test_by_script_they_add_up_to_the_whole(self, found: dict[str, Any]) -> None:
        measured = rates(found)["rules"]
        linking = {row["id"] for row in (*found["heuristics"], *found["change"]) if row["links"]}
        assert {
            name for name, versions in measured.items() for v in versions.values() if "by_script" in v
        } == (linking)
        for name in linking:
            ((_, whole),) = measured[name].items()
            for count in ("links", "false"):
                assert sum(part[count] for part in whole["by_script"].values()) == whole[count]

    def test_a_script_kind_is_one_that_tracer_names_or_several(self, found: dict[str, Any]) -> None:
        ((_, whole),) = rates(found)["rules"]["co_spend"].items()
        names = set(whole["by_script"])
        assert "several" in names
        assert names - {"several"} <= set(ScriptKind.__members__)

    def test_payments_of_several_script_kinds_are_wrong_more_often(self, found: dict[str, Any]) -> None:
        ((_, whole),) = rates(found)["rules"]["co_spend"].items()
        several = whole["by_script"]["several"]
        assert Decimal(several["rate"]) > 5 * Decimal(whole["rate"])

    def test_what_is_wrong_about_a_mix_is_said_with_the_rate(self, found: dict[str, Any]) -> None:
        ((_, said),) = rates(found)["rules"]["joinmarket"].items()
        assert "wrong: no mix by its label" in said["measured_on"]


def with_accounts(worlds: list[Measured], account_world: AccountWorld, folder: Path) -> dict[str, Any]:
    """The same of both chains of the world of accounts."""
    chains = measured_world(App(Workspace(folder), quiet=True), account_world)
    return document(clustering(), worlds, TXS, None, (chains, ACCOUNT_TXS))


@pytest.fixture(scope="module")
def both(
    worlds: list[Measured], account_world: AccountWorld, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    return with_accounts(worlds, account_world, tmp_path_factory.mktemp("unused"))


class TestAccounts:
    def test_the_same_world_gives_the_same_document(
        self, both: dict[str, Any], worlds: list[Measured], account_world: AccountWorld, tmp_path: Path
    ) -> None:
        assert with_accounts(worlds, account_world, tmp_path) == both

    def test_no_link_joins_two_owners(self, both: dict[str, Any]) -> None:
        found = both["accounts"]
        for tier in found["tiers"]:
            assert (tier["pairs"]["false"], tier["impure_clusters"], tier["services_joined"]) == (0, 0, [])
        assert [row for row in found["pairs"] if not row["same_owner"] and row["extended"]] == []
        assert found["tiers"][1]["pairs"]["joined"] > 1_000

    def test_every_rule_of_accounts_spoke_and_missed_nothing_that_was_swept(
        self, both: dict[str, Any]
    ) -> None:
        rows = {row["id"]: row for row in both["accounts"]["heuristics"]}
        assert set(rows) == {"deposit_sweep", *ALONE}
        assert all(row["links"] > 20 and row["false"] == 0 for row in rows.values())
        for name in ("deposit_sweep", "account_deposit_sweep"):
            assert rows[name]["found"] == rows[name]["true"]
        assert rows["deposit_reuse"]["found"] < rows["deposit_reuse"]["true"]
        for kind in both["accounts"]["deposits"]:
            assert kind["found"] == kind["swept"] == kind["true"] > 20

    def test_leads_are_held_against_the_truth_apart_from_links(self, both: dict[str, Any]) -> None:
        leads = {row["id"]: row for row in both["accounts"]["leads"]}
        for name in ("gas_funder", "self_authorisation"):
            assert leads[name]["found"] == leads[name]["true"] > 0
        assert leads["gas_funder"]["two_owners"] > leads["gas_funder"]["one_owner"] / 2
        assert leads["tron_activation"]["share"]["value"] is None
        assert set(leads).isdisjoint(rates(both)["rules"])

    def test_each_rule_is_told_where_its_links_are(self, both: dict[str, Any]) -> None:
        assert {row["id"] for row in both["heuristics"]}.isdisjoint(ALONE)
        text = page(both)
        for name in (*ALONE, "gas_funder", "self_authorisation", "tron_activation"):
            assert f"`{name}`" in text
        assert "No Tron node can be run" in text

    def test_rates_name_the_chains_they_were_measured_on(self, both: dict[str, Any]) -> None:
        measured = rates(both)["rules"]
        for name in ALONE:
            ((_, entry),) = measured[name].items()
            assert entry["family"] == Family.ACCOUNT
            start = "simulated accounts on EVM chains: one world of 2000 transactions"
            assert entry["measured_on"].startswith(start)
        ((_, sweep),) = measured["deposit_sweep"].items()
        assert sweep["measured_on"].startswith("simulated market")
        assert sweep["by_family"]["account"]["measured_on"].startswith("simulated accounts on EVM chains")


CO_SPEND = next(h.version for h in clustering().heuristics if h.id == "co_spend")


class TestQuotedRates:
    def test_a_rate_is_quoted_for_the_version_that_was_measured(self) -> None:
        said = accuracy.error_rate("co_spend", CO_SPEND)
        assert said is not None
        low, high = (Decimal(end) for end in said["interval"])
        assert 0 < low <= Decimal(said["rate"]) <= high < Decimal("0.05")
        assert said["links"] > 100_000
        assert said["measured_on"]

    def test_a_rate_is_quoted_for_the_very_script_kind(self) -> None:
        whole = accuracy.error_rate("co_spend", CO_SPEND)
        several = accuracy.error_rate_by_script("co_spend", CO_SPEND, "several")
        one = accuracy.error_rate_by_script("co_spend", CO_SPEND, "P2PKH")
        assert whole and several and one
        assert set(several) == {*whole, "script"}
        assert (several["script"], one["script"]) == ("several", "P2PKH")
        assert Decimal(one["rate"]) < Decimal(whole["rate"]) < Decimal(several["rate"])
        assert accuracy.error_rate_by_script("co_spend", CO_SPEND, None) == several

    def test_no_rate_of_another_script_kind_is_quoted(self) -> None:
        assert accuracy.error_rate_by_script("co_spend", CO_SPEND, "MULTISIG") is None
        assert accuracy.error_rate_by_script("co_spend", 999, "P2PKH") is None
        assert accuracy.error_rate_by_script("never_heard_of", 1, "P2PKH") is None

    def test_every_detector_that_was_measured_is_quoted(self) -> None:
        """Of those that say what may be: how many, and no rate that nobody measured."""
        for rule in clustering().detectors:
            if rule.kind in ("stonewall", "mix_possible", "other_mix"):
                said = accuracy.error_rate(rule.id, rule.version)
                assert said is not None, rule.id
                assert said["links"] > 0
                assert (said["rate"] is None) == ("labelled_mixes" in said) == (rule.kind != "other_mix")

    @pytest.mark.parametrize("name", ["deposit_sweep", *ALONE])
    def test_a_rule_of_accounts_is_quoted_for_chains_of_accounts(self, name: str) -> None:
        (version,) = (h.version for h in clustering().heuristics if h.id == name)
        said = accuracy.error_rate(name, version, family=Family.ACCOUNT)
        assert said is not None
        assert said["measured_on"].startswith("simulated accounts on EVM chains: 3 worlds")
        assert accuracy.error_rate(name, version + 1, family=Family.ACCOUNT) is None
        assert (accuracy.error_rate(name, version, family=Family.UTXO) is None) == (name in ALONE)

    def test_no_rate_of_bitcoin_is_quoted_for_chains_of_accounts(self) -> None:
        assert accuracy.error_rate("co_spend", CO_SPEND, family=Family.UTXO) is not None
        assert accuracy.error_rate("co_spend", CO_SPEND, family=Family.ACCOUNT) is None

    def test_no_rate_is_quoted_for_another_version_or_an_unknown_rule(self) -> None:
        assert accuracy.error_rate("co_spend", 999) is None
        assert accuracy.error_rate("never_heard_of", 1) is None

    def test_the_page_names_the_rules_it_was_measured_with(self) -> None:
        text = (Path(__file__).parents[2] / "docs" / "accuracy.md").read_text(encoding="utf-8")
        assert f"`{clustering().digest}`" in text, "the rules changed: run `make accuracy`"
