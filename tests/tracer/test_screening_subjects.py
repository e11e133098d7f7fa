"""How people and files write what is screened: every way, every mistake with what to write instead."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.chains import chain_named, find
from adapters.wallets.secrets import kind_in
from tracer.chain import Chain
from tracer.errors import BadSubject, UsageError
from tracer.screening.model import Subject
from tracer.screening.subjects import COLUMNS, Reading, Row, of_row, of_text, withdrawal

BTC = "1BoatSLRHtKNngkdXEeobR76b53LETtpyT"
SEGWIT = "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"
ETH = "0x52908400098527886E0F7030069857D2E4169EE7"
LOWER = ETH.lower()
TXID = "ab" * 32


def usdt(_chain: Chain, asset: str) -> int:
    if asset.lower() != "usdt":
        raise UsageError(f"no asset {asset!r} was ever seen.")
    return 6


def reading(*here: str, chain: str | None = None) -> Reading:
    every = ("bitcoin", "bitcoin-testnet", "litecoin", "bitcoin-cash", "ethereum", "polygon", "tron")
    return Reading(
        chain=None if chain is None else chain_named(chain), direction="both", named=find,
        here=[chain_named(name) for name in here],
        known=[chain_named(name) for name in every if name not in here], secret=kind_in, decimals=usdt,
    )  # fmt: skip


BOTH = reading("bitcoin", "ethereum")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (BTC, Subject("address", "bitcoin", BTC, address=BTC)),
        (f" {SEGWIT.upper()} ", Subject("address", "bitcoin", SEGWIT.upper(), address=SEGWIT)),
        (LOWER, Subject("address", "ethereum", LOWER, address=ETH)),
        (f"polygon:{ETH}", Subject("address", "polygon", f"polygon:{ETH}", address=ETH)),
        (f"eip155:137:{ETH}", Subject("address", "polygon", f"eip155:137:{ETH}", address=ETH)),
        (
            f"bitcoin:{TXID}:1",
            Subject("transfer", "bitcoin", f"bitcoin:{TXID}:1", txid=TXID, vout=1, direction="inbound"),
        ),
        (
            f"{TXID}@{BTC}",
            Subject("transfer", "bitcoin", f"{TXID}@{BTC}", BTC, TXID, direction="inbound"),
        ),
        (
            f"0x{TXID}:4",
            Subject("transfer", "ethereum", f"0x{TXID}:4", txid=f"0x{TXID}", transfer_index=4, direction="inbound"),
        ),
    ],
)  # fmt: skip
def test_a_text_names_an_address_or_a_transfer(text: str, expected: Subject) -> None:
    assert of_text(text, BOTH) == expected


def test_the_direction_asked_for_holds_and_a_transfer_has_one() -> None:
    assert of_text(BTC, replace(BOTH, direction="outbound")).direction == "outbound"
    assert of_text(f"{TXID}:0", replace(BOTH, direction="outbound")).direction == "outbound"
    assert of_text(f"{TXID}:0", BOTH).direction == "inbound"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("1BoatSLRHtKNngkdXEeobR76b53LETtpyX", "checksum"),
        (TXID, "which payment is meant?"),
        (f"{TXID}:*", "which payment is meant?"),
        (f"{TXID}:99999999999", "cannot have that many outputs"),
        ("tag:Some Market", "Screen single addresses"),
        ("vasp:acme", "Screen single addresses"),
        (f"cluster:{BTC}", "Screen single addresses"),
        ("dogecoin2:" + BTC, ""),
        ("x" * 4000, "nothing that can be screened is so long"),
        ("\udcff", "is no text"),
        ("5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1jvhTVqvbTLvyTJ", "neither read nor kept"),
    ],
)
def test_what_is_neither_says_what_to_write(text: str, words: str) -> None:
    with pytest.raises(BadSubject) as refused:
        of_text(text, BOTH)
    assert words in str(refused.value)
    assert refused.value.hint
    assert "5Hue" not in str(refused.value)


def test_a_text_of_several_chains_asks_which() -> None:
    with pytest.raises(BadSubject, match="may be of ethereum or polygon"):
        of_text(ETH, reading("ethereum", "polygon"))
    assert of_text(ETH, reading("ethereum", "polygon", chain="polygon")).chain == "polygon"


def test_a_chain_that_nobody_read_is_found_too() -> None:
    assert of_text(SEGWIT, reading("ethereum")).chain == "bitcoin"
    with pytest.raises(BadSubject, match=r"may be of .*litecoin"):
        of_text(TXID + ":0", reading("ethereum"))


@pytest.mark.parametrize(
    ("amount", "units"),
    [("0.5", 50_000_000), ("1", 10**8), ("0.00000001", 1), ("21000000.10000000", 2100000010000000)],
)
def test_a_withdrawal_is_exact_in_base_units(amount: str, units: int) -> None:
    found = withdrawal(BTC, amount, BOTH)
    assert (found.kind, found.units, found.direction, found.address) == (
        "withdrawal_attempt",
        units,
        "outbound",
        BTC,
    )


def test_a_withdrawal_of_a_token_has_its_decimals() -> None:
    found = withdrawal(ETH, "12.5", BOTH, asset="USDT")
    assert (found.asset, found.units) == ("USDT", 12_500_000)
    assert withdrawal(ETH, "1", BOTH, asset="eth").units == 10**18
    with pytest.raises(BadSubject, match="needs its amount"):
        withdrawal(ETH, None, BOTH)


@pytest.mark.parametrize(
    ("to", "amount", "asset", "words"),
    [
        (BTC, "1,5", None, "is no amount"),
        (BTC, "-1", None, "is no amount"),
        (BTC, "1e3", None, "is no amount"),
        (BTC, "nan", None, "is no amount"),
        (BTC, "0.000000001", None, "more than 8 decimals"),
        (BTC, "9" * 60, None, "more than any transfer holds"),
        (BTC, "1", "USDT", "bitcoin has one asset, BTC"),
        (ETH, "1", "XYZ", "was ever seen"),
        (f"{TXID}:0", "1", None, "is no address to send to"),
    ],
)
def test_a_withdrawal_that_cannot_be_is_refused(to: str, amount: str, asset: str | None, words: str) -> None:
    with pytest.raises(BadSubject, match=words):
        withdrawal(to, amount, BOTH, asset=asset)


ROWS: list[tuple[dict[str, str], Subject | str]] = [
    ({"address": BTC}, Subject("address", "bitcoin", BTC, address=BTC)),
    (
        {"address": BTC, "direction": "Deposit", "customer_reference": " c-1\t"},
        Subject("address", "bitcoin", BTC, address=BTC, direction="inbound", reference="c-1"),
    ),
    (
        {"txid": TXID, "vout": "3", "address": BTC},
        Subject("transfer", "bitcoin", f"{TXID}:3", txid=TXID, vout=3, direction="inbound"),
    ),
    (
        {"txid": TXID, "address": BTC, "amount": "1.5"},
        Subject("transfer", "bitcoin", f"{TXID}@{BTC}", BTC, TXID, direction="inbound"),
    ),
    (
        {"address": BTC, "amount": "0.1"},
        Subject("withdrawal_attempt", "bitcoin", BTC, address=BTC, units=10_000_000, direction="outbound"),
    ),
    ({"address": BTC, "direction": "withdrawal"}, "needs its amount"),
    ({"address": BTC, "direction": "outbound"}, Subject("address", "bitcoin", BTC, address=BTC, direction="outbound")),
    ({"subject": f"{TXID}:0"}, Subject("transfer", "bitcoin", f"{TXID}:0", txid=TXID, vout=0, direction="inbound")),
    ({"address": ETH, "chain": "Polygon"}, Subject("address", "polygon", ETH, address=ETH)),
    (
        {"subject": BTC, "amount": "0.1"},
        Subject("withdrawal_attempt", "bitcoin", BTC, address=BTC, units=10_000_000, direction="outbound"),
    ),
    ({"subject": BTC, "direction": "withdrawal"}, "needs its amount"),
    ({"subject": BTC, "direction": "deposit", "amount": "1"}, "cannot be judged"),
    ({"subject": BTC, "vout": "1"}, "a vout and no txid"),
    (
        {"subject": f"{TXID}:0", "amount": "0.1", "vout": "0"},
        Subject("transfer", "bitcoin", f"{TXID}:0", txid=TXID, vout=0, direction="inbound"),
    ),
    ({"subject": f"{TXID}:0", "vout": "1"}, "another vout"),
    ({}, "neither an address nor a txid"),
    ({"address": BTC, "vout": "1"}, "a vout and no txid"),
    ({"address": f"{TXID}:0"}, "is no address"),
    ({"txid": TXID}, "which payment is meant"),
    ({"txid": TXID, "vout": "-1"}, "is no transfer"),
    ({"subject": BTC, "address": BTC}, "an address or a txid too"),
    ({"address": BTC, "direction": "sideways"}, "is no direction"),
    ({"address": BTC, "chain": "nochain"}, "there is no chain"),
    ({"address": BTC, "amount": "1", "direction": "inbound"}, "cannot be judged"),
    ({"address": BTC, "customer_reference": "x" * 300}, "more than 256 letters"),
    ({"address": "abandon " * 11 + "about"}, "neither read nor kept"),
]  # fmt: skip


@pytest.mark.parametrize(("cells", "expected"), ROWS)
def test_a_row_is_what_its_filled_cells_say_together(cells: dict[str, str], expected: Subject | str) -> None:
    if isinstance(expected, Subject):
        assert of_row(Row(2, cells), BOTH) == expected
    else:
        with pytest.raises(BadSubject, match=expected):
            of_row(Row(2, cells), BOTH)


def test_the_direction_of_the_batch_holds_where_a_row_says_none() -> None:
    deposits, withdrawals = replace(BOTH, direction="inbound"), replace(BOTH, direction="outbound")
    paid = Row(2, {"address": BTC, "amount": "0.1"})
    assert of_row(paid, withdrawals).kind == "withdrawal_attempt"
    with pytest.raises(BadSubject, match="cannot be judged"):
        of_row(paid, deposits)
    assert of_row(Row(2, {**paid.cells, "direction": "withdrawal"}), deposits).kind == "withdrawal_attempt"


def test_a_row_that_could_not_be_read_is_refused_with_its_problem() -> None:
    with pytest.raises(BadSubject, match="3 cells where the header has 2"):
        of_row(Row(9, {}, "3 cells where the header has 2."), BOTH)


@given(st.dictionaries(st.sampled_from(list(COLUMNS)), st.text(max_size=80)))
def test_any_row_is_a_subject_or_a_clear_refusal(cells: dict[str, str]) -> None:
    try:
        found = of_row(Row(1, cells), BOTH)
    except BadSubject as refused:
        assert str(refused).isprintable()
    else:
        assert found.chain
