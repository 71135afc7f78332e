"""Each part of an app is kept once, and found by its class."""

import pytest
from flask import Flask

from supervisor.settings.parts import drop, find, keep, part_of


class Lamp:
    """A part."""


def test_a_part_is_found_by_its_class() -> None:
    app, lamp = Flask("parts"), Lamp()
    keep(app, lamp)
    with app.app_context():
        assert part_of(Lamp) is find(Lamp) is lamp
    assert part_of(Lamp, app) is lamp


def test_a_later_part_takes_the_place_of_the_former() -> None:
    app, later = Flask("parts"), Lamp()
    keep(app, Lamp())
    keep(app, later)
    assert find(Lamp, app) is later


def test_what_was_dropped_is_given_once() -> None:
    app, lamp = Flask("parts"), Lamp()
    keep(app, lamp)
    assert drop(app, Lamp) is lamp
    assert drop(app, Lamp) is find(Lamp, app) is None


def test_an_app_without_the_part_says_which() -> None:
    assert find(Lamp, Flask("parts")) is None
    assert drop(Flask("parts"), Lamp) is None
    with pytest.raises(LookupError, match="The app has no Lamp"):
        part_of(Lamp, Flask("parts"))
