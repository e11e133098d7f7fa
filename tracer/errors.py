"""Every exception of the engine, and the exit code each one ends in.

    TracerError                  1   (never raised itself)
    |-- UsageError               2   the question cannot be asked like this
    |   |-- BadAddress           2   a text that is no address of the chain
    |   |-- BadSubject           2   a text or a row that names nothing that can be screened
    |   |-- BadCursor            2   a batch cannot go on from there: expired, or of another input or question
    |   `-- AmbiguousSeed        2   a txid with several outputs: choose one
    |-- SourceError              3   a source or the disk cannot serve now
    |   |-- SourceUnavailable    3
    |   |-- StoreBusy            3   another process holds the chain file
    |   |-- StoreUnwritable      3   no permission, or the disk is full
    |   `-- ReorgedAway          3   the block an answer stood on left the best chain
    `-- DataError                4   what was read is wrong
        |-- BadBlock             4   a block that breaks a rule, named
        |   `-- BadExport        4   a file of another tool's export that cannot be used
        |-- BadBlockFile         4   a file that holds no blocks of this chain
        |-- BadClaim             4   a tag, VASP or price row that cannot be used
        |-- BadSeeds             4   a list of seeds with rows that cannot be used
        |-- BadBatch             4   a file of subjects that is no table of them
        |-- BadRule              4   a rule file without a whole header
        |   `-- BadPolicy        4   a screening policy that cannot be used; every line named
        |-- CustodyBroken        4   the custody log does not verify
        `-- StoreDamaged         4   the store breaks an invariant of its own

Each message is one line: what is wrong, where, what was kept, and what to do next. Vendor errors are
translated at the edge (`tracer.db`, `adapters`); nobody catches bare `Exception`.
"""

from __future__ import annotations


class TracerError(Exception):
    """Base of all errors that end a command in one clear line."""

    exit_code = 1

    def __init__(self, problem: str, *, hint: str = "") -> None:
        """`problem` names what is wrong and where; `hint` says what to do next."""
        super().__init__(problem)
        self.problem = problem
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.problem} {self.hint}".strip()


class UsageError(TracerError):
    """The question cannot be asked like this."""

    exit_code = 2


class BadAddress(UsageError):
    """A text that is no address of the chain it was given for."""


class BadSubject(UsageError):
    """A text or a row that names nothing that can be screened."""


class BadCursor(UsageError):
    """A batch cannot go on from there: the cursor is damaged, expired, or of another input or question."""


class AmbiguousSeed(UsageError):
    """A bare txid with several outputs; the message lists them."""


class SourceError(TracerError):
    """A source, the store or the disk cannot serve now; trying again may help."""

    exit_code = 3


class SourceUnavailable(SourceError):
    """A file, folder or service that cannot be read."""


class StoreBusy(SourceError):
    """Another process holds the chain file."""


class StoreUnwritable(SourceError):
    """No permission, or the disk is full; what was committed is intact."""


class ReorgedAway(SourceError):
    """The block an answer stood on is no longer in the best chain."""


class DataError(TracerError):
    """What was read is wrong; trying again will not help."""

    exit_code = 4


class BadBlock(DataError):
    """A block that breaks a rule of its chain; the message names block, rule and place.

    `block_hash` (wire order) lets a source leave the block out and choose another branch.
    """

    def __init__(self, problem: str, *, hint: str = "", block_hash: bytes | None = None) -> None:
        super().__init__(problem, hint=hint)
        self.block_hash = block_hash


class BadExport(BadBlock):
    """A file of another tool's export that does not hold what it should; names file and column."""


class BadBlockFile(DataError):
    """A file that holds no blocks of this chain."""


class BadClaim(DataError):
    """A tag, VASP or price row that cannot be used."""


class BadSeeds(DataError):
    """A list of seeds with rows that cannot be used; the message names file and lines."""


class BadBatch(DataError):
    """A file of subjects that is no table of them; the message names the file and what is wrong."""


class BadRule(DataError):
    """A rule file that lacks a part of its header, or contradicts another."""


class BadPolicy(BadRule):
    """A screening policy that cannot be used; `problems` holds each with its file and line."""

    def __init__(self, problem: str, *, hint: str = "", problems: tuple[str, ...] = ()) -> None:
        super().__init__(problem, hint=hint)
        self.problems = problems or (problem,)


class CustodyBroken(DataError):
    """The hash chain of the custody log does not verify."""


class StoreDamaged(DataError):
    """The store breaks one of its own invariants."""
