"""Drift: one stream of the engine's events keeps each stack's health true, and heals it."""

import logging
import threading
import time
from datetime import timedelta

from flask import Flask

from supervisor import wellbeing
from supervisor.attempt import state_of
from supervisor.commands import docker
from supervisor.commands.docker import Container
from supervisor.commands.shell import Cancellation, Shell
from supervisor.config import Config
from supervisor.deploy.health import find_drift, judge
from supervisor.deploy.state import AppliedState
from supervisor.errors import CommandCancelled, SupervisorError
from supervisor.models import Stack, now

log = logging.getLogger(__name__)

STREAM_SECONDS = 24 * 3600
RECONNECT_SECONDS = (1, 2, 5, 10, 30)
SETTLE_SECONDS = 0.3  # what belongs to one change arrives together
LATER_SECONDS = 5
CALM_SECONDS = 600
HEAL_PAUSES = (0, 10, 30, 60, 300, 900)


class Watcher:
    """Two threads: one listens to the engine, one looks at what something happened to."""

    def __init__(self, app: Flask, config: Config) -> None:
        self._app = app
        self._config = config
        self._cancellation = Cancellation()
        self._changed = threading.Condition()
        self._projects: set[str] = set()
        self._everything = True

    def start(self) -> None:
        """Begin to listen and to look."""
        for work in (self._listen, self._look):
            threading.Thread(target=work, name=f"watcher{work.__name__}", daemon=True).start()

    def stop(self) -> None:
        """End both threads."""
        self._cancellation.cancel("Supervisor is stopping")
        with self._changed:
            self._changed.notify_all()

    @property
    def _stopped(self) -> bool:
        return self._cancellation.reason is not None

    def _listen(self) -> None:
        """Keep the stream open; while it was broken anything may have happened."""
        broken = 0
        while not self._stopped:
            shell = Shell(
                log=self._note,
                cancellation=self._cancellation,
                marker=f"{self._config.marker}events",
            )
            began = time.monotonic()
            self._note(None)
            try:
                docker.follow_events(shell, STREAM_SECONDS)
            except CommandCancelled:
                return
            except SupervisorError as error:
                broken = 0 if time.monotonic() - began > 60 else broken + 1
                if broken == 1:
                    log.warning("The engine's events broke off, trying again: %s", error)
            time.sleep(RECONNECT_SECONDS[min(broken, len(RECONNECT_SECONDS) - 1)])

    def _note(self, projects: list[str] | None) -> None:
        """Remember whom to look at; None stands for all."""
        with self._changed:
            self._projects.update(projects or ())
            self._everything = self._everything or projects is None
            self._changed.notify_all()

    def _look(self) -> None:
        while not self._stopped:
            with self._changed:
                self._changed.wait_for(
                    lambda: self._projects or self._everything or self._stopped, timeout=5
                )
            time.sleep(SETTLE_SECONDS)
            with self._changed:
                projects, self._projects = self._projects, set()
                everything, self._everything = self._everything, False
            try:
                with self._app.app_context():
                    later = self._look_at(wellbeing.watched(None if everything else projects))
                self._again_soon(later)
            except SupervisorError as error:
                log.debug("The engine does not tell how the stacks fare: %s", error)
                time.sleep(LATER_SECONDS)
                self._note(None)
            except Exception:
                log.exception("The watcher met an error and goes on")

    def _again_soon(self, projects: set[str]) -> None:
        """Look again at those which a run is changing right now, or which have not settled."""
        if projects and not self._stopped:
            time.sleep(1)
            self._note(list(projects))

    def _look_at(self, watched: list[wellbeing.Watched]) -> set[str]:
        later = {stack.project for stack, busy in watched if busy}
        calm = [stack for stack, busy in watched if not busy]
        if calm:
            shell = Shell(cancellation=self._cancellation, marker=f"{self._config.marker}look")
            found = docker.containers_of(shell, {stack.project for stack in calm})
            later |= {s.project for s in calm if not self._record(s, found[s.project])}
        return later

    def _record(self, stack: Stack, containers: list[Container]) -> bool:
        """Store what was found, and heal; False where it is not settled yet."""
        state = state_of(stack, stack.applied)
        if state is None or stack.left_failed:
            return True
        drift = {} if stack.held else find_drift(state.states, state.hashes, containers)
        verdicts = [judge(container) for container in containers]
        bad = {verdict.container.service: verdict.bad for verdict in verdicts if verdict.bad}
        settled = not any(verdict.wait for verdict in verdicts)
        healthy = not stack.held and not drift and not (bad.keys() & _wanted(state))
        if settled or not healthy:
            wellbeing.note_health(
                stack, healthy=healthy, drift=drift or ({} if stack.held else bad)
            )
        if drift and stack.self_heal and not stack.suspended:
            return self._heal(stack)
        return settled

    def _heal(self, stack: Stack) -> bool:
        """Queue a run that puts back what differs; False where that has to wait, not to flap."""
        pause = HEAL_PAUSES[min(stack.heals, len(HEAL_PAUSES) - 1)]
        if stack.healed_at is not None and now() - stack.healed_at < timedelta(seconds=pause):
            return False
        wellbeing.submit_heal(stack, calm=timedelta(seconds=CALM_SECONDS))
        return True


def _wanted(state: AppliedState) -> set[str]:
    return {service for service, each in state.states.items() if "running" in each}
