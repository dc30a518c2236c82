"""What the dashboard knows of the jobs, and the rows that it makes of them. Knows no terminal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from aios_app.cli.client import Json
from aios_app.cli.machine_words import mark_unreachable, name_machines

#: What needs a person comes first, as in ``aios jobs``.
_ORDER = (
    "waiting", "failed", "lost", "review", "running", "preparing", "queued", "stopped", "landed", "dropped",
)  # fmt: skip
_RANK = {state: rank for rank, state in enumerate(_ORDER)}
#: What ``g`` goes through.
GROUPS = ("", "project", "run", "machine")
_SEARCHED = ("state", "project", "agent", "title", "question", "cause", "name", "branch")

#: A job, or the heading of a group.
Row = Json | str


class Board:
    """The jobs by number, in the order and grouping that the person wants."""

    def __init__(self) -> None:
        self.jobs: dict[int, Json] = {}
        #: Of a cluster, as ``GET /jobs`` gives them; none where there is one machine alone.
        self.machines: list[Json] = []
        self.group = ""
        self.search = ""
        self._ahead_ms = 0

    def replace(self, answer: Json) -> None:
        """Takes an answer of ``GET /jobs`` in the place of all that was known."""
        self._ahead_ms = int(answer["now_ms"] - time.time() * 1000)
        self.jobs = {job["number"]: job for job in answer["jobs"]}
        self.take_machines(answer.get("machines", []))

    def take(self, jobs: Iterable[Json]) -> None:
        """Takes jobs as events bring them, the newest last."""
        taken = {job["number"]: job for job in jobs}
        self.jobs.update(taken)
        self._place(taken.values())

    def take_machines(self, machines: Sequence[Json]) -> None:
        """Takes what is known of the machines."""
        self.machines = list(machines)
        for job in self.jobs.values():
            job.pop("away", None)
        self._place(self.jobs.values())

    def now_ms(self) -> int:
        """The time of the ledger's clock."""
        return int(time.time() * 1000) + self._ahead_ms

    def next_group(self) -> None:
        """Groups by what comes next; by machine only where there are several."""
        following = GROUPS[(GROUPS.index(self.group) + 1) % len(GROUPS)]
        self.group = "" if following == "machine" and not self.has_machines() else following

    def has_machines(self) -> bool:
        """Whether there is more than one machine."""
        return bool(self.machines)

    def rows(self) -> list[Row]:
        """The jobs that the search leaves, what needs the person first, under headings where grouped."""
        jobs = sorted(filter(self._is_wanted, self.jobs.values()), key=_need)
        if not self.group:
            return list(jobs)
        heading = self._headings()[self.group]
        groups: dict[str, list[Row]] = {}
        for job in sorted(jobs, key=lambda job: _group_order(self.group, job, heading)):
            groups.setdefault(heading(job), []).append(job)
        return [row for name, members in groups.items() for row in (f"{name}  {len(members)}", *members)]

    def counts(self) -> Mapping[str, int]:
        """How many jobs are in each state, what needs the person first."""
        states = [job["state"] for job in self.jobs.values()]
        return {state: states.count(state) for state in _ORDER if state in states}

    def rivals(self, job: Json) -> list[Json]:
        """The other jobs of its run in its project, which ``pick`` drops."""
        return [
            other
            for other in self.jobs.values()
            if other["number"] != job["number"]
            and (other["run"], other["project_id"]) == (job["run"], job["project_id"])
            and other["state"] not in {"landed", "dropped"}
        ]

    def _place(self, jobs: Iterable[Json]) -> None:
        """Gives each job the name of its machine, and says where that does not answer."""
        jobs = list(jobs)
        name_machines(jobs, self.machines)
        mark_unreachable({"jobs": jobs, "machines": self.machines, "now_ms": self.now_ms()})

    def _is_wanted(self, job: Json) -> bool:
        wanted = self.search.casefold()
        if not wanted:
            return True
        said = f"#{job['number']} r{job['run']} " + " ".join(str(job.get(name) or "") for name in _SEARCHED)
        return wanted in said.casefold()

    def _headings(self) -> Mapping[str, Callable[[Json], str]]:
        return {
            "project": lambda job: str(job["project"]),
            "run": lambda job: f"r{job['run']}",
            "machine": lambda job: str(job.get("where", "")),
        }


def next_waiting(rows: Sequence[Row], after: int) -> int | None:
    """The next waiting job behind row ``after``, from the top again at the end; None where none waits."""
    waiting = [at for at, row in enumerate(rows) if _state(row) == "waiting"]
    return next((at for at in waiting if at > after), waiting[0] if waiting else None)


def _state(row: Row) -> str:
    return "" if isinstance(row, str) else str(row["state"])


def _need(job: Json) -> tuple[int, int]:
    return _RANK.get(job["state"], len(_ORDER)), job["number"]


def _group_order(group: str, job: Json, heading: Callable[[Json], str]) -> tuple[int, str]:
    """Newest runs first, other groups by their names; ``sorted`` keeps the order inside them."""
    return (-job["run"], "") if group == "run" else (0, heading(job))
