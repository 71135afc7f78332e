"""Run what proves the rows of the fault plan, and print a line for each row.

python -m tests.faults [PYTEST ARGUMENTS…]
"""

import sys
import time

import pytest

from tests.faults.rows import ROWS

SIDE_BY_SIDE = ("--numprocesses", "4", "--dist", "loadfile")
WIDTH = max(map(len, ROWS.values()))


class Rows:
    """Collect how the tests of each row ended."""

    def __init__(self) -> None:
        """Begin with no row proven."""
        self._seconds: dict[str, float] = {}
        self._tests: dict[str, set[str]] = {}
        self._failed: dict[str, set[str]] = {}
        self._begun = time.monotonic()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a test, and its set-up and clean-up, for each of its rows."""
        for name, row in report.user_properties:
            if name == "row":
                self._seconds[str(row)] = self._seconds.get(str(row), 0) + report.duration
                self._tests.setdefault(str(row), set()).add(report.nodeid)
                if report.failed:
                    self._failed.setdefault(str(row), set()).add(report.nodeid)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print a line for each row: its id, what happens, how it went, how long it took."""
        write = terminalreporter.write_line
        terminalreporter.section("the rows of the fault plan")
        for row, what in ROWS.items():
            write(f"{row:<4} {what:<{WIDTH}}  {self._result(row)}")
        missing = [row for row in ROWS if row not in self._tests]
        write("")
        write(
            f"{len(ROWS) - len(missing)} of {len(ROWS)} rows have tests, "
            f"{len(self._failed)} FAILED, {time.monotonic() - self._begun:.0f} s in all"
        )
        if missing:
            write(f"Not covered yet: {' '.join(missing)}")

    def _result(self, row: str) -> str:
        if row not in self._tests:
            return "not covered"
        count = len(self._tests[row])
        tests = f"{count} test{'' if count == 1 else 's'}"
        word = "FAILED" if row in self._failed else "ok"
        return f"{word:<6} {self._seconds[row]:6.1f} s  {tests}"


if __name__ == "__main__":
    options = [*SIDE_BY_SIDE, "--long", "-m", "row", "--quiet", "--no-header"]
    sys.exit(pytest.main([*options, *sys.argv[1:]], plugins=[Rows()]))
