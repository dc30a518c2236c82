"""One AIOS on several hosts: a founder, and members that joined it, each with a clock of its own."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from aios_app.domain.machines import YOUNG_MS, Machine
from aios_app.domain.models import Job
from aios_app.ledger.ledger import Ledger
from aios_app.settings import load
from aios_app.stack.address import redis_py_url
from tests.chaos.fleet import Fleet
from tests.chaos.hosts import Host, hosts, wrong_clock
from tests.chaos.landings import Shop, new_shop
from tests.conftest import new_project

#: Seconds after which a host that is cut off is said to be.
MISSED_S = YOUNG_MS / 1000 + 40
#: By which the hosts' clocks are wrong; the founder's is right, as its Redis cannot be given another time.
CLOCKS = ("", "-5m", "+5m")


class Site(Fleet):
    """A machine of the cluster, on a host of its own; what runs there is started by ``command``."""

    def __init__(self, root: Path, host: Host, clock: dict[str, str]) -> None:
        self.host = host
        self._clock = clock
        super().__init__(root)

    def command(self, *words: str) -> tuple[list[str], dict[str, str]]:
        argv, environment = super().command(*words)
        return self.host.argv(argv), environment | self._clock

    def lead(self) -> None:
        """Opens this machine to the others."""
        self.ok("up", "--listen", self.host.address)
        self._read_ledger_of(self)

    def join(self, founder: Site) -> None:
        """Makes this machine one of the founder's."""
        token = founder.ok("join-token").split()[-1]
        self.ok("worker", "--join", token, "--detach")
        self._read_ledger_of(founder)

    def come_back(self) -> None:
        """All programs again, as after a start of the host."""
        self.host.heal()
        self.ok("up")

    def refused(self, *words: str, code: int = 4) -> str:
        """The one line of a command that is refused; by default it cannot reach what it needs."""
        done = self.run(*words)
        assert (done.returncode, done.stdout) == (code, ""), done
        assert len(done.stderr.splitlines()) == 1, done.stderr
        return done.stderr

    @contextmanager
    def served(self, name: str) -> Iterator[Shop]:
        """A project of every machine, which origin on this host gives to all; unfinished work is pushed."""
        place = new_shop(self, name)
        argv = ["git", "daemon", "--verbose", "--export-all", "--enable=receive-pack", "--reuseaddr"]
        argv += [f"--base-path={place.remote.parent}", f"--listen={self.host.address}"]
        with subprocess.Popen(self.host.argv(argv), stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            assert "Ready to rumble" in process.stderr.readline()
            try:
                self.ok("add", f"git://{self.host.address}/{place.remote.name}")
                self.ok("config", f"{name}.wip", "on")
                yield place
            finally:
                process.terminate()

    def add(self, *names: str) -> None:
        """Saved projects of these names, which the others hear of."""
        for name in names:
            self.ok("add", str(new_project(self.root, self.environment, name)))

    def _read_ledger_of(self, founder: Site) -> None:
        self.ledger.close()
        self.ledger = Ledger(redis_py_url(load(founder.environment)))

    def known(self) -> dict[str, Machine]:
        """The machines of the cluster, by name."""
        return {machine.name: machine for machine in self.ledger.registry.known()}

    def here(self, run: int) -> list[Job]:
        """The jobs of the run that are on this machine."""
        return [job for job in self.jobs(run) if job.machine == self.machine]

    def worktree(self, job: Job) -> Path:
        """Where the job's work is on this machine, whatever the ledger says of it now."""
        return self.settings.data_dir / "worktrees" / job.name

    def crash(self) -> None:
        """The host loses its power: nothing of it is there any more, and nobody hears of it."""
        self.host.cut()
        self.host.crash()


def working(founder: Site, project: str) -> Job:
    """A job there whose agent works until the project is released."""
    (job,) = founder.running(founder.start("multi", project, "s:1", "hold"), 1)
    return job


@contextmanager
def cluster(folder: Path, clocks: Sequence[str] = CLOCKS) -> Iterator[list[Site]]:
    """Sites that have joined the first of them, with three saved projects each, ``h1-0`` and on."""
    with hosts(len(clocks)) as machines, contextlib.ExitStack() as stack:
        sites: list[Site] = []
        for host, clock in zip(machines, clocks, strict=True):
            root = folder / host.name
            root.mkdir()
            site = Site(root, host, stack.enter_context(wrong_clock(clock)) if clock else {})
            stack.callback(site.close)
            site.projects(host.name, 3)
            sites.append(site)
        founder, *members = sites
        founder.lead()
        for member in members:
            member.join(founder)
        yield sites
