"""Drift: one stream of the engine's events keeps each stack's health true, and heals it."""

import logging
import threading
import time
from datetime import timedelta

from flask import Flask

from supervisor.commands.docker.containers import Container, containers_by_project
from supervisor.commands.docker.engine import Engine
from supervisor.commands.docker.events import Event, follow_events
from supervisor.commands.process.shell import Cancellation, Shell
from supervisor.deploy.drift import find_drift
from supervisor.deploy.gate import judge
from supervisor.deploy.state import AppliedState
from supervisor.errors import CommandCancelled, SupervisorError
from supervisor.settings.config import Config
from supervisor.stacks import vault
from supervisor.stacks.snapshot import state_of
from supervisor.store.models import Stack, now
from supervisor.watch import findings
from supervisor.watch.endings import Endings
from supervisor.watch.rechecks import Recheck

log = logging.getLogger("supervisor.watcher")

STREAM_SECONDS = 24 * 3600
RECONNECT_SECONDS = (1, 2, 5, 10, 30)
SETTLE_SECONDS = 0.3  # what belongs to one change arrives together
LATER_SECONDS = 5
RECONCILE_SECONDS = 30  # what the stream doesn't tell: a heal that failed, an event that was lost
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
        self._recheck = Recheck()
        self._endings = Endings()

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

    def _engine(self, purpose: str) -> Engine:
        marker = f"{self._config.marker}{purpose}"
        return Engine(Shell(cancellation=self._cancellation, marker=marker))

    def _listen(self) -> None:
        """Keep the stream open; while it was broken anything may have happened."""
        broken = 0
        while not self._stopped:
            began = time.monotonic()
            self._endings.forget()
            self._note(None)
            try:
                follow_events(self._engine("events"), self._hear, STREAM_SECONDS)
            except CommandCancelled:
                return
            except SupervisorError as error:
                broken = 0 if time.monotonic() - began > 60 else broken + 1
                if broken == 1:
                    log.warning("The engine's events broke off, trying again: %s", error)
            except Exception:
                log.exception("The watcher's listener met an error and goes on")
                broken = len(RECONNECT_SECONDS)
            time.sleep(RECONNECT_SECONDS[min(broken, len(RECONNECT_SECONDS) - 1)])

    def _hear(self, events: list[Event]) -> None:
        for event in events:
            self._endings.hear(event.container, event.action, event.exit_code)
        self._note([event.project for event in events])

    def _note(self, projects: list[str] | None) -> None:
        """Remember whom to look at; None stands for all."""
        with self._changed:
            self._projects.update(projects or ())
            self._everything = self._everything or projects is None
            self._changed.notify_all()

    def _look(self) -> None:
        looked_at = 0.0
        while not self._stopped:
            with self._changed:
                self._changed.wait_for(
                    lambda: self._projects or self._everything or self._stopped,
                    timeout=self._recheck.seconds,
                )
                self._everything |= time.monotonic() - looked_at > RECONCILE_SECONDS
                looked_at = time.monotonic() if self._everything else looked_at
            time.sleep(SETTLE_SECONDS)
            with self._changed:
                projects, self._projects = self._projects | self._recheck.due(), set()
                everything, self._everything = self._everything, False
            try:
                with self._app.app_context():
                    self._look_at(findings.watched(None if everything else projects))
            except SupervisorError as error:
                log.debug("The engine does not tell how the stacks fare: %s", error)
                time.sleep(LATER_SECONDS)
                self._note(None)
            except Exception:
                log.exception("The watcher met an error and goes on")

    def _look_at(self, watched: list[findings.Watched]) -> None:
        """Look at stacks, and plan to look again at those that go on changing."""
        for project in (stack.project for stack, busy in watched if busy):
            self._recheck.soon(project)
        calm = [stack for stack, busy in watched if not busy]
        if not calm:
            return
        projects = {stack.project for stack in calm}
        found = containers_by_project(self._engine("look"), projects)
        for stack in calm:
            if self._record(stack, found[stack.project]):
                self._recheck.forget(stack.project)
            else:
                self._recheck.with_patience(stack.project)

    def _record(self, stack: Stack, containers: list[Container]) -> bool:
        """Store what was found, and heal; False where it is not settled yet."""
        state = state_of(stack, stack.applied)
        if state is None or stack.left_failed:
            return True
        state = self._with_ended(stack, state, containers)
        drift = {} if stack.intent else find_drift(state.states, state.hashes, containers)
        verdicts = [judge(container) for container in containers]
        bad = {verdict.container.service: verdict.bad for verdict in verdicts if verdict.bad}
        settled = not any(verdict.wait for verdict in verdicts)
        healthy = not stack.intent and not drift and not (bad.keys() & _wanted(state))
        if settled or not healthy:
            findings.note_health(
                stack, healthy=healthy, drift=drift or ({} if stack.intent else bad)
            )
        if drift:
            return self._heal(stack)
        return settled

    def _with_ended(
        self, stack: Stack, state: AppliedState, containers: list[Container]
    ) -> AppliedState:
        """Take it down where a job that took longer than the gate has ended well."""
        still = {each.service for each in containers if not self._endings.is_well(each)}
        jobs = {
            each.service
            for each in containers
            if each.service not in still and "running" in state.states.get(each.service, ())
        }
        if not jobs or stack.intent:
            return state
        state = state.with_ended(jobs)
        findings.note_applied(stack, vault.seal_state(stack.uuid, state.dump()))
        return state

    def _heal(self, stack: Stack) -> bool:
        """Queue a run that puts back what differs; False where that has to wait, not to flap."""
        pause = HEAL_PAUSES[min(stack.heals, len(HEAL_PAUSES) - 1)]
        ago = now() - stack.healed_at if stack.healed_at else None
        if ago is not None and timedelta(0) <= ago < timedelta(seconds=pause):
            return False
        findings.submit_heal(stack, calm=timedelta(seconds=CALM_SECONDS))
        return True


def _wanted(state: AppliedState) -> set[str]:
    return {service for service, each in state.states.items() if "running" in each}
