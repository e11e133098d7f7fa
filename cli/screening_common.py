"""What every verb that screens shares: how subjects are read, and an open ledger with a policy over it.

with screening_of(app, "bitcoin", policy_named("default")) as screening:
    documents = screening.screen([of_text("bc1q...", reading_of(app, "bitcoin"))])
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from cli import compose
from tracer.errors import ReorgedAway, StoreBusy

if TYPE_CHECKING:
    from cli.app import App
    from tracer.chain import Chain
    from tracer.intel.snapshot import Snapshot
    from tracer.ledger.store import Ledger
    from tracer.screening.listed import Listed
    from tracer.screening.model import Direction
    from tracer.screening.policy import Policy
    from tracer.screening.screen import Asked, Screening
    from tracer.screening.subjects import Reading

PATIENCE_SECONDS = 600.0
"""(P) How long a batch waits for a store that others hold, before it ends with exit code 3 and its cursor."""


RENEW_SECONDS = 10.0
"""(P) A batch sees what was written meanwhile after so long, and the chunk it is at."""


def engine() -> str:
    """Version of the engine, as documents quote it."""
    from tracer.evidence.custody import engine_version

    found = engine_version()
    return "0.1.0" if found == "unknown" else found


def moment(evaluated_at: str | None) -> int:
    """`--evaluated-at` as unix seconds; now where it is left out."""
    from tracer.flow.question import seconds

    return int(time.time()) if evaluated_at is None else seconds(evaluated_at)


def reading_of(app: App, chain_name: str | None, direction: Direction = "both") -> Reading:
    """How texts are read as subjects: of the named chain, else of one that was read here, else of any."""
    from adapters.chains import find
    from adapters.wallets.secrets import kind_in
    from tracer.screening.subjects import Reading

    known: dict[tuple[str, str], int] = {}  # a table asks it for each row

    def decimals(chain: Chain, asset: str) -> int:
        from tracer.flow.accounts.assets import decimals_of

        if (chain.name, asset) not in known:
            with compose.open_ledger(app, chain.name) as ledger:
                known[chain.name, asset] = decimals_of(ledger, asset)
        return known[chain.name, asset]

    here = compose.chains_read(app)
    return Reading(
        chain=None if chain_name is None else compose.chain(chain_name),
        direction=direction,
        named=find,
        here=[compose.chain(name) for name in here],
        known=[compose.chain(name) for name in compose.chain_names() if name not in here],
        secret=kind_in,
        decimals=decimals,
    )


@dataclass(frozen=True)
class Screener:
    """Opens screenings of any chain with one policy, one snapshot and one time, as often as asked.

    at  as of this block of every chain (height or hash); None: the tip
    """

    app: App
    policy: Policy
    asked: Asked
    snapshot: Snapshot
    at: str | None = None

    @contextmanager
    def of(self, chain_name: str) -> Iterator[Screening]:
        """A chain's screening, its ledger open for as long as the block runs; of a chain nobody read, claims alone."""
        from rules import clustering
        from tracer.screening.screen import Screening

        with ExitStack() as opened:
            ledger: Ledger | Chain = compose.chain(chain_name)
            if self.app.workspace.chain_file(chain_name).exists():
                ledger = opened.enter_context(compose.linked(self.app, chain_name, self.snapshot, at=self.at))
            yield Screening(
                ledger, self.snapshot, self.policy, self.asked, rules=clustering(), lists=self._lists
            )

    @contextmanager
    def patiently(self, chain_name: str) -> Iterator[Screening]:
        """The same, waiting for whoever holds the store or rebuilds its clusters: a batch need not end for that."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        with ExitStack() as opened:
            while True:
                try:
                    screening = opened.enter_context(self.of(chain_name))
                    break
                except (StoreBusy, ReorgedAway):
                    if time.monotonic() >= deadline:
                        raise
                    time.sleep(0.2)
            yield screening

    @cached_property
    def _lists(self) -> tuple[Listed, ...]:
        from tracer.screening.listed import listed

        return listed(self.snapshot)


class Held:
    """Keeps each chain's screening open from chunk to chunk of a batch, for some seconds, because opening costs.

    A writer that waits gets the store all the same (`tracer.turns`); what is asked after `RENEW_SECONDS` sees what it
    wrote. Use as a context manager.
    """

    def __init__(self, screener: Screener) -> None:
        self._screener = screener
        self._open: dict[str, tuple[float, ExitStack, Screening]] = {}

    def __enter__(self) -> Held:
        return self

    def __exit__(self, *_: object) -> None:
        for chain_name in list(self._open):
            self._close(chain_name)

    @contextmanager
    def opening(self, chain_name: str) -> Iterator[Screening]:
        """A chain's screening for one chunk; after an error it is opened anew."""
        since, _, screening = self._open.get(chain_name, (0.0, None, None))
        if screening is None or time.monotonic() - since > RENEW_SECONDS:
            self._close(chain_name)
            opened = ExitStack()
            screening = opened.enter_context(self._screener.patiently(chain_name))
            self._open[chain_name] = time.monotonic(), opened, screening
        try:
            yield screening
        except BaseException:
            self._close(chain_name)
            raise

    def _close(self, chain_name: str) -> None:
        if chain_name in self._open:
            self._open.pop(chain_name)[1].close()


@contextmanager
def screening_of(
    app: App,
    chain_name: str,
    policy: Policy,
    *,
    own: Collection[str] = (),
    hops: int | None = None,
    evaluated_at: int | None = None,
    intel: str | None = None,
    at: str | None = None,
) -> Iterator[Screening]:
    """One chain's screening; `evaluated_at` in unix seconds, now where it is left out."""
    from tracer.screening.screen import Asked

    asked = Asked(
        evaluated_at=int(time.time()) if evaluated_at is None else evaluated_at,
        own=own,
        hops=hops,
        engine=engine(),
    )
    with Screener(app, policy, asked, compose.claims(app, intel), at).of(chain_name) as screening:
        yield screening
