"""Expressions for what command lines print whose work grows with the length of the text alone."""


def between(start: str, end: str, filling: str = ".") -> str:
    """Return an expression for two others with anything of a line between them.

    `start.*end` looks through the rest of the line from each start on. What lies between here has
    no other start, so each character is looked at from one start only; it finds the same texts.
    """
    return rf"{start}(?:(?!{start}){filling})*{end}"
