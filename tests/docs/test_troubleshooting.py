"""docs/troubleshooting.md has every error message that Supervisor gives, with its cure."""

from tests.docs.messages import PASSED_ON, hidden, messages
from tests.docs.pages import codes, page, rows, section

PAGE = page("docs/troubleshooting.md")
BY_PLACE = PAGE[PAGE.index("## At the start") :]
DOCUMENTED = {code: row for row in rows(BY_PLACE) if row[0] != "message" for code in codes(row[0])}


def test_every_message_of_the_code_is_there() -> None:
    missing = {text: file for text, file in messages().items() if text not in DOCUMENTED}
    rows_to_add = [f"| `{text}` | what to do |    (from {file})" for text, file in missing.items()]
    assert not missing, "add to a table of docs/troubleshooting.md:\n" + "\n".join(rows_to_add)


def test_it_has_no_message_that_nobody_gives() -> None:
    stale = DOCUMENTED.keys() - messages().keys()
    assert not stale, "take out of docs/troubleshooting.md:\n" + "\n".join(sorted(stale))


def test_every_message_has_a_cure() -> None:
    assert len(DOCUMENTED) > 200
    for code, row in DOCUMENTED.items():
        assert len(row) == 2 and row[1].endswith("."), code


def test_no_text_of_an_error_is_hidden_from_this_test() -> None:
    unseen = set(hidden()) - PASSED_ON
    assert not unseen, (
        "give these errors their text where they are made, or say in tests/docs/messages.py"
        " where it comes from (ELSEWHERE, PASSED_ON):\n" + "\n".join(sorted(unseen))
    )
    assert not PASSED_ON - set(hidden())


def test_what_to_look_at_is_named() -> None:
    assert len(list(rows(section(PAGE, "Where to look")))) > 4
