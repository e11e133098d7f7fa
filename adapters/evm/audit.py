"""Compare balances that the ledger computes with those a node tells, and find where they first differ.

Where the facts are complete nothing differs: a balance is what came and went since it was last told, internal
transfers and fees included. That is the only test of completeness that needs no trust in how blocks were read.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from adapters.evm.audit_books import SQL, Books, Cause, Compared, Run, order
from adapters.evm.refusals import NoState
from adapters.evm.state import Holding, State
from tracer.errors import ReorgedAway, UsageError
from tracer.ledger.accounts.untold import untold_balances
from tracer.ledger.store import Ledger

ADDRESSES, HEIGHTS = 100, 10
"""Accounts and blocks that are compared unless told otherwise (P): a missing movement shows in all later blocks."""
NAMED = 20
"""Assets of which the first difference is looked for (P): each takes some twenty questions."""
Asset = tuple[int, bytes | None, bytes | None]
"""Standard, contract, token id."""


@dataclass(frozen=True)
class Difference:
    """A balance that is not the node's, at the first block where an asset differs.

    exact  False where the node has no older state: the difference may have begun earlier
    said   why the token is not believed; "" where it is, and of the native coin
    """

    holding: Holding
    height: int
    computed: int
    told: int
    cause: Cause
    exact: bool
    said: str


@dataclass(frozen=True)
class Audit:
    """What was compared and what differs.

    heights      compared, ascending
    too_old      drawn, but the node has no state of them; `oldest` is the first it has
    refused      balances that contracts do not tell
    unknown      ... that the ledger does not know: amounts of more than 38 digits
    unopened     ... that cannot be compared because the node lacks the state before the first block read
    differences  the first of each asset (`NAMED` assets at most), in the order of the chain, native coin first
    assets       how many assets differ
    """

    addresses: int
    heights: tuple[int, ...]
    too_old: tuple[int, ...]
    oldest: int
    compared: int
    refused: int
    unknown: int
    unopened: int
    assets: int
    differences: tuple[Difference, ...]


def audit(
    open_ledger: Callable[[], Ledger],
    state: State,
    *,
    addresses: int = ADDRESSES,
    heights: int = HEIGHTS,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Audit:
    """Compare accounts and blocks drawn by lot, the tip always; all of them where there are no more.

    Raises `NoState` where the node has the state of no block that was read, `ReorgedAway` where it is on another
    branch.
    """
    with open_ledger() as ledger:
        runs = [(first, last) for first, last in ledger.db.rows(SQL["runs"])]
        if not runs:
            raise UsageError(f"no block of {ledger.chain.name} was read.", hint="Run `tracer sync` first.")
        drawn = dict(ledger.db.rows(SQL["sample"], {"seed": str(seed), "count": addresses}))
        disbelieved = dict(ledger.db.rows(SQL["disbelieved"]))
    wanted = _heights(runs, heights, seed)
    _check_branch(open_ledger, state, wanted)
    oldest = state.oldest(max(runs[0][0] - 1, 0), wanted[-1])
    if oldest is None:
        raise NoState(
            f"{state.rpc.host} does not know the balances of block {wanted[-1]} any more.",
            hint="Sync up to its newest block first, or name an archive node.",
        )
    books = Books(open_ledger, state, drawn, runs)
    books.oldest = oldest
    usable = [height for height in wanted if height >= oldest]
    found: dict[Asset, dict[int, list[Compared]]] = {}
    for done, height in enumerate(usable):
        for each in books.compare(height):
            if each.computed != each.told:
                found.setdefault(_asset(each.holding), {}).setdefault(height, []).append(each)
        progress(done + 1, len(usable))
    firsts = [
        _first(books, usable, found[asset], disbelieved) for asset in sorted(found, key=_by_name)[:NAMED]
    ]
    unopened = [each for each in _unopened(books, disbelieved) if _asset(each.holding) not in found]
    _check_branch(open_ledger, state, wanted)
    differences = sorted([*firsts, *unopened[:NAMED]], key=lambda each: (each.height, order(each.holding)))
    return Audit(
        len(drawn), tuple(usable), tuple(h for h in wanted if h < oldest), oldest, books.compared,
        len(books.refused), len(books.unknown), len(books.unopened),
        len(found) + len(unopened), tuple(differences),
    )  # fmt: skip


def _heights(runs: Sequence[Run], count: int, seed: int) -> list[int]:
    """Heights that were read, drawn by lot; the tip is one of them."""
    sizes = [last - first + 1 for first, last in runs]
    below = sum(sizes) - 1
    chosen = random.Random(seed).sample(range(below), min(count - 1, below))  # noqa: S311 - no secret
    out = [runs[-1][1]]
    for index in chosen:
        for (first, _), size in zip(runs, sizes, strict=True):
            if index < size:
                out.append(first + index)
                break
            index -= size
    return sorted(out)


def _check_branch(open_ledger: Callable[[], Ledger], state: State, heights: Sequence[int]) -> None:
    """Both must be of one chain: balances are asked for by height."""
    import polars as pl

    asked = pl.DataFrame({"height": heights}, schema={"height": pl.Int32})
    with open_ledger() as ledger, ledger.db.table("asked", asked):
        ours = ledger.db.rows(SQL["hashes"])
    for (height, block_hash), theirs in zip(ours, state.hashes([at for at, _ in ours]), strict=True):
        if block_hash != theirs:
            raise ReorgedAway(
                f"{state.rpc.host} has another block {height} than the store.",
                hint="Run `tracer sync` with this node, then ask again.",
            )


def _first(
    books: Books, usable: Sequence[int], found: dict[int, list[Compared]], disbelieved: dict[bytes, str]
) -> Difference:
    """The first block at which an asset differs, between a block where it does and one below where it does not."""
    high = min(found)
    run = books.run(high)
    suspects = sorted(
        {each.holding for at, some in found.items() if books.run(at) == run for each in some}, key=order
    )

    def differing(height: int) -> list[Compared]:
        return [each for each in books.compare(height, suspects) if each.computed != each.told]

    equal = [height for height in usable if run[0] <= height < high]
    low = max(equal, default=max(books.base(high), books.oldest))
    at_low = [] if equal else differing(low)
    if at_low:
        high, here = low, at_low
    else:
        here = found[high]
        while high - low > 1:
            middle = (low + high) // 2
            if there := differing(middle):
                high, here = middle, there
            else:
                low = middle
    first = min(here, key=lambda each: order(each.holding))
    exact = not at_low or low == books.base(high)
    return Difference(
        first.holding, high, first.computed, first.told, books.cause(first, high, len(here) - 1), exact,
        disbelieved.get(first.holding.contract or b"", ""),
    )  # fmt: skip


def _unopened(books: Books, disbelieved: dict[bytes, str]) -> list[Difference]:
    """Of each asset the first account that pays out of what nobody told it had; where blocks begin in the middle.

    Of a history from block 0 on a balance that was not told counts as nothing, and shows by itself.
    """
    with books.open_ledger() as ledger:
        rows = untold_balances(ledger, list(books.accounts))
    out: dict[Asset, Difference] = {}
    for first, _ in books.runs:
        base = first - 1
        if base < max(books.oldest, 0):
            continue
        queues = rows.filter(height=base).select("address", "standard", "contract", "token_id")
        holdings = [Holding(*row) for row in queues.iter_rows()]
        for holding, told in zip(holdings, books.before(holdings, base), strict=True):
            if told:
                said = disbelieved.get(holding.contract or b"", "")
                different = Difference(holding, base, 0, told, Cause.OPENING, True, said)
                out.setdefault(_asset(holding), different)
    return list(out.values())


def _asset(holding: Holding) -> Asset:
    return holding.standard, holding.contract, holding.token_id


def _by_name(asset: Asset) -> tuple[bytes, bytes]:
    return asset[1] or b"", asset[2] or b""
