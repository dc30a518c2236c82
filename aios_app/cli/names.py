"""What can be named on the command line: asked of the service, else read from disk.

The stack is never started. Each list has pairs of a word and its meaning.
"""

from __future__ import annotations

from aios_app.cli import on_disk, session
from aios_app.cli.verbs import TOPICS, VERBS
from aios_app.domain.errors import AiosError

TYPE_CHECKING = False  # typing's own costs 2 ms at import
if TYPE_CHECKING:
    from collections.abc import Callable

    from aios_app.cli.client import Json

Names = list[tuple[str, str]]

#: A person waits at a key.
_LIMIT_S = 1.0
#: Records of jobs that are read where there is no service.
_MOST_RECORDS = 100
_COUNTS = range(1, 5)


def commands(prefix: str) -> Names:
    """What may stand first: commands, agents, projects by their numbers, runs."""
    found = [(verb.name, verb.summary) for verb in VERBS.values()]
    for key, name in agents(prefix):
        found += [(key, f"{name}, here"), (f"{key}++", f"{name}, in a new worktree")]
    if prefix[:1].isdigit():
        found += [(str(one["number"]), str(one["name"])) for one in _projects()]
    return found + (runs(prefix) if prefix[:1] == "r" else [])


def pages(_prefix: str) -> Names:
    """What ``aios help`` explains."""
    return [*TOPICS.items(), *((verb.name, verb.summary) for verb in VERBS.values())]


def jobs(prefix: str) -> Names:
    """Numbers and runs; names where one is begun."""
    shown = _jobs()
    by_name = prefix[:1].isalpha() and [
        (str(job[field]), _meaning(job))
        for job in shown
        for field in (("title", "name") if job["agent"] == "steps" else ("name",))
    ]
    return [(str(job["number"]), _meaning(job)) for job in shown] + _runs_of(shown) + (by_name or [])


def runs(_prefix: str) -> Names:
    """The runs of the jobs that ``aios jobs`` shows."""
    return _runs_of(_jobs())


def projects(_prefix: str) -> Names:
    """By name, and by number where the name could not stand in a shell as it is."""
    return [(_word(one), f"{one['number']} {one['path']}") for one in _projects()]


def chosen(_prefix: str) -> Names:
    """What ``--only`` takes: projects and tags."""
    return projects("") + tags("")


def tags(_prefix: str) -> Names:
    """The tags of the projects."""
    return [(tag, "tag") for tag in dict.fromkeys(tag for one in _projects() for tag in one["tags"])]


def agents(_prefix: str) -> Names:
    """By their keys."""
    return [(str(one["key"]), str(one["name"])) for one in _ask("/agents", on_disk.agents)["agents"]]


def specs(prefix: str) -> Names:
    """``c:``, and once that is there some counts."""
    key, colon, _ = prefix.partition(":")
    if colon:
        return [(f"{key}:{count}", f"{count} in each project") for count in _COUNTS]
    return [(f"{key}:", name) for key, name in agents("")]


def settings(prefix: str) -> Names:
    """Those of all projects, or of one once its name is there."""
    project, dot, _ = prefix.rpartition(".")
    if dot:
        from aios_app.store.settings_table import PROJECT_SETTINGS

        return [(f"{project}.{one.key}", one.help) for one in PROJECT_SETTINGS.values()]
    known = [(str(one["key"]), str(one.get("help", ""))) for one in _ask("/config", on_disk.config)["values"]]
    of_one = [(f"{_word(one)}.", "settings of this project") for one in _projects()]
    return [one for one in known if "." not in one[0]] + of_one


def machines(_prefix: str) -> Names:
    """The machines of the cluster."""
    shown = _ask("/machines", lambda: {"machines": []})["machines"]
    return [(str(one["name"]), str(one.get("state", ""))) for one in shown]


def runnable(_prefix: str) -> Names:
    """What ``aios run`` takes: the lists of steps that were built, and the task files that are near."""
    from pathlib import Path

    from aios_app.cli.tasks.folders import task_files

    return step_lists() + [(path.stem, str(path)) for path in task_files(Path.cwd())]


def step_lists() -> Names:
    """The lists of steps that were built."""
    built = _ask("/steps", on_disk.steps)["lists"]
    return [(str(one["name"]), f"{len(one['steps'])} steps in {one['directory']}") for one in built]


def is_plain(word: str) -> bool:
    """Whether the word means itself, unquoted, in every shell."""
    is_known = all(char.isalnum() or char in "_.:+@%/=,-" for char in word)
    return is_known and (word[:1].isalnum() or word[:1] == "-")


def _word(project: Json) -> str:
    name = str(project["name"])
    return name if is_plain(name) and name[0] != "-" else str(project["number"])


def _meaning(job: Json) -> str:
    return " ".join(str(job[key]) for key in ("state", "project", "agent", "title"))


def _runs_of(jobs: list[Json]) -> Names:
    counts: dict[int, int] = {}
    for job in jobs:
        counts[job["run"]] = counts.get(job["run"], 0) + 1
    newest = sorted(counts.items(), reverse=True)
    return [(f"r{run}", f"run of {count} job{'s' * (count > 1)}") for run, count in newest if run]


def _jobs() -> list[Json]:
    found: list[Json] = _ask("/jobs", lambda: on_disk.newest_jobs(_MOST_RECORDS))["jobs"]
    return found


def _projects() -> list[Json]:
    found: list[Json] = _ask("/projects", on_disk.projects)["projects"]
    return found


def _ask(path: str, otherwise: Callable[[], Json]) -> Json:
    try:
        return session.client().get(path, timeout_s=_LIMIT_S)
    except AiosError:
        return otherwise()
