"""Packs that go out: what comes back is the same claims, byte for byte the same packs every time."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.addresses import registry
from adapters.intel.build import TAG_TYPES
from adapters.intel.export import actorpacks, tagpacks
from adapters.intel.vocabulary import in_tagpack_words
from tests.adapters.reading import TODAY, read_text
from tracer.chain import AddressKey
from tracer.intel import taxonomy
from tracer.intel.claims import PROTECTIONS, ROLES, TLPS, Actor, Claim, ClaimKind, Tag, clean
from tracer.intel.frames import frame_of

Export = Callable[[pl.DataFrame], Iterator[tuple[str, str]]]

CHAINS = (
    "bitcoin",
    "ethereum",
    "arbitrum",
    "bsc",
    "tron",
    "dogecoin",
    "evm-61",
    "evm-8217",
    "bitcoin-regtest",
)
KINDS = {"ethereum": 32, "arbitrum": 32, "bsc": 32, "evm-61": 32, "evm-8217": 32, "tron": 33}
MARKUP = frozenset("<&;")

words = st.text(
    st.characters(exclude_categories=("Cc", "Cf", "Cs"), exclude_characters=MARKUP), max_size=20
).map(clean)
some = words.filter(bool)
prose = st.one_of(
    words,
    st.sampled_from(
        [
            '{"description":"x"}',
            '{"tracer":{"role":"hot"}}',
            '{"tracer":{"label":"x","id":"x"}}',
            '{"tracer":{"x":"y"}}',
            "{",
            '{"tracer":1}',
        ]
    ),
)
days = st.sampled_from(["", "2019-01-01", TODAY])
concepts = st.lists(st.sampled_from(sorted(taxonomy.load())), max_size=3, unique=True)


# what belongs to a case is always marked
marks = st.one_of(
    st.fixed_dictionaries({"tlp": st.sampled_from(["", *TLPS])}),
    st.fixed_dictionaries({"case_id": some, "tlp": st.sampled_from(TLPS)}),
)


@st.composite
def tags(draw: st.DrawFn) -> Tag:
    chain = draw(st.sampled_from(CHAINS))
    payload = draw(st.binary(min_size=20, max_size=20))
    address, key = registry.parse(chain, registry.render(chain, AddressKey(KINDS.get(chain, 2), payload)))
    said = draw(concepts)
    pack = draw(st.sampled_from(["", "A pack", "a-pack", "config"]))
    creator = draw(st.sampled_from(["", "tracer", "Somebody"]))
    if not said and not pack + creator:
        said = ["exchange"]
    return Tag(
        chain=chain, address=address, kind=key.kind, payload=key.payload, pack=pack, creator=creator,
        category=said[0] if said else "", concepts=" ".join(sorted(said[1:])),
        asset=draw(st.sampled_from(["", "USDT", "SHIB", "ETH", "BTC"])),
        label=draw(some), source=draw(st.sampled_from(["s", "A pack", "https://x/y"])), actor=draw(words),
        confidence=draw(st.sampled_from(sorted(taxonomy.confidences()))), lastmod=draw(days),
        is_cluster_definer=draw(st.booleans()), role=draw(st.sampled_from(ROLES)), context=draw(prose),
        tag_type=draw(st.sampled_from(TAG_TYPES)), nested_in=draw(words), subject=draw(words),
        programme=draw(st.sampled_from(["", "CYBER2 DPRK3"])), designated_at=draw(days), valid_from=draw(days),
        valid_to=draw(st.sampled_from(["", TODAY])), protection=draw(st.sampled_from(PROTECTIONS)),
        author=draw(words), reason=draw(words), **draw(marks),
    )  # fmt: skip


@st.composite
def actors(draw: st.DrawFn) -> Actor:
    items = st.lists(some, max_size=3, unique=True).map("; ".join)
    pack = draw(st.sampled_from(["", "Actors"]))
    return Actor(
        id=draw(some.filter(lambda text: " " not in text)), label=draw(some), categories="; ".join(draw(concepts)),
        jurisdictions=draw(items), uri=draw(words), aliases=draw(items), context=draw(prose), lastmod=draw(days),
        source=draw(st.sampled_from(["Actors", "https://x"])), pack=pack, creator=draw(words),
        author=draw(words), reason=draw(words), **draw(marks),
    )  # fmt: skip


def back(export: Export, kind: ClaimKind, claims: Sequence[Claim]) -> pl.DataFrame:
    """What a reader makes of the packs; nothing may be rejected, no two packs may share a file."""
    frames, names = [], []
    with TemporaryDirectory() as folder:
        for name, text in export(frame_of(kind, claims)):
            reading = read_text(Path(folder), text, name, (kind,))
            assert reading.rejections == ()
            frames.append(reading.frame)
            names.append(name.lower())
    assert len(set(names)) == len(names)
    return pl.concat(frames)


@settings(max_examples=150, deadline=None)
@given(st.lists(tags(), min_size=1, max_size=6))
def test_tags_come_back_as_the_same_claims(claims: list[Tag]) -> None:
    assert sorted(back(tagpacks, "tags", claims)["claim_id"]) == sorted(frame_of("tags", claims)["claim_id"])


@settings(max_examples=100, deadline=None)
@given(st.lists(actors(), min_size=1, max_size=6))
def test_actors_come_back_as_the_same_claims(claims: list[Actor]) -> None:
    assert sorted(back(actorpacks, "actors", claims)["claim_id"]) == sorted(
        frame_of("actors", claims)["claim_id"]
    )


def example(**change: Any) -> Tag:
    said: dict[str, Any] = {
        "chain": "bitcoin", "address": "1Archive1n2C579dMsAu3iC6tWzuQJz8dN", "label": "Internet Archive",
        "category": "donation", "actor": "", "role": "", "confidence": "forensic", "source": "https://x",
        "lastmod": "2021-11-12", "is_cluster_definer": False, "pack": "A pack", "creator": "Somebody",
    } | change  # fmt: skip
    key = registry.parse(said["chain"], said["address"])[1]
    return Tag(kind=key.kind, payload=key.payload, **said)


ETHER = "0xFA8E3920daF271daB92Be9B87d9998DDd94FEF08"


def test_a_pack_says_once_what_its_tags_share() -> None:
    tags = [example(), example(chain="ethereum", address=ETHER, asset="USDT", role="hot", actor="yes")]
    ((name, text),) = tagpacks(frame_of("tags", tags))
    assert name == "a-pack.tagpack.yaml"
    assert (
        text
        == """\
title: 'A pack'
creator: Somebody
label: 'Internet Archive'
source: 'https://x'
category: donation
confidence: forensic
is_cluster_definer: false
lastmod: 2021-11-12
tags:
- address: '1Archive1n2C579dMsAu3iC6tWzuQJz8dN'
  currency: BTC
- address: '0xFA8E3920daF271daB92Be9B87d9998DDd94FEF08'
  currency: USDT
  actor: 'yes'
  context: '{"tracer":{"role":"hot"}}'
"""
    )


def test_other_tools_read_the_types_they_expect() -> None:
    tag = example(concepts="phishing scam", label="null", actor="012", context='{"a":1}')
    ((_, text),) = tagpacks(frame_of("tags", [tag]))
    document = yaml.safe_load(text)
    assert document["lastmod"].isoformat() == "2021-11-12"
    assert document["is_cluster_definer"] is False
    assert document["concepts"] == ["phishing", "scam"]
    assert (document["label"], document["actor"], document["context"]) == ("null", "012", '{"a":1}')


def test_a_context_of_others_stays_readable_beside_what_we_carry() -> None:
    ((_, text),) = tagpacks(frame_of("tags", [example(role="hot", context='{"refs":["r"]}')]))
    assert (
        yaml.safe_load(text)["context"]
        == '{"refs":["r"],"tracer":{"context":"{\\"refs\\":[\\"r\\"]}","role":"hot"}}'
    )


def test_tags_that_came_in_no_pack_go_out_by_source() -> None:
    tags = [example(pack="", creator="", source=source) for source in ("https://b", "https://a")]
    packs = dict(tagpacks(frame_of("tags", tags)))
    assert list(packs) == ["https-a.tagpack.yaml", "https-b.tagpack.yaml"]
    assert packs["https-a.tagpack.yaml"].startswith("title: 'https://a'\ncreator: tracer\n")


@pytest.mark.parametrize(("chain", "address", "asset", "place"), [
    ("ethereum", ETHER, "", {"currency": "ETH"}),
    ("bsc", ETHER, "USDT", {"currency": "USDT", "network": "BSC"}),
    ("evm-8217", ETHER, "", {"currency": "evm-8217"}),
    ("arbitrum", ETHER, "ETH", {"currency": "ETH", "network": "ARB"}),
])  # fmt: skip
def test_a_network_is_named_where_the_currency_does_not_tell_it(
    chain: str, address: str, asset: str, place: dict[str, str]
) -> None:
    ((_, text),) = tagpacks(frame_of("tags", [example(chain=chain, address=address, asset=asset)]))
    document = yaml.safe_load(text)
    assert {name: document[name] for name in ("currency", "network") if name in document} == place


@pytest.mark.parametrize(("category", "concepts", "out", "more"), [
    ("exchange", "scam", ("exchange", ["scam"]), None),
    ("swapper", "", ("service", None), {"category": "swapper"}),
    ("privacy_wallet", "", ("coinjoin", None), {"category": "privacy_wallet"}),
    ("tumbler", "", ("mixing_service", None), {"category": "tumbler"}),
    ("burn", "", ("entity", None), {"category": "burn"}),
    ("user", "exit-scam phishing", ("user", ["phishing", "scam"]), {"concepts": "exit-scam phishing"}),
    ("p2p_exchange", "otc_desk", ("service", None), {"category": "p2p_exchange", "concepts": "otc_desk"}),
])  # fmt: skip
def test_our_own_concepts_go_out_as_the_nearest_that_graphsense_knows(
    category: str, concepts: str, out: tuple[str, list[str] | None], more: dict[str, str] | None
) -> None:
    ((_, text),) = tagpacks(frame_of("tags", [example(category=category, concepts=concepts)]))
    document = yaml.safe_load(text)
    assert (document["category"], document.get("concepts")) == out
    context = json.loads(document.get("context", "{}"))
    assert context.get("tracer") == more


def test_no_pack_holds_a_concept_that_graphsense_does_not_know() -> None:
    known = {concept.id for concept in taxonomy.load().values() if concept.origin == "tagpack"}
    tags = [example(category=word, label=word) for word in taxonomy.load()]
    ((_, text),) = tagpacks(frame_of("tags", tags))
    said = {row["category"] for row in yaml.safe_load(text)["tags"]}
    assert said == known
    every = "; ".join(taxonomy.load())
    actor = Actor(id="a", label="A", categories=every, jurisdictions="", uri="", aliases="", context="", source="s",
                  lastmod="")  # fmt: skip
    ((_, text),) = actorpacks(frame_of("actors", [actor]))
    assert set(yaml.safe_load(text)["categories"]) == known


def test_a_stand_in_behaves_no_more_like_an_exit_than_the_concept_it_stands_for() -> None:
    known = taxonomy.load()
    for concept in known.values():
        (word,) = in_tagpack_words([concept.id])
        behaviour = known[word].behaviour
        assert behaviour == concept.behaviour or (concept.behaviour, behaviour) == ("endpoint", "pool")


def test_the_order_of_the_claims_changes_no_byte(dice: random.Random) -> None:
    tags = [example(label=f"L{number}", pack=f"P{number % 3}") for number in range(20)]
    first = list(tagpacks(frame_of("tags", tags)))
    dice.shuffle(tags)
    assert list(tagpacks(frame_of("tags", tags))) == first
