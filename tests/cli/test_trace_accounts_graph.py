"""`--graph FILE` of account chains and of several: assets by their own measure, conversions with two sides."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from xml.etree import ElementTree as ET

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.graph import FORMATS, write
from cli.graph_coins import Coin, Coins
from cli.graph_layout import layout
from cli.graph_merge import MOST_TRANSACTIONS, Drawn, drawn
from cli.trace_answer import Answer
from tests.cli.test_trace import Ran
from tests.conftest import scaled
from tests.scenarios.account_case import AccountCase
from tests.scenarios.accounts import Move, Row, Token, Tx, shown
from tests.scenarios.across import FAR, NEAR, Across, arrive, born, leave
from tests.scenarios.across import tag as on
from tests.tracer.test_flow_accounts_edges import POOL, SWAPPED, TOLD
from tests.tracer.test_flow_accounts_oracle import NAMES, TAGS, TOKENS, tables

EVIL = "</script><b>\u202eETH"


@pytest.fixture(scope="module")
def swapped(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Stolen tokens that are sent round, swapped and cashed out; the other token has a hostile name."""
    told = [TOLD[0], Token("DAI", 18, EVIL)]
    return AccountCase(tmp_path_factory.mktemp("swapped"), SWAPPED, tags=POOL, told=told).documents(
        "steal:0", edges=True
    )


@pytest.fixture(scope="module")
def bridged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    rows: dict[str, list[Row]] = {
        NEAR: [born(thief=90_000_000), leave("out", "thief", 7, 80_000_000, "mule")],
        FAR: [
            born(relayer=500_000_000),
            arrive("in", 7, 72_000_000, "mule"),
            Tx("exit", "mule", moves=[Move("mule", "hot", 60_000_000, "USD")]),
        ],
    }
    case = Across(
        tmp_path_factory.mktemp("bridged"), rows, tags=[on(FAR, "hot", "acme")], told=[Token("USD", 6)]
    )
    return case.document(NEAR, "thief", unit="lot", edges=True)


def picture(document: dict[str, Any]) -> Drawn:
    """The first method's."""
    answer = Answer(document)
    return drawn(answer.main["graph"], Coins.of_document(answer, answer.main))


def written(folder: Path, suffix: str, document: dict[str, Any]) -> str:
    write(folder / f"out{suffix}", document)
    return (folder / f"out{suffix}").read_text("utf-8")


@pytest.mark.parametrize("suffix", list(FORMATS))
def test_every_format_tells_assets_and_both_sides(
    tmp_path: Path, swapped: dict[str, Any], bridged: dict[str, Any], suffix: str
) -> None:
    """The same document gives the same bytes; what a contract calls itself is text, and harmless."""
    text = written(tmp_path, suffix, swapped)
    assert text == written(tmp_path, suffix, swapped)
    assert "USDT" in text
    assert "</script><b>" not in text or suffix in (".json", ".dot")
    if suffix in (".html", ".svg", ".dot"):
        assert "swap 0.000060 USDT → 0.000000000000000150" in text
        assert "\u202e" not in text
    other = written(tmp_path, suffix, bridged)
    for word in (
        ("80000000", "72000000") if suffix in (".json", ".graphml") else ("80", "72", "USD on evm-31338")
    ):
        assert word in other


def test_graphml_has_the_sides_of_swaps_and_crossings(
    tmp_path: Path, swapped: dict[str, Any], bridged: dict[str, Any]
) -> None:
    written(tmp_path, ".graphml", swapped)
    graph = nx.read_graphml(tmp_path / "out.graphml", force_multigraph=True)
    (swap,) = [edge for _, _, edge in graph.edges(data=True) if edge["kind"] == "swap"]
    assert (swap["amount_fifo"], swap["converted_fifo"], swap["decimals"]) == ("60", "150", "6")
    assert (swap["asset"], swap["converted_asset_id"]) == ("USDT", "eip155:31337/erc20:DAI")
    written(tmp_path, ".graphml", bridged)
    graph = nx.read_graphml(tmp_path / "out.graphml", force_multigraph=True)
    (bridge,) = [node for _, node in graph.nodes(data=True) if node["kind"] == "bridge"]
    assert (bridge["from_fifo"], bridge["to_fifo"], bridge["to_chain"]) == ("80000000", "72000000", FAR)


def test_an_svg_says_each_asset_for_itself(tmp_path: Path, bridged: dict[str, Any]) -> None:
    """Two tokens of one name are told apart by their chains."""
    said = "\n".join(ET.fromstring(written(tmp_path, ".svg", bridged)).itertext())
    for line in (
        "90 USD on evm-31337 followed: unspent 10, converted out 80",
        "72 USD on evm-31338 came by conversion: services 60, unspent 12",
        "acme, KYC unknown · 60 USD on evm-31338",
        "bridge across · 80 USD on evm-31337 → 72 USD on evm-31338",
    ):
        assert line in said.splitlines()


def test_an_account_that_money_came_back_to_stands_once_for_each_time(swapped: dict[str, Any]) -> None:
    """The thief keeps 70 while 5 of 20 come back: a band of its own, so that money goes from left to right."""
    what = picture(swapped)
    assert [box.nodes[0]["name"] for box in what.boxes if box.side == 0].count("thief") == 3
    assert [(band.kind, band.amount) for band in what.bands if band.kind] == [("swap", 60), ("held", 70)]
    assert any("stands once for each time" in note for note in what.notes)


def test_what_was_converted_is_as_wide_as_what_it_became(swapped: dict[str, Any]) -> None:
    """60 of 90 seeded USDT are two thirds of the picture, however many digits the other asset has."""
    what = picture(swapped)
    seed = next(box for box in what.boxes if box.side < 0)
    swap = next(band for band in what.bands if band.kind == "swap")
    assert swap.weight / seed.weight == pytest.approx(60 / 90)
    after = next(
        box
        for box in what.boxes
        if box.nodes[0]["name"] == "thief" and box.coin.asset_id != seed.coin.asset_id
    )
    assert after.weight / seed.weight == pytest.approx(60 / 90)


def test_tokens_of_one_name_are_told_apart_by_their_contracts() -> None:
    """A symbol is the contract's own word; who has none bears the contract's."""
    rows = [
        {
            "asset": name,
            "asset_id": f"eip155:1/erc20:{contract}",
            "decimals": 6,
            "kind": "account",
            "traced": "1",
        }
        for name, contract in (
            ("USDT", "0xdac17f958d2ee523"),
            ("usdt", "0xbad00000000000ba"),
            ("0x12345678abcdef99",) * 2,
        )
    ]
    coins = Coins({"nodes": rows, "edges": []}, Coin("ETH", 18))
    assert [coins.of(row).name for row in rows] == [
        "USDT (0xdac17f…e523)", "usdt (0xbad000…00ba)", "0x123456…ef99",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("units", "text"),
    [(0, "0 X"), (5, "0.000005 X"), (1_500_000, "1.5 X"), (1_234_567, "1.234567 X"), (12_345_678_901, "12345.6… X"),
     (9_876_543_210_123, "9876543… X")],
)  # fmt: skip
def test_in_a_small_place_an_amount_shows_that_digits_are_left_out(units: int, text: str) -> None:
    """Never rounded: what is shown is how the amount begins."""
    assert Coin("X", 6).rough(units) == text


def test_of_a_large_graph_nothing_of_two_assets_is_merged(tmp_path: Path) -> None:
    """A thief with two tokens pays more people than can be drawn one by one."""
    count = MOST_TRANSACTIONS + 20
    mint = [Move(None, "thief", 10**6, asset) for asset in ("USDT", "DAI")]
    rows: list[Row] = [Tx("mint", "bank", moves=mint)]
    for n in range(count):
        asset = ("USDT", "DAI")[n % 2]
        rows.append(Tx(f"pay{n}", "thief", moves=[Move("thief", f"mule{n}", 10 + n, asset)]))
        rows.append(Tx(f"on{n}", f"mule{n}", moves=[Move(f"mule{n}", f"kept{n}", 10 + n, asset)]))
    case = AccountCase(tmp_path, rows, told=TOLD)
    what = picture(case.documents("thief", edges=True, unit="lot", degree=0))
    merged = [box for box in what.boxes if box.merged]
    assert merged
    assert all(len({node["asset_id"] for node in box.nodes}) == 1 for box in merged)
    assert "merged by time step and asset" in what.notes[0]


@settings(max_examples=scaled(2, full=100), deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_money_goes_from_left_to_right_and_none_is_lost(data: st.DataObject, direction: str) -> None:
    """Whatever accounts do to each other: circles, payments to themselves, swaps to and fro."""
    table = data.draw(tables())
    seeds = data.draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=2, unique=True))
    with TemporaryDirectory() as folder:
        case = AccountCase(Path(folder), table.rows, tags=TAGS, told=[Token(a, 0) for a in (*TOKENS, "WETH")])
        whole = case.documents(*seeds, methods=("fifo",), direction=direction, edges=True, degree=0)
    what, edges = picture(whole), whole["graph"]["edges"]
    where = layout(what)
    for band in what.bands:
        assert where.places[band.source].column < where.places[band.target].column
    assert sorted(row for band in what.bands for row in band.rows) == list(range(len(edges)))
    balance: Counter[int] = Counter()
    for band in what.bands:
        if band.kind != "held":
            assert band.amount == sum(int(edges[row]["amount"]) for row in band.rows)
        balance[band.source] -= band.amount
        balance[band.target] += band.came
    assert not any(balance[number] for number, box in enumerate(what.boxes) if box.side == 0)
    for column in range(len(where.xs)):
        own = sorted((p.y, p.y + p.height) for p in where.places if p.column == column)
        assert all(low[1] <= high[0] for low, high in pairwise(own))


def test_a_trace_of_accounts_is_drawn_and_asked_about(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the command to the letter: the exchange finds the payment by transaction, transfer and contract."""
    AccountCase(tmp_path, SWAPPED, tags=POOL, told=TOLD)
    asked = ("trace", f"{shown('steal')}:0", "--chain", "evm-31337")
    ran = Ran(tmp_path, capsys, *asked, "--graph", str(tmp_path / "out.json"), "--json")
    assert ran.code == 0
    assert json.loads((tmp_path / "out.json").read_text()) == ran.json
    assert {edge["kind"] for edge in ran.json["documents"][0]["graph"]["edges"]} == {
        "transfer",
        "swap",
        "rest",
    }
    request = ("request", "acme", "--from", str(tmp_path / "out.json"), "--out", str(tmp_path / "letters"))
    assert Ran(tmp_path, capsys, *request).code == 0
    letter = (tmp_path / "letters" / "request-acme.txt").read_text()
    for line in (f"        {shown('exit')}", "      transfer 0 of transaction, in block 6:"):
        assert line in letter.splitlines()
