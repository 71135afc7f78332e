"""What a command says is plain text."""

from supervisor.cli.exits import printable


def test_nothing_that_is_shown_steers_a_terminal() -> None:
    assert printable("a\x1b[2Jb\x9bc\r\u202ed") == "a\\x1b[2Jb\\x9bc\\r\\u202ed"
