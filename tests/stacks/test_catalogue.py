"""The project made from a name is one that Compose takes."""

import re
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from supervisor.stacks import catalogue


@given(st.text(max_size=300).filter(str.strip))
def test_the_project_made_of_a_name_is_one_that_compose_takes(name: str) -> None:
    first, second = (catalogue.project_name(name, str(uuid4())) for _ in range(2))
    assert re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,62}", first)
    assert first != second
