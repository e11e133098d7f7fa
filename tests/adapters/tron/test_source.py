"""The `tron:` source against a node that serves branches written by hand over real HTTP; see `test_contract` too."""

import random
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from adapters.evm.source import FINAL
from adapters.http import Patience
from adapters.tron import reading
from adapters.tron.decode import NO_FEES, NO_INTERNALS
from adapters.tron.source import TronSource
from tests.accounts_store import contents
from tests.adapters.tron.node import Node, serving
from tests.adapters.tron.town import CHAIN, Block, blocks, call, inside, moved, pay
from tests.conftest import scaled
from tracer.errors import BadBlock, SourceUnavailable, UsageError
from tracer.ledger.coverage import chain_status
from tracer.ledger.pull import Pulled, pull
from tracer.ledger.store import Ledger
from tracer.workspace import Workspace

HASTE = Patience(attempts=12, first=0.001, longest=0.01, timeout=5)
BUSY = "/wallet/gettransactioninfobyblocknum"


def town(count: int, *, after: Sequence[Block] = (), salt: str = "") -> list[Block]:
    """A branch of blocks with something in each second one."""
    start = len(after) or 1
    rows = [
        []
        if height % 2
        else [
            pay(f"pay{height}", "alice", "bob", height, fee=1),
            call(
                f"sell{height}", "bob", "shop", 3,
                frames=[inside("shop", "carol", 2)], logs=[moved("USDT", "shop", "bob", height)],
            ),
        ]
        for height in range(start, start + count)
    ]  # fmt: skip
    return blocks(*rows, after=after, salt=salt)


def sync(folder: Path, node: Node, **more: Any) -> Pulled:
    """Pull what is new."""
    bounds = {name: more.pop(name) for name in ("first", "last") if name in more}
    source = TronSource(node.url, CHAIN, patience=HASTE, **more)
    return pull(lambda: opened(folder, read_only=False), source, **bounds)


def opened(folder: Path, *, read_only: bool = True) -> Ledger:
    """The ledger of a workspace."""
    return Ledger.open(Workspace(folder).ready(), CHAIN, read_only=read_only)


def facts(folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    with opened(folder) as ledger:
        return contents(ledger)


def test_a_branch_is_read_whole_and_again_without_a_change(tmp_path: Path) -> None:
    with serving(town(8)) as node:
        first = sync(tmp_path, node)
        assert (first.blocks, first.txs, first.tip, first.notes) == (9, 8, 8, ())
        before = facts(tmp_path)
        assert sync(tmp_path, node).blocks == 0
    assert facts(tmp_path) == before
    assert len(before["transfer"]) == 4 * 5
    with opened(tmp_path) as ledger:
        status = chain_status(ledger)
    assert status["chain"] == "tron" and status["transfers"] == 20


def test_a_reorg_between_a_block_and_its_results_is_never_mixed(tmp_path: Path) -> None:
    ours = town(4)
    other = town(5, after=ours[:2], salt="other")
    turns = 0

    class Turning(Node):
        def answer(self, path: str, question: dict[str, Any]) -> Any:
            nonlocal turns
            if path == BUSY:
                turns += 1
                if turns == 4:
                    self.branch = other
            return super().answer(path, question)

    with serving(ours) as node:
        node.__class__ = Turning
        sync(tmp_path / "turned", node)
        sync(tmp_path / "turned", node)
    with serving(other) as node:
        sync(tmp_path / "plain", node)
    assert facts(tmp_path / "turned") == facts(tmp_path / "plain")


def test_a_branch_that_changes_while_it_is_read_is_read_anew_from_the_fork(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "JOB_BLOCKS", 4)
    ours = town(22)
    other = town(16, after=ours[:10], salt="other")
    told = {height: threading.Event() for height in range(23)}

    class Turning(Node):
        def answer(self, path: str, question: dict[str, Any]) -> Any:
            if question.get("startNum") == 20:  # by now what comes before was told of the old branch
                assert all(told[height].wait(10) for height in range(20))
                self.branch = other
            found = super().answer(path, question)
            if path == BUSY:
                told[min(question["num"], 22)].set()
            return found

    with serving(ours) as node:
        node.__class__ = Turning
        pulled = sync(tmp_path / "turned", node)
        assert (pulled.tip, pulled.reorged_from) == (25, 19)
        sync(tmp_path / "plain", node)
    assert facts(tmp_path / "turned") == facts(tmp_path / "plain")


def test_all_data_arrives_through_a_provider_with_troubles(tmp_path: Path, dice: random.Random) -> None:
    branch = town(10)
    with serving(branch) as node:
        sync(tmp_path / "plain", node)
    troubles: list[Any] = [
        (429, b"{}", {"Retry-After": "0"}),
        (503, b"<html>Service Unavailable</html>", {}),
        (200, b"<html>please log in</html>", {}),
        (
            403,
            b'{"Error":"request rate exceeded the allowed_rps(3), and the query server is suspended for 0s"}',
            {},
        ),
        (200, b'{"Error":"class java.lang.IllegalAccessException : lack of computing resources"}', {}),
        (200, b'[{"id":"ab', {}),
        "cut",
    ]
    for round_ in range(scaled(1, full=20)):
        with serving(branch) as node:
            node.faults.extend(trouble for pair in zip([None] * 7, troubles, strict=True) for trouble in pair)
            node.faults.extend(dice.choices([*troubles, None], k=8))
            sync(tmp_path / f"troubled{round_}", node)
            assert not node.faults
        assert facts(tmp_path / f"troubled{round_}") == facts(tmp_path / "plain")


def test_an_error_in_place_of_results_is_asked_again_then_said(tmp_path: Path) -> None:
    with serving(town(2)) as node:
        node.faults.extend([(200, b'{"Error":"class java.lang.NullPointerException : null"}', {})] * 40)
        with pytest.raises(SourceUnavailable):
            sync(tmp_path, node)


@pytest.mark.parametrize("body", [b"{nothing}", b"[" * 100_000 + b"]" * 100_000], ids=["words", "brackets"])
def test_broken_json_is_one_line(tmp_path: Path, body: bytes) -> None:
    with serving(town(2)) as node:
        node.faults.extend([(200, body, {})] * 40)
        with pytest.raises(SourceUnavailable, match=r"127\.0\.0\.1:\d+ answers /wallet/\w+ with broken JSON"):
            sync(tmp_path, node)


def test_a_node_of_another_network_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with serving(blocks([pay("x", "a", "b", 1)], after=blocks(salt="shasta"))) as node:
        other = node.branch[0].block
        other["blockID"] = other["blockID"][:-4] + "beef"
        with pytest.raises(SourceUnavailable, match=r"another network: its first block is 0000.*beef"):
            sync(tmp_path, node)
        assert not node.asked["/wallet/getblockbylimitnext"]


def test_a_node_that_lags_behind_takes_nothing_back(tmp_path: Path) -> None:
    branch = town(8)
    with serving(branch) as node:
        sync(tmp_path, node)
        node.branch = branch[:5]
        pulled = sync(tmp_path, node)
    assert (pulled.blocks, pulled.tip) == (0, 8)
    assert "is behind" in pulled.notes[0]


def test_only_solid_blocks_where_asked_for(tmp_path: Path) -> None:
    with serving(town(8), solid=5) as node:
        assert sync(tmp_path, node, confirmations=FINAL).tip == 5
        assert sync(tmp_path, node, confirmations=2).tip == 6


def test_a_node_without_ranges_or_headers_is_read_block_by_block(tmp_path: Path) -> None:
    with serving(town(6)) as node:
        sync(tmp_path / "plain", node)
    with serving(town(6), missing={"/wallet/getblockbylimitnext", "/wallet/getblock"}) as node:
        sync(tmp_path / "old", node)
        assert node.asked["/wallet/getblockbynum"] >= 7
    assert facts(tmp_path / "old") == facts(tmp_path / "plain")


def test_results_from_json_rpc_leave_fees_and_internal_payments_unknown(tmp_path: Path) -> None:
    with serving(town(4), missing={BUSY}) as node:
        pulled = sync(tmp_path / "rpc", node)
    assert pulled.notes == (f"{NO_INTERNALS} (2 blocks)", f"{NO_FEES} (2 blocks)")
    with serving(town(4)) as node:
        sync(tmp_path / "plain", node)
    rpc, plain = facts(tmp_path / "rpc"), facts(tmp_path / "plain")

    def rows(found: dict[str, list[tuple[Any, ...]]], kinds: set[int]) -> list[tuple[Any, ...]]:
        return [(row[0], *row[2:9]) for row in found["transfer"] if row[2] in kinds]

    assert rows(rpc, {0, 2}) == rows(plain, {0, 2})
    assert not rows(rpc, {1})
    assert {row[-1] for row in rows(rpc, {5})} == {None} and len(rows(rpc, {5})) == 4
    assert [block[-2] for block in rpc["block"]] == [True, True, False, True, False]


def test_a_node_that_keeps_no_internal_transactions_is_said_to(tmp_path: Path) -> None:
    branch = [block.without("internal_transactions") for block in town(4)]
    with serving(branch) as node:
        assert sync(tmp_path, node).notes == (f"{NO_INTERNALS} (2 blocks)",)


def test_a_node_without_any_results_is_refused(tmp_path: Path) -> None:
    with (
        serving(town(4), missing={BUSY, "/jsonrpc"}) as node,
        pytest.raises(SourceUnavailable, match="does not offer /jsonrpc"),
    ):
        sync(tmp_path, node)


def test_a_block_that_breaks_a_rule_is_left_out_with_all_behind_it_and_kept_raw(tmp_path: Path) -> None:
    branch = town(6)
    branch[4].block["transactions"].pop()
    with serving(branch) as node:
        with pytest.raises(BadBlock, match=r"block 4 .*some are missing.*Blocks up to height 3 are kept"):
            sync(tmp_path, node)
        assert [row[0] for row in facts(tmp_path)["quarantine"]] == [node.url.removeprefix("http://")]
        assert [row[0] for row in facts(tmp_path)["block"]] == [0, 1, 2, 3]
        node.branch = town(6)
        assert sync(tmp_path, node).tip == 6


def test_the_key_is_sent_and_never_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRON_PRO_API_KEY", "s3cret")
    with serving(town(1)) as node:
        sync(tmp_path, node)
        assert node.keys == {"s3cret"}
        node.faults.append((401, b"{}", {}))
        with pytest.raises(SourceUnavailable) as caught:
            sync(tmp_path, node)
    assert "TRON_PRO_API_KEY" in str(caught.value) and "s3cret" not in str(caught.value)


def test_a_url_that_is_none_and_a_node_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Give tron:http://HOST:PORT"):
        TronSource("somewhere", CHAIN)
    with serving(town(1)) as node:
        gone = node
    with pytest.raises(SourceUnavailable, match="cannot be reached; asked 4 times"):
        sync(tmp_path, gone)
