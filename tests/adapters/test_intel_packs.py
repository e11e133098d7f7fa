"""GraphSense's TagPacks and ActorPacks: what a header hands down, and what each field of theirs becomes."""

from __future__ import annotations

import json
import re
import tracemalloc
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.intel.readers import claim_files
from tests.adapters.reading import read_tags, reasons
from tracer.intel.claims import Actor, Tag

ARCHIVE = "1Archive1n2C579dMsAu3iC6tWzuQJz8dN"
ETHER = "0xFA8E3920daF271daB92Be9B87d9998DDd94FEF08"
TRON = "TRYL7PKCG4b4xRCM554Q5J6o8f1UjUmfnY"
HEAD = "title: A pack\ncreator: Somebody\nsource: https://x\nlabel: A\ncurrency: BTC\n"


def pack(tmp_path: Path, text: str) -> list[Any]:
    reading = read_tags(tmp_path, text, "pack.yaml")
    assert reading.rejections == ()
    return list(reading.claims)


def tag(tmp_path: Path, fields: str, head: str = HEAD) -> Tag:
    (claim,) = pack(tmp_path, f"{head}tags:\n- {{address: '{ARCHIVE}'{fields}}}\n")
    assert isinstance(claim, Tag)
    return claim


def test_a_tag_carries_its_pack_and_who_made_it(tmp_path: Path) -> None:
    claim = tag(tmp_path, ", category: donation")
    assert (claim.pack, claim.creator, claim.chain, claim.asset) == ("A pack", "Somebody", "bitcoin", "")


def test_a_plain_list_of_ours_names_no_pack(tmp_path: Path) -> None:
    claim = tag(tmp_path, "", "chain: bitcoin\nsource: s\nlabel: A\ncategory: exchange\n")
    assert (claim.pack, claim.creator) == ("", "")


@pytest.mark.parametrize("text", [
    f"{HEAD}confidence: forensic\ntags:\n- address: {ARCHIVE}\n  label: B\n",
    f"{HEAD}tags:\n- address: {ARCHIVE}\n  label: B\nconfidence: forensic\n",
    f"tags:\n- address: {ARCHIVE}\n  label: B\n{HEAD}confidence: forensic\n",
    f"tags:\n  - address: {ARCHIVE}\n    label: B\n# a note\n{HEAD}'confidence': forensic\n",
    f"tags:\r\n- address: {ARCHIVE}\r\n  label: B\r\n{HEAD}confidence: forensic\n",
    "  " + f"tags:\n- address: {ARCHIVE}\n  label: B\n{HEAD}confidence: forensic".replace("\n", "\n  "),
    "%YAML 1.1\n---\nheader:\n  " + HEAD.replace("\n", "\n  ")
    + f"confidence: forensic\ntags:\n- address: {ARCHIVE}\n  label: B\n",
    f"{{title: A pack, creator: Somebody, tags: [{{address: {ARCHIVE}, label: B}}], source: 'https://x',"
    " currency: BTC, confidence: forensic}",
])  # fmt: skip
def test_the_header_holds_wherever_it_stands_and_the_tag_has_the_last_word(tmp_path: Path, text: str) -> None:
    (claim,) = pack(tmp_path, text)
    assert isinstance(claim, Tag)
    assert (claim.label, claim.confidence, claim.source) == ("B", "forensic", "https://x")


@pytest.mark.parametrize(("fields", "category", "concepts"), [
    ("", "", ""),
    (", category: exchange", "exchange", ""),
    (", abuse: scam", "scam", ""),
    (", category: user, abuse: sanction", "user", "sanction"),
    (", concepts: [scam, phishing, scam]", "scam", "phishing"),
    (", category: user, concepts: [user, scam, phishing], abuse: scam", "user", "phishing scam"),
])  # fmt: skip
def test_the_first_of_category_concepts_and_abuse_is_the_category(
    tmp_path: Path, fields: str, category: str, concepts: str
) -> None:
    claim = tag(tmp_path, fields)
    assert (claim.category, claim.concepts) == (category, concepts)


@pytest.mark.parametrize(("place", "address", "chain", "asset"), [
    ("currency: XBT", ARCHIVE, "bitcoin", ""),
    ("network: ETH", ETHER, "ethereum", ""),
    ("currency: USDT", ETHER, "ethereum", "USDT"),
    ("currency: USDT", TRON, "tron", "USDT"),
    ("currency: ETH, network: ETH", ETHER, "ethereum", ""),
    ("currency: ETH, network: ARB", ETHER, "arbitrum", "ETH"),
    ("currency: usdt, network: BSC", ETHER, "bsc", "USDT"),
    ("currency: SHIB, network: ETH", ETHER, "ethereum", "SHIB"),
    ("chain: tron, asset: usdc", TRON, "tron", "USDC"),
])  # fmt: skip
def test_the_network_names_the_chain_and_the_currency_what_is_on_it(
    tmp_path: Path, place: str, address: str, chain: str, asset: str
) -> None:
    (claim,) = pack(
        tmp_path, f"title: T\ncreator: C\ntags:\n- {{address: '{address}', label: A, source: s, {place}}}\n"
    )
    assert isinstance(claim, Tag)
    assert (claim.chain, claim.asset) == (chain, asset)


@pytest.mark.parametrize(
    ("score", "confidence"), [("90", "manual_transaction"), ("5", "unknown"), ("20", "web_crawl")]
)
def test_a_score_that_one_confidence_has_is_that_confidence(
    tmp_path: Path, score: str, confidence: str
) -> None:
    assert tag(tmp_path, f", confidence: {score}").confidence == confidence


def test_a_context_is_kept_as_text_or_as_one_json_text(tmp_path: Path) -> None:
    assert tag(tmp_path, """, context: '{"a":  1}'""").context == '{"a": 1}'
    nested = ", context: {b: [x, '1', 1, true, ~, 01], a: {c: <i>}}"
    assert tag(tmp_path, nested).context == '{"a":{"c":"<i>"},"b":["x","1",1,true,null,"01"]}'


def test_an_alias_stands_for_the_text_it_names(tmp_path: Path) -> None:
    head = HEAD.replace("label: A", "label: &name A")
    assert tag(tmp_path, ", actor: *name", head).actor == "A"


@pytest.mark.parametrize(("fields", "reason"), [
    ("currency: BTX", "unknown chain 'BTX'. Did you mean"),
    ("currency: USDT, address: nowhere", "'nowhere' looks like an address of no chain known to carry USDT."),
    ("confidence: 50", "confidence 50 is the score of forensic and of service_data and of trusted_provider"),
    ("confidence: 7", "confidence 7 is the score of no confidence"),
    ("abuse: scamm", "unknown abuse 'scamm' (meant 'scam'?)"),
    ("concepts: [scam, exchnage]", "unknown concept 'exchnage' (meant 'exchange'?)"),
    ("concepts: [scam, [x]]", "an entry of 'concepts' is no single text"),
    ("tag_type: rumour", "unknown tag_type 'rumour'"),
    ("tx_hash: abc, address: ''", "it tags a transaction, not an address"),
    ("label: {a: b}", "field 'label' is no single text"),
    ("context: {a: 1, a: 2}", "context holds 'a' twice"),
    (f"context: {'x' * 20_001}", "context is longer than 20000 characters"),
    ("owner: me", "unknown field 'owner'"),
])  # fmt: skip
def test_a_bad_tag_is_named_and_its_neighbours_go_in(tmp_path: Path, fields: str, reason: str) -> None:
    good = f"- {{address: {ARCHIVE}}}"
    row = fields if "address" in fields else f"address: {ARCHIVE}, {fields}"
    reading = read_tags(tmp_path, f"{HEAD}tags:\n{good}\n- {{{row}}}\n{good}\n", "pack.yaml")
    assert len(reading.claims) == 2
    ((line, said),) = reasons(reading)
    assert line == 8
    assert said.startswith(reason)


def test_a_header_that_cannot_be_read_spoils_each_of_its_rows(tmp_path: Path) -> None:
    row = f"- {{address: {ARCHIVE}}}\n"
    reading = read_tags(tmp_path, f"{HEAD}<<: *other\ntags:\n{row}{row}", "pack.yaml")
    assert reasons(reading) == [
        (line, "merge keys (<<) are not taken; write the fields out") for line in (8, 9)
    ]


def test_a_small_file_does_not_unfold_into_a_large_one(tmp_path: Path) -> None:
    laughs = "a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\n"
    reading = read_tags(tmp_path, f"{laughs}{HEAD}tags:\n- {{address: {ARCHIVE}}}\n", "pack.yaml")
    assert reasons(reading) == [(10, "field 'a' is no single text")]


def test_aliases_do_not_unfold_within_a_field_either(tmp_path: Path) -> None:
    bomb = ", ".join(["*long"] * 10_000)
    fields = (
        "context: {a: [BOMB]}",
        "concepts: [BOMB]",
        f"context: {{{', '.join(f'k{n}: *long' for n in range(9999))}}}",
    )
    rows = "".join(f"- {{address: {ARCHIVE}, {field.replace('BOMB', bomb)}}}\n" for field in fields)
    text = f"{HEAD}title: &long {'x' * 15_000}\ntags:\n{rows}- {{address: {ARCHIVE}, title: A}}\n"
    text = text.replace("title: A pack\n", "")
    tracemalloc.start()
    reading = read_tags(tmp_path, text, "pack.yaml")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [reason for _, reason in reasons(reading)][:3] == [
        "context is longer than 20000 characters",
        "concepts is longer than 20000 characters",
        "context is longer than 20000 characters",
    ]
    assert peak < 20 * len(text)


def test_an_alias_of_a_text_no_field_could_hold_is_not_followed(tmp_path: Path) -> None:
    text = f"description: &long {'x' * 20_001}\n{HEAD}tags:\n- {{address: {ARCHIVE}, context: *long}}\n"
    assert reasons(read_tags(tmp_path, text, "pack.yaml")) == [(8, "context is longer than 20000 characters")]


def carrying(**more: str) -> str:
    """A context as an export writes it, or a stranger who knows how."""
    return f", context: '{json.dumps({'tracer': more})}'"


def test_a_context_says_what_the_row_leaves_open(tmp_path: Path) -> None:
    claim = tag(tmp_path, carrying(role="hot", nested_in="ex", context="own"))
    assert (claim.role, claim.nested_in, claim.context) == ("hot", "ex", "own")


@pytest.mark.parametrize(("fields", "more", "reason"), [
    ("", {"address": "1BoatSLRHtKNngkdXEeobR76b53LETtpyT"}, "'address', which only the row itself may say"),
    ("", {"label": "B"}, "'label', which only the row itself may say"),
    ("", {"confidence": "override"}, "'confidence', which only the row itself may say"),
    ("", {"source": "https://y"}, "'source', which only the row itself may say"),
    ("", {"actor": "binance"}, "'actor', which only the row itself may say"),
    (", role: hot", {"role": "deposit"}, "another role than the row says"),
    (", role: hot", {"role": ""}, "another role than the row says"),
    (", category: exchange", {"category": "gambling"}, "another category than the row says"),
    (", category: service", {"category": "gambling"}, "another category than the row says"),
    (", category: service", {"category": "exit-scam"}, "another category than the row says"),
    ("", {"category": "swapper"}, "another category than the row says"),
    (", category: user", {"concepts": "scam"}, "another concepts than the row says"),
    (", category: user, concepts: [entity]", {"concepts": "exit-scam"}, "another concepts than the row says"),
    ("", {"chain": "bitcoin-cash"}, "a chain or asset that the row can say itself"),
    ("", {"asset": "USDT"}, "a chain or asset that the row can say itself"),
    (", network: BTC", {"chain": "bitcoin-gold", "asset": "BTC"}, "a chain or asset that the row can say itself"),
    ("", {"chain": "bitcoin", "asset": "BTC"}, "another network than the row says"),
    ("", {"pack": "Another"}, "another pack than the row says"),
    ("", {"pack": ""}, "another pack than the row says"),
    ("", {"creator": ""}, "another creator than the row says"),
])  # fmt: skip
def test_a_context_never_says_another_thing_than_its_row(
    tmp_path: Path, fields: str, more: dict[str, str], reason: str
) -> None:
    row = f"- {{address: {ARCHIVE}{fields}{carrying(**more)}}}\n"
    reading = read_tags(tmp_path, f"{HEAD}tags:\n- {{address: {ARCHIVE}}}\n{row}", "pack.yaml")
    assert (len(reading.claims), reasons(reading)) == (1, [(8, f"context carries {reason}")])


def test_a_context_of_an_actor_never_says_another_thing_than_its_row(tmp_path: Path) -> None:
    rows = "".join(
        f"- {{id: a, label: A, categories: [service]{carrying(**more)}}}\n"
        for more in (
            {"categories": "swapper"},
            {"categories": "exchange"},
            {"uri": "evil.example"},
            {"id": "b"},
        )
    )
    reading = read_tags(tmp_path, f"title: T\ncreator: C\nactors:\n{rows}", "a.yaml")
    assert [claim.categories for claim in reading.claims if isinstance(claim, Actor)] == ["swapper"]
    assert reasons(reading) == [
        (5, "context carries another categories than the row says"),
        (6, "context carries 'uri', which only the row itself may say"),
        (7, "context carries 'id', which only the row itself may say"),
    ]


PACK = f"header: !include header.yaml\ntags:\n- {{address: {ARCHIVE}, label: B}}\n"


def test_a_header_may_stand_in_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "header.yaml").write_text(HEAD)
    (claim,) = pack(tmp_path, PACK)
    assert isinstance(claim, Tag)
    assert (claim.pack, claim.creator, claim.label, claim.source) == ("A pack", "Somebody", "B", "https://x")


@pytest.mark.parametrize(("name", "header", "reason"), [
    ("../header.yaml", HEAD, "the header '../header.yaml' is no plain name of a YAML file in the same folder"),
    ("/etc/passwd", HEAD, "the header '/etc/passwd' is no plain name"),
    ("other.yaml", HEAD, "the header 'other.yaml' is no file beside the pack"),
    ("header.yaml", "a: [", "the header 'header.yaml' is no YAML"),
    ("header.yaml", "- a\n", "the header 'header.yaml' is no mapping of fields to texts"),
    ("header.yaml", f"{HEAD}---\na: b\n", "the header 'header.yaml' holds a second YAML document"),
    ("header.yaml", f"source: {'x' * 70_000}", "the header 'header.yaml' is larger than 65,536 bytes"),
    ("header.yaml", "source: !include other.yaml", "field 'source' has the YAML tag '!include'"),
    ("header.yaml", "source: [a, b]", "field 'source' is no single text"),
])  # fmt: skip
def test_a_header_that_cannot_be_included_spoils_each_row(
    tmp_path: Path, name: str, header: str, reason: str
) -> None:
    (tmp_path / "header.yaml").write_text(header)
    ((line, said),) = reasons(read_tags(tmp_path, PACK.replace("header.yaml", name), "pack.yaml"))
    assert line == 3
    assert said.startswith(reason)


def test_an_included_header_is_no_list_of_its_own_and_hides_none(tmp_path: Path) -> None:
    for name, text in (("a.yaml", PACK), ("header.yaml", HEAD), ("b.yaml", HEAD),
                       ("c.yaml", PACK.replace("header.yaml", "a.yaml"))):  # fmt: skip
        (tmp_path / name).write_text(text)
    assert [path.name for path in claim_files([tmp_path])] == ["a.yaml", "b.yaml", "c.yaml"]
    assert claim_files([tmp_path / "header.yaml"]) == [tmp_path / "header.yaml"]


def test_an_actor_says_whom_an_id_means(tmp_path: Path) -> None:
    (actor,) = pack(tmp_path, """\
title: Actors
creator: Somebody
lastmod: '2023-02-17'
description: <b>not kept</b>
actors:
- id: '01'
  label: Zero One
  uri: 01.xyz
  categories: [defi_dex, exchange]
  jurisdictions: [MT]
  aliases: [zero, one]
  context: {refs: [a, b], twitter_handle: 01_x, year_established: 2017, note: "a\\tb\\e"}
""")  # fmt: skip
    assert actor == Actor(
        id="01", label="Zero One", categories="defi_dex; exchange", jurisdictions="MT", uri="01.xyz",
        aliases="zero; one", source="Actors", lastmod="2023-02-17", pack="Actors", creator="Somebody",
        context='{"note":"a b","refs":["a","b"],"twitter_handle":"01_x","year_established":2017}',
    )  # fmt: skip


@pytest.mark.parametrize(("row", "reason"), [
    ("{label: A}", "missing field 'id'"),
    ("{id: a}", "missing field 'label'"),
    ("{id: a b, label: A}", "id 'a b' holds a space"),
    ("{id: a, label: A, categories: [shop, bank]}", "unknown category 'bank'"),
    ("{id: a, label: A, aliases: ['x; y']}", "an entry of 'aliases' holds ';': x; y"),
    ("{id: a, label: A, categorys: shop}", "unknown field 'categorys' (meant 'categories'?)"),
])  # fmt: skip
def test_a_bad_actor_is_named(tmp_path: Path, row: str, reason: str) -> None:
    reading = read_tags(
        tmp_path, f"title: T\ncreator: C\nactors:\n- {row}\n- {{id: ok, label: O}}\n", "a.yaml"
    )
    assert [claim.id for claim in reading.claims if isinstance(claim, Actor)] == ["ok"]
    ((line, said),) = reasons(reading)
    assert line == 4
    assert said.startswith(reason)


SOUND = f"""\
title: &t A pack
creator: Somebody
currency: BTC
label: *t
tags:
- address: {ARCHIVE}
  context: {{refs: [a, 1], note: "x"}}
  concepts: [scam, phishing]
- {{address: '{ETHER}', network: ETH, label: B}}
source: s
"""


@settings(max_examples=300, deadline=None)
@given(
    st.integers(0, len(SOUND)),
    st.integers(0, 3),
    st.one_of(
        st.text(max_size=3), st.sampled_from(["\n", "\n- ", "{", "]", "*t", "\x85", "\n---\n", "!a ", "<<: "])
    ),
)
def test_a_damaged_pack_is_read_or_refused_by_line_and_never_breaks(at: int, drop: int, put: str) -> None:
    text = SOUND[:at] + put + SOUND[at + drop :]
    lines = len(re.split(r"\r\n|[\n\r\x85\u2028\u2029]", text))
    with TemporaryDirectory() as folder:
        try:
            reading = read_tags(Path(folder), text, "pack.yaml")
        except UnicodeEncodeError:  # a lone surrogate cannot be written into a file
            return
    assert reading.rows >= 1
    assert all(1 <= rejection.line <= lines and rejection.reason for rejection in reading.rejections)
