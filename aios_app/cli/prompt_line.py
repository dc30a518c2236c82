"""A line of the dashboard's prompt: the command line without ``aios``, and the words of lists of steps.

``run_line`` does what needs no terminal, and returns an ``Outcome`` that says what is left to do.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from aios_app.cli import browser, output, parser, session
from aios_app.cli.client import Json
from aios_app.cli.commands.attach import ticket
from aios_app.cli.dashboard.editor import editor_argv
from aios_app.cli.job_lines import is_live
from aios_app.cli.tasks.running import find_built
from aios_app.domain.errors import UsageError
from aios_app.domain.naming import title_of
from aios_app.domain.steps import STEPS, parse_step

#: What the prompt shows before what is typed.
MARK = "\N{HEAVY RIGHT-POINTING ANGLE QUOTATION MARK ORNAMENT}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a line, and what its caller has to do for it."""

    says: str = ""  #: lines for the person, clean
    words: tuple[str, ...] = ()  #: ``aios`` with these words is to be run on the terminal
    argv: tuple[str, ...] = ()  #: this program is to be run on the terminal
    cwd: str = ""  #: where the program is to be run; empty: where the line was typed
    is_end: bool = False  #: the person leaves


def run_line(line: str, cwd: str) -> Outcome:
    """Carries out one line for a person in ``cwd``; an empty one does nothing.

    What stands before a line in a shell or in a document, or opens the prompt, is no part of it. Raises the
    ``AiosError`` that they should read.
    """
    line = line.strip().lstrip(f"{MARK}: ").removeprefix("aios ").lstrip()
    word, _, rest = line.partition(" ")
    if word in _OWN:
        return _OWN[word](rest.strip(), cwd)
    if _is_step(line, word):
        return _build(line, cwd)
    return Outcome(words=_split(line))


def _build(line: str, cwd: str) -> Outcome:
    name, step = parse_step(line)
    built = session.write(lambda client: client.post("/steps", {"name": name, "cwd": cwd, **step.to_json()}))
    steps = built["list"]["steps"]
    return Outcome(says=output.clean(f"{name}: step {len(steps)} is {step.description}   run {name}"))


def _run(words: str, cwd: str) -> Outcome:
    """A list that was built starts at once; a task file may have to ask first."""
    if find_built(words) is None:
        return Outcome(words=("run", "--detach", *_split(words)))
    answer = session.write(lambda client: client.post("/steps/run", {"name": words, "cwd": cwd}))
    job = answer["run"]["stages"][0]["jobs"][0]
    return Outcome(says=output.clean(f"#{job['number']} {words} in {job['worktree']}   attach {words}"))


def _attach(words: str, cwd: str) -> Outcome:
    """The terminal of a job of steps opens in the browser; where none can be seen, and of others, here."""
    job = _job_of_steps(words, cwd)
    if job is None or not is_live(job):
        return Outcome(words=("attach", *_split(words)) if job is None else ("attach", str(job["number"])))
    number = str(job["number"])
    url = str(session.write(lambda client: ticket(client, number, read_only=False))["url"])
    if browser.show(url):
        return Outcome(says=output.clean(f"the terminal of {words} is in your browser"))
    says = f"{url}\nto be opened in a browser: good once, within a minute"
    return Outcome(says=output.clean_block(says), words=("attach", number))


def _clear(name: str, _cwd: str) -> Outcome:
    if not name:
        raise UsageError("clear what? clear NAME")
    session.write(lambda client: client.post("/steps/clear", {"name": name}))
    return Outcome(says=output.clean(f"{name}: its steps are forgotten"))


def _open(name: str, cwd: str) -> Outcome:
    """The directory of a list, or of a job, in the person's editor."""
    if not name:
        raise UsageError("open what? open NAME")
    built = find_built(name)
    if built is not None:
        directory = built["directory"]
    else:
        body = {"refs": [name], "cwd": cwd}
        job = session.write(lambda client: client.post("/jobs/find", body))["jobs"][0]
        directory = job["worktree"] or job["path"]
    return Outcome(argv=tuple(editor_argv(session.client())), cwd=directory)


def _menu(_rest: str, cwd: str) -> Outcome:
    from aios_app.cli.tasks.menu import menu_lines

    lists = session.write(lambda client: client.get("/steps"))["lists"]
    return Outcome(says="\n".join(menu_lines(lists, Path(cwd))))


def _quit(_rest: str, _cwd: str) -> Outcome:
    return Outcome(is_end=True)


_OWN = {"run": _run, "attach": _attach, "clear": _clear, "open": _open, "menu": _menu, "quit": _quit}


def _job_of_steps(name: str, cwd: str) -> Json | None:
    """The newest job of the list of this name; None where the words mean something else."""
    try:
        found = session.write(lambda client: client.post("/jobs/find", {"refs": [name], "cwd": cwd}))["jobs"]
    except UsageError as error:
        if find_built(name) is None:
            return None
        shown = output.clean(name)
        raise UsageError(f"{shown} was not run yet: run {shown}") from error
    return next((job for job in found if job["agent_key"] == STEPS and job["title"] == title_of(name)), None)


def _is_step(line: str, word: str) -> bool:
    """Whether the line builds a step: its first ``:`` divides, and is not that of ``c:2`` in a command."""
    head, colon, rest = line.partition(":")
    divides = ":" in word or rest[:1].isspace() or head[-1:].isspace()
    return bool(colon) and divides and not _is_command(word)


def _is_command(word: str) -> bool:
    """Whether the word begins a command of the command line."""
    try:
        parser.find_verb(word)
    except UsageError:
        return False
    return True


def _split(line: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(line))
    except ValueError as error:
        raise UsageError(f"{str(error).lower()}: a quote is not closed") from error
