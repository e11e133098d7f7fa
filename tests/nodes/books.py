"""A store of what a node told, synced as `tracer sync` does it, in this process."""

from __future__ import annotations

from pathlib import Path

from adapters.evm.chains import chain_named
from adapters.evm.source import EvmSource
from adapters.http import Patience
from cli.app import App
from cli.openings import Asked, after_pull
from tracer.ledger.pull import pull
from tracer.ledger.store import Ledger
from tracer.workspace import Workspace

QUICK = Patience(attempts=2, first=0.005, longest=0.02, timeout=10)


class Books:
    """One chain in a workspace of its own."""

    def __init__(self, folder: Path, chain: str = "evm-31337") -> None:
        self.app, self.chain = App(Workspace(folder).ready(), quiet=True), chain_named(chain)

    def opened(self, *, read_only: bool = True) -> Ledger:
        """Its ledger."""
        return Ledger.open(self.app.workspace, self.chain, read_only=read_only)

    def pull(self, url: str, first: int | None = None, last: int | None = None) -> Books:
        """Read blocks, and ask nothing else."""
        source = EvmSource(url, self.chain, patience=QUICK)
        pull(lambda: self.opened(read_only=False), source, first=first, last=last)
        return self

    def ask(self, url: str, *, openings: bool = True) -> Asked:
        """Ask for what blocks do not say."""
        source = EvmSource(url, self.chain, patience=QUICK)
        return after_pull(self.app, self.chain.name, source, openings=openings)

    def sync(self, url: str, first: int | None = None, *, openings: bool = True) -> Books:
        """Both."""
        self.pull(url, first).ask(url, openings=openings)
        return self
