"""The images that the engine has. Their names may hold a variable, so they are no argument."""

from collections.abc import Mapping

from supervisor.commands.docker.engine import CALL_SECONDS, Engine

COLUMNS = "\t".join(f"{{{{.{name}}}}}" for name in ("Repository", "Tag", "Digest", "ID"))


def local_images(engine: Engine, seconds: float) -> dict[str, str]:
    """Return the id of each image by its names: with tag, with digest, and the id itself."""
    ls = ("image", "ls", "--digests", "--no-trunc", "--format", COLUMNS)
    text = engine.docker(*ls, seconds=seconds)
    found: dict[str, str] = {}
    for line in text.splitlines():
        repository, tag, digest, image = line.split("\t")
        found |= {f"{repository}:{tag}": image, f"{repository}@{digest}": image, image: image}
    return found


def find_image(local: Mapping[str, str], name: str) -> str | None:
    """Return the id that a name stands for among these images, None where it's none of them."""
    plain = name.removeprefix("docker.io/").removeprefix("library/")
    tagged = ":" in plain.rpartition("/")[2] or "@" in plain
    return local.get(plain if tagged else f"{plain}:latest")


def image_id(engine: Engine, name: str) -> str | None:
    """Return the id that an image's name stands for now, None where there is no such image."""
    return find_image(local_images(engine, CALL_SECONDS), name)


def tag_image(engine: Engine, image: str, name: str) -> None:
    """Let a name stand for an image."""
    engine.docker("image", "tag", "--", image, name)
