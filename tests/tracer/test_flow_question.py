"""What people write: seeds, amounts and dates, in any case and order; nonsense is refused in one line."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from adapters.bitcoin.chains import chain_named
from tests.scenarios.case import Case, tag, vasp
from tests.scenarios.ledger import PlayChain, Tx, shown
from tracer.errors import UsageError
from tracer.flow.question import MOST_UNITS, Question, base_units, seconds
from tracer.flow.seeding.grammar import parse

BECH32 = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"
TXID = "ab" * 32


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        (f" {BECH32.upper()} ", BECH32),
        (f"Bitcoin-Regtest: {BECH32}", BECH32),
        (f"bitcoin-regtest:{TXID.upper()}:01", f"{TXID}:1"),
        (f"{TXID} @{BECH32.upper()}", f"{TXID}@{BECH32}"),
        ("TAG:  Some   Market ", "tag:Some Market"),
        ("vasp: acme", "vasp:acme"),
        (f"Cluster:{BECH32.upper()}@120", f"cluster:{BECH32}"),
    ],
)
def test_case_and_white_space_of_a_seed_do_not_matter(text: str, canonical: str) -> None:
    seed = parse(text, chain_named("bitcoin-regtest"))
    assert seed.text == canonical
    assert parse(seed.text, chain_named("bitcoin-regtest")) == seed


@pytest.mark.parametrize("vout", ["9" * 5000, str(2**32), "-1", "x", ""])
def test_an_output_number_that_cannot_be_is_refused(vout: str) -> None:
    with pytest.raises(UsageError):
        parse(f"{TXID}:{vout}", PlayChain())


@pytest.mark.parametrize(
    "text", ["1e999999", "1e30", "92233720368.54775808", "NaN", "Infinity", "", "9" * 5000]
)
def test_an_amount_that_no_output_can_hold_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        base_units(text, 8)


@pytest.mark.parametrize("text", ["1e-999999", "0.000000001", "0.12345678000000000000000000000001"])
def test_an_amount_finer_than_the_asset_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="more than 8 decimals"):
        base_units(text, 8)


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("0.001", 100_000),
        (" 1 ", 10**8),
        ("1e2", 10**10),
        ("0.100000000000", 10**7),
        ("0e999999", 0),
        ("92233720368.54775807", MOST_UNITS),
        ("-1", -(10**8)),
    ],
)
def test_an_amount_is_read_exactly(text: str, units: int) -> None:
    assert base_units(text, 8) == units


@pytest.mark.parametrize("text", ["9999-12-31T23:59:59-05:00", "0001-01-01T00:00:00+05:00", "soon"])
def test_a_date_outside_the_calendar_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="no date"):
        seconds(text)


@pytest.mark.parametrize("limit", ["hops", "max_txs", "min_value"])
def test_a_limit_no_kernel_can_count_to_is_refused(limit: str) -> None:
    with pytest.raises(UsageError, match="at most"):
        too_much: dict[str, Any] = {limit: 1 << 63}
        Question(("a",), **too_much)


def test_the_order_of_seeds_changes_no_byte(tmp_path: Path) -> None:
    """Two seeds share an output, and one's money flows through the other's address."""
    rows = [
        Tx("one", outs=[("a", 5)]),
        Tx("two", outs=[("b", 7)]),
        Tx("pay", ins=["one:0", "two:0"], outs=[("b", 4), ("shop", 8)]),
    ]
    case = Case(tmp_path, rows, tags=[tag("shop", "acme")], vasps=[vasp("acme", "none")])
    seeds = ["one:0", "b", "cluster:a"]
    found = {json.dumps(case.documents(*order, "one:0")) for order in permutations(seeds)}
    found.add(json.dumps(case.documents(f" {shown('one').upper()}:00", "b ", "CLUSTER:a")))
    assert len(found) == 1
