"""`tracer screenings rescan` on a simulated world: a label, new blocks, another policy, lists that grew old."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from tests.cli.running import tracer
from tracer.chain import AddressKey
from tracer.workspace import Workspace

CHAIN, SOURCE = "bitcoin-regtest", "simulation:market?seed=1&txs=1500"
HEIGHT = 700
AT = "2026-11-22T00:00:00Z"
POLICY = """
id: house
version: %d
title: Of tests
description: Markets, and large sums.
settings: {hops: 2, max_txs: 20000}
requires: [{kind: tags, max_age_days: 36500, which: newest}]
rules:
  - id: market
    version: 1
    title: Money of a market
    when: {category: market, type: %s}
    severity: high
    verdict: review
    false_positives: A gift.
"""
ANY = "[ownership, direct, indirect]"


class Screened:
    """A workspace read up to a height, with addresses that were screened then."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.root, self.folder = root, folder
        self.policy = self.write("house.yml", POLICY % (1, ANY))

    def write(self, name: str, text: str) -> str:
        path = self.folder / name
        path.write_text(text)
        return str(path)

    def screen(self, *addresses: str, **options: str) -> list[dict[str, Any]]:
        options = {"policy": self.policy, "evaluated-at": AT} | options
        file = self.write("subjects.txt", "\n".join(addresses) + "\n")
        said = tracer(self.root, "screen", "--file", file, "--chain", CHAIN, "--json",
                      *(f"--{name}={value}" for name, value in options.items()))  # fmt: skip
        rows = [json.loads(line) for line in said.out.splitlines()]
        return [row for row in rows if row["schema"] == "tracer.screening/1"]

    def rescan(self, *options: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        said = tracer(
            self.root,
            "screenings",
            "rescan",
            "--policy-to",
            self.policy,
            "--evaluated-at",
            AT,
            "--json",
            *options,
        )
        assert said.code == 0, said
        *changes, summary = [json.loads(line) for line in said.out.splitlines()]
        assert summary["changed"] == len(changes)
        return changes, summary


def addresses(root: Path, above: int) -> list[str]:
    """Addresses first seen above a height, in their order."""
    import duckdb

    from adapters.chains import chain_named

    with duckdb.connect(str(Workspace(root).chain_file(CHAIN)), read_only=True) as store:
        rows = store.sql(
            "SELECT a.kind, a.payload FROM address AS a JOIN address_tx AS t USING (address_id) "
            f"GROUP BY ALL HAVING min(t.tx_id) >> 24 > {above} ORDER BY min(t.tx_id), a.payload"
        ).fetchall()
    chain = chain_named(CHAIN)
    return [chain.render_address(AddressKey(kind, bytes(payload))) for kind, payload in rows]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The world with its labels, read to its end: made once."""
    root = tmp_path_factory.mktemp("world") / "w"
    tracer(root, "sync", CHAIN, "--source", SOURCE)
    (tags,) = root.glob("cache/simulation/*/tags.csv")
    tracer(root, "tags", "import", tags)
    return root


@pytest.fixture
def screened(world: Path, tmp_path: Path) -> Screened:
    return Screened(copytree(world, tmp_path / "w"), tmp_path)


def test_a_new_label_is_the_cause_and_is_named(screened: Screened) -> None:
    documents = screened.screen(*addresses(screened.root, 0)[:40])
    clear = [each["subject"]["address"] for each in documents if each["verdict"] == "clear"]
    before = documents[0]["intel_snapshot"]
    claim = tracer(
        screened.root, "tags", "add", clear[0], "--chain", CHAIN, "--label", "a market", "--category", "market",
        "--author", "Ann", "--reason", "seen", "--json",
    ).document["claim"]  # fmt: skip
    changes, summary = screened.rescan("--intel-from", before, "--same-blocks")
    assert clear[0] in [each["subject"]["address"] for each in changes]
    assert (summary["examined"], summary["causes"]) == (len(documents), {"label": len(changes)})
    for each in changes:
        (cause,) = each["causes"]
        assert (cause["appeared"], cause["went"]) == ([claim], [])
        assert cause["from"] == before
    # what changed is kept, waits for a decision, and is not told again
    shown = tracer(screened.root, "screenings", "show", changes[0]["new_screening_id"], "--json").document
    assert (shown["status"], shown["screening"]["verdict"]) == ("open", changes[0]["verdict"]["to"])
    assert screened.rescan("--same-blocks")[0] == []


def test_new_blocks_are_the_cause(world: Path, tmp_path: Path) -> None:
    late = addresses(world, HEIGHT)[:30]
    screened = Screened(tmp_path / "w", tmp_path)
    tracer(screened.root, "sync", CHAIN, "--source", SOURCE, "--to", str(HEIGHT))
    (tags,) = screened.root.glob("cache/simulation/*/tags.csv")
    tracer(screened.root, "tags", "import", tags)
    assert {each["verdict"] for each in screened.screen(*late)} == {"unknown"}
    tracer(screened.root, "sync", CHAIN, "--source", SOURCE)
    changes, summary = screened.rescan("--no-keep")
    assert len(changes) == len(late)
    assert summary["causes"] == {"chain": len(late)}
    (cause,) = changes[0]["causes"]
    assert cause["from"]["height"] == HEIGHT < cause["to"]["height"]
    assert screened.rescan("--same-blocks")[0] == []


def test_another_policy_is_the_cause(screened: Screened) -> None:
    documents = screened.screen(*addresses(screened.root, 0)[::97])
    assert "review" in {each["verdict"] for each in documents}
    screened.policy = screened.write(
        "strict.yml", POLICY % (2, "[direct, indirect], share_at_least: 0.9999999")
    )
    changes, summary = screened.rescan()
    assert summary["verdicts"] == {"review -> clear": len(changes)}
    assert changes
    for each in changes:
        (cause,) = each["causes"]
        assert (cause["cause"], cause["from"]["version"], cause["to"]["version"]) == ("rule", 1, 2)
        assert cause["went"] == ["market"]


def test_a_list_that_grew_old_is_the_cause(screened: Screened) -> None:
    screened.policy = screened.write("house.yml", POLICY.replace("36500", "3000") % (1, ANY))
    documents = screened.screen(*addresses(screened.root, 0)[:5])
    clear = [each for each in documents if each["verdict"] == "clear"]
    assert clear
    changes, _ = screened.rescan("--evaluated-at", "2030-01-01")
    assert len(changes) == len(clear)
    assert {each["verdict"]["to"] for each in changes} == {"unknown"}
    assert {cause["cause"] for each in changes for cause in each["causes"]} == {"time"}


def test_prices_that_came_are_the_cause(screened: Screened) -> None:
    floor = "[direct, indirect], amount_at_least: {fiat: USD, amount: 1}"
    screened.policy = screened.write("house.yml", POLICY % (1, floor))
    documents = screened.screen(*addresses(screened.root, 0)[::97])
    untold = [each for each in documents if each["verdict"] == "unknown"]
    assert untold  # without a price nobody can say whether it is a dollar
    days = [date(2019, 1, 1) + timedelta(days=number) for number in range(730)]
    file = screened.write("BTC-USD.csv", "Date,Close\n" + "".join(f"{day},7000\n" for day in days))
    assert tracer(screened.root, "prices", "import", file).code == 0
    changes, summary = screened.rescan("--verdict", "unknown")
    assert len(changes) == len(untold)
    assert summary["causes"] == {"price": len(changes)}
    assert {each["verdict"]["to"] for each in changes} <= {"review", "clear"}
