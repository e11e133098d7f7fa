"""Wallet labels (BIP 329): addresses become claims of the owner's, everything else a rejection with its reason."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.intel.formats import bip329, format_of
from tests.adapters.formats.draining import drain, json_values, reasons
from tests.adapters.reading import read_tags
from tests.adapters.wallets import vectors
from tests.conftest import scaled
from tracer.intel.claims import UNMARKED, Tag

TXID = "f91d0a8a78462bc59398f2c5d7a84fcff491c26ba54c4833478b202796c8aafd"
ADDRESS = "bc1q34aq5drpuwy3wgl9lhup9892qp6svr8ldzyy7c"
PUBLIC_KEY = "0283409659355b6d1cc3c32decd5d561abaac86c37a353b52895a5e6c196d6f448"
OTHER = "f546156d9044844e02b181026a1a407abfca62e7ea1159f87bbeaa77b4286c74"
VECTOR = f"""{{ "type": "tx", "ref": "{TXID}", "label": "Transaction", "origin": "wpkh([d34db33f/84'/0'/0'])" }}
{{ "type": "addr", "ref": "{ADDRESS}", "label": "Address" }}
{{ "type": "pubkey", "ref": "{PUBLIC_KEY}", "label": "Public Key" }}
{{ "type": "input", "ref": "{TXID}:0", "label": "Input" }}
{{ "type": "output", "ref": "{TXID}:1", "label": "Output", "spendable": false }}
{{ "type": "xpub", "ref": "{vectors.MASTER_1}", "label": "Extended Public Key" }}
{{ "type": "tx", "ref": "{OTHER}", "label": "Account #1 Transaction", "origin": "wpkh([d34db33f/84'/0'/1'])" }}
"""
"""The BIP's own."""


def label(**said: object) -> str:
    return json.dumps({"type": "addr", "ref": ADDRESS, "label": "rent"} | said) + "\n"


def test_the_vector_of_the_bip(tmp_path: Path) -> None:
    found = read_tags(tmp_path, VECTOR, "labels.jsonl")
    (tag,) = found.claims
    assert isinstance(tag, Tag)
    assert (tag.chain, tag.address, tag.label) == ("bitcoin", ADDRESS, "Address")
    assert found.rows == 7
    assert {rejection.line: rejection.reason.split(",")[0] for rejection in found.rejections} == {
        1: "it labels a transaction",
        3: "it labels a public key",
        4: "it labels an input",
        5: "it labels an output",
        6: "it labels an extended public key: `tracer seeds derive KEY` names its addresses",
        7: "it labels a transaction",
    }


def test_a_label_is_the_owners_word_and_nothing_more(tmp_path: Path) -> None:
    """No category, no actor, a mention: a trace does not end at what an owner calls an exchange."""
    text = label(label="Kraken deposit", origin="wpkh([d34db33f/84'/0'/0'])", keypath="/1/123", heights=[1])
    (tag,) = read_tags(tmp_path, text, "labels.jsonl", published="2025-06-01").claims
    assert isinstance(tag, Tag)
    assert (tag.category, tag.actor, tag.tag_type, tag.confidence) == ("", "", "mention", "unknown")
    assert (tag.source, tag.lastmod, tag.tlp) == ("wallet labels labels.jsonl", "2025-06-01", UNMARKED)
    assert tag.context == "origin wpkh([d34db33f/84'/0'/0'])"


@pytest.mark.parametrize(("text", "reason"), [
    (label(label=""), "it has no label: it says nothing of its address"),
    (json.dumps({"type": "addr", "ref": ADDRESS}) + "\n", "it has no label"),
    (label(label=7), "its label is no text"),
    (label(type="utxo"), "type 'utxo' is none of BIP 329"),
    (label(ref=7), "no label: BIP 329 asks for"),
    ("[1]\n", "no label: BIP 329 asks for"),
    ("{ broken\n", "the line is no JSON"),
    (label(ref=ADDRESS[:-1] + "q"), "its checksum is wrong"),
    (label(ref="tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx"), "a label does not say of which"),
])  # fmt: skip
def test_what_cannot_be_a_claim_is_rejected_with_its_line(text: str, reason: str) -> None:
    rows, found = drain(bip329, label() + "\n" + text, "labels.jsonl")
    assert [line for line, _ in rows] == [1]
    assert reason in reasons(found)[3]


@pytest.mark.parametrize(("address", "chain"), [
    ("1Archive1n2C579dMsAu3iC6tWzuQJz8dN", "bitcoin"),  # of bitcoin-cash too: labels are of Bitcoin wallets
    ("bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080", "bitcoin-regtest"),
    ("ltc1qw508d6qejxtdg4y5r3zarvary0c5xw7kgmn4n9", "litecoin"),
])  # fmt: skip
def test_the_address_says_its_chain(address: str, chain: str) -> None:
    ((_, row),), _ = drain(bip329, label(ref=address), "labels.jsonl")
    assert row["chain"] == chain


@pytest.mark.parametrize("secret", [vectors.WIF, vectors.MASTER_1_PRIVATE, vectors.ABANDON])
@pytest.mark.parametrize("field", ["label", "ref", "note"])
def test_a_secret_in_a_label_is_rejected_and_not_repeated(tmp_path: Path, field: str, secret: str) -> None:
    found = read_tags(tmp_path, label() + label(**{field: f"key {secret}"}), "labels.jsonl")
    ((line, reason),) = [(one.line, one.reason) for one in found.rejections]
    assert line == 2
    assert reason.startswith("it holds what looks like a secret")
    assert secret not in reason


def test_it_is_known_by_its_first_record_whatever_the_file_is_called() -> None:
    for name in ("labels.jsonl", "labels.json", "labels.txt", "labels"):
        assert format_of(Path(name), "\n" + VECTOR) is bip329
        assert format_of(Path(name), '{"type":"addr","ref":"x"}\n') is bip329
    for other in (
        '{"id": "a", "schema": "CryptoWallet", "properties": {}}\n',
        "[]",
        "",
        "addr\n",
        '{"type": []}\n',
    ):
        assert format_of(Path("labels.jsonl"), other) is not bip329


@settings(max_examples=scaled(50, full=2000), deadline=None)
@given(
    st.lists(
        st.dictionaries(st.sampled_from(["type", "ref", "label", "origin"]), json_values | st.just("addr"))
    )
)
def test_any_json_is_a_row_or_a_rejection(records: list[object]) -> None:
    text = label() + "".join(json.dumps(record) + "\n" for record in records)
    rows, found = drain(bip329, text, "labels.jsonl")
    assert len(rows) + len(found.rejections) == len(records) + 1
