"""`tracer screen` as a process: verdicts, codes, words, records; every mistake one clear line."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from adapters.bitcoin.chains import chain_named
from tests.cli.running import Ran, tracer
from tests.scenarios.case import Case, tag, vasp
from tests.scenarios.ledger import PlayChain, Tx, shown
from tracer.evidence import custody
from tracer.screening.kept import store
from tracer.state import State
from tracer.workspace import Workspace

COIN = 100_000_000
ROWS = [
    Tx("mint", outs=[("acmehot", COIN), ("bazaarpool", COIN), ("gone", COIN)]),
    Tx("buy", ins=["mint:0"], outs=[("carl", 60_000_000), ("acmehot", 39_990_000)]),
    Tx("sale", ins=["mint:1"], outs=[("dave", 40_000_000), ("bazaarpool", 59_990_000)]),
    Tx("pass", ins=["sale:0"], outs=[("erin", 39_990_000)]),
    Tx("spend", ins=["buy:0"], outs=[("carla", 59_990_000)]),
    Tx("leave", ins=["mint:2"], outs=[("frank", COIN - 10_000)]),
]
POLICY = Path("rules/policies/default.yml")


def address(name: str) -> str:
    """The regtest address of a scenario name."""
    return chain_named("bitcoin-regtest").render_address(PlayChain().parse_address(name))


def txid(name: str) -> str:
    return shown(name)


NOBODY = address("nobody")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("screen")
    Case(
        folder,
        ROWS,
        tags=[
            tag("acmehot", "acme", role="hot"),
            tag("bazaarpool", "bazaar", category="dark_market", role="pool"),
            tag("gone", "", category="sanction", label="Somebody listed"),
        ],
        vasps=[vasp("acme", "full")],
        bound=True,
    )
    text = POLICY.read_text().replace("id: default\n", "id: ours\n")
    text = re.sub(r"^requires:\n(?:  .*\n)+", "", text, flags=re.MULTILINE)
    (folder / "ours.yml").write_text(text)
    return folder


def screen(workspace: Path, *arguments: str | Path) -> Ran:
    """By a policy that requires no lists."""
    return tracer(workspace, "screen", "--policy", workspace / "ours.yml", *arguments)


def records(workspace: Path) -> int:
    with State.open(Workspace(workspace)) as state:
        return store.count(state)


def log(workspace: Path) -> list[custody.Entry]:
    with State.open(Workspace(workspace)) as state:
        return custody.entries(state)


VERDICTS = [
    ("carl", "clear", "low", 0),
    ("carla", "clear", "low", 0),
    ("dave", "review", "high", 10),
    ("erin", "review", None, 10),
    ("bazaarpool", "block", "high", 20),
    ("gone", "block", "severe", 20),
    ("frank", "block", "severe", 20),
    ("nobody", "unknown", None, 11),
]


@pytest.mark.parametrize(("name", "verdict", "risk", "code"), VERDICTS)
def test_a_verdict_is_an_exit_code(
    workspace: Path, name: str, verdict: str, risk: str | None, code: int
) -> None:
    ran = screen(workspace, address(name), "--json")
    assert (ran.code, ran.document["verdict"], ran.err) == (code, verdict, "")
    assert risk in (None, ran.document["risk"])
    assert ran.document["subject"]["address"] == address(name)
    assert ran.document["as_of"][0]["height"] == 5


def test_never_clear_where_a_required_list_is_missing(workspace: Path) -> None:
    ran = tracer(workspace, "screen", address("carl"), "--json")
    assert (ran.code, ran.document["verdict"], ran.document["risk"]) == (11, "unknown", None)
    assert any("sanctions" in reason for reason in ran.document["risk_reasons"])
    assert tracer(workspace, "screen", address("gone"), "--json").code == 20  # a hit stands nevertheless


@pytest.mark.parametrize(
    ("names", "fail_on", "code"),
    [
        (["carl", "dave", "gone", "nobody"], None, 20),
        (["carl", "dave", "nobody"], None, 10),
        (["carl", "nobody"], None, 11),
        (["carl", "carla"], None, 0),
        (["gone", "nobody"], "unknown", 11),
        (["gone", "dave"], "unknown", 0),
        (["gone", "dave", "nobody"], "review, unknown", 10),
        (["gone"], "review,block,unknown", 20),
    ],
)
def test_several_verdicts_have_one_code(
    workspace: Path, names: list[str], fail_on: str | None, code: int
) -> None:
    words = ["--fail-on", fail_on] if fail_on else []
    ran = screen(workspace, *map(address, names), *words, "--json")
    assert ran.code == code
    said = ran.document
    documents = said["documents"] if len(names) > 1 else [said]
    assert [one["subject"]["address"] for one in documents] == [address(name) for name in names]


def test_a_deposit_is_judged_by_its_source_and_a_payment_out_by_its_destination(workspace: Path) -> None:
    deposit = screen(workspace, f"{txid('pass')}:0", "--json").document
    assert deposit["subject"] == {
        "kind": "transfer", "chain": "bitcoin-regtest", "address": address("erin"), "txid": txid("pass"), "vout": 0,
        "transfer_index": None, "asset": "BTC", "amount": deposit["subject"]["amount"], "chain_state": "confirmed",
        "direction": "inbound", "customer_reference": None,
    }  # fmt: skip
    assert deposit["subject"]["amount"]["base_units"] == "39990000"
    assert (deposit["verdict"], {row["side"] for row in deposit["exposures"]}) == ("review", {"source"})
    same = screen(workspace, f"{txid('pass')}@{address('erin')}", "--json").document
    assert [row["category"] for row in same["exposures"]] == [row["category"] for row in deposit["exposures"]]
    out = screen(workspace, f"{txid('buy')}:1", "--direction", "outbound", "--json").document
    assert out["subject"]["direction"] == "outbound"
    assert "source" not in {row["side"] for row in out["exposures"] if row["type"] != "ownership"}


def test_a_withdrawal_is_judged_before_it_is_sent(workspace: Path) -> None:
    ran = screen(workspace, "--to", address("gone"), "--amount", "0.5", "--json")
    subject = ran.document["subject"]
    assert (ran.code, subject["kind"], subject["amount"]["base_units"], subject["direction"]) == (
        20, "withdrawal_attempt", "50000000", "outbound",
    )  # fmt: skip
    assert screen(workspace, "--to", NOBODY, "--amount", "1", "--json").code == 11
    screen(workspace, "--to", NOBODY, "--json").refused(2, "a withdrawal needs its amount")


def test_our_own_wallets_are_no_counterparty(workspace: Path) -> None:
    asked = address("carl"), "--json"
    assert "acme" in {row["entity"] for row in screen(workspace, *asked).document["exposures"]}
    own = screen(workspace, *asked, "--own", "ACME").document
    assert "acme" not in {row["entity"] for row in own["exposures"]}
    assert own["parameters"]["own"] == ["acme"]


def test_hops_bound_what_is_looked_at(workspace: Path) -> None:
    assert screen(workspace, address("erin"), "--hops", "1", "--json").document["parameters"]["hops"] == 1
    assert screen(workspace, address("erin"), "--hops", "1", "--json").document["verdict"] != "block"


def test_a_chain_that_nobody_read_is_judged_by_claims_alone_and_never_clear(
    workspace: Path, tmp_path: Path
) -> None:
    other = "1BoatSLRHtKNngkdXEeobR76b53LETtpyT"
    unseen = screen(workspace, other, "--chain", "bitcoin", "--json")
    assert (unseen.code, unseen.document["coverage"]["status"], unseen.document["as_of"]) == (
        11,
        "unseen",
        [],
    )
    tracer(
        tmp_path, "tags", "add", other, "--chain", "bitcoin", "--label", "Listed", "--category", "sanction",
        "--author", "a", "--reason", "r",
    )  # fmt: skip
    listed = tracer(tmp_path, "screen", other, "--chain", "bitcoin", "--json")
    assert (listed.code, listed.document["verdict"]) == (20, "block")


def test_words_name_lists_and_dates_and_call_nobody_clean(workspace: Path) -> None:
    clear = screen(workspace, address("carl")).out
    assert "CLEAR, risk low" in clear
    assert "no match in a list of 2020-01-01" in clear
    assert "What was not looked at" in clear
    assert "is no innocence" in clear
    for name, _, _, _ in VERDICTS:
        assert "clean" not in screen(workspace, address(name)).out.lower()


def test_words_show_ranges_paths_rules_and_innocent_explanations(workspace: Path) -> None:
    said = screen(workspace, address("erin")).out
    assert "REVIEW" in said
    assert f"    {txid('pass')}\n    -> {txid('sale')}\n" in re.sub(r"^ +", "    ", said, flags=re.MULTILINE)
    assert "100.00 % of all that arrived" in said
    assert "may be innocent: " in said
    assert "may have changed hands on the way" in said


def test_the_front_office_sees_verdict_and_case_number_only(workspace: Path) -> None:
    whole = screen(workspace, address("dave"), "--json").document
    said = screen(workspace, address("dave"), "--front-office")
    assert said.out == f"review  case {whole['screening_id'][:16]}\n"
    told = screen(workspace, address("dave"), "--front-office", "--json").document
    assert told == {
        "schema": "tracer.front_office/1",
        "verdict": "review",
        "case": whole["screening_id"][:16],
    }


def test_a_rerun_prints_the_same_bytes_and_keeps_nothing_new(workspace: Path) -> None:
    asked = address("dave"), address("carl"), "--evaluated-at", "2020-10-01", "--json"
    first = screen(workspace, *asked)
    kept = records(workspace)
    again = screen(workspace, *asked)
    assert (first.out, records(workspace)) == (again.out, kept)
    threads = tracer(workspace, "--threads", "1", "screen", "--policy", workspace / "ours.yml", *asked)
    assert threads.out == first.out


def test_the_custody_log_names_policy_claims_block_and_answer(workspace: Path) -> None:
    ran = screen(workspace, address("dave"), "--case", "K-1", "--purpose", "deposit", "--json")
    entry = log(workspace)[-1]
    assert (entry.verb, entry.case_id, entry.purpose, entry.outcome) == (
        "screen",
        "K-1",
        "deposit",
        "answered:10",
    )
    inputs = json.loads(entry.inputs)
    assert any(text.startswith("policy ours sha256:") for text in inputs)
    assert ran.document["intel_snapshot"] in inputs
    assert f"bitcoin-regtest:{ran.document['as_of'][0]['block_hash']}" in inputs
    assert any(text.startswith("claims:") for text in inputs)


def test_an_answer_as_of_a_former_block_knows_nothing_later(workspace: Path) -> None:
    now = screen(workspace, address("dave"), "--json").document
    then = screen(workspace, address("erin"), "--at", "2", "--json")
    assert (then.code, then.document["as_of"][0]["height"]) == (11, 2)
    assert now["as_of"][0]["height"] == 5


@pytest.mark.parametrize("name", ["chainalysis", "elliptic", "trm", "misttrack"])
def test_other_products_shapes_carry_the_same_verdict(workspace: Path, name: str) -> None:
    ran = screen(workspace, address("gone"), "--compat", name)
    one: Any = ran.document[0] if isinstance(ran.document, list) else ran.document
    assert (ran.code, one["tracer"]["verdict"]) == (20, "block")
    several = screen(workspace, address("gone"), address("carl"), "--compat", name).document
    assert len(several) == 2


BAD: list[tuple[list[str], int, str]] = [
    ([], 2, "nothing to screen"),
    (["bcrt1qxx"], 2, "no address"),
    ([address("carl"), "x" * 300], 2, "nothing that can be screened is so long"),
    ([txid("pass")], 2, "which payment is meant"),
    (["tag:bazaar"], 2, "Screen single addresses"),
    (["bcrt1\udcff"], 2, "no text"),
    ([address("carl"), "--chain", "nochain"], 2, "unknown chain"),
    ([address("carl"), "--fail-on", "clear"], 2, "names no verdict"),
    ([address("carl"), "--amount", "1"], 2, "of a withdrawal"),
    (["--to", address("carl"), "--amount", "0.000000001"], 2, "more than 8 decimals"),
    (["--to", address("carl"), "--amount", "1", "--asset", "USDT"], 2, "has one asset"),
    ([address("carl"), "--file", "x.csv"], 2, "and nothing else"),
    ([address("carl"), "--resume", "x"], 2, "goes on with a --file"),
    ([address("carl"), "--evaluated-at", "soon"], 2, "is no date"),
    ([address("carl"), "--intel", "sha256:00"], 2, "snapshot"),
    ([address("carl"), "--at", "99999"], 2, "was not read yet"),
    ([address("carl"), "--front-office", "--compat", "trm"], 2, "case number only"),
    (["--file", "nofile.csv"], 3, "cannot read"),
    ([f"{txid('pass')}:77"], 2, "output"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "code", "said"), BAD[:-1], ids=[row[2] for row in BAD[:-1]])
def test_a_question_that_cannot_be_is_one_line_and_is_recorded(
    workspace: Path, words: list[str], code: int, said: str
) -> None:
    before = len(log(workspace))
    tracer(workspace, "screen", *words).refused(code, said)
    assert len(log(workspace)) == before + 1


def test_a_transfer_that_is_not_there_is_unknown(workspace: Path) -> None:
    for text in (f"{'ab' * 32}:0", f"{txid('pass')}:77"):
        ran = screen(workspace, text, "--chain", "bitcoin-regtest", "--json")
        assert (ran.code, ran.document["verdict"], ran.document["subject"]["amount"]) == (11, "unknown", None)
