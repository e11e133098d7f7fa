"""A policy is data that an analyst can read: every mistake in it is named by file and line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules import policies
from tests.conftest import scaled
from tests.tracer.screening_examples import shipped
from tracer.errors import BadPolicy, UsageError
from tracer.intel import taxonomy
from tracer.screening import trials
from tracer.screening.conditions import EXPOSURE_KEYS, SUBJECT_KEYS
from tracer.screening.exposure.settings import HARM
from tracer.screening.policy import FORMAT, RULE_KEYS, parse

HEAD = "id: house\nversion: 3\ntitle: A house\n"
RULE = "  - {id: r, version: 1, title: R, when: {category: market}, severity: high, verdict: review}\n"


def one(rule: str) -> str:
    return f"{HEAD}rules:\n  - {rule}\n"


def of(
    when: str = "{category: market}", verdict: str = "review", more: str = "", severity: str = "high"
) -> str:
    return one(
        f"{{id: r, version: 1, title: R, when: {when}, severity: {severity}, verdict: {verdict}{more}}}"
    )


MISTAKES = [
    # text, line, words
    ("", 1, "empty"),
    ("a: [", 2, "no YAML"),
    ("- a list", 1, "must be a table"),
    (HEAD, 1, "lacks rules"),
    (f"{HEAD}rules: []\n", 4, "empty"),
    (f"{HEAD}ruls:\n{RULE}", 4, "no key 'ruls'"),
    (f"{HEAD}title: again\nrules:\n{RULE}", 4, "title stands twice"),
    (f"id: A House\nversion: 3\ntitle: x\nrules:\n{RULE}", 1, "no id"),
    (f"id: house\nversion: 0\ntitle: x\nrules:\n{RULE}", 2, "whole number from 1"),
    (f"id: house\nversion: 1.5\ntitle: x\nrules:\n{RULE}", 2, "whole number from 1"),
    (f"{HEAD}rules:\n{RULE}{RULE}", 6, "stands twice: first in line 5"),
    (f"{HEAD}settings: {{hops: 99}}\nrules:\n{RULE}", 4, "from 1 to 20"),
    (f"{HEAD}settings:\n  tier: lead\nrules:\n{RULE}", 5, "no tier known"),
    (f"{HEAD}requires:\n  - {{max_age_days: 3}}\nrules:\n{RULE}", 5, "of a list or of a kind"),
    (f"{HEAD}requires:\n  - {{kind: sanction}}\nrules:\n{RULE}", 5, "'sanction' is no kind known"),
    (f"{HEAD}requires:\n  - {{list: a}}\n  - {{list: a}}\nrules:\n{RULE}", 6, "required twice"),
    (one("{id: r, version: 1, title: R, severity: high, verdict: review}"), 5, "lacks when"),
    (of(severity="hihg"), 5, "'hihg' is no severity known"),
    (of(verdict="allow"), 5, "'allow' is no verdict known"),
    (of("{}"), 5, "asks for nothing"),
    (of("{subject: transfer}"), 5, "asks for nothing"),
    (of("{category: markt}"), 5, "'markt' is no category known"),
    (of("{category: []}"), 5, "category is empty"),
    (of("{category: [market, market]}"), 5, "market stands twice"),
    (of("{categorie: market}"), 5, "no key 'categorie'"),
    (of("{side: left}"), 5, "'left' is no side"),
    (of("{type: direct, share_at_least: 0}"), 5, "no share above 0"),
    (of("{type: direct, share_at_least: 101%}"), 5, "no share above 0"),
    (of("{type: direct, share_at_least: 1.5}"), 5, "no share above 0"),
    (of("{type: direct, share_at_least: a lot}"), 5, "no share above 0"),
    (of("{type: direct, share_at_least: -0.1}"), 5, "no share above 0"),
    (of("{share_at_least: 5%}"), 5, "says nothing of ownership"),
    (of("{type: ownership, side: source}"), 5, "says nothing of ownership"),
    (of("{type: indirect, hops_at_most: 1}"), 5, "can never hold"),
    (of("{side: destination, solicited: false}"), 5, "can never hold"),
    (of("{type: direct, amount_at_least: {amount: 5}}"), 5, "one asset or in one currency"),
    (of("{type: direct, amount_at_least: {fiat: dollars, amount: 5}}"), 5, "no currency"),
    (of("{type: direct, amount_at_least: {asset: BTC, amount: -5}}"), 5, "above zero"),
    (of("{type: direct, amount_at_least: {asset: BTC, amount: NaN}}"), 5, "above zero"),
    (of("{type: direct, amount_at_least: {asset: BTC, amount: 1e999}}"), 5, "above zero"),
    (of("{within_days: 0}"), 5, "from 1 to"),
    (of("{designated: false}"), 5, "says nothing"),
    (of("{any_of: [{category: market}, {category: market}]}"), 5, "stands twice"),
    (of("{any_of: [{category: market}], side: source}"), 5, "no key 'side'"),
    (of("{category: market, solicited: false}", "block"), 5, "never blocks alone"),
    (of("{findings: {rules: x}}", "block"), 5, "is no proof"),
    (of("{protected: victim}", "block"), 5, "is no proof"),
    (of("{category: child_sexual_abuse, side: source, type: direct}", "block"), 5, "may be its victim"),
    (of("{category: market}", "block", ", handling: protect"), 5, "protects cannot block"),
    (of("{side: source}", "clear", severity="low"), 5, "set aside everything"),
    (of("{protected: victim}", "clear", severity="low"), 5, "only exposures"),
    (of("{category: sanction}", "clear", severity="low"), 5, "for one entity at most"),
    (of("{category: market, type: direct, share_at_least: 5%}", "clear", severity="low"), 5, "has no floor"),
    (of("{category: market}", "clear"), 5, "severity low"),
    (of("{tags: {labels: '*'}}", "clear", severity="low"), 5, "named in full"),
    (of("{tags: {entities: 'a*'}}", "clear", severity="low"), 5, "named in full"),
    (of("{tags: {concepts: sanction}}", "clear", severity="low"), 5, "named in full"),
    (of("{category: sanction, tags: {entities: '*'}}", "clear", severity="low"), 5, "for one entity at most"),
    (
        f"{HEAD}rules:\n{RULE}{RULE.replace('id: r', 'id: s').replace('review', 'block')}",
        6,
        "contradict or repeat",
    ),
    (
        f"{HEAD}rules:\n{RULE.replace('id: r', 'id: s').replace('high', 'low').replace('review', 'clear')}"
        f"{RULE.replace('{category: market}', '{category: market, side: source}')}",
        6,
        "r can never fire: s in line 5",
    ),
    (of(more=", tests: {fires: {exposures: [{category: nonsense}]}}"), 5, "'nonsense' is no category"),
    (of(more=", tests: {fires: {exposures: [{category: market, paid_at: soon}]}}"), 5, "no ISO date"),
    (f'id: "a\\x07b"\nversion: 3\ntitle: x\nrules:\n{RULE}', 1, "cannot be printed"),
    ("a: &a [*a]\n", 1, "turns in circles"),
    ("[" * 400_000 + "]" * 400_000, 1, "nested too deeply"),
]


@pytest.mark.parametrize(("text", "line", "words"), MISTAKES)
def test_a_mistake_is_named_by_file_and_line(text: str, line: int, words: str) -> None:
    with pytest.raises(BadPolicy) as caught:
        parse(text, "house.yml")
    assert caught.value.problems[0].startswith(f"house.yml:{line}: "), caught.value
    assert words in caught.value.problems[0]
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 4


def test_all_mistakes_are_named_in_one_reading() -> None:
    text = (
        "id: house\nversion: none\ntitle: A house\nsettings: {hops: many}\nrequires: [{kind: x}]\nrules:\n"
        "  - {id: a}\n"
        f"{RULE.replace('high', 'worst')}"
    )
    with pytest.raises(BadPolicy) as caught:
        parse(text, "house.yml")
    assert [problem.split(":")[1] for problem in caught.value.problems] == ["2", "4", "5", "7", "8"]
    assert "4 more" in str(caught.value)


def test_a_wrong_word_is_answered_with_the_nearest() -> None:
    with pytest.raises(BadPolicy, match="Did you mean ransomware"):
        parse(of("{category: ransomwear}"), "house.yml")


def test_the_hash_is_of_what_a_policy_says_not_of_its_layout() -> None:
    policy = parse(HEAD + f"rules:\n{RULE}", "house.yml")
    same = parse(
        "# a comment\nversion: 3\ntitle:   A   house\nid: house\nrules:\n- id: r\n  version: 1\n  title: R\n"
        "  verdict: review\n  severity: high\n  when:\n    category: market\n",
        "other.yml",
    )
    assert same.sha256 == policy.sha256
    assert parse(f"{HEAD}rules:\n{RULE.replace('high', 'low')}", "house.yml").sha256 != policy.sha256


@pytest.mark.parametrize("name", policies.shipped())
def test_the_canonical_text_is_a_policy_that_says_the_same(name: str) -> None:
    policy = shipped(name)
    again = parse(policy.canonical, f"{name}.yml")
    assert again.sha256 == policy.sha256
    assert [rule.when for rule in again.rules] == [rule.when for rule in policy.rules]


@settings(max_examples=scaled(80, full=1000), deadline=None)
@given(st.text(alphabet=st.sampled_from("idvers:tl u{}[],-\n%0aé\x00&*!|>'\"#"), max_size=120))
def test_no_text_does_worse_than_a_named_line(text: str) -> None:
    for body in (text, of(text), of("{category: market}", more=f", tests: {text}")):
        try:
            parse(body, "house.yml")
        except BadPolicy as error:
            assert error.problems[0].startswith("house.yml:")


@settings(max_examples=scaled(25, full=300), deadline=None)
@given(st.data())
def test_a_line_that_is_cut_out_of_the_default_is_never_a_crash(data: st.DataObject) -> None:
    lines = policies.load().splitlines()
    gone = data.draw(st.integers(0, len(lines) - 1))
    try:
        parse("\n".join(lines[:gone] + lines[gone + 1 :]), "default.yml")
    except BadPolicy as error:
        assert all(problem.startswith("default.yml:") for problem in error.problems)


@pytest.mark.parametrize("name", policies.shipped())
def test_a_shipped_policy_keeps_what_it_promises(name: str) -> None:
    policy = shipped(name)
    assert policy.id == name
    assert [outcome for outcome in trials.run(policy) if outcome.problem] == []
    for rule in policy.rules:
        assert rule.fires is not None, rule.id
        assert rule.spares is not None, rule.id
        assert rule.false_positives, rule.id
        assert rule.references, rule.id
    assert {"sanctions", "tags", "vasps"} <= {asked.kind for asked in policy.requires}
    assert policy.words <= set(taxonomy.load())
    assert policy.words >= HARM


def test_a_test_that_goes_otherwise_is_named() -> None:
    more = ", tests: {fires: {exposures: [{category: vpn}]}, spares: {exposures: [{category: market}]}}"
    problems = [outcome.problem for outcome in trials.run(parse(of(more=more), "house.yml"))]
    assert problems == ["it did not fire; no rule fired", "it fired; what fired: r"]
    wrong = ", tests: {fires: {expect: block, exposures: [{category: market}]}}"
    problems = [outcome.problem for outcome in trials.run(parse(of(more=wrong), "house.yml"))]
    assert problems == ["the verdict is review, not block", "the rule has no test that it spares"]


def test_the_example_of_the_manual_is_a_policy_whose_tests_go_as_they_say() -> None:
    manual = (Path(__file__).parents[2] / "docs" / "policies.md").read_text(encoding="utf-8")
    policy = parse(manual.split("```yaml\n")[1].split("```")[0], "docs/policies.md")
    assert [outcome.problem for outcome in trials.run(policy)] == [""] * 6


def test_the_manual_names_every_key() -> None:
    manual = (Path(__file__).parents[2] / "docs" / "policies.md").read_text(encoding="utf-8")
    known = {*EXPOSURE_KEYS, *SUBJECT_KEYS, *FORMAT, *RULE_KEYS} - {"when"}
    assert [key for key in sorted(known) if f"`{key}`" not in manual] == []


def test_a_policy_nobody_knows_is_refused() -> None:
    with pytest.raises(UsageError, match=r"Known are default, strict"):
        policies.load("nonsense")
