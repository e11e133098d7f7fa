"""`tracer trace` as people and scripts meet it: words, codes, the custody log."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from adapters.bitcoin.chains import chain_named
from cli.main import main
from tests.scenarios.case import Case, tag, vasp
from tests.scenarios.ledger import PlayChain, Tx, shown

ROWS = [
    Tx("fund", outs=[("ann", 100_000_000)]),
    Tx("pay", ins=["fund:0"], outs=[("hot", 60_000_000), ("d1", 30_000_000), ("pool", 9_000_000)]),
    Tx("sweep", ins=["pay:1"], outs=[("hot", 29_990_000)]),
]
SEED = f"{shown('fund')}:0"


def address(name: str) -> str:
    """The regtest address of a scenario name."""
    return chain_named("bitcoin-regtest").render_address(PlayChain().parse_address(name))


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    Case(
        tmp_path,
        ROWS,
        tags=[tag("hot", "acme", role="hot"), tag("pool", "bazaar", category="market", role="pool")],
        vasps=[vasp("acme", "none")],
        bound=True,
    )
    return tmp_path


class Ran:
    """What a command left: exit code, stdout, stderr."""

    def __init__(self, workspace: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> None:
        old = sys.argv
        sys.argv = ["tracer", "--workspace", str(workspace), *arguments]
        self.code: Any = 0
        try:
            main()
        except SystemExit as end:
            self.code = end.code
        finally:
            sys.argv = old
        self.out, self.err = capsys.readouterr()

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def trace(workspace: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> Ran:
    return Ran(workspace, capsys, "trace", "--chain", "bitcoin-regtest", *arguments)


def test_one_method_is_one_document_in_the_order_of_contracts(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    doc = trace(workspace, capsys, SEED, "--method", "fifo", "--json").json
    assert list(doc) == [
        "schema", "as_of", "intel_snapshot", "rules", "engine", "coverage", "seeds", "seeds_sha256", "unit",
        "direction", "method", "parameters", "seed_summary", "totals", "conversions", "endpoints",
        "other_endpoints", "stops", "unspent", "unread", "heuristics", "graph",
        "minted", "peel_chains", "leads", "overrides", "protected", "claims", "tlp", "offchain",
    ]  # fmt: skip
    assert list(doc["endpoints"][0]) == [
        "entity", "vasp_id", "category", "kyc_level", "kyc_last_known", "kyc_interval", "jurisdiction", "amount",
        "share", "range", "legs", "account_shape", "first_time", "last_time", "min_hops", "by_seed",
        "attribution", "kyc_evidence", "nested_in", "request_to",
    ]  # fmt: skip
    assert list(doc["endpoints"][0]["legs"][0]) == [
        "role", "role_basis", "account_shape", "address", "txid", "vout", "transfer_index", "height", "time",
        "amount_onchain", "amount_traced", "hops", "path",
    ]  # fmt: skip
    assert doc["schema"] == "tracer.trace/1"
    assert [leg["address"] for leg in doc["endpoints"][0]["legs"]] == [address("hot"), address("d1")]


def test_without_a_method_the_answer_is_a_range(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    both = trace(workspace, capsys, SEED, "--json").json
    assert both["schema"] == "tracer.traces/1"
    assert [d["method"] for d in both["documents"]] == ["fifo", "haircut"]
    assert both["comparison"][0]["endpoint"] == "acme"


def test_the_text_ends_with_what_it_says_and_what_it_does_not(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = trace(workspace, capsys, SEED, "--method", "fifo", "--exits", "kyc:none")
    said, _, unsaid = ran.out.partition("What it does not say")
    assert "Under FIFO, money from the seed reached Acme 0.90000000 BTC (KYC then: none)" in said
    assert "holds under fifo alone" in unsaid
    assert "hot wallet identifies no customer" in unsaid
    assert "Inside a pool coins are interchangeable" in unsaid
    assert "absence of a label is not innocence" in unsaid
    assert "clean" not in ran.out


def test_a_filter_counts_what_it_hides(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ran = trace(workspace, capsys, SEED, "--method", "fifo", "--exits", "kyc:full")
    assert "No service that --exits asks for was reached." in ran.out
    assert "Not shown because of --exits: 1 service, 0.90000000 BTC" in ran.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([f"{'0' * 63}1:0"], "never seen"),
        ([shown("pay")], "has 3 outputs"),
        (["not-an-address"], "is no address"),
        ([SEED, "--method", "lucky"], "fifo, haircut"),
        ([SEED, "--exits", "kyc:maybe"], "kyc:LEVEL"),
        ([SEED, "--after", "2020-02-01", "--before", "2020-01-01"], "empty window"),
        ([SEED, "--before", "soon"], "is no date"),
        ([SEED, "--min-value", "0.000000001"], "more than 8 decimals"),
        ([SEED, "--unit", "entity"], "outpoint is a lot"),
    ],
)
def test_a_question_that_cannot_be_asked_is_one_line_and_exit_2(
    workspace: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    ran = trace(workspace, capsys, *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert words in ran.err
    assert len(ran.err.strip().splitlines()) == 1


def test_every_question_leaves_a_line_in_the_custody_log(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trace(workspace, capsys, SEED, "--case", "K-12", "--purpose", "seizure")
    log = Ran(workspace, capsys, "case", "log").out
    assert "K-12" in log
    assert "seizure" in log


def test_an_address_seed_reads_like_the_outpoint(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    by_address = trace(workspace, capsys, address("ann"), "--method", "haircut", "--json").json
    by_outpoint = trace(workspace, capsys, SEED, "--method", "haircut", "--json").json
    assert by_address["totals"] == by_outpoint["totals"]
    assert by_address["endpoints"] == by_outpoint["endpoints"]


def test_a_trace_as_of_a_former_snapshot_is_the_same_to_the_byte(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    then = trace(workspace, capsys, SEED, "--json")
    snapshot = then.json["documents"][0]["intel_snapshot"]
    said = ("--label", "later", "--category", "exchange", "--author", "ann", "--reason", "r")
    more = Ran(workspace, capsys, "tags", "add", address("ann"), "--chain", "bitcoin-regtest", *said)
    assert more.code == 0
    claim = then.json["documents"][0]["claims"][0]
    Ran(workspace, capsys, "tags", "withdraw", claim, "--author", "ann", "--reason", "wrong")
    assert trace(workspace, capsys, SEED, "--json").out != then.out
    assert trace(workspace, capsys, SEED, "--intel", snapshot, "--json").out == then.out


def test_a_withdrawn_claims_traces_are_found(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = trace(workspace, capsys, SEED, "--case", "K-7", "--json").json["documents"][0]
    claim = document["claims"][0]
    found = Ran(workspace, capsys, "tags", "impact", claim, "--json").json
    assert [(row["verb"], row["case"]) for row in found["used"]] == [("trace", "K-7")]
