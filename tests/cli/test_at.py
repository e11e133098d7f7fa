"""`--at BLOCK --intel SNAPSHOT`: an old answer again, byte for byte, whatever was read and claimed since."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pyarrow.compute as pc
import pytest

from adapters.bitcoin.chains import chain_named
from adapters.simulation import build_world
from tests.cli.claims_cli import Said, Tracer
from tests.conftest import scaled
from tests.rawblocks import RawTx, p2pkh, shop_chain, write
from tests.scenarios.case import CHAIN, tag, vasp
from tests.scenarios.custodian import custodian
from tests.scenarios.ledger import PlayChain, Tx, batch, shown
from tests.stores import sync
from tracer.chain import first_tx_id
from tracer.intel.claims import Claim, ClaimKind, Leg
from tracer.intel.reading import Reading
from tracer.intel.snapshot import Snapshot
from tracer.intel.store import add
from tracer.ledger.batch import UtxoBatch
from tracer.ledger.ingest import Loader
from tracer.ledger.store import Ledger
from tracer.workspace import Workspace

REGTEST = "bitcoin-regtest"
ON = ("--chain", REGTEST)

# ann's two coins pay acme's customer, bob and a market; acme later pays carol, who cashes out at zeta; bob's change
# meets a stranger's coin; a custodian nobody tagged comes into being and has taken money of ann's friend all along
ROWS = [
    Tx("fund", outs=[("ann", 900), ("ann2", 100)]),
    Tx("vault", outs=[("acmepot", 500)]),
    Tx("pay", ins=["fund:0", "fund:1"], outs=[("dep", 500), ("bob", 400), ("mkt", 90)]),
    Tx("purse", outs=[("eve", 2_000)]),
    Tx("lend", ins=["purse:0"], outs=[("dep2", 1_500), ("eve2", 400)]),
    Tx("payout", ins=["vault:0"], outs=[("carol", 30), ("acmepot", 460)]),
    Tx("sweep", ins=["pay:0"], outs=[("hot", 490)]),
    Tx("bob spends", ins=["pay:1"], outs=[("shop", 300), ("bob2", 90)]),
    Tx("cash", ins=["payout:0"], outs=[("zetahot", 20)]),
    Tx("market", ins=["pay:2"], outs=[("seller", 80)]),
    Tx("late", outs=[("stranger", 70)]),
    Tx("meet", ins=["bob spends:1", "late:0"], outs=[("bob3", 150)]),
    *custodian(),
]
HEIGHTS = (4, 9, 90, 120)
EACH = scaled(3, full=1)
"""Every how many-th old answer is asked for again; every third are of every question and every height."""


def address(name: str) -> str:
    """The regtest address of a scenario name."""
    return chain_named(REGTEST).render_address(PlayChain().parse_address(name))


def questions() -> list[tuple[str, ...]]:
    """Everything that answers, in every form it has here; at some heights some of it is unseen, which is an answer."""
    fund, names = (
        f"{shown('fund')}:0",
        [address(name) for name in ("ann", "ann2", "bob2", "stranger", "dep2")],
    )
    ann, ann2, bob2, stranger, dep2 = names
    traces = [
        ("trace", fund, "--json"),
        ("trace", fund, "--method", "fifo", "--pools", "tagged", "--exits", "kyc:weak", "--json"),
        ("trace", fund, f"{shown('purse')}:0", "--hops", "3"),
        ("trace", ann, ann2, "--unit", "entity", "--json"),
        ("trace", bob2, "--json"),
        ("trace", "vasp:acme", "--json"),
        ("trace", f"cluster:{ann}", "--method", "haircut", "--json"),
    ]
    return [
        *((*trace, *ON) for trace in traces),
        ("cluster", "show", ann, *ON, "--json"),
        ("cluster", "show", bob2, *ON),
        ("cluster", "show", dep2, *ON, "--tier", "extended", "--json"),
        ("cluster", "explain", ann, ann2, *ON, "--json"),
        ("cluster", "explain", bob2, stranger, *ON, "--json"),
        ("cluster", "review", REGTEST, "--json"),
    ]


@dataclass(frozen=True)
class Remembered:
    """What one question said while a block was the tip, and by which claims."""

    height: int
    block: str
    snapshot: str
    question: tuple[str, ...]
    said: Said


def read(workspace: Workspace, rows: Sequence[Tx], last: int) -> None:
    """Load the blocks of a scenario from the tip to a height."""
    whole = batch(rows)
    with Ledger.open(workspace, CHAIN, read_only=False) as ledger:
        tip = ledger.tip()
        first = tip.height + 1 if tip else 0
        at = pc.field("height")
        blocks = whole.blocks.filter((at >= first) & (at <= last))
        at = pc.field("tx_id")
        inside = (at >= first_tx_id(first)) & (at < first_tx_id(last + 1))
        tables = (table.filter(inside) for table in (whole.txs, whole.outputs, whole.inputs))
        Loader(ledger).load([UtxoBatch(blocks, *tables)])


def claim(workspace: Workspace, kind: ClaimKind, *claims: Claim) -> None:
    add(workspace, [Reading.of(kind, claims)])


def remember(ask: Tracer, workspace: Workspace, asked: Iterable[tuple[str, ...]]) -> list[Remembered]:
    """Ask everything as the chain and the claims stand."""
    with Ledger.open(workspace, chain_named(REGTEST)) as ledger:
        tip = ledger.tip()
    assert tip is not None
    block, snapshot = tip.block_hash[::-1].hex(), Snapshot.open(workspace).id
    return [
        Remembered(tip.height, block, snapshot, question, ask("--quiet", *question)) for question in asked
    ]


def again(ask: Tracer, old: Remembered, *options: str, at: str = "") -> Said:
    return ask(
        "--quiet", *options, *old.question, "--at", at or str(old.height), "--intel", old.snapshot
    )  # fmt: skip


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Remembered]]:
    """A case that grew, block by block and claim by claim, and all that was answered on the way."""
    folder = tmp_path_factory.mktemp("at")
    ask, workspace = Tracer(folder), Workspace(folder / "w").ready()
    vasps = [vasp("acme", "full"), vasp("zeta", "none")]
    claim(workspace, "tags", tag("mkt", "bazaar", category="market", role="pool"))
    claim(workspace, "vasps", vasps[0])
    old: list[Remembered] = []
    for height in HEIGHTS:
        read(workspace, ROWS, height)
        old += remember(ask, workspace, questions())
        if height == HEIGHTS[0]:
            claim(workspace, "tags", tag("hot", "acme", role="hot"), tag("acmepot", "acme", role="hot"))
        if height == HEIGHTS[1]:
            claim(workspace, "vasps", vasps[1])
            claim(workspace, "tags", tag("zetahot", "zeta", role="hot"))
            replied = {"chain": REGTEST, "to_chain": REGTEST, "source": "acme", "said_at": "2024-01-01"}
            reply = {"author": "ann", "reason": "request 7", "reference": "reply 7"}
            ends = {"origin": f"{shown('pay')}:0", "target": f"{shown('payout')}:0"}
            claim(workspace, "legs", Leg(**replied, **reply, **ends))
        if height == HEIGHTS[2]:
            for kind, a, b in (("split", "ann", "ann2"), ("join", "bob", "seller")):
                words = ("--author", "bea", "--reason", "exhibit 7")
                assert ask("cluster", kind, address(a), address(b), *ON, *words).code == 0
    read(workspace, ROWS, len(ROWS) - 1)
    claim(workspace, "tags", tag("bob2", "zeta", role="hot"), tag("dep2", "acme", role="hot"))
    remember(ask, workspace, questions())
    return folder, old


def test_old_answers_come_back_byte_for_byte(told: tuple[Path, list[Remembered]]) -> None:
    folder, old = told
    ask = Tracer(folder)
    asked = old[::EACH]
    assert {a.question for a in asked} == {*questions()}
    assert {a.height for a in asked} == {*HEIGHTS}
    for answer in asked:
        assert again(ask, answer) == answer.said, answer.question


def test_the_answers_of_then_are_no_empty_ones(told: tuple[Path, list[Remembered]]) -> None:
    """The drill above is worth what it asked: answers, that differ from height to height, of every part."""
    _, old = told
    answered = [answer for answer in old if answer.said.code == 0]
    assert len(answered) > 40
    assert {answer.height for answer in answered} == set(HEIGHTS)
    for question in questions()[:4]:
        assert len({answer.said.out for answer in answered if answer.question == question}) > 2
    text = "".join(answer.said.out for answer in answered)
    for part in ('"custodial_pool"', '"drawn": "dashed"', "exhibit 7", '"kyc_level": "full"', '"unspent"'):
        assert part in text, part
    assert [a.said.code for a in old if a.height == 4 and "never seen" in a.said.err] != []


def test_the_hash_of_a_block_asks_the_same(told: tuple[Path, list[Remembered]]) -> None:
    folder, old = told
    asked = [answer for answer in old if answer.height == HEIGHTS[1]][:: scaled(2, full=1)]
    assert {answer.question[:2] for answer in asked} >= {
        ("cluster", verb) for verb in ("show", "explain", "review")
    }
    for answer in asked:
        assert again(Tracer(folder), answer, at=answer.block) == answer.said, answer.question


def test_at_the_tip_it_is_the_plain_answer(told: tuple[Path, list[Remembered]]) -> None:
    folder, _ = told
    ask = Tracer(folder)
    for question in questions()[::3]:
        plain = ask("--quiet", *question)
        assert ask("--quiet", *question, "--at", str(len(ROWS) - 1)) == plain


def test_clusters_of_the_store_that_end_at_the_block_are_not_built_again(
    tmp_path: Path, told: tuple[Path, list[Remembered]]
) -> None:
    ask, workspace = Tracer(tmp_path), Workspace(tmp_path / "w").ready()
    read(workspace, ROWS, 9)
    old = remember(ask, workspace, questions()[:4])
    read(workspace, ROWS, 12)
    for answer in old:
        said = ask(*answer.question, "--at", "9")
        assert (said.code, said.out) == (0, answer.said.out)
        assert "building the clusters" not in said.err
    assert "building the clusters" in ask(*old[0].question, "--at", "8").err


def test_without_intel_the_old_chain_is_read_with_the_claims_of_today(
    told: tuple[Path, list[Remembered]],
) -> None:
    folder, _ = told
    question = ("trace", address("ann"), *ON, "--json")
    document = Tracer(folder)(*question, "--at", "9").json["documents"][0]
    assert document["as_of"][0]["height"] == 9
    assert document["as_of"][0]["clustering"]["height"] == 9
    assert document["intel_snapshot"] == Snapshot.open(Workspace(folder / "w")).id


def test_what_was_first_seen_later_is_unseen_as_of_then(told: tuple[Path, list[Remembered]]) -> None:
    folder, _ = told
    ask = Tracer(folder)
    for question in (("trace", address("bob3")), ("cluster", "show", address("bob3"))):
        assert ask(*question, *ON, "--at", "11").code == 0
        said = ask(*question, *ON, "--at", "10")
        assert (said.code, said.out) == (2, "")
        assert "never seen" in said.err


def test_an_output_spent_later_is_unspent_as_of_then(told: tuple[Path, list[Remembered]]) -> None:
    folder, _ = told
    question = ("trace", f"{shown('pay')}:1", *ON, "--method", "fifo", "--json")
    then, later = (Tracer(folder)(*question, "--at", height).json["unspent"] for height in ("6", "7"))
    assert [row["outpoint"] for row in then] == [f"{shown('pay')}:1"]
    assert [row["outpoint"] for row in later] == [f"{shown('bob spends')}:0"]  # the rest lies at a service


def test_other_chains_are_not_asked_as_of_a_block_and_the_answer_says_so(
    tmp_path: Path, told: tuple[Path, list[Remembered]]
) -> None:
    shutil.copytree(told[0] / "w", tmp_path / "w")
    chains = Workspace(tmp_path / "w").chains
    shutil.copy(chains / f"{REGTEST}.duckdb", chains / "bitcoin-signet.duckdb")
    ask = Tracer(tmp_path)
    question = ("cluster", "show", address("ann"), *ON, "--json")
    elsewhere = ask(*question).json["cluster"]["same_key_on"]
    assert [row["chain"] for row in elsewhere] == ["bitcoin-signet"]
    said = ask(*question, "--at", "20").json
    assert said["cluster"]["same_key_on"] == []
    assert said["coverage"]["status"] == "partial"
    assert "bitcoin-signet not asked for the same key" in said["coverage"]["notes"][-1]


@pytest.mark.parametrize(("at", "words"), [
    ("tip", "is neither a height nor a block hash"),
    ("", "is neither a height nor a block hash"),
    ("9999", "the tip is"),
])  # fmt: skip
@pytest.mark.parametrize("verb", ["trace", "cluster show", "cluster explain", "cluster review"])
def test_a_block_that_is_none_is_refused(
    told: tuple[Path, list[Remembered]], verb: str, at: str, words: str
) -> None:
    asked = {
        "trace": (address("ann"), *ON),
        "cluster show": (address("ann"), *ON),
        "cluster explain": (address("ann"), address("ann2"), *ON),
        "cluster review": (REGTEST,),
    }
    said = Tracer(told[0])(*verb.split(), *asked[verb], "--at", at)
    assert (said.code, said.out) == (2, "")
    assert words in said.err


def test_the_hash_of_a_block_that_a_reorganisation_took_ends_in_3(tmp_path: Path) -> None:
    ours = shop_chain()
    coin = ours.add(miner=p2pkh("miner"))
    ours.add(RawTx([(coin.txid, 0)], [(p2pkh("ann"), 5)]))
    rival = ours.fork(13)
    for _ in range(3):
        rival.add()
    ask, workspace = Tracer(tmp_path), Workspace(tmp_path / "w").ready()
    sync(workspace, write(tmp_path / "ours.dat", ours.blocks))
    question = ("trace", f"{coin.txid[::-1].hex()}:0", *ON, "--method", "fifo", "--json")
    (old,) = remember(ask, workspace, [question])
    assert old.said.json["totals"][0]["unspent"] == "5"
    sync(workspace, write(tmp_path / "rival.dat", rival.blocks))
    lost = again(ask, old, at=old.block)
    assert (lost.code, lost.out) == (3, "")
    assert "a reorganisation took it" in lost.err
    kept = again(ask, old).json  # by height: the block that stands there now, and the answer names it
    assert kept["as_of"][0]["block_hash"] != old.block
    assert kept["totals"][0]["unspent"] != "5"


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Remembered]]:
    """A simulated world, read in three steps with more claims at each, and what was answered at each."""
    folder = tmp_path_factory.mktemp("market")
    ask, workspace, source = Tracer(folder), Workspace(folder / "w").ready(), folder / "blocks"
    source.mkdir()
    world = build_world("market", seed=5, txs=3_000)
    world.write_blocks(source)
    world.write_claims(folder)
    tip = sum(1 for _ in world.blocks()) - 1
    lines = (folder / "tags.csv").read_text().splitlines(keepends=True)
    early = pl.col("purpose").is_in(["vendor_withdrawal", "wage"]) & (pl.col("height") < tip // 2)
    paid = world.truth.payments.filter(early).select("txid", "vout").rows()
    traces = [("trace", f"{txid}:{vout}", *ON, "--json") for txid, vout in paid[:: len(paid) // 4]]
    old: list[Remembered] = []
    for step, height in enumerate((tip // 2, tip - 40, tip - 5), start=1):
        sync(workspace, source, last=height)
        tags = folder / f"tags{step}.csv"
        tags.write_text("".join([lines[0], *lines[step : step + len(lines) * step // 4]]))
        assert ask("tags", "import", str(tags)).code == 0
        old += remember(ask, workspace, [*traces, ("cluster", "review", REGTEST, "--json")])
        assert ask("vasps", "import", str(folder / "vasps.csv")).code == 0
    sync(workspace, source)
    assert ask("tags", "import", str(folder / "tags.csv")).code == 0
    return folder, old


@pytest.mark.parametrize("threads", ["1", "2"])
def test_a_whole_world_answers_as_it_did(market: tuple[Path, list[Remembered]], threads: str) -> None:
    folder, old = market
    assert len([answer for answer in old if answer.said.code == 0]) >= 9
    for answer in old:
        assert again(Tracer(folder), answer, "--threads", threads) == answer.said, answer.question
