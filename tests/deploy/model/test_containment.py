"""Nothing that a repository names lies outside of it."""

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from supervisor.deploy.model.containment import (
    check_model,
    check_sources,
    file_within,
    optional_file_within,
)
from supervisor.deploy.model.sources import Sources, find_sources
from supervisor.errors import DeployRefused
from tests.support.texts import PATHS, TEXTS


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout full of links: to itself, upwards, outside, and within."""
    root = tmp_path_factory.mktemp("tree") / "checkout"
    (root / "a" / "in").mkdir(parents=True)
    for folder in (root, root / "a", root / "a" / "in"):
        (folder / "b.yml").write_text("inside")
        (folder / "out").symlink_to("/etc")
        (folder / "up").symlink_to("..")
        (folder / "loop").symlink_to("loop")
        (folder / "é").symlink_to("b.yml")
    (root / "in").symlink_to("a/in")
    (root.parent / "b.yml").write_text("outside")
    return root


@given(PATHS)
@example("up/b.yml")
@example("a/up/b.yml")
@example("in/b.yml")
@example("out/passwd")
@example("loop")
@example("x" * 300)
@example("b.yml/x")
@example("a\0")
def test_a_file_is_refused_or_lies_inside_of_the_checkout(checkout: Path, path: str) -> None:
    try:
        found = file_within(checkout, path)
    except DeployRefused as refused:
        assert "outside" not in str(refused).removeprefix(path).split("(")[0]
    else:
        assert found.resolve().is_relative_to(checkout)
        assert found.read_text() == "inside"


# Links to themselves, and what is no path: each ended a run as "Broken"


LOOP = "loop is a link that leads to itself"


def test_a_link_to_itself_is_refused_by_its_name(checkout: Path) -> None:
    for look in (file_within, optional_file_within):
        with pytest.raises(DeployRefused, match=LOOP):
            look(checkout, "loop")
    assert optional_file_within(checkout, "missing") is None
    assert optional_file_within(checkout, "b.yml/x") is None


def test_a_dotenv_that_is_a_link_to_itself_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "checkout"
    root.mkdir()
    (root / "compose.yml").write_text("services: {web: {env_file: web.env}}")
    (root / ".env").symlink_to(".env")
    with pytest.raises(DeployRefused, match=r"^\.env is a link that leads to itself"):
        check_sources(find_sources(root, ["compose.yml"]), root, tmp_path)
    (root / ".env").unlink()
    (root / "web.env").symlink_to("web.env")
    with pytest.raises(DeployRefused, match=r"web\.env is a link that leads to itself"):
        check_sources(find_sources(root, ["compose.yml"]), root, tmp_path)


def test_a_source_or_context_that_is_no_path_is_refused_by_its_key(checkout: Path) -> None:
    def bind(source: str) -> dict[str, object]:
        return {"volumes": [{"type": "bind", "source": source}]}

    def build(context: str) -> dict[str, object]:
        return {"build": {"context": context}}

    def extra(context: str) -> dict[str, object]:
        return {"build": {"context": "/", "additional_contexts": {"x": context}}}

    for make in (bind, build, extra):
        for path, words in (
            (f"{checkout}/loop", "is a link that leads to itself"),
            (f"{checkout}/loop/x", "is a link that leads to itself"),
            (f"{checkout}/a\0b", r"a\\x00b can be no path on this machine"),
            (f"{checkout}/a\ud800b", r"a\\ud800b can be no path on this machine"),
        ):
            with pytest.raises(DeployRefused, match=rf"^services\.web\..*{words}"):
                check_model({"services": {"web": make(path)}}, checkout, checkout.parent)
    model = {"services": {"web": {}}, "configs": {"c": {"file": f"{checkout}/loop"}}}
    with pytest.raises(DeployRefused, match=r"^configs\.c\.file loop is a link"):
        check_model(model, checkout, checkout.parent)


@given(st.lists(PATHS, max_size=5), st.lists(TEXTS, max_size=3))
def test_any_names_of_sources_are_refused_or_taken(
    checkout: Path, paths: list[str], texts: list[str]
) -> None:
    sources = Sources(".env")
    for path in paths:
        sources.add(path)
        sources.add_env_file("web", "env file", path)
    volumes = [{"type": "bind", "source": f"/{text}"} for text in texts]
    try:
        check_sources(sources, checkout, checkout.parent)
        check_model({"services": {"web": {"volumes": volumes}}}, checkout, checkout.parent)
    except DeployRefused as refused:
        assert str(refused).isprintable()
