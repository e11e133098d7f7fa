"""Asking a kept question again: what its inputs name is looked up and opened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cli import compose
from tracer.errors import ReorgedAway, UsageError

if TYPE_CHECKING:
    from cli.app import App
    from tracer.intel.snapshot import Snapshot
    from tracer.screening.kept.causes import Answer
    from tracer.screening.kept.inputs import Inputs
    from tracer.screening.kept.rescan import Here
    from tracer.screening.model import Subject
    from tracer.screening.policy import Policy
    from tracer.state import State


@dataclass
class Asker:
    """Asks questions again: opens what their inputs name."""

    app: App
    state: State
    _policies: dict[str, Policy | None] = field(default_factory=dict)
    _named: dict[str, str | None] = field(default_factory=dict)
    _snapshots: dict[tuple[str, str], Snapshot | None] = field(default_factory=dict)
    _news: dict[tuple[str, str], tuple[frozenset[str], frozenset[str]]] = field(default_factory=dict)

    def here(self) -> Here:
        """As a rescan wants it."""
        from tracer.screening.kept.rescan import Here

        return Here(
            ask=self.ask,
            news=self.news,
            same_prices=lambda a, b: self._lists(a, prices=True) == self._lists(b, prices=True),
            same_labels=lambda a, b: self._lists(a, prices=False) == self._lists(b, prices=False),
            coin=lambda chain: compose.chain(chain).asset,
            hops=lambda sha256: found.settings.hops if (found := self.policy(sha256)) else None,
            newest=self.newest,
        )

    def know(self, policy: Policy) -> str:
        """A policy that was named; -> what it is called here."""
        from tracer.screening.kept import policies

        self._policies[policy.sha256] = policy
        policies.keep(self.state, policy)
        return policy.sha256

    def policy(self, sha256: str) -> Policy | None:
        """A policy that was kept, named, or comes with the program."""
        from tracer.screening.kept import policies

        if sha256 not in self._policies:
            self._policies[sha256] = policies.kept(self.state, sha256)
        return self._policies[sha256]

    def newest(self, name: str) -> str | None:
        """The policy with this id that comes with the program."""
        from cli.policy_common import policy_named
        from rules.policies import shipped

        if name not in self._named:
            self._named[name] = self.know(policy_named(name)) if name in shipped() else None
        return self._named[name]

    def snapshot(self, labels: str, prices: str) -> Snapshot | None:
        """Claims of one snapshot with the prices of another; None where one is not here."""
        from tracer.intel.manifest import Manifest
        from tracer.intel.snapshot import Snapshot

        if (labels, prices) not in self._snapshots:
            try:
                first, second = compose.claims(self.app, labels), compose.claims(self.app, prices)
            except UsageError:
                self._snapshots[labels, prices] = None
            else:
                mixed = [each for each in first.entries if each.kind != "prices"]
                mixed += [each for each in second.entries if each.kind == "prices"]
                self._snapshots[labels, prices] = (
                    first
                    if labels == prices
                    else Snapshot(self.app.workspace.intel, Manifest(tuple(sorted(mixed))))
                )
        return self._snapshots[labels, prices]

    def news(self, first: str, second: str) -> tuple[frozenset[str], frozenset[str]]:
        """Claims that appeared from one snapshot to another, and those that went."""
        if (first, second) not in self._news:
            before, after = self.snapshot(first, first), self.snapshot(second, second)
            none = frozenset[str]()
            self._news[first, second] = (
                (none, none)
                if before is None or after is None
                else (_only(after, before), _only(before, after))
            )
        return self._news[first, second]

    def ask(self, inputs: Inputs, subjects: Sequence[Subject]) -> Sequence[Answer] | None:
        """Screen subjects with these inputs; None where they are no longer here."""
        from cli.screening_common import Screener, engine
        from tracer.screening.kept.causes import Answer
        from tracer.screening.screen import Asked

        policy, snapshot = self.policy(inputs.policy), self.snapshot(inputs.labels, inputs.prices)
        if policy is None or snapshot is None:
            return None
        if inputs.block is not None and not self._has_block(inputs.chain, inputs.block):
            return None
        asked = Asked(evaluated_at=inputs.evaluated_at, own=inputs.own, hops=inputs.hops, engine=engine())
        screener = Screener(self.app, policy, asked, snapshot, inputs.block)
        with screener.patiently(inputs.chain) as screening:
            return [Answer(one.document, one.evidence.claims) for one in screening.screened(list(subjects))]

    def _has_block(self, chain: str, block: str) -> bool:
        from tracer.ledger.asof import height_of

        if not self.app.workspace.chain_file(chain).exists():
            return False
        with compose.open_ledger(self.app, chain) as ledger:
            try:
                height_of(ledger, block)
            except (ReorgedAway, UsageError):
                return False
        return True

    def _lists(self, snapshot_id: str, *, prices: bool) -> object:
        found = self.snapshot(snapshot_id, snapshot_id)
        if found is None:
            return snapshot_id
        return [each for each in found.entries if (each.kind == "prices") is prices]


def _only(here: Snapshot, there: Snapshot) -> frozenset[str]:
    """Claims that stand in one snapshot and not in another: only lists that are not in both are read."""
    found: set[str] = set()
    for entry in set(here.entries) - set(there.entries):
        found.update(here.list_frame(entry, ["claim_id"])["claim_id"].to_list())
    for entry in set(there.entries) - set(here.entries):
        found.difference_update(there.list_frame(entry, ["claim_id"])["claim_id"].to_list())
    return frozenset((found - here.withdrawn.keys()) | (there.withdrawn.keys() - here.withdrawn.keys()))
