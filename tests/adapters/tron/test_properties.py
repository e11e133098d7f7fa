"""What holds for any amount, any order of answers, any damage to them."""

import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.tron.decode import decode
from tests.adapters.tron.told import body, decoded, moves, of
from tests.adapters.tron.town import CHAIN, Tx, at, blocks, call, inside, log, moved, pay, word
from tests.conftest import scaled
from tracer.errors import TracerError
from tracer.ledger.accounts.batch import AccountBatch

MOST = 10**38 - 1


@given(
    st.lists(st.one_of(st.integers(0, 2**256 - 1), st.integers(MOST - 2, MOST + 2)), min_size=1, max_size=8)
)
@settings(max_examples=scaled(12, full=400), deadline=None)
def test_every_amount_arrives_exactly_or_is_kept_raw(amounts: list[int]) -> None:
    batch = of(
        call("many", "alice", "shop", logs=[moved("TOKEN", "alice", "bob", units) for units in amounts])
    )
    assert [amount for *_, amount in moves(batch)] == [units if units <= MOST else None for units in amounts]
    assert [int.from_bytes(raw, "big") for raw in batch.quarantine.column("raw").to_pylist()] == [
        units for units in amounts if units > MOST
    ]


@given(st.integers(-(2**70), 2**70))
@settings(max_examples=scaled(12, full=400), deadline=None)
def test_a_number_that_is_no_amount_of_trx_is_unknown_not_another_number(units: int) -> None:
    expected = units if 0 <= units < 2**63 else None
    found = [amount for *_, amount in moves(of(pay("pay", "alice", "bob", units)))]
    assert found == ([] if units == 0 else [expected])


def _same(a: AccountBatch, b: AccountBatch) -> bool:
    return all(getattr(a, name).equals(getattr(b, name)) for name in a.__dataclass_fields__)


@given(st.randoms(use_true_random=False))
@settings(max_examples=scaled(6, full=100), deadline=None)
def test_answers_may_come_in_any_order_and_cut_into_any_parts(dice: random.Random) -> None:
    rows = [
        [pay(f"p{h}", "alice", "bob", h), call(f"c{h}", "bob", "shop", frames=[inside("shop", "eve", h)])]
        for h in range(1, 6)
    ]
    branch = blocks(*rows)
    whole = decoded(branch).batch
    answers = [body(block.block) for block in branch]
    results = [body(dice.sample(block.results, len(block.results))) for block in branch]
    dice.shuffle(answers)
    dice.shuffle(results)
    assert _same(decode(CHAIN, answers, results).batch, whole)


RICH = blocks(
    [
        pay("pay", "alice", "bob", 5, fee=1_100_000, net_fee=100_000),
        call("sell", "bob", "shop", 3, call_token_value=4, token_id=1000001, fee=2,
             frames=[inside("shop", "eve", 2), inside("shop", "pool", 9, note="delegateResourceOfEnergy")],
             logs=[moved("USDT", "shop", "bob", 7), log("WTRX", "11" * 32, "bob", data=word(1))]),
        Tx("lend", "DelegateResourceContract",
           {"owner_address": at("alice"), "receiver_address": at("bob"), "balance": 9}),
    ]
)  # fmt: skip
DAMAGE: list[Any] = [
    None,
    "",
    "zz",
    "0x",
    -1,
    1.5,
    2**80,
    True,
    [],
    {},
    [None],
    "41" + "00" * 20,
    "é",
    "1e30",
]


def _damaged(answer: Any, dice: random.Random) -> Any:
    """The answer with one value somewhere in it replaced or left out."""
    if isinstance(answer, dict | list) and answer and dice.random() < 0.9:
        keys = list(answer) if isinstance(answer, dict) else list(range(len(answer)))
        key = dice.choice(keys)
        out = answer.copy()
        if dice.random() < 0.05:
            del out[key]
        else:
            out[key] = _damaged(answer[key], dice)
        return out
    return dice.choice(DAMAGE)


def test_damaged_answers_give_one_clear_line_or_facts_of_the_right_shape(dice: random.Random) -> None:
    for _ in range(scaled(60, full=20_000)):
        told = [block.block for block in RICH], [block.results for block in RICH]
        which = dice.randrange(2)
        damaged = [_damaged(part, dice) if i == which else part for i, part in enumerate(told)]
        answers = [body(part) for part in (damaged[0] if isinstance(damaged[0], list) else [damaged[0]])]
        results = [body(part) for part in (damaged[1] if isinstance(damaged[1], list) else [damaged[1]])]
        try:
            batch = decode(CHAIN, answers, results).batch
        except TracerError as refusal:
            assert "\n" not in str(refusal)
        else:
            assert batch.txs.num_rows <= 3


@pytest.mark.parametrize("cut", [1, 40, 400])
def test_cut_answers_are_refused(cut: int) -> None:
    from tracer.errors import SourceUnavailable

    whole = json.dumps(RICH[1].block).encode()
    with pytest.raises(SourceUnavailable, match="holds no blocks"):
        decode(CHAIN, [whole[:-cut]], [])
