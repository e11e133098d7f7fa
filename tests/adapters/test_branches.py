"""What is read from a node, by what the ledger holds: a letter is a block, its place in the text its height."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.branches import Plan, Planned, plan
from tracer.errors import SourceUnavailable
from tracer.ledger.batch import KnownBlock


class Stored:
    """Blocks as letters; a dot is a height that was not read."""

    def __init__(self, text: str) -> None:
        self.text = text

    def blocks(self) -> Sequence[KnownBlock]:
        found = (self.at(height) for height in range(len(self.text)))
        return [block for block in found if block is not None]

    def runs(self) -> Sequence[tuple[int, int]]:
        heights = [height for height, letter in enumerate(self.text) if letter != "."]
        starts = [at for at in heights if at - 1 not in heights]
        return list(zip(starts, [at for at in heights if at + 1 not in heights], strict=True))

    def at(self, height: int) -> KnownBlock | None:
        if not 0 <= height < len(self.text) or self.text[height] == ".":
            return None
        return KnownBlock(height, self.text[height].encode(), b"", 0)


def planned(
    store: str, node: str, first: int | None = None, last: int | None = None, confirmations: int = 0
) -> Planned:
    head = len(node) - 1
    return plan(
        Stored(store),
        lambda height: node[height].encode() if height <= head else None,
        head=head,
        limit=head - confirmations,
        first=first,
        last=last,
        host="node",
    )


def read(found: Planned) -> list[tuple[int, int]]:
    return [(one.first_height, one.last_height) for one in found.plans]


@pytest.mark.parametrize(
    ("store", "node", "bounds", "heights"),
    [
        ("", "abcde", {}, [(0, 4)]),
        ("", "abcde", {"first": 2, "last": 3}, [(2, 3)]),
        ("", "abcde", {"confirmations": 2}, [(0, 2)]),
        ("", "abcde", {"confirmations": 9}, []),
        ("abc", "abcde", {}, [(3, 4)]),
        ("abcde", "abcde", {}, []),
        ("abc", "abcde", {"last": 1}, []),
        ("..c", "abcde", {}, [(3, 4)]),  # what lies below the first block was not wanted ...
        ("..c", "abcde", {"first": 0}, [(0, 1), (3, 4)]),  # ... unless it is asked for
        ("ab..e.", "abcdefg", {}, [(2, 3), (5, 6)]),
        ("ab..e", "abcdefg", {"last": 2}, [(2, 2)]),
        ("abc", "abcdefg", {"first": 5}, [(5, 6)]),
    ],
)
def test_what_is_missing_is_read(
    store: str, node: str, bounds: dict[str, int], heights: list[tuple[int, int]]
) -> None:
    assert read(planned(store, node, **bounds)) == heights


@pytest.mark.parametrize(
    ("store", "node", "plans"),
    [
        ("abcde", "abXYZ", [Plan(2, 3, b"b", reorg_to=1, at_least=3)]),  # as high as ours is enough
        ("abcde", "abXYZUV", [Plan(2, 5, b"b", reorg_to=1, at_least=3)]),
        ("ab...fg", "abXYZUV", [Plan(2, 5, b"b", reorg_to=1, at_least=2)]),
        ("..cde", "abcdE", [Plan(4, 1, b"d", reorg_to=3, at_least=1)]),
    ],
)
def test_a_lost_branch_goes_when_the_node_stands_as_high_on_another(
    store: str, node: str, plans: list[Plan]
) -> None:
    assert planned(store, node).plans == plans


@pytest.mark.parametrize(
    ("store", "node", "bounds", "words"),
    [
        ("abcde", "abc", {}, "is behind: its newest block is 2, the store's is 4"),
        ("abcde", "abX", {}, "on another branch from height 2 on: nothing is read before it catches up"),
        ("abcde", "abXYZ", {"last": 3}, "not within the bounds"),
        ("abcde", "abXYZ", {"first": 4}, "not within the bounds"),
        ("abcde", "abXYZ", {"confirmations": 3}, "not within the bounds"),
        ("abcde", "abcde", {"last": 9}, "can be read up to height 4: --to 9 was not reached"),
    ],
)
def test_what_is_not_read_is_said(store: str, node: str, bounds: dict[str, int], words: str) -> None:
    found = planned(store, node, **bounds)
    assert found.plans == []
    assert len(found.notes) == 1
    assert words in found.notes[0]


def test_a_node_that_is_behind_still_fills_gaps() -> None:
    assert read(planned("a.cde", "abc")) == [(1, 1)]


@pytest.mark.parametrize(
    ("store", "node"), [("abc", "XYZUV"), ("a", "X"), (".bc", "XYZ"), ("abcdefgh", "XYZ")]
)
def test_a_node_without_any_of_our_blocks_is_on_another_network(store: str, node: str) -> None:
    with pytest.raises(SourceUnavailable, match=r"has none of the blocks in the store.*another genesis"):
        planned(store, node)


@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 60), st.sets(st.integers(0, 59)))
def test_the_fork_is_found_wherever_it_is(stored: int, head: int, fork: int, gaps: set[int]) -> None:
    ours = "".join("." if at in gaps and at > 0 else "a" for at in range(stored)).rstrip(".")
    fork = max(1, fork)
    node = "a" * min(fork, head) + "X" * (head - fork)
    asked: list[int] = []

    def hash_at(height: int) -> bytes | None:
        asked.append(height)
        return node[height].encode() if height < len(node) else None

    found = plan(
        Stored(ours), hash_at, head=len(node) - 1, limit=len(node) - 1, first=None, last=None, host="node"
    )
    expected = {at for at in range(len(node)) if at >= len(ours) or ours[at] == "." or ours[at] != node[at]}
    lost = any(ours[at] != "." for at in range(fork, min(len(ours), len(node))))
    if lost and len(node) < len(ours):
        assert found.plans == []
    else:
        assert {at for one in found.plans for at in range(one.first_height, one.last_height + 1)} == expected
        kept = max((at for at in range(min(fork, len(ours))) if ours[at] != "."), default=0)
        assert [one.reorg_to for one in found.plans if one.reorg_to is not None] == ([kept] if lost else [])
    assert len(asked) <= 16, "the search is not logarithmic"
