"""Taking secrets out of text that is stored or shown."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from ahocorasick_rs import AhoCorasick

from supervisor.security.forms import forms, short_lines
from supervisor.security.secret import MASK

SHORTEST = 6  # shorter values would blank out ordinary words
# Longer forms are looked for in pieces: so nothing is compared for longer than this, and a part of
# a secret is found too.
LONGEST = 64
WORD = 3  # shorter lines of a secret would blank out the ends of ordinary lines
AROUND = " \t\"'"

Span = tuple[int, int]


class Redactor:
    """Replace secret values by a mask, in each form that tools print them in.

    The work for a text does not depend on how many secrets there are: one automaton finds where
    one may begin, by the first characters, and those that begin so are looked up.
    """

    def __init__(self, values: Iterable[str]) -> None:
        self._pieces: set[str] = set()
        self._short: set[str] = set()
        for value in values:
            self._short.update(short_lines(value, SHORTEST))
            for form in dict.fromkeys(forms(value)):
                self._pieces.update(_pieces(form))
        lengths: dict[str, set[int]] = defaultdict(set)
        for piece in self._pieces:
            lengths[_sound(piece[:SHORTEST])].add(len(piece))
        self._lengths = {head: sorted(each, reverse=True) for head, each in lengths.items()}
        self._heads = AhoCorasick(self._lengths, store_patterns=False) if lengths else None

    def __call__(self, text: str) -> str:
        """Return the text without the secrets."""
        return _masked(text, sorted([*self._found(text), *self._ends_of_lines(text)]))

    def _found(self, text: str) -> Iterator[Span]:
        if self._heads is None:
            return
        sound = _sound(text)
        # All heads have one length, so there is one at most at each place.
        for _head, start, end in self._heads.find_matches_as_indexes(sound, overlapping=True):
            for length in self._lengths[sound[start:end]]:
                if text[start : start + length] in self._pieces:
                    yield start, start + length
                    break

    def _ends_of_lines(self, text: str) -> Iterator[Span]:
        """Give the short lines of secrets, alone or behind what a tool puts before each line."""
        if not self._short:
            return
        at = 0
        for line in text.split("\n"):
            end = len(line.rstrip(AROUND))
            start = end - len(line[:end].lstrip(AROUND))
            if line[start:end] in self._short:
                yield at + start, at + end
            for length in range(WORD, min(SHORTEST, end)):
                if line[end - length : end] in self._short and not line[end - length - 1].isalnum():
                    yield at + end - length, at + end
            at += len(line) + 1


def _pieces(form: str) -> Iterator[str]:
    if len(form) <= LONGEST:
        if len(form) >= SHORTEST:
            yield form
        return
    for start in (*range(0, len(form) - LONGEST, LONGEST), len(form) - LONGEST):
        piece = form[start : start + LONGEST]
        if len(piece.strip()) >= SHORTEST:
            yield piece


def _sound(text: str) -> str:
    """Return a text of the same length without halves of characters, which the library refuses."""
    return text.encode(errors="replace").decode()


def _masked(text: str, spans: Iterable[Span]) -> str:
    """Put a mask in the place of each part; those that overlap or touch are one."""
    shown: list[str] = []
    until = 0
    for start, end in spans:
        if start > until or not shown:
            shown.append(text[until:start])
        until = max(until, end)
    return MASK.join([*shown, text[until:]])
