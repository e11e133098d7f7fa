"""The `when` of a rule, read from a policy file into conditions; what contradicts itself is refused by line."""

from __future__ import annotations

from dataclasses import fields

from tracer.intel import taxonomy
from tracer.intel.claims import WEAK, KycLevel
from tracer.screening.conditions import EXPOSURE_KEYS, SUBJECT_KEYS, Condition, Findings, Floor, Tags
from tracer.screening.places import Item

KYC = tuple(level.value for level in KycLevel)
TYPES = ("ownership", "direct", "indirect")
SIDES = ("source", "destination")
SUBJECTS = ("address", "transfer", "withdrawal_attempt")
PROTECTED = ("victim", "test_purchase")
STANDINGS = ("after", "before")
MOST_DAYS = 36_600

PROTECTED_SIDES = {
    ("child_sexual_abuse", "source"),
    ("extortion", "destination"),
    ("sextortion", "destination"),
}
"""Category and side of money whose subject may be a victim: nobody is blocked by it alone."""


def conditions(item: Item) -> tuple[Condition, ...]:
    """The alternatives of a rule: one table, or `any_of` with several."""
    if item.is_table and any(name == "any_of" for name, _ in item.pairs()):
        alternatives = item.table(("any_of",))["any_of"].many()
        found = tuple(_condition(one) for one in alternatives)
        for place, (one, place_of) in enumerate(zip(found, alternatives, strict=True)):
            if one in found[:place]:
                raise place_of.bad("this alternative stands twice")
        return found
    return (_condition(item),)


def _condition(item: Item) -> Condition:
    given = item.table((*EXPOSURE_KEYS, *SUBJECT_KEYS))
    assert set(given) <= {field.name for field in fields(Condition)}
    found = Condition(
        category=given["category"].words(taxonomy.load()) if "category" in given else frozenset(),
        side=given["side"].word(SIDES) if "side" in given else None,
        type=given["type"].words(TYPES) if "type" in given else frozenset(),
        kyc_level=_levels(given["kyc_level"]) if "kyc_level" in given else frozenset(),
        tags=_tags(given["tags"]) if "tags" in given else None,
        solicited=given["solicited"].flag() if "solicited" in given else None,
        labels_later=given["labels_later"].flag() if "labels_later" in given else None,
        designation=given["designation"].word(STANDINGS) if "designation" in given else None,
        hops_at_most=given["hops_at_most"].integer(1, 100) if "hops_at_most" in given else None,
        within_days=given["within_days"].integer(1, MOST_DAYS) if "within_days" in given else None,
        share_at_least=given["share_at_least"].share() if "share_at_least" in given else None,
        amount_at_least=_floors(given["amount_at_least"]) if "amount_at_least" in given else (),
        subject=given["subject"].words(SUBJECTS) if "subject" in given else frozenset(),
        designated=_designated(given["designated"]) if "designated" in given else False,
        protected=given["protected"].words(PROTECTED) if "protected" in given else frozenset(),
        findings=_findings(given["findings"]) if "findings" in given else None,
        bursts=given["bursts"].integer(1, 1000) if "bursts" in given else None,
    )
    if not found.of_exposures and not found.of_subject:
        raise item.bad("this asks for nothing", "Name a category, a side, a mark of the subject ...")
    _consistent(found, given)
    return found


def _consistent(found: Condition, given: dict[str, Item]) -> None:
    """Refuse what can never hold."""
    ownership = not found.type or "ownership" in found.type
    only = found.type == {"ownership"}
    for name in ("share_at_least", "amount_at_least"):
        if name in given and ownership:
            raise given[name].bad(
                f"{name} says nothing of ownership, which has no amount", "Write type: [direct, indirect]."
            )
    for name in ("side", "solicited", "designation", "hops_at_most", "within_days"):
        if name in given and only:
            raise given[name].bad(f"{name} says nothing of ownership: this asks for what cannot be")
    if found.type == {"indirect"} and found.hops_at_most == 1:
        raise given["hops_at_most"].bad("indirect is more than one transaction: this can never hold")
    if found.side == "destination" and found.solicited is False:
        raise given["solicited"].bad("what the subject pays is its own doing: this can never hold")


def _levels(item: Item) -> frozenset[str]:
    words = item.words((*KYC, "weak"))
    return (words - {"weak"}) | ({level.value for level in WEAK} if "weak" in words else frozenset())


def _tags(item: Item) -> Tags:
    given = item.table(("concepts", "entities", "labels"))
    if not given:
        raise item.bad("tags asks for nothing", "Name concepts, entities or labels.")
    return Tags(
        given["concepts"].words(taxonomy.load()) if "concepts" in given else frozenset(),
        given["entities"].texts() if "entities" in given else (),
        given["labels"].texts() if "labels" in given else (),
    )


def _floors(item: Item) -> tuple[Floor, ...]:
    found = []
    for one in item.many():
        given = one.table(("asset", "fiat", "amount"), ("amount",))
        if ("asset" in given) == ("fiat" in given):
            raise one.bad("an amount is of one asset or in one currency", "Write {fiat: USD, amount: 1000}.")
        fiat = given["fiat"].text() if "fiat" in given else None
        if fiat is not None and not (len(fiat) == 3 and fiat.isalpha() and fiat.isupper()):
            raise given["fiat"].bad(f"{fiat!r} is no currency", "Write its ISO 4217 code, e.g. USD.")
        asset = given["asset"].text() if "asset" in given else None
        found.append(Floor(given["amount"].decimal(), asset, fiat))
    return tuple(found)


def _designated(item: Item) -> bool:
    if not item.flag():
        raise item.bad("designated: false says nothing", "Leave it out.")
    return True


def _findings(item: Item) -> Findings:
    given = item.table(("rules", "levels"))
    return Findings(
        given["rules"].texts() if "rules" in given else ("*",),
        frozenset(given["levels"].texts()) if "levels" in given else frozenset(),
    )


def never_blocks(condition: Condition) -> str:
    """Why nothing that this condition asks for may block; "" where it may."""
    if condition.of_exposures and condition.solicited is False:
        return "inflow that nobody asked for never blocks alone"
    exposures_only = condition.category and condition.type and "ownership" not in condition.type
    if exposures_only and all((word, condition.side) in PROTECTED_SIDES for word in condition.category):
        return "who is on this side of such money may be its victim"
    if not condition.of_exposures and not condition.designated:
        return "a finding, a burst or a mark of protection is no proof: it is reviewed"
    return ""


def check_block(item: Item, alternatives: tuple[Condition, ...]) -> None:
    """Refuse a rule that blocks and never may."""
    if why := next((why for one in alternatives if (why := never_blocks(one))), ""):
        raise item.bad(f"this rule cannot block: {why}", "Write verdict: review.")


def check_clear(item: Item, alternatives: tuple[Condition, ...]) -> None:
    """Refuse a rule that sets aside more than a person can have meant."""
    problem = ""
    for one in alternatives:
        if not one.of_exposures or one.of_subject:
            problem = "only exposures can be set aside"
        elif one.share_at_least is not None or one.amount_at_least:
            problem = "what is set aside has no floor: a larger amount would be milder"
        elif not one.category and one.tags is None:
            problem = "it would set aside everything"
        elif not one.category and not _named_in_full(one):
            problem = "without a category it is of entities that are named in full"
        elif one.category & _NEVER_ASIDE and not _named_in_full(one):
            problem = "sanctions, terrorism and child abuse are set aside for one entity at most"
    if problem:
        raise item.bad(f"this rule cannot say clear: {problem}", "Name a category or the entities it means.")


def _named_in_full(condition: Condition) -> bool:
    """Whether it is of entities, none of them a pattern that others would match too."""
    entities = condition.tags.entities if condition.tags else ()
    return bool(entities) and not any(set("*?[") & set(name) for name in entities)


_NEVER_ASIDE = {"sanction", "terrorism", "terrorism_financing", "child_sexual_abuse"}


def covers(aside: Condition, one: Condition) -> bool:
    """Whether every exposure that `one` asks for is one that `aside` asks for."""
    if not one.of_exposures:
        return False
    for name in EXPOSURE_KEYS:
        wide, narrow = getattr(aside, name), getattr(one, name)
        if wide in (None, frozenset(), ()):
            continue
        if isinstance(wide, frozenset):
            if not narrow or not narrow <= wide:
                return False
        elif wide != narrow:
            return False
    return not aside.subject or (bool(one.subject) and one.subject <= aside.subject)
