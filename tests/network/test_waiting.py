"""Who waits makes room for who comes."""

from supervisor.network.places import Places
from supervisor.network.waiting import Waiting


class Line:
    """A connection that remembers whether it was ended."""

    ended = False

    def shutdown(self, _how: int) -> None:
        self.ended = True


def test_the_oldest_of_the_client_that_has_most_makes_room() -> None:
    waiting = Waiting(most=4)
    other, *lines = [Line() for _ in range(6)]
    waiting.add(other, "192.0.2.2")
    for line in lines:
        waiting.add(line, "192.0.2.1")
    assert [line.ended for line in lines] == [True, True, False, False, False]
    assert not other.ended


def test_who_has_said_what_it_wants_is_left_alone() -> None:
    waiting = Waiting(most=2)
    served, *lines = [Line() for _ in range(4)]
    waiting.add(served, "192.0.2.1")
    waiting.remove(served)
    waiting.remove(served)
    for line in lines:
        waiting.add(line, "192.0.2.1")
    assert (served.ended, lines[0].ended) == (False, True)


def test_one_that_begins_anew_is_the_newest() -> None:
    waiting = Waiting(most=2)
    first, second, third = Line(), Line(), Line()
    for line in (first, second, first, third):
        waiting.add(line, "192.0.2.1")
    assert (first.ended, second.ended, third.ended) == (False, True, False)


def test_places_are_few_in_all_and_for_each_client() -> None:
    places = Places(in_all=3, each=2)
    assert [places.take("192.0.2.1") for _ in range(3)] == [True, True, False]
    assert [places.take(f"2001:db8::{n}") for n in range(2)] == [True, False]
    places.give_back("192.0.2.1")
    assert [places.take("2001:db8::9"), places.take("2001:db8::9")] == [True, False]
