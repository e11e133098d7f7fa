"""OFAC's own list of 2018, the addresses that somebody else extracted later, and KYCNot's exchanges of 2022.

All read as users import them. What is asserted is what the files hold: each address once, no row lost, and where
two lists differ, that the later one only knows more.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import pytest

from adapters.addresses import registry
from adapters.intel.readers import Options, read
from tracer.intel.claims import KycLevel
from tracer.intel.reading import Reading

OPTIONS = Options(registry.parse, registry.chain_of_ticker, today="2026-01-01")
IN_THE_SDN_LIST = {"149w62rY42aZBox8fGcmqNsXUzSStKeq8C", "1AjZPMsnmpdK2Rv9KQNfMurTXinscVro9V"}
"""The first two addresses OFAC ever listed, on 28 November 2018."""


@pytest.fixture(scope="module")
def sdn(realdata: Path) -> Reading:
    return read(realdata / "intel/ofac/sdn.csv", ["tags"], OPTIONS)


@pytest.fixture(scope="module")
def extracted(realdata: Path) -> list[Reading]:
    files = sorted((realdata / "intel/ofac").glob("sanctioned_addresses_*.txt"))
    return [read(file, ["tags"], OPTIONS) for file in files]


@pytest.fixture(scope="module")
def kycnot(realdata: Path) -> Reading:
    return read(realdata / "intel/vasps/kycnot-2022-exchanges.json", ["vasps"], OPTIONS)


def places(readings: list[Reading]) -> Counter[tuple[str, str]]:
    """Chain and canonical address of every claim: what lists are compared by."""
    rows = (reading.frame.select("chain", "address").iter_rows() for reading in readings)
    return Counter((chain, address) for one in rows for chain, address in one)


def test_every_line_of_the_sdn_list_is_read_and_both_addresses_found(sdn: Reading) -> None:
    assert not sdn.rejections
    assert (sdn.about.list, sdn.about.whole, sdn.about.entries) == ("ofac-sdn", True, 7379)
    assert set(places([sdn])) == {("bitcoin", address) for address in IN_THE_SDN_LIST}
    assert {(row["label"], row["subject"], row["programme"]) for row in sdn.frame.iter_rows(named=True)} == {
        ("KHORASHADIZADEH, Ali", "ofac:26137", "CYBER2"),
        ("GHORBANIYAN, Mohammad", "ofac:26138", "CYBER2"),
    }


def test_no_line_of_the_extracted_lists_is_lost(realdata: Path, extracted: list[Reading]) -> None:
    lines = [Path(reading.file).read_text(encoding="utf-8").split() for reading in extracted]
    assert [reading.rows for reading in extracted] == list(map(len, lines))
    assert sum(map(len, lines)) == 654


def test_what_is_no_address_is_named_and_what_was_misfiled_is_found_where_it_is(
    extracted: list[Reading],
) -> None:
    """The lists have one Tron address under XBT, and under XMR a text that is no address."""
    rejected = {
        (Path(r.file).stem[-3:], r.line): r.reason for reading in extracted for r in reading.rejections
    }
    assert rejected.keys() == {("XMR", 2)}
    misfiled = [row for reading in extracted for row in reading.frame.iter_rows(named=True) if row["context"]]
    assert [(row["chain"], row["address"], row["context"]) for row in misfiled] == [
        ("tron", "TUCsTq7TofTCJRRoHk6RvhMoS2mJLm5Yzq", "filed under XBT")
    ]
    assert "not a Monero address" in rejected["XMR", 2]


def test_the_lists_agree_but_for_what_was_listed_between_their_dates(
    sdn: Reading, extracted: list[Reading], capsys: pytest.CaptureFixture[str]
) -> None:
    ours, theirs = places([sdn]), places(extracted)
    later = Counter(sorted(chain for chain, _ in theirs.keys() - ours.keys()))
    with capsys.disabled():
        sys.stdout.write(f"\nsanctions: {len(ours)} addresses in 2018, {len(theirs)} later: {dict(later)}\n")
    assert not ours.keys() - theirs.keys()
    assert later.total() == len(theirs) - len(ours) == 641


def test_tokens_are_claims_on_the_chain_that_carries_them(realdata: Path, extracted: list[Reading]) -> None:
    """An address listed under two tickers is one address with two claims; USDT has been on three chains."""
    tickers: dict[tuple[str, str], set[str]] = {}
    for reading in extracted:
        for row in reading.frame.iter_rows(named=True):
            tickers.setdefault((row["chain"], row["address"].lower()), set()).add(row["asset"])
    assert tickers["ethereum", "0x983a81ca6fb1e441266d2fbcb7d8e530ac2e05a2"] == {"", "USDC", "USDT"}
    usdt = Counter(chain for (chain, _), assets in tickers.items() if "USDT" in assets)
    listed = (realdata / "intel/ofac/sanctioned_addresses_USDT.txt").read_text(encoding="utf-8").split()
    starts = Counter(
        {"0": "ethereum", "T": "tron", "1": "bitcoin", "3": "bitcoin"}[line[0]] for line in listed
    )
    assert usdt == starts
    assert {
        chain for chain, address in tickers if address == "0x4f47bc496083c727c5fbe3ce9cdf2b0f6496270c"
    } == {
        "arbitrum",
        "bsc",
        "ethereum",
    }


def test_kycnot_grades_19_exchanges_and_proves_nothing_after_2022_03_18(kycnot: Reading) -> None:
    assert not kycnot.rejections
    levels = Counter(row["kyc_level"] for row in kycnot.frame.iter_rows(named=True))
    assert levels == {KycLevel.NONE: 12, KycLevel.RARE: 3, KycLevel.ON_SUSPICION: 2, KycLevel.THRESHOLDED: 2}
    assert set(kycnot.frame["valid_to"]) == {"2022-03-18"}
    assert not any(".onion" in text for row in kycnot.frame.rows() for text in row if isinstance(text, str))


def test_kycnots_ids_are_those_of_the_actor_pack_for_the_same_sites(realdata: Path, kycnot: Reading) -> None:
    pack = read(realdata / "intel/graphsense.actorpack.yaml", ["actors"], OPTIONS)
    sites = dict(pack.frame.select("id", "uri").iter_rows())
    ours = {row["vasp_id"] for row in kycnot.frame.iter_rows(named=True)}
    assert {(name, sites[name]) for name in ours & sites.keys()} == {
        ("bisq", "bisq.network"),
        ("changenow", "changenow.io"),
        ("kucoin", "kucoin.com"),
        ("sideshift", "sideshift.ai"),
        ("tradeogre", "tradeogre.com"),
    }
