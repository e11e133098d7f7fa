"""`claims` of an answer: whichever claim falls, if the answer changes, the claim was named in it."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

from rules import clustering
from tests.scenarios.case import CHAIN, Case, tag, vasp
from tests.scenarios.ledger import Tx
from tracer.errors import UsageError
from tracer.flow.question import Question
from tracer.flow.seeding.seeds import Unit
from tracer.flow.trace import trace
from tracer.intel.claims import Actor, Claim, Tag, Vasp, Withdrawal, claim_id
from tracer.intel.snapshot import Snapshot
from tracer.ledger.store import Ledger

NAMES = [f"n{number}" for number in range(8)]
DAYS = ("", "", "2020-10-03", "2020-10-23", "2020-11-12")


def ledger(dice: random.Random) -> list[Tx]:
    """Three coinbases and up to nine payments among eight addresses, ten days apart."""
    rows = [Tx(f"c{i}", outs=[(dice.choice(NAMES), dice.randint(5, 20))], day=i) for i in range(3)]
    free = [(f"c{i}:0", row.outs[0][1]) for i, row in enumerate(rows)]
    for i in range(9):
        taken = [free.pop(dice.randrange(len(free))) for _ in range(dice.randint(1, min(2, len(free))))]
        total = sum(value for _, value in taken)
        part = dice.randint(1, total - 1) if total > 1 and dice.random() < 0.5 else 0
        outs = [(dice.choice(NAMES), value) for value in (part, total - part) if value]
        rows.append(Tx(f"t{i}", ins=[point for point, _ in taken], outs=outs, day=10 + i * 10))
        free += [(f"t{i}:{vout}", value) for vout, (_, value) in enumerate(outs)]
    return rows


def claims(dice: random.Random) -> tuple[list[Tag], list[Vasp], list[Actor]]:
    """Claims that contradict each other, end, mention, protect, and go by other names."""
    tags = []
    for number in range(dice.randint(2, 7)):
        first, last = sorted((dice.choice(DAYS), dice.choice(DAYS)))
        said = tag(
            dice.choice(NAMES), dice.choice(["", "acme", "beta", "gama"]),
            category=dice.choice(["exchange", "exchange", "market", "user", "mixing_service"]),
            role=dice.choice(["", "hot", "deposit"]), label=dice.choice(["", "Acme Inc", "Bob", f"lab{number}"]),
            confidence=dice.choice(["service_data", "web_crawl", "ownership"]), definer=dice.random() < 0.4,
        )  # fmt: skip
        tags.append(replace(
            said, valid_from=first, valid_to=last, nested_in=dice.choice(["", "", "", "gama"]),
            protection="victim" if dice.random() < 0.1 else "", tag_type="mention" if dice.random() < 0.1 else "",
        ))  # fmt: skip
    vasps = [
        replace(
            vasp(dice.choice(["acme", "beta", "gama"]), dice.choice(["none", "full"]),
                 dice.choice(["2009-01-01", "2020-10-03"]), dice.choice(["", "2020-10-23", "2022-01-01"])),
            legal_contact=f"desk {number}", names=dice.choice(["", "Acme Inc", "Bob"]),
        )
        for number in range(dice.randint(0, 4))
    ]  # fmt: skip
    actors = [Actor("acme", "Acme Inc", "exchange", "", "", "", "", "p", "")] if dice.random() < 0.4 else []
    return tags, vasps, actors


def ask(case: Case, question: Question, snapshot: Snapshot) -> dict[str, Any]:
    with Ledger.open(case.workspace, CHAIN) as opened:
        return trace(opened, snapshot, question, rules=clustering(), engine="t")


def said(document: dict[str, Any]) -> str:
    """The answer, without the lists and ids of the claims it was made with."""
    found = json.loads(json.dumps(document))
    for key in ("intel_snapshot", "claims", "coverage"):
        del found[key]
    return json.dumps(found)


def test_a_claim_without_which_the_answer_differs_is_among_its_claims(
    tmp_path: Path, dice: random.Random, full: bool
) -> None:
    compared = 0
    for number in range(150 if full else 8):
        tags, vasps, actors = claims(dice)
        case = Case(tmp_path / str(number), ledger(dice), tags=tags, vasps=vasps)
        if actors:
            case.claim("actors", *actors)
        seeds: list[tuple[str, Unit | None]] = [
            (case.seed("c0:0"), None), (NAMES[0], None), (NAMES[1], "entity"), ("vasp:acme", None)
        ]  # fmt: skip
        seed, unit = dice.choice(seeds)
        question = Question((seed,), methods=("fifo",), unit=unit)
        try:
            answer = ask(case, question, case.snapshot)
        except UsageError:
            continue  # the seed was never paid, or nobody claims it
        everything: list[Claim] = [*tags, *vasps, *actors]
        for claim in {claim_id(claim) for claim in everything} - set(answer["claims"]):
            before = case.snapshot.id
            taken = Withdrawal(claim=claim, source="s", withdrawn_at="2024-01-01", author="a", reason="r")
            case.claim("withdrawals", taken)
            assert said(ask(case, question, case.snapshot)) == said(answer), claim
            back = Withdrawal(
                claim=claim_id(taken), source="s", withdrawn_at="2024-01-01", author="a", reason="r"
            )
            case.claim("withdrawals", back)
            assert case.snapshot.id != before
            compared += 1
    assert compared > 5


def test_a_register_row_that_makes_a_name_ambiguous_had_a_say(tmp_path: Path) -> None:
    """Without it the label would have meant the seed, and its address been part of it."""
    rows = [Tx("one", outs=[("n0", 5)]), Tx("two", outs=[("n1", 7)])]
    shared = replace(vasp("gama", "full"), names="Acme Inc")
    registered = [replace(vasp("acme", "none"), names="Acme Inc"), shared, vasp("other", "full")]
    tags = [tag("n0", "acme"), tag("n1", label="Acme Inc")]
    found = Case(tmp_path, rows, tags=tags, vasps=registered).trace("vasp:acme", method="fifo", unit="entity")
    assert claim_id(shared) in found.document["claims"]
    assert claim_id(registered[2]) not in found.document["claims"]
