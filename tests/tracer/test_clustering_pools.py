"""Which untagged clusters behave like a custodian's pool, and which only look busy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.case import CHAIN, Case
from tests.scenarios.custodian import custodian
from tests.scenarios.ledger import Tx
from tracer.clustering.lookup import clusters_of
from tracer.clustering.pools import Thresholds, pool_like
from tracer.ledger.store import Ledger


def asked(folder: Path, rows: list[Tx], address: str, thresholds: Thresholds | None = None) -> dict[str, Any]:
    """Evidence about the cluster of one address; {} where nobody looked."""
    case = Case(folder, rows)
    with Ledger.open(case.workspace, CHAIN) as ledger:
        number = ledger.find_address(CHAIN.parse_address(address))
        assert number is not None
        cluster = clusters_of(ledger, [number])[number]
        found = pool_like(ledger, [cluster], thresholds)
    rows_found: list[dict[str, Any]] = found.to_dicts()
    return rows_found[0] if rows_found else {}


def test_a_custodian_is_a_pool_and_the_evidence_is_counted(tmp_path: Path) -> None:
    found = asked(tmp_path, custodian(), "hot")
    assert found["pool_like"]
    assert (found["depositors"], found["deposit_addresses"]) == (60, 60)
    assert (found["batches"], found["batch_days"]) == (5, 5)
    assert found["commingled"] >= 3
    assert found["first_height"] < found["last_height"]


def test_deposits_swept_into_a_hot_wallet_of_its_own_count_for_the_hot_wallet(tmp_path: Path) -> None:
    """The exchange pattern: the swept addresses and the hot wallet never sign together."""
    found = asked(tmp_path, custodian(joined=False), "hot")
    assert found["pool_like"]
    assert (found["depositors"], found["deposit_addresses"]) == (60, 60)
    assert found["commingled"] == 11  # the sweeps, and the payouts of what they brought


@pytest.mark.parametrize(
    ("fewer", "lacking"),
    [
        ({"depositors": 49}, "depositors"),
        ({"batches": 4}, "batches"),
        ({"payees": 4}, "batches"),
        ({"equal": True}, "batches"),
        ({"per_sweep": 4, "joined": False}, "commingled"),
    ],
)
def test_each_part_of_the_evidence_is_needed(tmp_path: Path, fewer: dict[str, Any], lacking: str) -> None:
    found = asked(tmp_path, custodian(**fewer), "hot")
    assert not found.get("pool_like")
    if found:
        assert found[lacking] < getattr(Thresholds(), lacking)


def test_batches_of_one_day_are_no_habit(tmp_path: Path) -> None:
    rows = [Tx(row.name, row.ins, row.outs) for row in custodian()]  # ten minutes apart
    found = asked(tmp_path, rows, "hot")
    assert found["batches"] == 5
    assert found["batch_days"] < 3
    assert not found["pool_like"]


def test_a_payroll_has_batches_and_no_depositors(tmp_path: Path) -> None:
    rows = [Tx("fund0", outs=[("boss", 1_000_000)])]
    for month in range(30):
        wages = [(f"staff{month}n{i}", 100 + i) for i in range(12)]
        rest = 1_000_000 - (month + 1) * 2_000
        coin = f"wages{month - 1}:12" if month else "fund0:0"
        rows.append(Tx(f"wages{month}", ins=[coin], outs=[*wages, ("boss", rest)], day=month + 1))
    found = asked(tmp_path, rows, "boss")
    assert (found["depositors"], found["batches"]) == (0, 30)
    assert not found["pool_like"]


def test_a_shop_that_sweeps_its_takings_is_no_pool(tmp_path: Path) -> None:
    rows = [row for row in custodian(batches=0) if not row.name.startswith("pay")]
    sweeps = [row for row in rows if row.name.startswith("sweep")]
    total = sum(value for row in sweeps for _, value in row.outs)
    rows.append(Tx("bank", ins=[f"{row.name}:0" for row in sweeps], outs=[("exchange", total)]))
    assert not asked(tmp_path, rows, "hot").get("pool_like")


def test_a_quiet_address_is_not_looked_at(tmp_path: Path) -> None:
    assert asked(tmp_path, custodian(), "user0") == {}


def test_what_is_a_pool_is_the_rules_to_say(tmp_path: Path) -> None:
    assert asked(tmp_path, custodian(depositors=49), "hot", Thresholds(depositors=49))["pool_like"]
    assert not asked(tmp_path / "b", custodian(), "hot", Thresholds(depositors=61))["pool_like"]


def test_asking_for_several_answers_each_as_if_alone(tmp_path: Path) -> None:
    rows = [*custodian(), *custodian(name="b", joined=False), *custodian(name="c", depositors=49)]
    case = Case(tmp_path, rows)
    with Ledger.open(case.workspace, CHAIN) as ledger:
        clusters = sorted(
            {c for (c,) in ledger.db.rows("SELECT DISTINCT cluster_id FROM cluster_member")}
            | {a for (a,) in ledger.db.rows("SELECT address_id FROM address")}
        )
        together = pool_like(ledger, clusters).rows()
        alone = [row for cluster in clusters for row in pool_like(ledger, [cluster]).rows()]
        assert together == alone
        assert len(together) >= 2
        assert pool_like(ledger, []).height == 0
