"""What only the ledger can check: prevouts exist, are spent once, and no value comes out of nothing."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from adapters.simulation.encode import subsidy
from tests.rawblocks import RawChain, RawTx, p2pkh, shop_chain, write
from tests.stores import contents, facts, opened, sync, synced
from tracer.chain import first_tx_id
from tracer.errors import BadBlock, StoreBusy
from tracer.ledger.coverage import chain_status
from tracer.ledger.ingest import Loader
from tracer.workspace import Workspace


def _with_spends(*groups: Sequence[tuple[int, int]]) -> tuple[RawChain, RawTx]:
    """Two blocks of coins, then one block per group; each (input coin, output value) is one transaction."""
    chain = RawChain()
    coins = [chain.add(miner=p2pkh("alice")), chain.add(miner=p2pkh("alice"))]
    tx = coins[0]
    for group in groups:
        txs = [RawTx([(coins[coin].txid, 0)], [(p2pkh("bob"), value)]) for coin, value in group]
        tx = txs[-1]
        chain.add(*txs)
    return chain, tx


COIN = subsidy(1)
REFUSED = {
    "spends an output that was spent before": _with_spends([(0, COIN)], [(0, COIN)]),
    "spends an output that was spent before ": _with_spends([(0, COIN), (0, COIN - 1)]),
    "pays out more than it takes in": _with_spends([(0, COIN + 1)]),
}


@pytest.mark.parametrize("reason", list(REFUSED))
@pytest.mark.parametrize("split", [False, True])
def test_a_block_that_breaks_a_rule_is_named_and_what_came_before_is_kept(
    tmp_path: Path, reason: str, split: bool
) -> None:
    chain, tx = REFUSED[reason]
    workspace = Workspace(tmp_path / "w")
    if split:  # the coin comes from an earlier turn
        sync(workspace, write(tmp_path / "early.dat", chain.blocks[:3]))
    last = len(chain.blocks) - 1
    with pytest.raises(
        BadBlock, match=f"height {last} is refused: transaction {tx.txid[::-1].hex()} {reason.strip()}"
    ):
        sync(workspace, write(tmp_path / "blk.dat", chain.blocks))
    assert len(facts(workspace)["block"]) == last


@pytest.mark.parametrize("split", [False, True])
def test_an_output_that_does_not_exist_cannot_be_spent(tmp_path: Path, split: bool) -> None:
    chain = RawChain()
    first = chain.add()
    chain.add(RawTx([(first.txid, 1)], [(p2pkh("bob"), 1)]))
    workspace = Workspace(tmp_path / "w")
    if split:
        sync(workspace, write(tmp_path / "early.dat", chain.blocks[:2]))
    with pytest.raises(BadBlock, match="spends an output that does not exist"):
        sync(workspace, write(tmp_path / "blk.dat", chain.blocks))


def test_a_greedy_coinbase_is_refused(tmp_path: Path) -> None:
    chain = RawChain()
    first = chain.add()
    chain.add(RawTx([(first.txid, 0)], [(p2pkh("bob"), COIN - 100)]), reward=subsidy(2) + 100)
    chain.add(reward=subsidy(3) + 1)
    with pytest.raises(BadBlock, match=r"height 3 is refused.*creates more coins"):
        sync(Workspace(tmp_path / "w"), write(tmp_path / "blk.dat", chain.blocks))


def test_nothing_can_spend_what_comes_later(tmp_path: Path) -> None:
    chain = RawChain()
    first = chain.add()
    parent = RawTx([(first.txid, 0)], [(p2pkh("bob"), COIN)])
    child = RawTx([(parent.txid, 0)], [(p2pkh("carol"), COIN)])
    chain.add(child, parent)
    with pytest.raises(BadBlock, match=r"height 2 is refused.*does not exist"):
        sync(Workspace(tmp_path / "w"), write(tmp_path / "blk.dat", chain.blocks))


def test_where_everything_below_was_read_a_coin_from_nowhere_is_refused(tmp_path: Path) -> None:
    chain = RawChain()
    chain.add()
    chain.add(RawTx([(b"\x77" * 32, 0)], [(p2pkh("thief"), 20_000_000 * 10**8)]), reward=10**14)
    with pytest.raises(BadBlock, match=r"height 2 is refused.*does not exist"):
        sync(Workspace(tmp_path / "w"), write(tmp_path / "blk.dat", chain.blocks))
    # the same when the blocks below arrive later: then the last of them does not fit
    workspace = synced(tmp_path / "late", write(tmp_path / "late.dat", chain.blocks[2:]))
    with pytest.raises(BadBlock, match=r"height 2, read earlier, does not fit.*does not exist"):
        sync(workspace, write(tmp_path / "early.dat", chain.blocks[:2]))


def test_a_repeated_coinbase_txid_means_its_latest_use(tmp_path: Path) -> None:
    """Before BIP 30 two coinbases could share a txid (mainnet 91722/91880 and 91812/91842)."""
    chain = RawChain()
    twin = RawTx([(bytes(32), 0xFFFFFFFF)], [(p2pkh("miner"), 1000)], script_sig=b"\x51\x51")
    chain.add_raw([twin])
    chain.add_raw([twin])
    chain.add(RawTx([(twin.txid, 0)], [(p2pkh("bob"), 900)]))
    pieces = {
        "one turn": [(0, 4)],
        "three turns": [(0, 2), (2, 3), (3, 4)],
        "from the middle": [(3, 4), (0, 3)],
    }
    for name, cuts in pieces.items():
        workspace = Workspace(tmp_path / name)
        for number, (start, stop) in enumerate(cuts):
            sync(workspace, write(tmp_path / f"{name} {number}.dat", chain.blocks[start:stop]))
        with opened(workspace) as ledger:
            assert ledger.find_tx(twin.txid) == [first_tx_id(1), first_tx_id(2)]
        assert [row[0] for row in facts(workspace)["spend"]] == [first_tx_id(2)]


@pytest.mark.parametrize("turn_txs", [1, 3, 10, 10_000])
def test_turns_of_any_size_give_the_same_store(tmp_path: Path, turn_txs: int) -> None:
    from adapters.bitcoin.chains import CHAINS
    from adapters.bitcoin.folder import source as blockfiles
    from tracer.ledger.loading import Known

    source = write(tmp_path / "blk.dat", shop_chain().blocks)
    plain = synced(tmp_path / "plain", source)
    with opened(Workspace(tmp_path / "w"), read_only=False) as ledger:
        files = blockfiles.BlockFiles(source, CHAINS["bitcoin-regtest"])
        plan = files.plan(Known(ledger))[0]
        # one block per batch, so that turns end anywhere
        batches = [
            b for h in range(13) for p in [files.plan(Known(ledger), h, h)[0]] for b in files.batches(p)
        ]
        assert plan.blocks == len(batches)
        Loader(ledger).load(batches, turn_txs=turn_txs)
        assert contents(ledger) == facts(plain)


def test_pending_spends_are_settled_when_the_missing_blocks_arrive(tmp_path: Path) -> None:
    blocks = shop_chain().blocks
    workspace = synced(tmp_path / "w", write(tmp_path / "late.dat", blocks[8:]))
    with opened(workspace) as ledger:
        status = chain_status(ledger)
        assert status["unresolved_inputs"] == 1
        assert status["blocks"]["gaps"] == [[0, 7]]
        assert ledger.db.value("SELECT count(*) FROM tx WHERE fee IS NULL AND inputs > 0") == 1
    for upper in range(7, -1, -1):
        sync(workspace, write(tmp_path / f"{upper}.dat", blocks), first=upper, last=upper)
    plain = synced(tmp_path / "plain", write(tmp_path / "plain.dat", blocks))
    assert facts(workspace) == facts(plain)


def test_a_gap_filled_with_a_lie_is_refused(tmp_path: Path) -> None:
    """A block whose spends only make sense with coins the missing block does not have."""
    chain = RawChain()
    first = chain.add()
    chain.add(RawTx([(first.txid, 0)], [(p2pkh("bob"), COIN + 1)]), reward=0)
    workspace = synced(tmp_path / "w", write(tmp_path / "late.dat", chain.blocks[2:]))
    with pytest.raises(BadBlock, match="pays out more than it takes in"):
        sync(workspace, write(tmp_path / "early.dat", chain.blocks[:2]))
    assert len(facts(workspace)["block"]) == 1


def test_a_coin_spent_twice_is_refused_also_when_the_coin_arrives_last(tmp_path: Path) -> None:
    chain, _ = _with_spends([(0, COIN)], [(0, COIN)])
    workspace = synced(tmp_path / "w", write(tmp_path / "late.dat", chain.blocks[4:]))
    with pytest.raises(BadBlock, match="was spent before"):
        sync(workspace, write(tmp_path / "early.dat", chain.blocks[:4]))
    # both spends before their coin: the second is refused at once
    with pytest.raises(BadBlock, match=r"height 4 is refused.*was spent before"):
        sync(Workspace(tmp_path / "both"), write(tmp_path / "both.dat", chain.blocks[3:]))


def test_of_two_problems_in_one_turn_the_first_block_is_named(tmp_path: Path) -> None:
    chain, _ = _with_spends([(0, COIN)], [(0, COIN)])
    chain.blocks = chain.blocks[:2]
    chain.add(reward=subsidy(2) + 1)
    chain.add()
    first = RawTx([(b"\x01" * 32, 0)], [(p2pkh("x"), 1)])
    chain.add(first, RawTx([(b"\x01" * 32, 0)], [(p2pkh("y"), 1)]))
    workspace = Workspace(tmp_path / "w")
    with pytest.raises(BadBlock, match=r"height 2 is refused.*creates more coins.*up to height 1 are kept"):
        sync(workspace, write(tmp_path / "blk.dat", chain.blocks))
    assert len(facts(workspace)["block"]) == 2


def test_sums_beyond_what_a_word_holds_are_refused(tmp_path: Path) -> None:
    """Each input is within the money range; together they pass 2^63."""
    money = 21_000_000 * 10**8
    early, late = RawChain(), RawChain()
    coins = [
        RawTx([(bytes([n % 251 + 1]) * 31 + bytes([n // 251]), 0)], [(p2pkh("a"), money)])
        for n in range(4500)
    ]
    early.blocks = [RawChain().blocks[0]]
    early.add()  # a parent the ledger never sees
    base = RawChain([*early.blocks])
    base.add(*coins, reward=0)
    spend = RawTx([(coin.txid, 0) for coin in coins], [(p2pkh("b"), 1)])
    late.blocks = list(base.blocks)
    late.add(spend, reward=0)
    workspace = synced(tmp_path / "w", write(tmp_path / "late.dat", late.blocks[3:]))
    with pytest.raises(BadBlock, match="pays out more than it takes in"):
        sync(workspace, write(tmp_path / "middle.dat", late.blocks[2:3]))


def test_a_second_writer_is_told_who_waits_for_whom(tmp_path: Path) -> None:
    import subprocess
    import sys

    from adapters.bitcoin.chains import CHAINS
    from tracer.db import Database

    workspace = synced(tmp_path / "w", write(tmp_path / "blk.dat", shop_chain().blocks))
    path = workspace.chain_file(CHAINS["bitcoin-regtest"].name)
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, duckdb; c = duckdb.connect(sys.argv[1]); print('open', flush=True); input()",
            str(path),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        with pytest.raises(StoreBusy, match="held by another tracer process"):
            Database(path, wait_seconds=0.2)
    finally:
        holder.communicate("\n")
