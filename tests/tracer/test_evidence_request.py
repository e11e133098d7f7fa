"""Requests: each service is asked about its own payments, and told nothing that it does not need."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.case import CHAIN, Case, tag, vasp
from tests.scenarios.ledger import Tx, shown
from tracer.errors import DataError, UsageError
from tracer.evidence.addressee import addressee, cautions, kept_until
from tracer.evidence.asked import Request, Requests
from tracer.evidence.letter import ASKS, COLUMNS, Heading, letter, rows
from tracer.evidence.request import read
from tracer.intel.claims import Leg, Price, claim_id

# ann pays acme (hot wallet and a deposit address), zeta (nobody knows what the address is for), tiny, which keeps its
# account at acme, and bob; zoe's money mixes in, so that the methods differ
ROWS = [
    Tx("fund", outs=[("ann", 100_000_000)]),
    Tx("others", outs=[("zoe", 100_000_000)]),
    Tx("pay", ins=["fund:0"], outs=[("hot", 30_000_000), ("d1", 20_000_000), ("ann2", 50_000_000)]),
    Tx("both", ins=["pay:2", "others:0"], outs=[("zeta1", 40_000_000), ("nest", 60_000_000), ("bob", 50_000_000)]),
    Tx("sweep", ins=["pay:1"], outs=[("hot", 19_990_000)]),
    Tx("payout", outs=[("carl", 7_000_000)]),
    Tx("cash", ins=["payout:0"], outs=[("late", 6_000_000), ("carl2", 900_000)]),
]  # fmt: skip
TAGS = [
    tag("hot", "acme", role="hot"),
    tag("zeta1", "zeta"),
    replace(tag("nest", "tiny", role="deposit"), nested_in="acme"),
    tag("late", "beta", role="hot"),
]
VASPS = [
    replace(vasp("acme", "full"), legal_entity="Acme Digital Assets Ltd", legal_contact="legal@acme.example",
            retention="5 years"),
    vasp("zeta", "none"), vasp("tiny", "rare"), vasp("beta", "none"),
]  # fmt: skip
REPLY = Leg(
    CHAIN.name, f"{shown('pay')}:0", CHAIN.name, f"{shown('payout')}:0", "reply 7", "acme", "2024-01-01",
    author="ann", reason="request 7",
)  # fmt: skip
HEADING = Heading(("preserve", "produce"))


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    made = Case(tmp_path_factory.mktemp("case"), ROWS, tags=TAGS, vasps=VASPS)
    made.claim("legs", REPLY)
    made.claim("prices", Price("BTC", "USD", "2020-09-13", "10000", "a list"))
    return made


@pytest.fixture(scope="module")
def document(case: Case) -> dict[str, Any]:
    return case.documents("fund:0")


@pytest.fixture
def copied(document: dict[str, Any]) -> dict[str, Any]:
    return copy.deepcopy(document)


def one(document: dict[str, Any], party: str) -> Request:
    (found,) = read(document).choose(party)
    return found


def paid(request: Request, names: dict[str, str]) -> list[tuple[str, str]]:
    return [(leg.role, f"{names[leg.txid]}:{leg.vout}") for leg in request.legs]


def written(document: dict[str, Any], party: str, heading: Heading = HEADING) -> str:
    made = read(document)
    (request,) = made.choose(party)
    return letter(made, request, heading, "table.csv")


def test_each_service_is_asked_about_its_own_payments_once(case: Case, document: dict[str, Any]) -> None:
    """Two methods found them; acme is also the custodian of tiny's account; beta stands behind a link."""
    assert [document["schema"], len(document["documents"])] == ["tracer.traces/1", 2]
    found = {request.party: paid(request, case.names) for request in read(document).requests}
    assert found == {
        "acme": [("hot", "pay:0"), ("deposit", "pay:1"), ("deposit", "both:1")],
        "beta": [("hot", "cash:0")],
        "tiny": [("deposit", "both:1")],
        "zeta": [("unknown", "both:0")],
    }


def test_one_method_alone_is_a_request_too(case: Case) -> None:
    """Under FIFO all of ann's money is gone before bob."""
    found = read(case.documents("fund:0", methods=("fifo",)))
    assert [request.party for request in found.requests] == ["acme", "beta", "tiny", "zeta"]


def test_leads_are_never_asked_about(copied: dict[str, Any]) -> None:
    before = read(copied)
    for said in copied["documents"]:
        said["leads"] = [{**said["endpoints"][0], "vasp_id": "ghost", "entity": "Ghost"}]
    assert read(copied) == before


def left_out(case: Case, *methods: str, leads: bool = False) -> dict[str, tuple[int, int]]:
    """Party -> payments asked about, and left out."""
    found = read(case.documents("fund:0", methods=methods), leads=leads).requests
    return {request.party: (len(request.legs), request.left_out) for request in found}


@pytest.fixture
def split(tmp_path: Path) -> Case:
    """Ann's 50 and zoe's 50 go into one transaction; by fifo hers are the first out, by lifo the last."""
    rows = [
        Tx("fund", outs=[("ann", 50)]),
        Tx("others", outs=[("zoe", 50)]),
        Tx(
            "mix",
            ins=["fund:0", "others:0"],
            outs=[("first", 20), ("near1", 30), ("near2", 30), ("last", 20)],
        ),
    ]
    tags = [tag("first", "first"), tag("near1", "near"), tag("near2", "near"), tag("last", "last")]
    return Case(tmp_path, rows, tags=tags, vasps=[])


def test_what_one_convention_alone_finds_is_left_out(split: Case) -> None:
    found = left_out(split, "fifo", "lifo")
    assert found == {"first": (0, 1), "last": (0, 1), "near": (2, 0)}
    with_leads = left_out(split, "fifo", "lifo", leads=True)
    assert with_leads == {"first": (1, 0), "last": (1, 0), "near": (2, 0)}


def test_payments_of_one_convention_to_a_service_that_both_find_stay_in_and_are_named(split: Case) -> None:
    request = one(split.documents("fund:0", methods=("fifo", "lifo")), "near")
    assert [leg.alone for leg in request.legs] == ["fifo", "lifo"]
    told = cautions(request)
    assert any(text.startswith("near: no. 1 stands on fifo alone") for text in told)
    assert any(text.startswith("near: no. 2 stands on lifo alone") for text in told)


def test_what_poison_alone_marks_is_left_out_even_of_a_service_that_others_find(split: Case) -> None:
    assert left_out(split, "fifo", "poison") == {"first": (1, 0), "last": (0, 1), "near": (1, 1)}
    assert left_out(split, "fifo", "poison", leads=True) == {"first": (1, 0), "last": (1, 0), "near": (2, 0)}
    assert left_out(split, "poison") == {"first": (1, 0), "last": (1, 0), "near": (2, 0)}
    near = one(split.documents("fund:0", methods=("fifo", "poison")), "near")
    assert any("stands on one convention (fifo)" in text for text in cautions(near))


def test_a_trace_of_one_convention_leaves_nothing_out_and_says_on_what_it_stands(split: Case) -> None:
    request = one(split.documents("fund:0", methods=("fifo",)), "near")
    assert (len(request.legs), request.left_out) == (1, 0)
    assert "near: all that is asked stands on one convention (fifo): the trace has no other" in cautions(
        request
    )


def test_the_account_of_a_lead_is_not_asked_about_at_its_custodian_either(copied: dict[str, Any]) -> None:
    for row in copied["comparison"]:
        row["only_in"] = "haircut" if row["endpoint"] == "tiny" else None
    acme, tiny = (one(copied, name) for name in ("acme", "tiny"))
    assert ([leg.address for leg in acme.legs], acme.left_out, acme.custodian) == (["hot", "d1"], 1, False)
    assert (tiny.legs, tiny.left_out) == ((), 1)


@pytest.mark.parametrize("name", ["zeta", "ZETA", "Zeta"])
def test_a_service_is_chosen_by_id_or_name_in_any_case(document: dict[str, Any], name: str) -> None:
    assert one(document, name).party == "zeta"


@pytest.mark.parametrize("name", ["nobody", "", "ac"])
def test_an_unknown_service_is_answered_with_those_there_are(document: dict[str, Any], name: str) -> None:
    with pytest.raises(UsageError, match=r"acme, beta, tiny, zeta"):
        read(document).choose(name)


def test_what_exits_hid_is_counted_where_a_service_is_not_found(case: Case) -> None:
    with pytest.raises(UsageError, match=r"acme.* 2 more were hidden by --exits"):
        read(case.documents("fund:0", exits=("kyc:full",))).choose("zeta")


def test_a_name_that_two_services_share_must_be_said_exactly(copied: dict[str, Any]) -> None:
    for said in copied["documents"]:
        for row in said["endpoints"]:
            row["entity"], row["request_to"] = "Same", None
    with pytest.raises(UsageError, match="means several services"):
        read(copied).choose("same")


def test_all_is_every_service(document: dict[str, Any]) -> None:
    assert len(read(document).choose("All")) == 4


def test_a_letter_holds_nothing_of_the_rest_of_the_investigation(document: dict[str, Any]) -> None:
    """No seed, no other service or address, no method, no amount traced, no source of a claim."""
    text = written(document, "zeta")
    for secret in (
        shown("fund"), shown("pay"), "ann", "hot", "d1", "nest", "bob", "acme", "tiny", "beta", "fifo", "haircut",
        "a list", "share", "KYC then", "traced",
    ):  # fmt: skip
        assert not re.search(rf"\b{re.escape(secret)}\b", text), secret
    assert "0.40000000 BTC (worth 4000.00 USD at the price of that day)" in " ".join(text.split())


def test_a_letter_is_narrow_and_what_must_be_copied_stands_whole(document: dict[str, Any]) -> None:
    lines = written(document, "acme").splitlines()
    assert max(map(len, lines)) <= 78
    assert f"        {shown('pay')}" in lines
    assert "        d1" in lines
    tip = document["documents"][0]["as_of"][0]
    assert f"Block hash:   {tip['block_hash']}" in lines
    assert f"CAIP-2:       {tip['caip2']}" in lines


def test_a_letter_leaves_blanks_for_what_it_is_not_told(document: dict[str, Any]) -> None:
    blank = written(document, "zeta")
    for name in ("Contact", "From", "Reference", "Date", "Legal basis"):
        assert re.search(rf"^{name}: +____$", blank, re.MULTILINE)
    told = written(document, "acme", Heading(("preserve",), "K-12", "The Office", "2026-01-02"))
    for line in ("Reference:    K-12", "From:         The Office", "Date:         2026-01-02",
                 "Contact:      legal@acme.example", "To:           Acme Digital Assets Ltd"):  # fmt: skip
        assert line in told


@pytest.mark.parametrize("asks", [("preserve",), ("preserve", "produce"), ("freeze",), tuple(ASKS)])
def test_a_letter_asks_what_it_is_to_ask(document: dict[str, Any], asks: tuple[str, ...]) -> None:
    text = written(document, "acme", Heading(asks))
    assert [ask for ask in ASKS if f"  {ask.capitalize()}: " in text] == list(asks)
    title = next(line for line in text.splitlines() if line.startswith("REQUEST"))
    assert [ask for ask in ASKS if ask.upper() in title] == list(asks)


def test_the_question_goes_by_what_the_address_is(document: dict[str, Any]) -> None:
    asked = {(r.party, leg.role, leg.for_others): row[COLUMNS.index("concerned")]
             for r in read(document).requests
             for leg, row in zip(r.legs, rows(read(document), r, HEADING), strict=True)}  # fmt: skip
    assert asked["acme", "hot", False] == "the account that was credited by this transaction"
    assert asked["acme", "deposit", False] == "the account that this address is assigned to"
    assert asked["zeta", "unknown", False].startswith("whether this address is a customer's, and the account")
    assert asked["tiny", "deposit", True].endswith("which of them it was credited for")
    assert "identifies no customer" in written(document, "acme")


def backward(document: dict[str, Any], role: str) -> dict[str, Any]:
    """The same places, as a trace backward names them."""
    for said in document["documents"]:
        said["direction"] = "backward"
        for row in said["endpoints"]:
            for leg in row["legs"]:
                leg["role"] = role
    return document


@pytest.mark.parametrize(
    ("role", "words"),
    [
        ("withdrawal", "the account that was debited for this payment"),
        ("hot", "the account that was debited by this transaction"),
        ("unknown", "the account that was debited by this transaction"),
    ],
)
def test_of_what_a_service_paid_out_the_question_is_who_was_debited(
    copied: dict[str, Any], role: str, words: str
) -> None:
    text = written(backward(copied, role), "zeta")
    assert words in " ".join(text.split())
    assert "credited by this" not in " ".join(text.split())
    assert ("paid to:" in text) == (role == "withdrawal")


def test_a_trace_backward_asks_who_was_debited_for_the_payout(tmp_path: Path) -> None:
    rows = [
        Tx("pool", outs=[("acmepot", 50)]),
        Tx("payout", ins=["pool:0"], outs=[("bob", 3), ("acmepot", 46)]),
    ]
    case = Case(tmp_path, rows, tags=[tag("acmepot", "acme", role="hot")], vasps=VASPS)
    (leg,) = one(case.documents("payout:0", direction="backward"), "acme").legs
    assert (leg.role, leg.debited, leg.address, case.names[leg.txid], leg.vout) == (
        "withdrawal", True, "bob", "payout", 0,
    )  # fmt: skip
    assert leg.units == 3


def test_rows_and_letter_have_the_same_numbers(document: dict[str, Any]) -> None:
    made = read(document)
    (request,) = made.choose("acme")
    table = [dict(zip(COLUMNS, row, strict=True)) for row in rows(made, request, HEADING)]
    text = letter(made, request, HEADING, "table.csv")
    payments = text.partition("\nPAYMENTS\n")[2]
    numbers = [
        re.search(r"^ *(\d+)\. (\S+) (\S+) UTC, (\S+) BTC", part, re.M) for part in payments.split("\n\n")
    ]
    assert [(found[1], f"{found[2]}T{found[3]}Z", found[4]) for found in numbers if found] == [
        (row["no"], row["time_utc"], row["amount"]) for row in table
    ]
    assert [row["amount_base_units"] for row in table] == ["30000000", "20000000", "60000000"]
    assert table[0]["value"] == "3000.00"
    assert table[0]["asked"] == "preserve; produce"


def test_fiat_is_left_out_where_no_price_is_known(copied: dict[str, Any]) -> None:
    for said in copied["documents"]:
        for row in said["endpoints"]:
            for leg in row["legs"]:
                leg["amount_onchain"]["fiat"] = None
    text = written(copied, "zeta")
    assert "worth" not in text
    assert "USD" not in text


def register(document: dict[str, Any], party: str, **said: str) -> dict[str, Any]:
    for doc in document["documents"]:
        for row in doc["endpoints"]:
            if row["vasp_id"] == party:
                row["request_to"].update(said)
    return document


def to(document: dict[str, Any], party: str) -> tuple[str, str]:
    found = addressee(one(document, party))
    return found.name, found.note


def test_a_letter_to_a_service_taken_over_goes_to_its_successor(copied: dict[str, Any]) -> None:
    name, note = to(register(copied, "zeta", status="closed", successor="acme"), "zeta")
    assert name == "Acme Digital Assets Ltd"
    assert note.startswith("Zeta is listed as closed. Zeta was taken over by Acme Digital Assets Ltd.")
    text = written(copied, "zeta")
    assert "(successor of Zeta)" in text
    assert "Contact:      legal@acme.example" in text


def test_who_holds_the_records_goes_before_the_successor(copied: dict[str, Any]) -> None:
    changed = register(copied, "zeta", status="seized", successor="elsewhere", records_holder="A Liquidator")
    name, note = to(changed, "zeta")
    assert name == "A Liquidator"
    assert "taken over by elsewhere" in note
    assert "records of Zeta are understood to be held by A Liquidator" in note


def test_a_closed_service_without_successor_is_asked_who_holds_its_records(copied: dict[str, Any]) -> None:
    name, note = to(register(copied, "zeta", status="closed"), "zeta")
    assert name == "Zeta"
    assert "No holder of its records is known" in note
    assert any("nobody as holder" in text for text in cautions(one(copied, "zeta")))


def test_the_investigator_is_warned_of_a_sanctioned_service_and_of_custodians(copied: dict[str, Any]) -> None:
    register(copied, "zeta", status="sanctioned")
    assert "zeta is listed as sanctioned: see whether you may address it" in cautions(one(copied, "zeta"))
    assert any("no. 1 may lie at a custodian" in text for text in cautions(one(copied, "tiny")))
    assert any("as custodian" in text for text in cautions(one(copied, "acme")))


def test_protected_addresses_never_appear(tmp_path: Path) -> None:
    bought = replace(tag("nest", "tiny", role="deposit"), nested_in="acme", protection="test_purchase")
    found = Case(tmp_path, ROWS, tags=[*TAGS, bought], vasps=VASPS).documents("fund:0")
    assert [row["address"] for row in found["documents"][0]["protected"]] == ["nest"]
    acme, tiny = (one(found, name) for name in ("acme", "tiny"))
    assert (acme.protected, [leg.address for leg in acme.legs]) == (1, ["hot", "d1"])
    assert (tiny.protected, tiny.legs) == (1, ())
    assert not re.search(r"\bnest\b", written(found, "acme"))
    assert "acme: 1 of its payments left out, as claims protect their addresses" in cautions(acme)


def test_a_request_names_the_claims_it_rests_on(document: dict[str, Any]) -> None:
    assert one(document, "zeta").claims == {claim_id(TAGS[1])}
    assert one(document, "beta").claims == {claim_id(TAGS[3]), claim_id(REPLY)}


@pytest.mark.parametrize(
    ("retention", "day", "last"),
    [
        ("5 years", "2020-02-29", "2025-02-28"),
        ("at least 18 months after the end", "2020-08-31", "2022-02-28"),
        ("90 days", "2020-12-31", "2021-03-31"),
        ("5 years, KYC data 10 years", "2020-01-01", None),
        ("as the law says", "2020-01-01", None),
        ("999 years", "9998-01-01", None),
        ("999 days", "9998-01-01", None),
    ],
)
def test_records_are_kept_until(retention: str, day: str, last: str | None) -> None:
    assert kept_until(retention, day) == last


def test_a_letter_reminds_of_the_day_records_are_kept_until(document: dict[str, Any]) -> None:
    assert "this is up to 2025-09-13" in " ".join(written(document, "acme").split())
    assert "You are understood to keep" not in written(document, "zeta")


def test_equal_documents_give_equal_bytes(document: dict[str, Any], copied: dict[str, Any]) -> None:
    """Whatever the order of methods and rows."""
    copied["documents"].reverse()
    for said in copied["documents"]:
        said["endpoints"].reverse()
        for row in said["endpoints"]:
            row["legs"].reverse()
    assert read(copied) == read(document)


def test_names_of_strangers_cannot_write_lines_of_the_letter(copied: dict[str, Any]) -> None:
    for said in copied["documents"]:
        for row in said["endpoints"]:
            if row["vasp_id"] == "zeta":
                row["entity"] = row["request_to"]["name"] = "Ze\nContact: thief@evil.example\x1b[2J\u202eta"
    text = written(copied, "zeta")
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "\nContact: thief" not in text
    assert "Ze Contact: thief@evil.example[2Jta" in text.splitlines()[0]


def test_file_names_are_letters_and_digits_and_differ(copied: dict[str, Any]) -> None:
    names = {"acme": "../../etc/passwd", "zeta": "etc passwd", "tiny": "日本", "beta": "\u202e/"}
    for said in copied["documents"]:
        behind = [row["continuation"] for row in said["offchain"]]
        for row in [row for part in (said, *behind) for row in part["endpoints"]]:
            row["vasp_id"], row["request_to"] = names[row["vasp_id"]], None
            row["nested_in"] = None
    slugs = [request.slug for request in read(copied).requests]
    assert len(set(slugs)) == 4
    for slug in slugs:
        assert re.fullmatch(r"[a-z0-9-]+", slug)


Damage = Callable[[dict[str, Any]], object]


def _leg(document: dict[str, Any]) -> dict[str, Any]:
    leg: dict[str, Any] = document["documents"][0]["endpoints"][0]["legs"][0]
    return leg


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda d: d.update(schema="tracer.screening/1"), "this is no trace: its schema is 'tracer.screening/1'"),
        (lambda d: d.pop("schema"), "its schema is none"),
        (lambda d: d.update(documents=[]), "holds no documents"),
        (lambda d: d.update(documents={}), "documents is not a list"),
        (lambda d: d["documents"][1].update(as_of=[]), "not of the same chains at the same blocks"),
        (lambda d: d["documents"][1]["as_of"][0].update(height=1), "not of the same chains at the same blocks"),
        (lambda d: d["documents"][0].pop("endpoints"), "endpoints is not a list"),
        (lambda d: d["documents"][0].update(protected=[7]), "protected[0] is no object"),
        (lambda d: d["documents"][0]["endpoints"][0].update(entity="\n"), "entity is not a text"),
        (lambda d: _leg(d).update(txid=None), "txid is not a text"),
        (lambda d: _leg(d).update(role="king"), "role is not one of"),
        (lambda d: _leg(d).update(vout=True), "vout is not a whole number"),
        (lambda d: _leg(d).update(vout=-1), "vout is not a whole number"),
        (lambda d: _leg(d).update(time="yesterday"), "time is not a time in UTC"),
        (lambda d: _leg(d).update(time="2020-02-30T00:00:00Z"), "time is not a time in UTC"),
        (lambda d: _leg(d).update(height="7"), "height is not a whole number"),
        (lambda d: _leg(d)["amount_onchain"].update(base_units="1e9"), "base_units is not a whole number"),
        (lambda d: _leg(d)["amount_onchain"].update(base_units="9" * 5000), "base_units is not a whole number"),
        (lambda d: _leg(d)["amount_onchain"].update(decimal="99.0"), "decimal is not the decimal of"),
        (lambda d: _leg(d)["amount_onchain"].update(base_units="5", decimal="0.00000005"), "contradicts itself"),
        (lambda d: d["documents"][0]["endpoints"][0]["attribution"][0].update(claim="x"), "the id of a claim"),
    ],
)  # fmt: skip
def test_a_damaged_trace_is_refused_in_one_line(copied: dict[str, Any], damage: Damage, words: str) -> None:
    damage(copied)
    with pytest.raises(DataError) as refused:
        read(copied)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("value", [None, 7, "trace", [], [{}]])
def test_what_is_no_object_is_no_trace(value: object) -> None:
    with pytest.raises(DataError, match="no object"):
        read(value)


def test_a_trace_that_reached_nobody_asks_nobody(tmp_path: Path) -> None:
    made: Requests = read(Case(tmp_path, ROWS[:1]).documents("fund:0"))
    for name in ("acme", "all"):
        with pytest.raises(UsageError, match="no service that could be asked"):
            made.choose(name)
