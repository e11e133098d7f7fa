"""Which claims bind links: whose an address is known to be, what analysts said, and one hash over all of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import scaled
from tests.scenarios.case import CHAIN, Case, tag, vasp
from tests.scenarios.ledger import Tx, shown
from tracer.clustering import constraints
from tracer.clustering.constraints import NO_CLAIMS, Constraints
from tracer.intel.claims import Actor, Override, Tag, Vasp, Withdrawal, claim_id
from tracer.intel.reading import Reading
from tracer.intel.snapshot import Snapshot
from tracer.intel.store import add
from tracer.ledger.store import Ledger
from tracer.workspace import Workspace

ROWS = [
    Tx("fund", outs=[("ann", 5), ("bob", 5), ("hot", 5), ("pool", 5)]),
    Tx("pay", ins=["fund:0", "fund:1"], outs=[("cat", 9)]),
]


def override(kind: str, a: str, b: str, **change: Any) -> Override:
    """An override by ann, with a reason."""
    said = {"chain": CHAIN.name, "kind": kind, "a": a, "b": b, "txid": "", "source": "analyst ann"}
    return Override(
        **{**said, "said_at": "2024-05-01", "author": "ann", "reason": "the seized wallet", **change}
    )


def loaded(case: Case) -> Constraints:
    with Ledger.open(case.workspace, CHAIN) as ledger:
        return constraints.load(ledger, case.snapshot)


def known(case: Case) -> dict[str, str]:
    """Address -> party."""
    found = loaded(case)
    with Ledger.open(case.workspace, CHAIN) as ledger:
        texts = ledger.render_addresses(found.parties["address_id"].to_list())
    return {texts[address]: found.names[party - 1] for address, party in found.parties.iter_rows()}


def of_tags(folder: Path, *tags: Tag, vasps: Sequence[Vasp] = ()) -> Case:
    return Case(folder, ROWS, tags=tags, vasps=vasps, clusters=False)


def test_without_claims_nothing_binds(tmp_path: Path) -> None:
    found = loaded(of_tags(tmp_path))
    assert found.digest == NO_CLAIMS == constraints.none().digest
    assert (found.parties.height, found.hot.height, found.names, found.overrides) == (0, 0, (), ())
    assert found.parties.schema == constraints.none().parties.schema


@pytest.mark.parametrize(("claim", "why"), [
    (tag("hot", "acme"), "an exchange"),
    (tag("hot", "acme", category="market", role="pool"), "a market's pot"),
    (tag("hot", "acme", category="mixing_service"), "a mixer"),
    (tag("hot", "acme", category="defi_bridge"), "a bridge"),
    (tag("hot", "acme", category="deposit_wallet", role="deposit"), "a customer's deposit address is the service's"),
    (replace(tag("hot", "acme", category="sanction"), concepts="exchange"), "one of its concepts is a service's"),
    (replace(tag("hot", "acme"), protection="test_purchase"), "bought there, and still theirs"),
    (tag("hot", "acme", category="donation"), "a registered service, whatever it is said to do there"),
    (tag("hot", "acme", confidence="forensic"), "just sure enough"),
    (tag("hot", "", label="ACME Inc"), "a service by a name that the register gives it"),
])  # fmt: skip
def test_who_controls_an_address_is_known_from(tmp_path: Path, claim: Tag, why: str) -> None:
    registered = replace(vasp("acme", "full"), names="Acme Inc")
    assert known(of_tags(tmp_path, claim, vasps=[registered])) == {"hot": "acme"}, why


@pytest.mark.parametrize(("claim", "why"), [
    (tag("hot", "acme", category="donation"), "money of its holder's own, and nobody registered"),
    (tag("hot", "acme", category=""), "says not what it is"),
    (replace(tag("hot", "acme"), tag_type="mention"), "mentioned somewhere is held by nobody"),
    (replace(tag("hot", "acme"), nested_in="big"), "an account in another's custody"),
    (tag("hot", "acme", role="escrow"), "escrow of one order has other keys in it"),
    (replace(tag("hot", "acme"), valid_from="2020-01-01"), "whose it was before is not said"),
    (replace(tag("hot", "acme"), valid_to="2020-01-01"), "whose it was after is not said"),
    (tag("hot", "acme", confidence="web_crawl"), "too weak to cut what a transaction shows"),
    (tag("hot", "acme", confidence="untrusted_transaction"), "just too weak"),
    (replace(tag("hot", "acme", category="user"), protection="victim"), "a person to protect"),
    (tag("hot", label="hot wallet 2"), "a label is no name: two labels may be one house"),
    (tag("elsewhere", "acme"), "an address the ledger has not seen"),
    (replace(tag("hot", "acme"), chain="bitcoin"), "of another chain"),
])  # fmt: skip
def test_nothing_is_known_from(tmp_path: Path, claim: Tag, why: str) -> None:
    assert known(of_tags(tmp_path, claim)) == {}, why


def test_a_hot_address_is_one_however_sure_it_is_whose(tmp_path: Path) -> None:
    """Deposits that are swept there are its holder's; but too weak a tag keeps nobody apart."""
    found = loaded(of_tags(tmp_path, tag("hot", "acme", role="hot", confidence="web_crawl")))
    assert found.hot.height == 1
    assert found.parties.height == 0


def test_a_victim_with_an_account_at_a_registered_service_stays_a_person(tmp_path: Path) -> None:
    victim = replace(tag("ann", "acme", category="user"), protection="victim")
    assert known(of_tags(tmp_path, victim, vasps=[vasp("acme", "full")])) == {}


def test_the_better_claim_names_the_party_and_equals_name_nobody(tmp_path: Path) -> None:
    tags = [
        tag("hot", "acme", confidence="authority_data"), tag("hot", "zeta"),
        tag("pool", "acme"), tag("pool", "zeta"),
        replace(tag("ann", "acme"), lastmod="2022-02-02"), tag("ann", "zeta"),
        tag("bob", "acme"), tag("bob", label="some other house"),
        tag("cat", "Acme"), tag("cat", "acme"),
    ]  # fmt: skip
    assert known(of_tags(tmp_path, *tags)) == {"hot": "Acme", "ann": "Acme", "cat": "Acme"}


def test_names_that_mean_one_actor_are_one_party(tmp_path: Path) -> None:
    case = of_tags(tmp_path, tag("hot", "Acme.com"), tag("pool", "acme"))
    case.claim("actors", Actor("acme", "Acme", "exchange", "", "acme.com", "", "", "a pack", ""))
    assert loaded(case).names == ("acme",)


def test_hot_are_the_addresses_that_deposits_are_swept_to(tmp_path: Path) -> None:
    tags = [
        tag("hot", "zeta", role="hot"), tag("pool", "bazaar", category="market", role="pool"),
        tag("ann", "acme", category="hot_wallet"), tag("bob", "acme", role="deposit"),
    ]  # fmt: skip
    found = loaded(of_tags(tmp_path, *tags))
    assert found.names == ("acme", "bazaar", "zeta")
    assert found.parties.rows() == sorted(found.parties.rows())
    assert sorted(found.hot["party"].to_list()) == [1, 2, 3]
    assert found.hot.height == found.parties.height - 1


def test_overrides_are_resolved_to_the_ledger_in_a_total_order(tmp_path: Path) -> None:
    case = of_tags(tmp_path)
    split = override("split", "ann", "bob", txid=shown("pay"))
    rest = [
        override("split", "bob", "hot", txid="ab" * 32),
        override("join", "cat", "pool"),
        override("join", "ann", "nobody"),
        override("join", "ann", "bob", chain="bitcoin"),
    ]
    case.claim("overrides", split, *rest)
    found = loaded(case).overrides
    with Ledger.open(case.workspace, CHAIN) as ledger:
        texts = ledger.render_addresses(i for o in found for i in (o.a, o.b))
        (spent,) = ledger.find_tx(bytes.fromhex(shown("pay"))[::-1])
    assert [(o.kind, texts[o.a], texts[o.b]) for o in found] == [
        ("join", "cat", "pool"), ("split", "ann", "bob"), ("split", "bob", "hot"),
    ]  # fmt: skip
    assert (found[1].claim_id, found[1].author, found[1].reason) == (
        claim_id(split),
        "ann",
        "the seized wallet",
    )
    assert [o.tx_id for o in found] == [None, spent, None]


def test_a_withdrawn_override_leaves_the_digest_as_if_it_had_not_been_made(tmp_path: Path) -> None:
    case = of_tags(tmp_path, tag("hot", "acme"))
    before = loaded(case)
    split = override("split", "ann", "bob")
    case.claim("overrides", split)
    assert loaded(case).digest != before.digest
    case.claim("withdrawals", Withdrawal(claim_id(split), "analyst ann", "2024-05-02"))
    after = loaded(case)
    assert (after.digest, after.overrides) == (before.digest, ())
    assert after.snapshot != before.snapshot


@pytest.mark.parametrize("silent", [
    tag("ann", "someone", category="user"), tag("hot", "acme", confidence="web_crawl"),
    tag("hot", "acme", label="other words", role="deposit"), tag("elsewhere", category="scam"),
])  # fmt: skip
def test_a_claim_that_says_nothing_of_links_leaves_the_digest(tmp_path: Path, silent: Tag) -> None:
    case = of_tags(tmp_path, tag("hot", "acme"))
    before = loaded(case).digest
    case.claim("tags", silent)
    case.claim("vasps", vasp("unrelated", "none"))
    assert loaded(case).digest == before


@pytest.mark.parametrize("telling", [
    tag("pool", "acme"), tag("hot", "acme", role="hot"), tag("elsewhere", "acme"), tag("hot", "zeta"),
])  # fmt: skip
def test_a_claim_that_binds_changes_the_digest_also_where_its_address_was_not_seen_yet(
    tmp_path: Path, telling: Tag
) -> None:
    case = of_tags(tmp_path, tag("hot", "acme"))
    before = loaded(case).digest
    case.claim("tags", telling)
    assert loaded(case).digest != before


def test_the_digest_does_not_depend_on_what_the_ledger_has_read(tmp_path: Path) -> None:
    tags = [tag("hot", "acme"), tag("cat", "zeta")]
    whole, part = (
        Case(tmp_path / name, rows, tags=tags, clusters=False)
        for name, rows in (("whole", ROWS), ("part", ROWS[:1]))
    )
    assert loaded(whole).digest == loaded(part).digest
    assert loaded(whole).parties.height == loaded(part).parties.height + 1


def test_a_list_this_user_may_not_read_does_not_bind_and_is_part_of_what_was_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = of_tags(tmp_path, tag("hot", "acme"))
    without = loaded(case)
    case.claim("overrides", override("split", "ann", "bob", tlp="TLP:RED"))
    owner = loaded(case)
    real = Path.read_bytes

    def closed(path: Path) -> bytes:
        if "-red-" in path.name:
            raise PermissionError(13, "Permission denied")
        return real(path)

    # as root a file of mode 0 can be read: what another user's system answers is put in its place
    monkeypatch.setattr(Path, "read_bytes", closed)
    case.__dict__.pop("snapshot")
    other = loaded(case)
    assert [o.kind for o in owner.overrides] == ["split"]
    assert (other.overrides, other.digest) == ((), without.digest)
    assert other.snapshot.startswith(f"{owner.snapshot} without ")
    assert [row["status"] for row in case.snapshot.lists("overrides")] == ["missing"]


CLAIMS = [
    *(tag(at, actor, role=role) for at in ("hot", "pool", "far") for actor in "ab" for role in ("hot", "")),
    tag("ann", "a", confidence="authority_data"), tag("ann", "b"), tag("bob", category="user"),
]  # fmt: skip
OVERRIDES = [override("split", "ann", "bob"), override("join", "hot", "pool"), override("join", "far", "hot")]


@settings(max_examples=scaled(8, full=20), deadline=None)
@given(st.data())
def test_the_digest_depends_on_neither_the_order_nor_the_files_claims_came_in(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    tags = data.draw(st.lists(st.sampled_from(CLAIMS), unique=True))
    said = data.draw(st.lists(st.sampled_from(OVERRIDES), unique=True))
    digests = set()
    for _ in range(2):
        workspace = Workspace(tmp_path_factory.mktemp("w"))
        cut = data.draw(st.integers(0, len(tags)))
        mixed = data.draw(st.permutations(tags))
        for some in (mixed[:cut], mixed[cut:]):
            add(workspace, [Reading.of("tags", some)])
        for one in data.draw(st.permutations(said)):
            add(workspace, [Reading.of("overrides", [one])])
        with Ledger.open(workspace, CHAIN, read_only=False) as ledger:
            digests.add(constraints.load(ledger, Snapshot.open(workspace)).digest)
    assert len(digests) == 1
