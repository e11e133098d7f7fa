"""Which blocks to load, and in what order: the header tree of source and ledger together, most work wins.

The ledger's own blocks are part of the tree, so that an extension of its branch counts against a rival; on equal
work the ledger's branch stays. Nothing here reads a block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from adapters.bitcoin.headers import Header, work
from tracer.ledger.batch import KnownBlock

LEDGER = -1
"""Place of a header that the ledger holds already."""


@dataclass(frozen=True)
class Plan:
    """A run of consecutive blocks to load (`tracer.ledger.batch.Plan`)."""

    headers: Sequence[Header]
    first_height: int
    reorg_to: int | None = None
    at_least: int = 1

    @property
    def blocks(self) -> int:
        """How many blocks it has."""
        return len(self.headers)

    @property
    def last_height(self) -> int:
        """Height of its last block."""
        return self.first_height + len(self.headers) - 1


@dataclass
class Planned:
    """Plans in height order, what contradicts them, and what should be said."""

    plans: list[Plan] = field(default_factory=list)
    damage: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class _Tree:
    """Headers of source and ledger; children in order, the ledger's first."""

    def __init__(self, found: Iterable[Header], known: Sequence[KnownBlock]) -> None:
        self.height = {block.hash: block.height for block in known}
        self.at = {block.height: block for block in known}
        # a parent that nobody told is like no other
        self.headers = {b.hash: Header(b.hash, b.prev_hash or b"?" + b.hash, b.bits, LEDGER) for b in known}
        for header in found:
            mine = self.headers.setdefault(header.block_hash, header)
            if len(mine.prev_hash) > len(mine.block_hash):
                self.headers[header.block_hash] = replace(mine, prev_hash=header.prev_hash)
        self.children: dict[bytes, list[Header]] = {}
        for header in self.headers.values():
            self.children.setdefault(header.prev_hash, []).append(header)

    def roots(self) -> list[bytes]:
        """Parents that nobody has, in order of appearance."""
        return [parent for parent in self.children if parent not in self.headers]

    def component(self, root: bytes) -> list[tuple[int, Header]]:
        """Everything that hangs on a root as (depth, header), parents before children, the ledger's first."""
        out: list[tuple[int, Header]] = [(0, child) for child in self.children[root]]
        for depth, header in out:  # grows while it is read
            out += [(depth + 1, child) for child in self.children.get(header.block_hash, ())]
        return out

    def best_branch(self, component: Sequence[tuple[int, Header]]) -> list[Header]:
        """The branch with most work; of equal ones the first, which is the ledger's."""
        total: dict[bytes, int] = {}
        best: Header | None = None
        for _, header in component:
            total[header.block_hash] = total.get(header.prev_hash, 0) + work(header.bits)
            if best is None or total[header.block_hash] > total[best.block_hash]:
                best = header
        branch: list[Header] = []
        while best is not None:
            branch.append(best)
            best = self.headers.get(best.prev_hash)
        return branch[::-1]

    def stored_work(self, height: int) -> int:
        """Work of all of the ledger's blocks from a height up, gaps or not."""
        return sum(work(block.bits) for at, block in self.at.items() if at >= height)


def plan(
    found: Iterable[Header],
    known: Sequence[KnownBlock],
    genesis: bytes,
    stated_height: Callable[[Header], int | None],
    where: Callable[[Header], str],
    *,
    trust_floating: bool,
    checkpoints: Mapping[int, bytes] | None = None,
) -> Planned:
    """Choose what to load.

    found           headers of the source that are not known to be bad, in order of appearance
    known           the ledger's blocks in height order
    stated_height   height from the coinbase of a block whose parent nobody has (BIP 34), or None
    trust_floating  whether such blocks may be placed at all (not where the source is damaged)
    checkpoints     hashes at heights where other chains left: their branches are not looked at, whatever their work
    """
    tree = _Tree(found, known)
    out = Planned()
    floating: list[tuple[int, list[Header]]] = []
    for root in tree.roots():
        component = tree.component(root)
        base = _base_height(component, tree, genesis)
        if base is not None:
            component = _own(component, base, checkpoints or {}, where, out)
        branch = tree.best_branch(component)
        if base is not None:
            _place(tree, branch, base, out)
        elif trust_floating:
            height = stated_height(branch[0])
            name = f"block {branch[0].block_hash[::-1].hex()} ({where(branch[0])})"
            if height is None:
                out.damage.append(f"{name} follows no block that was read and states no height of its own")
            else:
                floating.append((height, branch))
    for height, branch in sorted(floating, key=lambda item: -sum(work(h.bits) for h in item[1])):
        if height - 1 in tree.at or any(p.first_height < height <= p.last_height + 1 for p in out.plans):
            name = f"block {branch[0].block_hash[::-1].hex()} ({where(branch[0])})"
            out.damage.append(f"{name} does not follow the block at height {height - 1}")
        elif not any(
            height <= p.last_height and p.first_height < height + len(branch) for p in out.plans
        ) and not any(at in tree.at for at in range(height, height + len(branch))):
            _place(tree, branch, height, out)
    out.plans.sort(key=lambda p: p.first_height)
    return out


def _base_height(component: Sequence[tuple[int, Header]], tree: _Tree, genesis: bytes) -> int | None:
    """Height of a component's first blocks, from the genesis or a block of the ledger in it."""
    for depth, header in component:
        if header.block_hash == genesis:
            return 0
        if header.block_hash in tree.height:
            return tree.height[header.block_hash] - depth
    return None


def _own(
    component: list[tuple[int, Header]],
    base: int,
    checkpoints: Mapping[int, bytes],
    where: Callable[[Header], str],
    out: Planned,
) -> list[tuple[int, Header]]:
    """The headers of a component without branches of other chains that have the same past."""
    there = {at: [h for depth, h in component if base + depth == at] for at in checkpoints}
    strange = {h.block_hash for at, found in there.items() for h in found if h.block_hash != checkpoints[at]}
    if not strange:
        return component
    for at, found in there.items():
        ours = any(h.block_hash == checkpoints[at] for h in found)
        for header in (h for h in found if h.block_hash in strange):
            name = f"block {header.block_hash[::-1].hex()} ({where(header)})"
            said = f"{name} is of another chain: the block at height {at} is {checkpoints[at][::-1].hex()}"
            (out.notes if ours else out.damage).append(said)
    own = []
    for depth, header in component:
        if header.block_hash in strange or header.prev_hash in strange:
            strange.add(header.block_hash)
        else:
            own.append((depth, header))
    return own


def _place(tree: _Tree, branch: Sequence[Header], base: int, out: Planned) -> None:
    """Turn the unknown runs of a branch into plans, with a reorg where the ledger is on another one."""
    fork = next(
        (
            at
            for at, header in enumerate(branch, start=base)
            if header.place != LEDGER and at in tree.at and _same_component(tree, at, branch, base)
        ),
        None,
    )
    run: list[Header] = []
    for at, header in enumerate(branch, start=base):
        if header.place == LEDGER:
            _finish_run(tree, run, at - len(run), out)
            run = []
            continue
        run.append(header)
        if at == fork:
            rest = [*run, *branch[at - base + 1 :]]
            _reorg(tree, rest, at - len(run) + 1, fork, out)
            return
    _finish_run(tree, run, base + len(branch) - len(run), out)


def _same_component(tree: _Tree, height: int, branch: Sequence[Header], base: int) -> bool:
    """Whether the ledger's block at a height descends from a block of this branch (else it is an island)."""
    block = tree.at[height]
    while height > base:
        height -= 1
        if block.prev_hash == branch[height - base].block_hash:
            return True
        if height not in tree.at or tree.at[height].hash != block.prev_hash:
            return False
        block = tree.at[height]
    return block.prev_hash == branch[0].prev_hash


def _finish_run(tree: _Tree, run: Sequence[Header], first: int, out: Planned) -> None:
    """Plan a run that contradicts nothing, if it fits the blocks above it."""
    if not run:
        return
    taken = [at for at in range(first, first + len(run)) if at in tree.at]
    above = tree.at.get(first + len(run))
    if taken or (above is not None and above.prev_hash not in (b"", run[-1].block_hash)):
        height = taken[0] if taken else first + len(run)
        out.damage.append(
            f"blocks {first} to {first + len(run) - 1} are of another branch than block {height}, "
            "which was read before from another source"
        )
        return
    out.plans.append(Plan(tuple(run), first))


def _reorg(tree: _Tree, run: Sequence[Header], first: int, fork: int, out: Planned) -> None:
    """Plan a reorg where the new branch outweighs everything the ledger holds from the fork up."""
    lost = tree.stored_work(fork)
    done = 0
    for count, header in enumerate(run[fork - first :], start=fork - first + 1):
        done += work(header.bits)
        if done > lost:
            out.plans.append(Plan(tuple(run), first, reorg_to=fork - 1, at_least=count))
            return
    out.notes.append(
        f"a branch with more work leaves the one that was read at height {fork}, but not more than all blocks "
        "that were read above a gap; read the blocks of the gap first"
    )


def clip(plan: Plan, first: int | None, last: int | None) -> Plan | None:
    """The part of a plan between two heights; a reorg is taken whole or not at all."""
    skip = max(0, (first or 0) - plan.first_height)
    stop = len(plan.headers) if last is None else max(0, last - plan.first_height + 1)
    headers = plan.headers[skip:stop]
    if not headers or (plan.reorg_to is not None and len(headers) < len(plan.headers)):
        return None
    return Plan(headers, plan.first_height + skip, plan.reorg_to, plan.at_least)
