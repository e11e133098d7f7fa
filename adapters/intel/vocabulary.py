"""Our own concepts in the words of TagPacks: GraphSense refuses a whole pack for one word it does not know."""

from __future__ import annotations

from collections.abc import Iterable

from tracer.intel import taxonomy
from tracer.intel.taxonomy import Behaviour

_NEAREST = {
    "defi_derivative": "defi_derivatives",
    "dark_market": "market",
    "mining_pool": "mining_service",
    "privacy_wallet": "coinjoin",
    "escrow": "escrow_wallet",
    "multisig": "escrow_wallet",
    "exit-scam": "scam",
    "merchant": "shop",
}
"""TagPack's concept that says less than ours, or the same, and nothing that ours does not."""
_OF_BEHAVIOUR = {
    Behaviour.ENDPOINT: "service",
    Behaviour.POOL: "service",
    Behaviour.MIXER: "mixing_service",
    Behaviour.BRIDGE: "defi_bridge",
    Behaviour.FOLLOW: "entity",
}


def in_tagpack_words(words: Iterable[str]) -> list[str]:
    """The nearest TagPack concept of each concept, each once, in their order."""
    return list(dict.fromkeys(map(_nearest, words)))


def category_and_concepts(category: str, concepts: str) -> tuple[str, str]:
    """The same of a tag's category and its further concepts (sorted, separated by a space)."""
    first, *more = in_tagpack_words([category, *concepts.split()])
    return first, " ".join(sorted(more))


def _nearest(word: str) -> str:
    concept = taxonomy.load().get(word)
    if concept is None or concept.origin == "tagpack":
        return word
    return _NEAREST.get(word) or _OF_BEHAVIOUR[concept.behaviour]
