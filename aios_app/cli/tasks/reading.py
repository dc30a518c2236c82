"""A task file as values; what is wrong in it is one line with its place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from aios_app.cli.tasks.places import Member, Node, Source
from aios_app.cli.tasks.values import check_value, fill_command, fill_text, names_of, spots
from aios_app.domain.errors import AiosError, UsageError
from aios_app.domain.steps import Step, check_name, check_step
from aios_app.store.wording import did_you_mean

#: What editors check task files by.
SCHEMA = Path(__file__).with_name("task.schema.json")
_KEYS = ("$schema", "name", "repo", "branch", "variables", "steps")
_STEP_KEYS = ("desc", "cmd")
_NEVER_EMPTY = frozenset({"name", "desc", "cmd"})
_TEXTS = ("$schema", "name", "repo", "branch")
#: In which variables are replaced, beside the steps.
_FILLED = frozenset({"repo", "branch"})
_MAX_BYTES = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What a task file says. A variable of None has no default."""

    name: str
    path: Path
    steps: tuple[Step, ...]
    places: tuple[str, ...]  #: of the steps
    repo: str = ""
    repo_place: str = ""
    branch: str = ""
    variables: Mapping[str, str | None] = field(default_factory=dict)
    needs: Mapping[str, str] = field(
        default_factory=dict
    )  #: each variable, and the place that wants it first

    def filled(self, given: Mapping[str, str]) -> Task:
        """The task with these values in the place of its variables; all of ``needs`` must be there."""
        steps = []
        for place, step in zip(self.places, self.steps, strict=True):
            try:
                command = fill_command(step.command, given)
                description = fill_text(step.description, given)
                steps.append(check_step(Step(description=description, command=command)))
            except AiosError as error:
                raise UsageError(f"{place}: {error}") from error
        return replace(
            self,
            steps=tuple(steps),
            repo=fill_text(self.repo, given),
            branch=fill_text(self.branch, given),
            needs={},
        )


def read_task(path: Path, label: str) -> Task:
    """The task in the file, which errors call ``label``; raises ``UsageError``."""
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{label}: {error.strerror}") from error
    if len(data) > _MAX_BYTES:
        raise UsageError(f"{label}: a task file has at most {_MAX_BYTES:,} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8", "replace")
        raise Source(label, before).error(len(before), "not UTF-8") from error
    return _Reader(Source(label, text)).task(path)


class _Reader:
    """Takes what it was given apart, or says what is wrong and where."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def task(self, path: Path) -> Task:
        members = self._members(self._source.parse(), "a task", _KEYS, required=("name", "steps"))
        texts = {key: self._text(members[key], key) for key in _TEXTS if key in members}
        self._check(members["name"], lambda: check_name(texts["name"]))
        nodes = self._array(members["steps"])
        steps = tuple(map(self._step, nodes))
        wants = [(node, name) for node, step in zip(nodes, steps, strict=True) for name in _names(step)]
        wants += [(members[key], name) for key in _FILLED & texts.keys() for name in names_of(texts[key])]
        return Task(
            name=texts["name"],
            path=path,
            steps=steps,
            places=tuple(self._source.place(node.at) for node in nodes),
            repo=texts.get("repo", ""),
            repo_place=self._source.place(members["repo"].at) if "repo" in members else "",
            branch=texts.get("branch", ""),
            variables=self._variables(members["variables"]) if "variables" in members else {},
            needs={name: self._source.place(node.at) for node, name in reversed(wants)},
        )

    def _step(self, node: Node) -> Step:
        members = self._members(node, "a step", _STEP_KEYS, required=_STEP_KEYS)
        step = Step(
            description=self._text(members["desc"], "desc"), command=self._text(members["cmd"], "cmd")
        )
        self._check(node, lambda: check_step(step))
        return step

    def _variables(self, node: Node) -> dict[str, str | None]:
        self._members(node, "variables")
        return dict(map(self._variable, node.value))

    def _variable(self, member: Member) -> tuple[str, str | None]:
        name, node = member.key, member.node
        if names_of(f"{{{{{name}}}}}") != [name]:
            says = f"{name[:40]!r} is no name: a letter or _, then letters, digits and _"
            raise self._source.error(member.at, says)
        if node.value is not None:
            self._check(node, partial(check_value, name, self._text(node, f"the variable {name}")))
        return name, node.value

    def _members(
        self, node: Node, what: str, known: Sequence[str] = (), required: Sequence[str] = ()
    ) -> dict[str, Node]:
        """The members of an object by key; any key goes where none is ``known``."""
        if node.kind != "object":
            raise self._source.error(node.at, f"{what} is an object, {{...}}, not {_kind(node)}")
        found: dict[str, Node] = {}
        for member in node.value:
            if member.key in found:
                raise self._source.error(member.at, f"{member.key[:40]!r} is here twice")
            if known and member.key not in known:
                hint = did_you_mean(member.key, known)
                raise self._source.error(member.at, f"{what} has no {member.key[:40]!r}{hint}")
            found[member.key] = member.node
        for key in required:
            if key not in found:
                raise self._source.error(node.at, f"{what} needs {key!r}, which is missing")
        return found

    def _array(self, node: Node) -> list[Node]:
        if node.kind != "array":
            raise self._source.error(node.at, f"steps are an array, [...], not {_kind(node)}")
        if not node.value:
            raise self._source.error(node.at, "there are no steps")
        nodes: list[Node] = node.value
        return nodes

    def _text(self, node: Node, what: str) -> str:
        if not isinstance(node.value, str):
            raise self._source.error(node.at, f"{what} is a text in quotes, not {_kind(node)}")
        if not node.value.strip() and what in _NEVER_EMPTY:
            raise self._source.error(node.at, f"{what} is empty")
        return node.value

    def _check(self, node: Node, check: Callable[[], object]) -> None:
        try:
            check()
        except UsageError as error:
            raise self._source.error(node.at, str(error)) from error


def _names(step: Step) -> Iterator[str]:
    yield from names_of(step.description)
    yield from (spot.name for spot in spots(step.command))


def _kind(node: Node) -> str:
    """What a value is, in words."""
    if node.kind != "scalar":
        return f"an {node.kind}"
    if node.value is None or isinstance(node.value, bool):
        return "null" if node.value is None else "true or false"
    return "a text" if isinstance(node.value, str) else "a number"
