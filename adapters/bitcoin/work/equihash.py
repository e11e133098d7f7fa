"""Equihash, Zcash's: the block hash meets the target, and a solution of the header's own puzzle stands behind it.

A header is 140 bytes and the solution with its CompactSize; all of it is hashed. A solution is 2^k numbers whose
BLAKE2b hashes, keyed by the 140 bytes, cancel out pairwise, level by level (protocol specification 7.6.1; Biryukov
and Khovratovich 2016). It is checked by a kernel: 0.2 ms for the main network's.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from adapters.bitcoin.work.header import MISSED, Bytes, block_hash

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FRONT = 140
"""Bytes before the solution: version, two hashes, a commitment, time, bits, a nonce of 32 bytes."""


@dataclass(frozen=True)
class EquihashHeader:
    """Equihash(n, k)."""

    n: int
    k: int

    time_at = 100

    @cached_property
    def solution(self) -> int:
        """Bytes of a solution: 2^k numbers of n / (k + 1) + 1 bits."""
        return (1 << self.k) * (self.n // (self.k + 1) + 1) // 8

    @cached_property
    def _count(self) -> bytes:
        """The CompactSize before a solution."""
        return (
            bytes([self.solution]) if self.solution < 0xFD else b"\xfd" + self.solution.to_bytes(2, "little")
        )

    @cached_property
    def fixed(self) -> int | None:
        """All solutions are of one size."""
        return FRONT + len(self._count) + self.solution

    def size(self, block: Bytes) -> int | None:
        """Always the same."""
        return self.fixed if self.fixed is not None and len(block) >= self.fixed else None

    def hash(self, header: bytes) -> bytes:
        """SHA-256d of all bytes, solution included."""
        return block_hash(header)

    def problem(self, header: bytes, limit: int) -> str | None:
        """The block hash against the target, then the solution: the cheaper question first."""
        if len(header) != self.fixed or header[FRONT : FRONT + len(self._count)] != self._count:
            return f"its Equihash solution is not of {self.solution} bytes"
        if int.from_bytes(block_hash(header), "little") > limit:
            return MISSED
        return (
            None if self.solved(header) else "its Equihash solution does not solve its header (proof of work)"
        )

    def solved(self, header: bytes) -> bool:
        """Whether the solution behind a header's 140 bytes is one."""
        import numpy as np

        # not at the top: naming chains must not wait for the kernels
        from adapters.bitcoin.work import equihash_kernel as kernel

        data = np.frombuffer(header, np.uint8)
        return bool(
            kernel.solved(data[:FRONT], data[FRONT + len(self._count) :], self.n, self.k, self._person)
        )

    @cached_property
    def _person(self) -> NDArray[np.uint8]:
        import numpy as np

        text = b"ZcashPoW" + self.n.to_bytes(4, "little") + self.k.to_bytes(4, "little")
        return np.frombuffer(text, np.uint8)
