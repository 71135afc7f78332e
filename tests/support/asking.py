"""Whether others are answered while something goes on."""

import threading
import time

import requests


class Asking:
    """Somebody else's questions meanwhile: /up, again and again; each has to be answered."""

    def __init__(self, url: str) -> None:
        """Ask this service."""
        self.took: list[float] = []
        self.seconds = 0.0
        self._url = url
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._ask)
        self._begun = time.monotonic()

    def __enter__(self) -> "Asking":
        """Begin to ask."""
        self._begun = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        """Ask no more; at least one question was asked."""
        self._done.set()
        self._thread.join()
        self.seconds = time.monotonic() - self._begun

    def check_nobody_waited(self) -> None:
        """Nine of ten answers took less than a tenth of what went on meanwhile.

        A ratio: on a machine with other things to do, both take longer.
        """
        longest_of_most = sorted(self.took)[int(len(self.took) * 0.9)]
        assert longest_of_most < self.seconds / 10, (longest_of_most, self.seconds)

    def _ask(self) -> None:
        with requests.Session() as session:
            while not self.took or not self._done.wait(0.02):
                begun = time.monotonic()
                assert session.get(f"{self._url}/up", timeout=60).status_code == 200
                self.took.append(time.monotonic() - begun)
