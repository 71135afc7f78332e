"""What a YAML file says, at a cost that grows with its size alone.

Only mappings, lists and texts are of interest here: a number stays the text that it is written in,
and a tag changes nothing. So nothing is computed from what a repository wrote.
"""

from collections.abc import Iterator
from typing import Any

import yaml

# Compose's own library refuses a document in which aliases stand for too many of its values:
# https://github.com/go-yaml/yaml/blob/v3/decode.go (allowedAliasRatio)
FEW, MANY = 400_000, 4_000_000
OF_FEW, OF_MANY = 0.99, 0.10
DEEPEST = 200
MERGE = "<<"
NOTHING = ("", "~", "null", "Null", "NULL")

# libyaml's loader, where there is one, takes a third of the time.
_Loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


class Unreadable(ValueError):
    """A file is no YAML, or its aliases make it far larger than it is."""


def read_documents(content: bytes) -> list[Any]:
    """Return the documents of a file; raise Unreadable."""
    try:
        nodes = list(yaml.compose_all(content, Loader=_Loader))
        return [_Values().of(node) for node in nodes if node is not None]
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise Unreadable(str(error)) from None


class _Values:
    """The values of one document: each of its nodes has one, however often it is named."""

    def __init__(self) -> None:
        self._known: dict[int, Any] = {}
        self._sizes: dict[int, int] = {}
        self._open: set[int] = set()
        self._written = 0
        self._aliased = 0

    def of(self, node: yaml.Node, depth: int = 0) -> Any:
        """Return the value of a node."""
        if isinstance(node, yaml.ScalarNode):
            self._written += 1
            return None if not node.style and node.value in NOTHING else node.value
        number = id(node)
        if number in self._known:
            self._aliased += self._sizes[number]
            self._check()
            return self._known[number]
        if number in self._open or depth > DEEPEST:
            raise Unreadable("contains itself, or too many in each other")
        self._open.add(number)
        before = self._written + self._aliased
        self._written += 1
        self._known[number] = self._made(node, depth + 1)
        self._sizes[number] = self._written + self._aliased - before
        self._open.remove(number)
        return self._known[number]

    def _made(self, node: yaml.Node, depth: int) -> Any:
        if isinstance(node, yaml.SequenceNode):
            return [self.of(item, depth) for item in node.value]
        own: dict[Any, Any] = {}
        merged: dict[Any, Any] = {}
        for key, value in node.value:
            if _is_merge(key):
                for each in self._mappings(value, depth):
                    for name, inner in each.items():
                        merged.setdefault(name, inner)  # of several, the first one wins
            elif isinstance(key, yaml.ScalarNode):
                own[key.value] = self.of(value, depth)
        return merged | own

    def _mappings(self, node: yaml.Node, depth: int) -> Iterator[dict[Any, Any]]:
        values = self.of(node, depth)
        for value in values if isinstance(values, list) else [values]:
            if isinstance(value, dict):
                yield value

    def _check(self) -> None:
        every = self._written + self._aliased
        part = min(1.0, max(0.0, (every - FEW) / (MANY - FEW)))
        if every > FEW and self._aliased > every * (OF_FEW - (OF_FEW - OF_MANY) * part):
            raise Unreadable("has excessive aliases")


def _is_merge(key: yaml.Node) -> bool:
    return isinstance(key, yaml.ScalarNode) and key.value == MERGE and not key.style
