"""A chain's screenings, kept warm: opened again only when blocks, clusters or claims have moved.

Claims are resolved and lists assessed once for each state of the world, not for each question.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from cli import compose
from cli.screening_common import Screener, engine
from tracer import owned
from tracer.screening.model import Subject
from tracer.screening.policy import Policy
from tracer.screening.screen import Asked, Screened, Screening

if TYPE_CHECKING:
    from cli.app import App

_YOUNG_SECONDS = 1.0
"""What was opened is used for so long at least (P), whatever is written: each answer says its block."""


class Warm:
    """Screens subjects of one chain by any of the service's policies. Used from one thread."""

    def __init__(self, app: App, chain: str, policies: Mapping[str, Policy], own: Collection[str]) -> None:
        self._app = replace(app, quiet=True)
        self._chain, self._policies, self._own = chain, policies, own
        self._open = ExitStack()
        self._screenings: dict[str, Screening] = {}
        self._made_of: tuple[str, int, bool] | None = None
        self._since = 0.0

    def screen(self, policy: str, subjects: Sequence[Subject]) -> list[Screened]:
        """Answers in the order of the subjects, as of now."""
        self.rest()
        now = int(time.time())
        if policy not in self._screenings:
            self._screenings[policy] = self._opened(policy, now)
        return self._screenings[policy].at(now).screened(subjects) if subjects else []

    def rest(self) -> None:
        """Let go of what is out of date: a snapshot that stays open holds back what the store can tidy up."""
        if (
            self._screenings
            and time.monotonic() - self._since > _YOUNG_SECONDS
            and self._state() != self._made_of
        ):
            self.close()

    def close(self) -> None:
        """Let go of all."""
        self._screenings.clear()
        self._open.close()

    def _opened(self, policy: str, now: int) -> Screening:
        if not self._screenings:
            self._made_of, self._since = self._state(), time.monotonic()
        snapshot = compose.claims(self._app)
        asked = Asked(evaluated_at=now, own=self._own, engine=engine())
        screener = Screener(self._app, self._policies[policy], asked, snapshot)
        return self._open.enter_context(screener.of(self._chain))

    def _state(self) -> tuple[str, int, bool]:
        path = self._app.workspace.chain_file(self._chain)
        return compose.claims(self._app).id, owned.writes(path), path.exists()
