"""Removing a stack: its containers, then what Supervisor keeps of it."""

import shutil

from supervisor.deploy.apply import compose_for
from supervisor.deploy.recipe import Recipe
from supervisor.errors import FilesOfOthers

EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"  # git knows it without having it


def tear_down(recipe: Recipe, *, volumes: bool) -> str:
    """Remove containers and networks, volumes only if asked; then the checkout."""
    recipe.check_own("delete")
    spec = recipe.spec
    kept = "with its volumes" if volumes else "volumes stay"
    recipe.step("down", f"Removing the containers of project {spec.project}, {kept}")
    compose_for(recipe.engine, spec.project).down(recipe.limits.down, volumes=volumes)
    recipe.step("clean up", "Removing the checkout")
    _remove_checkout(recipe, everything=volumes)
    return "Deleted"


def _remove_checkout(recipe: Recipe, *, everything: bool) -> None:
    """Remove what git put there; what containers wrote into it goes only with the volumes.

    Raise FilesOfOthers for what this user cannot remove.
    """
    place, git = recipe.place, recipe.mirror
    tree = place.checkout
    if place.mirror.exists():
        if tree.path.exists() and not everything:
            git.checkout(EMPTY_TREE, tree.path, tree.index, recipe.limits.checkout)
        git.delete_references(place.references)
    for own in (place.aside, place.plan):
        own.remove()
    tree.index.unlink(missing_ok=True)
    tree.whole.unlink(missing_ok=True)
    (place.folder / "overrides.json").unlink(missing_ok=True)
    if everything:
        shutil.rmtree(place.folder, ignore_errors=True)
        if place.folder.exists():
            raise FilesOfOthers(place.folder)
    for path in (tree.path, place.folder):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()
