"""A trace that asks an explorer for what it needs: the same answer as over the whole chain, and nothing asked twice."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters.bitcoin.chains import CHAINS
from adapters.chains import chain_named
from cli import ondemand
from cli.app import App
from cli.paths import answer as best_paths
from cli.trace import answer
from tests.cli.running import tracer
from tests.nodes.explorer import Answer, Explorer, explorer
from tests.rawblocks import RawChain, RawTx, p2pkh, shop_chain, write
from tests.scenarios.world import Loaded, claim_owners, load
from tests.stores import facts, opened, sync
from tracer.chain import AddressKey, ScriptKind
from tracer.errors import DataError, ReorgedAway, SourceUnavailable, UsageError
from tracer.flow.paths.question import PathQuestion
from tracer.flow.question import Question
from tracer.ledger.coverage import chain_status
from tracer.workspace import Workspace

CHAIN = CHAINS["bitcoin-regtest"]
PARTS = ("method", "totals", "endpoints", "other_endpoints", "stops", "unspent", "unread", "minted")
ALIKE = ("tx", "txout", "spend")


def demand(host: Explorer, *, most: int = 100_000) -> ondemand.Demand:
    return ondemand.Demand(host.url, yes=True, rate=1e4, most=most)


def asked(space: Workspace, host: Explorer, question: Question, *, most: int = 100_000) -> dict[str, Any]:
    """The answer after fetching what it needs."""
    app = App(space.ready(), quiet=True, threads=1)
    ondemand.fetch(app, CHAIN, question, None, lambda _hop, _txs: True, demand(host, most=most))
    return answered(space, question)


def answered(space: Workspace, question: Question) -> dict[str, Any]:
    return answer(App(space, quiet=True, threads=1), CHAIN.name, question)


def said(document: dict[str, Any]) -> list[dict[str, Any]]:
    """What a document says beside its coverage, and where the chain stood."""
    return [{part: doc[part] for part in PARTS} for doc in document.get("documents", [document])]


# The simulated market, as an explorer shows it -------------------------------------------------------------


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    made = load(tmp_path_factory.mktemp("world"), seed=3, txs=1500)
    kinds = {"exchange": ("exchange", "none"), "swapper": ("swapper", "none"), "gambling": ("gambling", "")}
    rows = made.world.truth.addresses.select("owner", "actor_kind").unique().iter_rows()
    owners = {owner: kinds[kind] for owner, kind in rows if kind in kinds}
    claim_owners(made, owners | {"market-a": ("market", "")})
    return made


@pytest.fixture(scope="module")
def market(world: Loaded) -> Iterator[Explorer]:
    with explorer(list(world.world.blocks()), CHAIN) as served:
        yield served


@pytest.fixture
def space(tmp_path: Path, world: Loaded) -> Workspace:
    """A workspace with the world's claims and no facts."""
    made = Workspace(tmp_path / "w").ready()
    shutil.rmtree(made.intel)
    shutil.copytree(world.workspace.intel, made.intel)
    return made


def seeds_of(world: Loaded, case: str) -> tuple[str, ...]:
    cases = world.world.truth.cases
    if case == "an outpoint":
        return (cases["buyer_deposit"]["outpoint"],)
    if case == "an address":
        return (cases["shop"]["addresses"][0],)
    return tuple(cases["multisig"]["addresses"][:2])


@pytest.mark.parametrize(("case", "direction"), [("an address", "forward"), ("an outpoint", "backward")])
def test_the_answer_is_that_of_the_whole_chain(
    world: Loaded, market: Explorer, space: Workspace, case: str, direction: Any
) -> None:
    methods = ("fifo", "haircut", "lifo") if direction == "forward" else ("haircut", "tiho")
    question = Question(seeds_of(world, case), methods, direction=direction, hops=3)
    found, whole = asked(space, market, question), answered(world.workspace, question)
    assert said(found) == said(whole)
    assert [doc["as_of"][0]["block_hash"] for doc in found["documents"]] == [
        doc["as_of"][0]["block_hash"] for doc in whole["documents"]
    ]
    for doc in found["documents"]:
        assert doc["coverage"]["status"] == "partial"
        assert any(market.url.split("/")[2] in note for note in doc["coverage"]["notes"])
    alone, all_of_it = facts(space), facts(world.workspace)
    for table in ALIKE:
        assert set(alone[table]) <= set(all_of_it[table]), table
    ours, theirs = ({(*row[:2], *row[3:]) for row in each["txin"]} for each in (alone, all_of_it))
    assert ours <= theirs, "amount and owner of what is spent, also where its transaction is not here"
    assert 0 < len(alone["tx"]) < len(all_of_it["tx"]) / 4


def test_paths_are_those_of_the_whole_chain(world: Loaded, market: Explorer, space: Workspace) -> None:
    seed = seeds_of(world, "an address")
    question = PathQuestion(Question(seed, hops=4, exits=("category:exchange",)), None, 20)
    app = App(space, quiet=True)
    ondemand.fetch(app, CHAIN, question.asked, None, lambda _hop, _txs: True, demand(market))
    found, whole = (
        best_paths(App(each, quiet=True), CHAIN.name, question) for each in (space, world.workspace)
    )
    assert found["paths"]
    assert found["paths"] == whole["paths"]


def test_nothing_is_asked_twice_and_the_ledger_answers_alone(
    world: Loaded, market: Explorer, space: Workspace
) -> None:
    question = Question(seeds_of(world, "an address"), hops=3)
    market.asked.clear()
    first = asked(space, market, question)
    assert market.asked.pop() == f"/block-height/{market.height}", (
        "the chain is still the one that was asked of"
    )
    assert len(set(market.asked)) == len(market.asked), "each thing once"
    market.asked.clear()
    again = asked(space, market, question)
    assert market.asked == ["/blocks/tip/height", f"/block-height/{market.height}"]
    assert first == again == answered(space, question)
    # a shorter way through the same facts costs nothing either
    market.asked.clear()
    asked(space, market, replace(question, hops=2, methods=("lifo",)))
    assert len(market.asked) == 2


def test_a_budget_makes_the_answer_partial_and_the_next_run_goes_on(
    world: Loaded, market: Explorer, space: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    question = Question(seeds_of(world, "an address"), hops=3)
    market.asked.clear()
    for most in (12, 6):
        before = len(market.asked)
        partial = asked(space, market, question, most=most)
        assert len(market.asked) - before <= most
        assert "the answer is partial" in capsys.readouterr().err
    assert any(int(doc["totals"][0]["unread"]) for doc in partial["documents"])
    whole = asked(space, market, question)
    assert said(whole) == said(answered(world.workspace, question))


def test_an_address_of_too_many_transactions_ends_the_asking(
    world: Loaded, market: Explorer, space: Workspace
) -> None:
    question = Question(seeds_of(world, "two addresses"), ("haircut",), hops=4, degree=1, pools="tagged")
    found, whole = asked(space, market, question), answered(world.workspace, question)
    assert said(found) == said(whole)
    assert any(stop["reason"] == "high_degree" for stop in found["stops"])


def test_whole_blocks_and_an_explorer_beside_each_other(
    world: Loaded, market: Explorer, space: Workspace
) -> None:
    question = Question(seeds_of(world, "two addresses"), hops=4)
    sync(space, world.workspace.root / "blocks", first=0, last=market.height // 2)
    assert said(asked(space, market, question)) == said(answered(world.workspace, question))
    sync(space, world.workspace.root / "blocks")
    assert said(answered(space, question)) == said(answered(world.workspace, question))
    assert facts(space) == facts(world.workspace)


# A small chain, and explorers that lie, break off or change their mind ---------------------------------------


@pytest.fixture(scope="module")
def chain() -> RawChain:
    return shop_chain()


@pytest.fixture
def host(chain: RawChain) -> Iterator[Explorer]:
    with explorer(chain.blocks, CHAIN) as served:
        yield served


@pytest.fixture
def empty(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "empty")


FIRST, LAST = 10, 12


def payment(host: Explorer, height: int) -> str:
    """The transaction of a block that pays the shop: output 0; output 1 is its change."""
    return host.index.in_block[height][1]


def from_first(host: Explorer) -> Question:
    """Where the change of a payment went: it is spent in the next block, and so on to the last."""
    return Question((f"{payment(host, FIRST)}:1",), ("fifo",), degree=0)


def instead(path: str, body: Callable[[Answer], Answer]) -> Callable[[str, Answer], Answer]:
    return lambda asked, honest: body(honest) if asked == path else honest


LIES: dict[str, tuple[str, str, Callable[[Explorer, Answer], Answer], str]] = {
    "the bytes": (
        "/tx/{second}/raw", "transaction {second}", lambda host, _: host.raw(payment(host, FIRST + 2)),
        "not that transaction's",
    ),
    "the proof": (
        "/tx/{second}/merkle-proof", "transaction {second}",
        lambda _, honest: replace(honest, body=honest.body.replace(b'"pos": 1', b'"pos": 0')), "does not lead",
    ),
    "the header": (
        "/block/{second block}/header", "block {second block}", lambda host, _: host.header(host.index.hashes[FIRST]),
        "another hash",
    ),
    "the spender": (
        "/tx/{first}/outspends", "{first}:1", lambda host, honest: _pointing(honest, payment(host, LAST), LAST),
        "spends {first}:1, and it does not",
    ),
    "the outputs": ("/tx/{first}/outspends", "{first}", lambda *_: Answer(200, b"[]"), "leaves out output 1"),
}  # fmt: skip


def _pointing(honest: Answer, txid: str, height: int) -> Answer:
    rows = json.loads(honest.body)
    rows[1]["txid"], rows[1]["status"]["block_height"] = txid, height
    return replace(honest, body=json.dumps(rows).encode())


@pytest.mark.parametrize("lie", LIES)
def test_an_explorer_that_lies_is_refused_by_name(host: Explorer, empty: Workspace, lie: str) -> None:
    names = {
        "first": payment(host, FIRST), "second": payment(host, FIRST + 1), "second block": host.index.hashes[FIRST + 1],
    }  # fmt: skip
    path, named, body, words = LIES[lie]
    host.change = instead(path.format(**names), lambda honest: body(host, honest))
    with pytest.raises(DataError) as failure:
        asked(empty, host, from_first(host))
    assert failure.value.exit_code == 4
    assert named.format(**names) in failure.value.problem
    assert words.format(**names) in failure.value.problem


def test_an_explorer_that_hides_a_spend_is_believed_and_named(host: Explorer, empty: Workspace) -> None:
    first = payment(host, FIRST)
    host.change = instead(
        f"/tx/{first}/outspends", lambda _: Answer(200, b'[{"spent": false}, {"spent": false}]')
    )
    found = asked(empty, host, from_first(host))
    assert [row["outpoint"] for row in found["unspent"]] == [f"{first}:1"]
    assert found["coverage"]["status"] == "partial"
    assert any("that nothing spends an output" in note for note in found["coverage"]["notes"])


def test_a_host_that_breaks_off_keeps_what_came_before(host: Explorer, empty: Workspace) -> None:
    host.change = lambda path, honest: Answer(400, b"no") if payment(host, FIRST + 2) in path else honest
    with pytest.raises(SourceUnavailable, match="HTTP 400"):
        asked(empty, host, from_first(host))
    with opened(empty) as ledger:
        assert chain_status(ledger)["partial"]["txs"] == 2
    host.change, before = lambda _path, honest: honest, len(host.asked)
    asked(empty, host, from_first(host))
    assert not any(payment(host, FIRST) in path for path in host.asked[before:])
    assert f"/tx/{payment(host, FIRST + 1)}/raw" not in host.asked[before:]


def test_a_reorg_between_two_runs_takes_back_what_was_told_of_it(
    chain: RawChain, host: Explorer, empty: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked(empty, host, from_first(host))
    rival = chain.fork(11)
    spends = RawTx([(bytes.fromhex(payment(host, FIRST + 1))[::-1], 1)], [(p2pkh("elsewhere"), 1_000)])
    rival.add()
    rival.add(spends)
    rival.add()
    host.show(rival.blocks)
    host.asked.clear()
    found = asked(empty, host, from_first(host))
    assert "a branch from height 12 on lost" in capsys.readouterr().err
    ends = {row["outpoint"] for row in found["unspent"]}
    assert ends == {f"{payment(host, FIRST + 1)}:0", f"{spends.txid[::-1].hex()}:0"}
    assert not any(payment(host, FIRST) in path for path in host.asked), "what stands is not asked again"
    with explorer(rival.blocks, CHAIN) as other:
        never = Workspace(tmp_path / "never")
        fresh = asked(never, other, from_first(other))
    assert said(fresh) == said(found)
    assert facts(never) == facts(empty)


def test_a_tip_that_moved_asks_again_what_was_unspent_and_nothing_else(
    chain: RawChain, host: Explorer, empty: Workspace
) -> None:
    first = asked(empty, host, from_first(host))
    longer = RawChain(list(chain.blocks))
    longer.add()
    question = from_first(host)
    host.show(longer.blocks)
    host.asked.clear()
    second = asked(empty, host, question)
    assert said(first) == said(second)
    assert second["as_of"][0]["height"] == first["as_of"][0]["height"] + 1
    fetched = [path for path in host.asked if path.startswith("/tx/")]
    assert sorted(fetched) == sorted(
        f"/tx/{payment(host, at)}/outspends" for at in range(FIRST + 1, LAST + 1)
    )


def test_an_explorer_whose_blocks_all_differ_takes_nothing_away(
    chain: RawChain, host: Explorer, empty: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked(empty, host, from_first(host))
    before = facts(empty)
    rival = chain.fork(2)
    for _ in range(12):
        rival.add()
    host.show(rival.blocks)
    monkeypatch.setattr("cli.explorer.DEEP", 1)
    with pytest.raises(ReorgedAway, match="more than 1 blocks down"):
        asked(empty, host, Question((f"{host.index.in_block[3][0]}:0",), ("fifo",)))
    assert facts(empty) == before


def test_an_explorer_behind_or_of_another_chain_is_refused(
    chain: RawChain, host: Explorer, empty: Workspace, tmp_path: Path
) -> None:
    question = from_first(host)
    asked(empty, host, question)
    before = facts(empty)
    host.show(chain.blocks[:11])
    with pytest.raises(SourceUnavailable, match=r"at height 10, behind what is known here .12."):
        asked(empty, host, question)
    assert facts(empty) == before
    read = Workspace(tmp_path / "read")
    sync(read, write(tmp_path / "all.dat", chain.blocks))
    host.show([*chain.blocks[:6], *_others(chain)])
    with pytest.raises(ReorgedAway, match="another branch than the blocks"):
        asked(read, host, question)
    host.change = instead("/block-height/0", lambda _: Answer(200, b"00" * 32))
    with pytest.raises(DataError, match="shows another chain"):
        asked(Workspace(tmp_path / "new"), host, question)


def _others(chain: RawChain) -> list[bytes]:
    rival = chain.fork(5)
    for _ in range(8):
        rival.add()
    return rival.blocks[6:]


def test_an_address_that_the_explorer_never_saw_is_unseen(host: Explorer, empty: Workspace) -> None:
    nobody = CHAIN.render_address(AddressKey(ScriptKind.P2PKH, b"nobody".ljust(20, b"\0")))
    with pytest.raises(UsageError, match="never seen"):
        asked(empty, host, Question((nobody,)))
    with pytest.raises(UsageError, match="does not know transaction"):
        asked(empty, host, Question(("ab" * 32 + ":0",)))


def test_whole_histories_for_verbs_that_follow_no_money(host: Explorer, empty: Workspace) -> None:
    shop = CHAIN.render_address(AddressKey(ScriptKind.P2PKH, b"shop".ljust(20, b"\0")))
    for _ in range(2):
        before = len(host.asked)
        ondemand.histories(App(empty.ready(), quiet=True), CHAIN.name, demand(host), [shop, shop])
    assert len(host.asked) - before == 2, "the tip and its hash"
    with opened(empty) as ledger:
        assert chain_status(ledger)["partial"] == {
            "blocks": 10, "txs": 10, "addresses": 1, "to": 12, "hosts": [host.url.split("/")[2]],
        }  # fmt: skip


# At the terminal ---------------------------------------------------------------------------------------------


def test_nobody_is_asked_before_somebody_agreed(host: Explorer, empty: Workspace) -> None:
    seed = f"{payment(host, FIRST)}:1"
    command = ("trace", seed, "--chain", CHAIN.name, "--source", host.url, "--rate", "10000")
    refused = tracer(empty.root, *command)
    refused.refused(2, "nobody is here to agree", host.url.split("/")[2])
    assert payment(host, FIRST) in refused.err
    assert "every address and transaction the trail leads to" in refused.err
    assert host.asked == []
    done = tracer(empty.root, *command, "--yes", "--json")
    assert done.code == 0, done.err
    alone = tracer(empty.root, "trace", seed, "--chain", CHAIN.name, "--json")
    assert alone.out == done.out


@pytest.mark.parametrize("more", [(), ("--follow",)])
def test_an_explorer_is_not_followed_nor_synced(tmp_path: Path, more: tuple[str, ...]) -> None:
    ran = tracer(tmp_path, "sync", CHAIN.name, "--source", "esplora:http://127.0.0.1:1/secret/api", *more)
    ran.refused(2, "would learn every address", "tracer trace SEED --source esplora:")
    assert "secret" not in ran.err


@pytest.mark.parametrize(
    ("chain_name", "source", "at", "words"),
    [
        ("bitcoin-cash", "esplora:http://host/api", None, "the order of its blocks"),
        ("dogecoin", "esplora:http://host/api", None, "80 bytes"),
        ("ethereum", "esplora:http://host/api", None, "not ethereum"),
        ("bitcoin", "esplora:http://host/api", "5", "--at answers from the ledger"),
        ("bitcoin", "blocks:folder", None, "is an explorer"),
        ("bitcoin", "esplora:nonsense", None, "URL is not of the form"),
    ],
)
def test_what_an_explorer_is_not_for_is_refused(
    chain_name: str, source: str, at: str | None, words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        ondemand.demand(chain_named(chain_name), source, yes=True, rate=1.0, most=1, at=at)


def test_killed_in_the_middle_it_goes_on_where_it_was(host: Explorer, empty: Workspace) -> None:
    seed = f"{payment(host, FIRST)}:1"
    command = [
        "trace",
        seed,
        "--chain",
        CHAIN.name,
        "--source",
        host.url,
        "--rate",
        "10000",
        "--yes",
        "--json",
    ]

    def stall(path: str, honest: Answer) -> Answer:
        if path == f"/tx/{payment(host, LAST)}/raw":
            time.sleep(30)
        return honest

    host.change = stall
    process = subprocess.Popen(
        [sys.executable, "-m", "cli.main", "--workspace", str(empty.root), *command],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while f"/tx/{payment(host, LAST)}/raw" not in host.asked:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    host.change, before = lambda _path, honest: honest, len(host.asked)
    document = asked(empty, host, from_first(host))
    assert document["totals"][0]["unread"] == "0"
    assert not any(payment(host, FIRST) in path for path in host.asked[before:])
    assert f"/tx/{payment(host, FIRST + 1)}/raw" not in host.asked[before:]
