"""`--graph FILE`: five formats of one graph; hostile names are harmless in all, what is merged is said."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import networkx as nx
import pytest

from adapters.simulation.encode import subsidy
from cli.graph import FORMATS, check, write
from cli.graph_coins import Coin, Coins, plain
from cli.graph_layout import layout
from cli.graph_merge import MOST_TRANSACTIONS, drawn
from cli.graph_style import short
from tests.cli.graphs import QUOTES, SCRIPT, UNSEEN, fan, hostile
from tests.cli.running import tracer
from tests.rawblocks import RawChain, RawTx, p2pkh
from tests.rawblocks import write as write_blocks
from tests.scenarios.ledger import shown
from tracer.errors import StoreUnwritable, UsageError

BTC = Coins({"nodes": [], "edges": []}, Coin("BTC", 8))
ALL = pytest.mark.parametrize("suffix", list(FORMATS))


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return hostile(tmp_path_factory.mktemp("hostile"))


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return fan(tmp_path_factory.mktemp("large"), chains=40, hops=5)


def written(folder: Path, suffix: str, document: dict[str, Any]) -> str:
    path = folder / f"out{suffix}"
    write(path, document)
    return path.read_text("utf-8")


@ALL
def test_the_same_document_gives_the_same_bytes(tmp_path: Path, asked: dict[str, Any], suffix: str) -> None:
    assert written(tmp_path, suffix, asked) == written(tmp_path, suffix, asked)


@ALL
def test_another_process_gives_the_same_bytes(tmp_path: Path, asked: dict[str, Any], suffix: str) -> None:
    """With another hash seed, and after other plots were made."""
    (tmp_path / "document.json").write_text(json.dumps(asked))
    code = (
        "import json, sys; from pathlib import Path; from cli.graph import write\n"
        "folder = Path(sys.argv[1]); document = json.loads((folder / 'document.json').read_text())\n"
        "write(folder / ('other' + sys.argv[2]), document)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path), suffix], check=True)
    assert (tmp_path / f"other{suffix}").read_text("utf-8") == written(tmp_path, suffix, asked)


def test_json_is_the_document_with_its_edges(tmp_path: Path, asked: dict[str, Any]) -> None:
    assert json.loads(written(tmp_path, ".json", asked)) == asked
    assert asked["documents"][0]["graph"]["edges"]


def test_graphml_holds_every_method_and_reads_back(tmp_path: Path, asked: dict[str, Any]) -> None:
    written(tmp_path, ".graphml", asked)
    graph = nx.read_graphml(tmp_path / "out.graphml", force_multigraph=True)
    for doc in asked["documents"]:
        sums: Counter[str] = Counter()
        for _, _, edge in graph.edges(data=True):
            sums[doc["method"]] += int(edge.get(f"amount_{doc['method']}", 0))
        assert sums[doc["method"]] == sum(int(e["amount"]) for e in doc["graph"]["edges"])
    join = graph.nodes[shown("join")]
    assert (join["kind"], join["traced_fifo"], join["height"]) == ("transaction", "300000000", "3")


def test_dot_quotes_what_strangers_wrote(tmp_path: Path, asked: dict[str, Any]) -> None:
    """Every line is one statement, and every quoted text ends where it should."""
    lines = written(tmp_path, ".dot", asked).splitlines()
    quoted = r'"(?:[^"\\]|\\.)*"'
    value = rf"(?:{quoted}|[\w#]+)"
    attributes = rf"\[(?:\w+={value} ?)+\]"
    assert (lines[0], lines[-1]) == ("digraph trace {", "}")
    for line in lines[1:-1]:
        assert re.fullmatch(rf"\t(?:graph|n\d+|n\d+ -> n\d+) {attributes}", line), line
    edges = {(e["from"], e["to"], e["outpoint"]) for doc in asked["documents"] for e in doc["graph"]["edges"]}
    assert sum("->" in line for line in lines) == len(edges)


def test_svg_is_xml_without_script_and_names_everything(tmp_path: Path, asked: dict[str, Any]) -> None:
    text = written(tmp_path, ".svg", asked)
    root = ET.fromstring(text)
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert tags == {"svg", "title", "rect", "text", "g", "path"}
    assert not [a for element in root.iter() for a in element.attrib if a.startswith("on") or "href" in a]
    said = "\n".join(root.itertext())
    for part in (
        SCRIPT.title(),
        plain(QUOTES),
        "coverage: complete",
        "Drawn under fifo alone",
        "It does not say",
    ):
        assert part in said
    assert "\u202e" not in text


class Page(HTMLParser):
    """What a browser makes of a page: elements, attributes, text outside scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: set[str] = set()
        self.scripts: list[str] = []
        self.text = ""
        self._in = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes |= {name for name, _ in attrs}
        self._in = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._in = ""

    def handle_data(self, data: str) -> None:
        if self._in == "script":
            self.scripts[-1] += data
        elif self._in != "style":
            self.text += data


def test_html_is_one_page_of_three_scripts_that_fetches_nothing(
    tmp_path: Path, asked: dict[str, Any]
) -> None:
    page = Page(written(tmp_path, ".html", asked))
    assert page.tags["script"] == 3
    assert not page.attributes & {"src", "href", "onerror", "onclick", "onload"}
    assert not {"img", "link", "iframe", "object", "base"} & set(page.tags)
    data = json.loads(page.scripts[0])
    assert [method["name"] for method in data["methods"]] == ["fifo", "haircut"]
    assert any(plain(SCRIPT.title()) in name for name, _ in data["methods"][0]["nodes"])
    assert "\u202e" not in page.text + page.scripts[0]
    for part in (
        "bitcoin-regtest",
        "as of block 3",
        "coverage: complete",
        "What it does not say",
        "KYC none",
    ):
        assert part in page.text


@pytest.mark.parametrize("suffix", [".html", ".svg"])
def test_a_marking_stands_on_top(tmp_path: Path, asked: dict[str, Any], suffix: str) -> None:
    marked = {**asked, "documents": [{**doc, "tlp": "TLP:AMBER"} for doc in asked["documents"]]}
    text = written(tmp_path, suffix, marked)
    assert 0 <= text.find("TLP:AMBER: show this to nobody") < text.find("coverage: complete")


@pytest.mark.parametrize("name", ["out.png", "out", "out.html.gz"])
def test_an_unknown_suffix_is_refused_with_the_five_there_are(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"\.html, \.svg, \.graphml, \.dot, \.json"):
        check(tmp_path / name)


def test_what_is_no_place_for_a_file_is_refused(tmp_path: Path, asked: dict[str, Any]) -> None:
    (tmp_path / "folder.svg").mkdir()
    for path in (tmp_path / "missing" / "out.svg", tmp_path / "folder.svg"):
        with pytest.raises(StoreUnwritable, match="cannot write"):
            write(path, asked)


def test_a_small_graph_is_drawn_whole(asked: dict[str, Any]) -> None:
    graph = asked["documents"][0]["graph"]
    what = drawn(graph, BTC)
    assert what.notes == []
    assert not any(box.merged for box in what.boxes)
    assert sorted(row for band in what.bands for row in band.rows) == list(range(len(graph["edges"])))


def test_of_a_large_graph_what_is_merged_is_said_and_nothing_is_lost(large: dict[str, Any]) -> None:
    graph = large["documents"][0]["graph"]
    what = drawn(graph, BTC)
    alone = [box for box in what.boxes if box.side == 0 and not box.merged]
    assert MOST_TRANSACTIONS <= len(alone) < len(graph["nodes"]) == sum(len(box.nodes) for box in what.boxes)
    assert what.notes[0].startswith(
        f"The {MOST_TRANSACTIONS} transactions that moved most are drawn one by one; the "
    )
    balance: Counter[int] = Counter()
    for band in what.bands:
        assert band.amount == sum(int(graph["edges"][row]["amount"]) for row in band.rows)
        balance[band.source] -= band.amount
        balance[band.target] += band.amount
    assert not any(balance[number] for number, box in enumerate(what.boxes) if box.side == 0)
    rests = sum(balance[number] for number, box in enumerate(what.boxes) if box.side > 0)
    assert rests == int(large["documents"][0]["totals"][0]["seed"])


@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_money_goes_from_left_to_right_in_the_order_of_the_chain(tmp_path: Path, direction: str) -> None:
    for doc in hostile(tmp_path, direction=direction)["documents"]:
        what = drawn(doc["graph"], BTC)
        where = layout(what)
        for band in what.bands:
            assert where.places[band.source].column < where.places[band.target].column
        days = [day for day, _ in what.steps]
        assert days == sorted(days)


def test_nothing_covers_anything_in_its_column(large: dict[str, Any]) -> None:
    what = drawn(large["documents"][0]["graph"], BTC)
    columns: dict[int, list[tuple[float, float]]] = {}
    for place in layout(what).places:
        columns.setdefault(place.column, []).append((place.y, place.y + place.height))
    for own in columns.values():
        own.sort()
        assert all(low[1] <= high[0] for low, high in pairwise(own))


def test_long_names_are_cut_in_the_middle_and_both_ends_stay() -> None:
    assert short("bc1q" + "x" * 60 + "tail", 20) == "bc1q" + "x" * 9 + "…" + "xxtail"
    assert short("short", 20) == "short"


def test_what_cannot_be_seen_is_replaced() -> None:
    assert plain(UNSEEN) == "left\ufffdright\ufffd\ufffd\ufffd[31m end"


def test_the_command_writes_the_file_and_refuses_before_it_traces(tmp_path: Path) -> None:
    chain = RawChain()
    first = chain.add(miner=p2pkh("alice"))
    chain.add(RawTx([(first.txid, 0)], [(p2pkh("bob"), subsidy(1) - 500)]))
    source = write_blocks(tmp_path / "blk.dat", chain.blocks)
    assert tracer(tmp_path / "w", "sync", "bitcoin-regtest", "--source", f"blocks:{source}").code == 0
    seed = ("trace", f"{first.txid[::-1].hex()}:0", "--chain", "bitcoin-regtest")
    tracer(tmp_path / "w", *seed, "--graph", tmp_path / "out.png").refused(2, ".graphml")
    tracer(tmp_path / "w", *seed, "--graph", tmp_path / "none" / "out.svg").refused(3, "cannot write")
    assert tracer(tmp_path / "w", *seed, "--graph", tmp_path / "out.json").code == 0
    for doc in json.loads((tmp_path / "out.json").read_text())["documents"]:
        assert [edge["amount"] for edge in doc["graph"]["edges"]] == [str(subsidy(1))] * 2 + [
            str(subsidy(1) - 500),
            "500",
        ]
