"""Screening in one piece: examine subjects, judge them by a policy, write the documents.

For whoever screens: the command, the service, watches, rescans and backtests. Bound to one open ledger and warm: claims
and lists are resolved once, then any number of sets of subjects is answered. A set answers as its subjects alone would.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tracer.chain import Chain
from tracer.detection import findings
from tracer.errors import UsageError
from tracer.flow.accounts.assets import Assets, chosen
from tracer.intel.claims import most_closed
from tracer.ledger.store import Ledger
from tracer.screening.document import document
from tracer.screening.examine import Examiner, Settings
from tracer.screening.judge import Judge
from tracer.screening.listed import Listed, listed
from tracer.screening.model import Evidence, Judgement, Subject
from tracer.screening.rows import Coin
from tracer.screening.unread import Unread

if TYPE_CHECKING:
    from tracer.clustering.rules import RuleSet
    from tracer.detection.findings import Detector
    from tracer.intel.snapshot import Snapshot
    from tracer.screening.policy import Policy


@dataclass(frozen=True)
class Screened:
    """One subject's answer, and what it was made of."""

    document: dict[str, Any]
    evidence: Evidence
    judgement: Judgement


@dataclass(frozen=True)
class Asked:
    """How subjects are screened, beside the policy.

    evaluated_at  unix seconds: as of when lists are young enough
    own           our own entities: never a counterparty, never looked through
    hops          most transactions between subject and counterparty; None: as the policy has it
    engine        version of the engine, as documents quote it
    """

    evaluated_at: int
    own: Collection[str] = ()
    hops: int | None = None
    engine: str = "0.1.0"


class Screening:
    """Answers subjects of one open ledger by one policy and the claims of one snapshot.

    In place of a ledger a chain: nothing of it was read, and claims alone are known.
    """

    def __init__(
        self,
        ledger: Ledger | Chain,
        snapshot: Snapshot,
        policy: Policy,
        asked: Asked,
        *,
        rules: RuleSet,
        detector: Detector = findings.none,
        lists: Sequence[Listed] = (),
    ) -> None:
        """`lists`: of the snapshot, where somebody looked them up already."""
        wanted = policy.settings
        own = frozenset(name.casefold() for name in asked.own)
        hops = wanted.hops if asked.hops is None else asked.hops
        self._ledger = ledger if isinstance(ledger, Ledger) else None
        self.chain: Chain = ledger.chain if isinstance(ledger, Ledger) else ledger
        self.snapshot, self.policy, self.asked = snapshot, policy, asked
        self._rules = rules.digest
        self._parameters = {"hops": hops, "max_txs": wanted.max_txs, "own": sorted(own)}
        self._lists = lists or listed(snapshot)
        self._judge = Judge(policy, self._lists, asked.evaluated_at)
        self._coins: dict[str | None, Coin] = {}
        self._marks = _marks(snapshot)
        settings = Settings(
            hops=hops,
            own=own,
            max_txs=wanted.max_txs,
            dust=wanted.dust,
            stop=policy.words,
            currency=wanted.currency,
            price_source=wanted.price_source,
        )
        self._examiner = (
            Unread(self.chain, snapshot, settings, asked.evaluated_at)
            if self._ledger is None or self._ledger.tip() is None
            else Examiner(self._ledger, snapshot, settings, rules=rules, detector=detector)
        )

    def at(self, evaluated_at: int) -> Screening:
        """The same warm examiner, judging as of another time (unix seconds)."""
        other = copy(self)
        other.asked = replace(self.asked, evaluated_at=evaluated_at)
        other._judge = Judge(self.policy, self._lists, evaluated_at)
        return other

    def screened(self, subjects: Sequence[Subject]) -> list[Screened]:
        """Answers in the order of the subjects, all of this ledger's chain."""
        return [self._one(evidence) for evidence in self._examiner.examine(subjects)]

    def screen(self, subjects: Sequence[Subject]) -> list[dict[str, Any]]:
        """The documents alone."""
        return [one.document for one in self.screened(subjects)]

    def _one(self, evidence: Evidence) -> Screened:
        judgement = self._judge.of(evidence)
        said = document(
            evidence,
            judgement,
            self.policy,
            snapshot_id=self.snapshot.id,
            rules=self._rules,
            engine=self.asked.engine,
            evaluated_at=self.asked.evaluated_at,
            parameters=self._parameters,
            coin=self._coin(evidence.subject.asset),
            tlp=most_closed(self._marks[claim] for claim in evidence.claims if claim in self._marks),
        )
        return Screened(said, evidence, judgement)

    def _coin(self, asset: str | None) -> Coin:
        """What a subject's amount is of: the chain's coin, or the asset it names."""
        if asset not in self._coins:
            self._coins[asset] = self._found(asset)
        return self._coins[asset]

    def _found(self, asset: str | None) -> Coin:
        if asset is None:
            return Coin(self.chain.asset, self.chain.decimals)
        if self._ledger is None:
            return Coin(asset, None)
        try:
            found = Assets(self._ledger, chosen(self._ledger, asset)[:1])
        except UsageError:  # never seen here
            return Coin(asset, None)
        coin = found.shown[-1].coin  # the native coin stands first
        return Coin(coin.name, coin.decimals, coin.asset_id)


def _marks(snapshot: Snapshot) -> dict[str, str]:
    """Claim -> its marking of the Traffic Light Protocol, of those that have one."""
    import polars as pl

    found: dict[str, str] = {}
    for kind in ("tags", "vasps", "actors"):
        marked = snapshot.claims(kind).filter(pl.col("tlp") != "").select("claim_id", "tlp")
        found.update(marked.iter_rows())
    return found
