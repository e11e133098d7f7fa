"""XML read as a stream of records, each with the line it stands on; what lies between is never kept.

No document type is allowed: claim files need none, and entities declared there can be made to grow without end
(CWE-776) or to read other files (CWE-611).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import NoReturn
from xml.parsers import expat

from adapters.intel.found import Unreadable

_CHUNK = 1 << 16
_DEEPEST = 100
"""Elements inside one another in a record: OFAC's have about ten. More would exhaust the stack."""


@dataclass(slots=True)
class Element:
    """One element, its name without prefix. `line` is where it starts."""

    name: str
    attributes: dict[str, str]
    line: int
    text: str = ""
    children: list[Element] = field(default_factory=list)

    def all(self, *path: str) -> list[Element]:
        """The elements at the end of a path of names, in document order."""
        found = [self]
        for name in path:
            found = [child for element in found for child in element.children if child.name == name]
        return found

    def first(self, *path: str) -> str:
        """The text of the first element at the end of a path, "" where there is none."""
        found = self.all(*path)
        return " ".join(found[0].text.split()) if found else ""

    def below(self, name: str) -> Iterator[Element]:
        """Every element of that name, however deep."""
        for child in self.children:
            if child.name == name:
                yield child
            yield from child.below(name)


def records(text: str, names: Collection[str]) -> Iterator[Element]:
    """Every element of one of these names, whole; not those inside another one.

    Raises `Unreadable` for what is no well-formed XML, also where that shows only at the end, or nested too deep.
    """
    done: list[Element] = []
    open_: list[Element] = []
    parser = expat.ParserCreate()
    parser.buffer_text = True

    def start(name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(":")[2]
        if len(open_) == _DEEPEST:
            raise Unreadable(
                parser.CurrentLineNumber, f"elements lie more than {_DEEPEST} deep in one another"
            )
        if open_ or local in names:
            element = Element(local, attributes, parser.CurrentLineNumber)
            if open_:
                open_[-1].children.append(element)
            open_.append(element)

    def end(_: str) -> None:
        if open_:
            element = open_.pop()
            if not open_:
                done.append(element)

    def characters(data: str) -> None:
        if open_:
            open_[-1].text += data

    def refuse(*_: object) -> NoReturn:
        raise Unreadable(parser.CurrentLineNumber, "the file declares a document type, which is not read")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = characters
    parser.StartDoctypeDeclHandler = refuse
    try:
        for at in range(0, len(text), _CHUNK):
            parser.Parse(text[at : at + _CHUNK], False)
            yield from done
            done.clear()
        parser.Parse("", True)
    except expat.ExpatError as error:
        problem = expat.ErrorString(error.code)
        raise Unreadable(error.lineno, f"the file is no well-formed XML: {problem}") from error
    yield from done
