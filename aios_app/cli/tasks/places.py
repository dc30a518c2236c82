"""JSON of which each value is known by its place in the file, for errors that name it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from aios_app.domain.errors import UsageError

_BLANK = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class Node:
    """A value and where it begins.

    ``value`` of an object is the list of its members, a key that is there twice included; of an array the
    list of its nodes.
    """

    value: Any
    at: int
    kind: str  #: ``object``, ``array`` or ``scalar``


@dataclass(frozen=True, slots=True)
class Member:
    """One ``"key": value`` of an object."""

    key: str
    at: int
    node: Node


class Source:
    """The text of a file, and the name by which errors call it."""

    def __init__(self, label: str, text: str) -> None:
        self.label = label
        self.text = text

    def place(self, at: int) -> str:
        """``tasks/deploy.json:7:12``."""
        line, column = self.text.count("\n", 0, at) + 1, at - self.text.rfind("\n", 0, at)
        return f"{self.label}:{line}:{column}"

    def error(self, at: int, says: str) -> UsageError:
        """The error to raise for what stands there."""
        return UsageError(f"{self.place(at)}: {says}")

    def parse(self) -> Node:
        """The value that the text is; raises ``UsageError`` where it is no JSON."""
        try:
            json.loads(self.text)
            return _node(self.text, _past_blank(self.text, 0))[0]
        except json.JSONDecodeError as error:
            raise self.error(error.pos, f"not JSON: {error.msg[:1].lower()}{error.msg[1:]}") from error
        except (RecursionError, ValueError) as error:
            raise self.error(
                0, "not JSON that can be read: nested too deeply, or a number too long"
            ) from error


def _node(text: str, at: int) -> tuple[Node, int]:
    """The value at this place, and where it ends. The text is known to be JSON."""
    if text[at] == "{":
        members, end = _object(text, at)
        return Node(members, at, "object"), end
    if text[at] == "[":
        nodes, end = _array(text, at)
        return Node(nodes, at, "array"), end
    value, end = _DECODER.raw_decode(text, at)
    return Node(value, at, "scalar"), end


def _object(text: str, start: int) -> tuple[list[Member], int]:
    members: list[Member] = []
    at = _past_blank(text, start + 1)
    while text[at] != "}":
        key, end = _DECODER.raw_decode(text, at)
        colon = _past_blank(text, end)
        node, end = _node(text, _past_blank(text, colon + 1))
        members.append(Member(key, at, node))
        at = _past_comma(text, end)
    return members, at + 1


def _array(text: str, start: int) -> tuple[list[Node], int]:
    nodes: list[Node] = []
    at = _past_blank(text, start + 1)
    while text[at] != "]":
        node, end = _node(text, at)
        nodes.append(node)
        at = _past_comma(text, end)
    return nodes, at + 1


def _past_comma(text: str, at: int) -> int:
    at = _past_blank(text, at)
    return _past_blank(text, at + 1) if text[at] == "," else at


def _past_blank(text: str, at: int) -> int:
    match = _BLANK.match(text, at)
    return match.end() if match else at
