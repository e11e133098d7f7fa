"""What every source of blocks must do, whatever its chain: the ledger and its readers lean on this."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import scaled
from tests.contracts.harness import Harness, harness
from tracer.chain import Family
from tracer.errors import BadBlock, DataError
from tracer.ledger import loading
from tracer.ledger.coverage import chain_status
from tracer.workspace import Workspace


@pytest.fixture(params=["blocks", "core", "evm"])
def it(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Harness]:
    with harness(request.param, tmp_path) as made:
        yield made


@pytest.fixture
def small_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every batch is a commit of its own."""
    monkeypatch.setattr(loading.turns, "__defaults__", (1, 60.0))


def workspace(tmp_path: Path, name: str) -> Workspace:
    return Workspace(tmp_path / name)


def test_reading_twice_changes_nothing(it: Harness, tmp_path: Path) -> None:
    store = workspace(tmp_path, "w")
    pulled = it.sync(store)
    assert (pulled.blocks, pulled.tip) == (it.height + 1, it.height)
    before = it.facts(store)
    again = it.sync(store)
    assert (again.blocks, again.txs, again.tip, again.reorged_from) == (0, 0, it.height, None)
    assert it.facts(store) == before


def test_what_is_new_is_added_and_what_is_missing_filled(it: Harness, tmp_path: Path) -> None:
    pieces, whole = workspace(tmp_path, "pieces"), workspace(tmp_path, "whole")
    assert it.sync(pieces, first=5, last=7).blocks == 3
    assert it.sync(pieces, first=9, last=9).blocks == 1
    assert it.sync(pieces, first=5, last=9).blocks == 1, "the gap"
    it.grow(3)
    assert it.sync(pieces, first=0).tip == it.height
    it.sync(whole)
    assert it.facts(pieces) == it.facts(whole)


@pytest.mark.parametrize("depth", [1, 9])
def test_a_lost_branch_leaves_nothing_behind(it: Harness, tmp_path: Path, depth: int) -> None:
    saw, never = workspace(tmp_path, "saw"), workspace(tmp_path, "never")
    it.sync(saw)
    before, old = it.facts(saw), it.height
    it.reorg(depth)
    assert it.sync(saw).reorged_from == old
    it.sync(never)
    assert it.facts(saw) == it.facts(never)
    assert it.facts(saw)["block"][: old - depth + 1] == before["block"][: old - depth + 1]
    assert it.facts(saw)["block"][old - depth + 1] != before["block"][old - depth + 1]


def test_any_history_of_branches_ends_where_a_fresh_read_ends(
    it: Harness, tmp_path: Path, dice: random.Random, small_turns: None
) -> None:
    store = workspace(tmp_path, "w")
    for step in range(scaled(3, full=30)):
        if dice.random() < 0.5:
            it.reorg(dice.randrange(1, 10))
        else:
            it.grow(dice.randrange(1, 4))
        it.sync(store)
        fresh = workspace(tmp_path, f"fresh{step}")
        it.sync(fresh)
        assert it.facts(store) == it.facts(fresh)


@pytest.mark.parametrize("turn", [1, 3])
def test_a_read_that_was_broken_off_goes_on_where_it_was(
    it: Harness, tmp_path: Path, small_turns: None, turn: int
) -> None:
    """Interrupted after a commit (kills at any moment: tests/cli/test_sync*.py)."""
    broken, whole = workspace(tmp_path, "broken"), workspace(tmp_path, "whole")
    it.grow(8)
    commits = []

    def interrupt(done: int, _total: int) -> None:
        commits.append(done)
        if len(commits) == turn:
            raise KeyboardInterrupt

    try:
        it.sync(broken, progress=interrupt)
    except KeyboardInterrupt:
        with it.opened(broken) as ledger:
            tip = ledger.tip()
        assert tip is not None
        assert tip.height == commits[-1] - 1
    it.sync(broken)
    it.sync(whole)
    assert it.facts(broken) == it.facts(whole)


def test_a_torn_block_is_named_kept_apart_and_read_again_from_a_sound_source(
    it: Harness, tmp_path: Path
) -> None:
    store, whole = workspace(tmp_path, "w"), workspace(tmp_path, "whole")
    for _ in range(2):  # a second read adds nothing
        with it.torn(7) as source, pytest.raises(DataError, match=r"up to height 6 are kept") as failure:
            it.sync(store, source)
        assert isinstance(failure.value, BadBlock)
        assert failure.value.exit_code == 4
        with it.opened(store) as ledger:
            status = chain_status(ledger)
            assert (status["blocks"]["to"], status["quarantined"]) == (6, 1)
            ((raw,),) = ledger.db.rows("SELECT raw FROM quarantine")
        assert raw
    it.sync(store)
    it.sync(whole)
    assert it.facts(store) == it.facts(whole)


_UNPAID = {
    Family.UTXO: "SELECT count(*) FROM tx WHERE fee IS NULL AND tx_id % 16777216 > 0",
    Family.ACCOUNT: """
        SELECT count(*) FROM tx
        LEFT JOIN (SELECT tx_id, sum(amount) AS paid FROM transfer WHERE kind IN (5, 6) GROUP BY tx_id) USING (tx_id)
        WHERE fee IS NULL OR paid IS NULL OR paid <> fee OR fee <> gas_used * gas_price""",
}
_CREATED = {
    Family.UTXO: "SELECT sum(value) - (SELECT sum(fee) FROM tx) FROM txout JOIN tx USING (tx_id) WHERE tx.inputs = 0",
    Family.ACCOUNT: "SELECT sum(amount) FROM transfer WHERE asset_id = 0 AND source IS NULL",
}


def test_every_transaction_pays_its_fee_and_blocks_create_what_they_may(it: Harness, tmp_path: Path) -> None:
    store = workspace(tmp_path, "w")
    it.sync(store)
    family = it.chain.family
    with it.opened(store) as ledger:
        assert ledger.db.value(_UNPAID[family]) == 0
        assert (ledger.db.value(_CREATED[family]) or 0) == it.created
