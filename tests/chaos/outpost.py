"""Another machine: a worker with files, projects and a tmux server of its own, on a fleet's Redis."""

from __future__ import annotations

import subprocess
from pathlib import Path

from aios_app.domain.models import Job
from aios_app.ledger.ledger import Ledger
from aios_app.services.claim import dispatch
from aios_app.services.context import build_context, open_catalog
from aios_app.services.reconcile import ensure_ledger
from aios_app.services.request_landing import LandingRequest, request_landings
from aios_app.services.start_run import start_run
from aios_app.settings import load
from aios_app.stack.address import redis_py_url
from aios_app.stack.states import living
from tests.chaos.fleet import Fleet
from tests.chaos.landings import Shop
from tests.integration.service_fixtures import request


class Outpost(Fleet):
    """It has no web service, so the test asks its services itself, in an environment as this one's."""

    def __init__(self, root: Path, fleet: Fleet) -> None:
        super().__init__(root)
        self.environment["AIOS_REDIS_URL"] = redis_py_url(fleet.settings)
        self.settings = load(self.environment)
        self.ledger.close()
        self.ledger = Ledger(redis_py_url(self.settings))
        self.log = root / "worker.log"
        self._context = build_context(self.settings)

    def begin(self) -> None:
        """Starts the worker; returns when it has joined."""
        ensure_ledger(self._context)
        argv, environment = self.command("worker")
        with self.log.open("wb") as log:
            self._worker = subprocess.Popen(argv, env=environment, stdout=log, stderr=log)
        self.eventually(lambda: self.machine in self.ledger.machines())
        self.eventually(lambda: "worker" in {record.name for record in living(self.settings)})

    def clone(self, place: Shop) -> Shop:
        """The same project on this machine, saved."""
        path = self.root / "code" / place.name
        self.git(self.root, "clone", "-q", str(place.remote), str(path))
        catalog = open_catalog(self.settings)
        catalog.add_project(path)
        catalog.close()
        return Shop(path, place.remote)

    def start_here(self, place: Shop, *spec: str) -> int:
        """Starts a run on this machine; its number."""
        answer = start_run(self._context, request(place.name, *spec, cwd=place.path))
        dispatch(self._context)
        return int(answer["run"]["number"])

    def ask(self, *jobs: Job) -> None:
        """A person of this machine asks for the landings, and does not wait for them."""
        refs = [str(job.number) for job in jobs]
        environment = {name: self.environment[name] for name in _OF_A_PERSON}
        request_landings(self._context, LandingRequest(refs=refs, cwd="/", environment=environment))

    def let_time_pass(self, head: Job, *, watcher: str) -> None:
        """The limit of the step that the first in line is at is over, as that machine sees at once."""
        landing = self._context.ledger.lines.landing(head.number)
        assert landing is not None
        assert self._context.ledger.lines.step(landing, "its time is over", lease_ms=0)
        self._context.queue.send_wake(watcher)

    def close(self) -> None:
        self._worker.kill()
        self._worker.wait()
        self._context.close()
        super().close()


_OF_A_PERSON = (
    "PATH",
    "GIT_AUTHOR_NAME",
    "GIT_AUTHOR_EMAIL",
    "GIT_COMMITTER_NAME",
    "GIT_COMMITTER_EMAIL",
)
