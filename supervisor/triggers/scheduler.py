"""The `schedule` loop, in a greenlet: finds what is due and submits it."""

import logging
import time
from collections.abc import Callable
from datetime import timedelta

import gevent
import schedule
from flask import Flask
from gevent.threadpool import ThreadPool

from supervisor import failpoints
from supervisor.commands.process.shell import Shell
from supervisor.diagnostics.engine import EngineProbe
from supervisor.diagnostics.pulse import Pulse
from supervisor.settings.config import Config
from supervisor.stacks import control, mirrors
from supervisor.store.models import now
from supervisor.triggers import polls, timers
from supervisor.triggers.poll_queue import CheckQueue

log = logging.getLogger("supervisor.scheduler")

TICK_SECONDS = 1
CHECKS_AT_ONCE = 8
ENGINE_SECONDS = 15
CLOCK_SET_SECONDS = 10
TIDY_HOURS = 24


class Scheduler:
    """Trigger polls, retries and probes; every job runs in a real thread."""

    def __init__(self, app: Flask, config: Config, probe: EngineProbe, pulse: Pulse) -> None:
        self._app = app
        self._config = config
        self._probe = probe
        self._pulse = pulse
        self._jobs = schedule.Scheduler()
        self._own = ThreadPool(1)
        self._queue = CheckQueue()
        self._checks = ThreadPool(CHECKS_AT_ONCE)
        self._tidying = ThreadPool(1)
        self._offset = time.time() - time.monotonic()
        self._stopped = False

    def start(self) -> None:
        """Begin to tick."""
        self._jobs.every(TICK_SECONDS).seconds.do(self._guard(self._submit_checks))
        self._jobs.every(TICK_SECONDS).seconds.do(self._guard(lambda: timers.submit_retries(now())))
        self._jobs.every(TICK_SECONDS).seconds.do(self._guard(lambda: control.resume_due(now())))
        self._jobs.every(TIDY_HOURS).hours.do(self._guard(self._tidy))
        self._jobs.every(ENGINE_SECONDS).seconds.do(self._guard(self._probe.ask))
        self._own.apply(self._guard(timers.spread_overdue_checks))
        self._own.spawn(self._guard(self._probe.ask))
        gevent.spawn(self._loop)

    def stop(self) -> None:
        """Trigger nothing more; from any thread, and only its own could kill the greenlet."""
        self._stopped = True

    def _loop(self) -> None:
        while not self._stopped:
            self._own.apply(self._guard(self._tick))
            gevent.sleep(TICK_SECONDS)

    def _tick(self) -> None:
        failpoints.reach("tick")
        self._notice_clock()
        self._jobs.run_pending()
        self._pulse.beat()

    def _guard(self, job: Callable[[], None]) -> Callable[[], None]:
        """Log what a job raises and go on: `schedule` would skip the jobs after it."""

        def guarded() -> None:
            try:
                with self._app.app_context():
                    job()
            except Exception:
                log.exception("A scheduled job met an error and will be tried again")

        return guarded

    def _notice_clock(self) -> None:
        """Move what is due when somebody sets the clock, so that polls neither stop nor burst."""
        offset = time.time() - time.monotonic()
        moved = offset - self._offset
        if abs(moved) > CLOCK_SET_SECONDS:
            log.warning("The clock was set by %+.0f s; due times move with it", moved)
            timers.shift_times(timedelta(seconds=moved))  # where this fails, the next tick does it
            for job in self._jobs.jobs:
                job.next_run = job.next_run and job.next_run + timedelta(seconds=moved)
            self._offset = offset

    def _submit_checks(self) -> None:
        """Queue each repository that is due, and have threads ask; it stays due until they did."""
        stacks_due = timers.due_for_check(now(), self._queue.stacks)
        self._queue.add(polls.group(stacks_due, self._config))
        for _ in range(min(self._queue.waiting, CHECKS_AT_ONCE - len(self._checks))):
            self._to_thread(self._checks, self._check)

    def _tidy(self) -> None:
        self._to_thread(self._tidying, lambda: mirrors.tidy_mirrors(self._config))

    def _check(self) -> None:
        """Ask one repository after the other, until it is nobody's turn."""
        shell = Shell(log=lambda _: None, marker=f"{self._config.marker}check")
        while True:
            with self._queue.turn() as check:
                if check is None:
                    return
                polls.perform(check, shell, self._config.limits.ls_remote)

    def _to_thread(self, pool: ThreadPool, job: Callable[[], None]) -> None:
        """Let another thread do it: a pool takes work only from its own hub's thread."""
        pool.hub.loop.run_callback_threadsafe(gevent.spawn, pool.spawn, self._guard(job))
