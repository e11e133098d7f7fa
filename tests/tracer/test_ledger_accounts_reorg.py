"""A lost branch of an account chain goes without a trace, a kill loses nothing, and pieces make no difference."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.accounts_store import Listed, contents
from tests.conftest import scaled
from tests.scenarios.accounts import (
    Block,
    Event,
    Move,
    Opening,
    Relation,
    Row,
    Token,
    Tx,
    batch,
    blocks_of,
    built,
    opened,
    openings,
    tokens,
)
from tracer.chain import RelationKind
from tracer.errors import BadBlock
from tracer.ledger.accounts.ingest import AccountLoader
from tracer.ledger.coverage import chain_status
from tracer.ledger.pull import Pulled, pull

PEOPLE = ["alice", "bob", "carol", "dave", "erin"]
ASSETS = ["ETH", "USDT", "GOLD", "PUNK#1", "PUNK#2", "GAME*1"]


def drawn(dice: random.Random, count: int, salt: str = "") -> list[Row]:
    """A random chain of about `count` blocks; `salt` keeps the names of branches apart."""

    def who() -> str:
        return dice.choice(PEOPLE) if dice.random() < 0.6 else f"{salt}{dice.randrange(9)}"

    rows: list[Row] = []
    for number in range(count):
        same = bool(rows) and dice.random() < 0.4
        if dice.random() < 0.2:
            rows.append(
                Block(rewards=[(who(), 3)], withdrawals=[(who(), 1)] * dice.randrange(2), same_block=same)
            )
            continue
        moves = [
            Move(
                dice.choice([who(), None]),
                dice.choice([who(), None]),
                dice.choice([0, 1, 10**30, 10**38 - 1, 2**200 + 7]),
                dice.choice([*ASSETS, f"{salt}coin{dice.randrange(3)}"]),
            )
            for _ in range(dice.randrange(4))
        ]
        relations = [Relation(RelationKind.APPROVAL, who(), who(), dice.choice(["USDT", f"{salt}iron"]))]
        rows.append(
            Tx(f"{salt}{number}", who(), to=dice.choice([who(), None]), value=dice.randrange(3), fee=dice.randrange(2),
               tip=dice.randrange(2), tip_to=who(), moves=moves, events=[Event(who(), "Swap")] * dice.randrange(2),
               relations=relations * dice.randrange(2), failed=dice.random() < 0.1, same_block=same)
        )  # fmt: skip
    return rows


def forked(dice: random.Random, rows: list[Row], salt: str) -> tuple[list[Row], int]:
    """The same chain up to a random row that begins a block, then others; and the height of the last common block."""
    starts = [i for i, row in enumerate(rows) if not row.same_block]
    at = dice.randrange(1, len(starts))
    others = drawn(dice, dice.randrange(1, 9), salt)
    return rows[: starts[at]] + others, at - 1


def test_any_pieces_and_any_branches_end_where_a_fresh_load_ends(tmp_path: Path, dice: random.Random) -> None:
    for drill in range(scaled(6, full=60)):
        best = drawn(dice, 12)
        with opened(tmp_path / f"w{drill}", threads=1 + drill % 2) as ledger:
            loader = AccountLoader(ledger)
            loader.load(blocks_of(batch(best)), turn_txs=dice.choice([1, 3, 100]))
            for step in range(3):
                best, kept = forked(dice, best, f"{'xyz'[step]}")
                loader.openings(
                    openings([Opening("alice", 5, height=kept + 1), Opening("nobody", 5, "RARE", kept + 1)])
                )
                loader.tokens(tokens([Token("RARE", height=kept + 1), Token(f"lost{step}", height=kept + 2)]))
                loader.load(
                    blocks_of(batch(best))[kept + 1 :], reorg_to=kept, turn_txs=dice.choice([1, 3, 100])
                )
            with built(tmp_path / f"plain{drill}", best) as plain:
                assert contents(ledger) == contents(plain), f"drill {drill}"


def test_a_lost_branch_takes_along_what_was_told_as_of_its_blocks(tmp_path: Path) -> None:
    ours: list[Row] = [Tx(str(n), "alice", to="bob", value=1) for n in range(4)]
    kept = [Opening("alice", 9), Opening("alice", 8, height=1)]
    with built(
        tmp_path / "w", ours, balances=[*kept, Opening("eve", 1, "RARE", 3)], told=[Token("USDT")]
    ) as ledger:
        loader = AccountLoader(ledger)
        loader.tokens(tokens([Token("FAKE", height=2)]))
        rival = [*ours[:2], *(Tx(f"r{n}", "carol", to="dave", value=2) for n in range(3))]
        loader.load([*blocks_of(batch(rival))[2:]], reorg_to=1, at_least=3)
        with built(tmp_path / "plain", rival, balances=kept, told=[Token("USDT")]) as plain:
            assert contents(ledger) == contents(plain)


def test_what_was_told_of_accounts_that_only_a_lost_branch_showed_goes_with_it(tmp_path: Path) -> None:
    kept: list[Row] = [Block(rewards=[("alice", 9)]), Tx("pay", "alice", to="bob", value=1)]
    lost: list[Row] = [
        *kept,
        Tx("stray", "dave", to="erin", value=2, moves=[Move("dave", "erin", 3, "GOLD")]),
    ]
    won: list[Row] = [*kept, Tx("other", "alice", to="carol", value=1), Block()]
    with built(tmp_path / "ours", lost, balances=[Opening("dave", 5), Opening("dave", 5, "GOLD"), Opening("bob", 7)],
               told=[Token("GOLD")]) as ours:  # fmt: skip
        AccountLoader(ours).load(blocks_of(batch(won))[2:], reorg_to=1)
        found = contents(ours)
    with built(tmp_path / "theirs", won, balances=[Opening("bob", 7)]) as theirs:
        assert found == contents(theirs)


def test_a_rival_that_is_too_short_or_bad_leaves_our_branch_as_it_was(tmp_path: Path) -> None:
    ours: list[Row] = [Tx(str(n), "alice", to="bob", value=1) for n in range(4)]
    rival = blocks_of(batch([ours[0], *(Tx(f"r{n}", "carol", to="dave", value=2) for n in range(4))]))[1:]
    with built(tmp_path, ours) as ledger:
        before = contents(ledger)
        AccountLoader(ledger).load(rival[:2], reorg_to=0, at_least=4)
        assert contents(ledger) == before
        gap = [rival[0], rival[1], rival[3]]
        with pytest.raises(BadBlock, match="at height 3 is refused: it says height 4, and 3 was next"):
            AccountLoader(ledger).load(gap, reorg_to=0, at_least=3)
        assert contents(ledger) == before


def test_before_a_branch_goes_it_is_said(tmp_path: Path) -> None:
    ours: list[Row] = [Tx(str(n), "alice", to="bob", value=1) for n in range(4)]
    rival = [*ours[:2], *(Tx(f"r{n}", "carol", to="dave", value=2) for n in range(3))]
    said: list[tuple[int, int]] = []
    with built(tmp_path, ours) as ledger:
        AccountLoader(ledger).load(
            blocks_of(batch(rival))[2:], reorg_to=1, before_reorg=lambda kept, tip: said.append((kept, tip))
        )
    assert said == [(1, 3)]


# Through `pull` ---------------------------------------------------------------------------------------


def pulled(folder: Path, rows: list[Row], last: int | None = None) -> Pulled:
    return pull(lambda: opened(folder), Listed(blocks_of(batch(rows))), last=last)


def test_a_pull_resumes_repeats_and_follows_the_longer_branch(tmp_path: Path, dice: random.Random) -> None:
    ours = drawn(dice, 12)
    tip = batch(ours).blocks.num_rows - 1
    assert pulled(tmp_path / "w", ours, last=tip // 2).tip == tip // 2
    rest = pulled(tmp_path / "w", ours)
    assert (rest.blocks, rest.tip, rest.reorged_from) == (tip - tip // 2, tip, None)
    assert pulled(tmp_path / "w", ours).blocks == 0
    rival = [*ours[:1], *drawn(dice, 40, "r")]
    assert pulled(tmp_path / "w", rival).reorged_from == tip
    with built(tmp_path / "plain", rival) as plain, opened(tmp_path / "w") as ledger:
        assert contents(ledger) == contents(plain)


def test_a_refused_block_goes_to_quarantine_until_a_sound_copy_is_read(tmp_path: Path) -> None:
    rows: list[Row] = [Tx(str(n), "alice", to="bob", value=1) for n in range(4)]
    parts = blocks_of(batch(rows))
    torn = parts[2].txs.slice(0, 0)
    spoiled = [*parts[:2], type(parts[2])(parts[2].blocks, torn, *(getattr(parts[2], n) for n in
               ("transfers", "relations", "events", "quarantine"))), parts[3]]  # fmt: skip
    with pytest.raises(
        BadBlock, match=r"height 2 is refused: it counts 1 transactions and has 0.*up to height 1 are kept"
    ):
        pull(lambda: opened(tmp_path), Listed(spoiled))
    with opened(tmp_path) as ledger:
        ((source, place, raw),) = ledger.db.rows("SELECT source, place, raw FROM quarantine")
        assert (source, raw) == ("a list", parts[2].blocks["hash"][0].as_py())
        assert place == f"block 0x{raw.hex()}"
        assert chain_status(ledger)["quarantined"] == 1
    pulled(tmp_path, rows)
    with opened(tmp_path) as ledger:
        assert chain_status(ledger)["quarantined"] == 0


_LOADING = """
import random, sys
from pathlib import Path
from tests.scenarios.accounts import batch, blocks_of, opened
from tests.tracer.test_ledger_accounts_reorg import drawn
from tracer.ledger.accounts.ingest import AccountLoader
rows = drawn(random.Random(5), 60)
with opened(Path(sys.argv[1])) as ledger:
    print("open", flush=True)
    tip = ledger.tip()
    AccountLoader(ledger).load(blocks_of(batch(rows))[0 if tip is None else tip.height + 1:], turn_txs=1)
"""


def test_a_load_that_is_killed_anywhere_goes_on_where_it_was(tmp_path: Path, dice: random.Random) -> None:
    """Whatever was committed stays, nothing is there twice, and the end is that of a load nobody disturbed."""
    words = [sys.executable, "-c", _LOADING, str(tmp_path / "w")]
    rows = drawn(random.Random(5), 60)
    for _ in range(scaled(1, full=40)):
        with subprocess.Popen(
            words, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, env=os.environ
        ) as work:
            assert work.stdout is not None
            assert work.stdout.readline() == b"open\n"
            time.sleep(dice.uniform(0, 1))
            os.kill(work.pid, signal.SIGKILL)
        with opened(tmp_path / "w") as ledger:
            tip = ledger.tip()
            kept = -1 if tip is None else tip.height
            found = contents(ledger)
            with opened(tmp_path / "part") as plain:
                tip = plain.tip()
                done = -1 if tip is None else tip.height
                AccountLoader(plain).load(blocks_of(batch(rows))[done + 1 : kept + 1])
                assert contents(plain) == found
    subprocess.run(words, check=True, cwd=Path(__file__).parents[2], stdout=subprocess.DEVNULL)
    with opened(tmp_path / "w") as ledger, built(tmp_path / "plain", rows) as plain:
        assert contents(ledger) == contents(plain)
