"""What the word at the end of a line may become."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from aios_app.cli.client import Json
from aios_app.cli.verbs import VERBS

#: Words of the prompt alone.
_OWN = ("clear", "menu", "open", "quit", "run")


class Completion:
    """Knows the first words of commands, projects, agents and jobs."""

    def __init__(self) -> None:
        self._agents: Sequence[Json] = ()
        self._projects: Sequence[str] = ()

    def learn(self, agents: Sequence[Json], projects: Sequence[Json]) -> None:
        """Takes the agents and projects that there are."""
        self._agents = agents
        self._projects = [str(project["name"]) for project in projects]

    def candidates(self, line: str, jobs: Iterable[Json]) -> list[str]:
        """The words that begin as the line ends, sorted; none where that is no single word."""
        head, _, word = line.rpartition(" ")
        known = self._others(jobs) if head.strip() else self._firsts()
        return sorted({name for name in known if name.startswith(word) and name != word})

    def completed(self, line: str, jobs: Iterable[Json]) -> str:
        """The line, as far as all candidates agree on it; with a blank behind where there is one only."""
        found = self.candidates(line, jobs)
        if not found:
            return line
        head, blank, _ = line.rpartition(" ")
        return f"{head}{blank}{_beginning(found)}{' ' if len(found) == 1 else ''}"

    def _firsts(self) -> list[str]:
        names = [str(agent[field]) for agent in self._agents for field in ("key", "name")]
        return [*VERBS, *_OWN, *names]

    def _others(self, jobs: Iterable[Json]) -> list[str]:
        words = list(self._projects) + [
            f"{agent[field]}:" for agent in self._agents for field in ("key", "name")
        ]
        for job in jobs:
            words += [str(job["number"]), f"r{job['run']}"]
        return words


def _beginning(words: Sequence[str]) -> str:
    """What all of them begin with; ``words`` are sorted."""
    first, last = words[0], words[-1]
    length = next((at for at, char in enumerate(first) if last[at : at + 1] != char), len(first))
    return first[:length]
