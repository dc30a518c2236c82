"""``aios attach``: make this terminal the job's."""

from __future__ import annotations

import argparse
import os
import sys
from typing import NoReturn
from urllib.parse import urlsplit

from aios_app.cli import browser, exits, output, session, terminal
from aios_app.cli.client import Client, Json, StackDown, caller_directory
from aios_app.domain.errors import ConflictError, ExternalError, StackError, UsageError

EXAMPLES = ("aios attach 7", "aios attach .", "aios attach 7 --read-only", "aios attach 7 --web")


#: A program of its own: what it is built on would slow down every command.
_FAR = "aios_app.cli.far_terminal"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``attach``."""
    parser.add_argument("job", metavar="JOB", help="a number, a part of a name, or .")
    parser.add_argument("--read-only", action="store_true", help="look, but type nothing")
    parser.add_argument("--web", action="store_true", help="in the browser")


def run(args: argparse.Namespace) -> int:
    """Attaches, also to another machine's job; an agent that was closed is started again first."""
    if not args.web:
        attach(args.job, read_only=args.read_only)
    return show(args.job, read_only=args.read_only)


def show(ref: str, *, read_only: bool) -> int:
    """Opens the job's terminal in the person's browser, or says the address that logs a browser in."""
    url = str(session.write(lambda client: ticket(client, ref, read_only=read_only))["url"])
    if browser.show(url):
        output.note("the terminal is in your browser")
        return exits.DONE
    output.say(output.clean(url))
    output.note("to be opened in a browser: good once, within a minute")
    if terminal.is_remote():
        port = urlsplit(url).port
        output.note(f"from another machine, first: ssh -L {port}:127.0.0.1:{port} THIS-MACHINE")
    return exits.DONE


def ticket(client: Client, ref: str, *, read_only: bool) -> Json:
    """The address that lets a browser in once, at the job's terminal."""
    jobs = client.post("/jobs/find", {"refs": [ref], "cwd": caller_directory()})["jobs"]
    if len(jobs) != 1:
        raise UsageError(f"{output.clean(ref)} is {len(jobs)} jobs: name one of them by its number")
    name = str(jobs[0]["name"])
    path = f"/terminal.html?session={name}{'&read_only=1' * read_only}"
    return client.post("/web/ticket", {"path": path})


def attach(ref: str, *, read_only: bool) -> NoReturn:
    """Becomes the program that shows the job. Raises ``ConflictError`` where there is no terminal."""
    _become(program(ref, read_only=read_only))


def program(ref: str, *, read_only: bool) -> list[str]:
    """The program that shows the job on this terminal. Raises ``ConflictError`` where there is none."""
    if not terminal.is_interactive():
        raise ConflictError(f"attaching needs a terminal: in one, type aios attach {output.clean(ref)}")
    body = {"ref": ref, "cwd": caller_directory(), "tmux": terminal.tmux(), "read_only": read_only}
    try:
        answer = session.client().post("/jobs/attach", body)
    except StackDown as error:
        by_hand = f"tmux -S '{session.settings().tmux_socket}' attach"
        raise StackError(
            f"the stack is down: aios up. To the agents that go on, without it: {by_hand}"
        ) from error
    if answer.get("is_resumed"):
        output.note("started again with its conversation")
    argv = [str(word) for word in answer["argv"]] or _far_program(answer["job"], read_only=read_only)
    if "new-window" in argv:
        output.note("in a new window of your tmux; to leave it: the prefix twice, then d")
    return argv


def _far_program(job: Json, *, read_only: bool) -> list[str]:
    """For a job of another machine; inside tmux in a window of its own."""
    name, label = str(job["name"]), f"#{job['number']}"
    flags = ["--read-only"] if read_only else []
    argv = [sys.executable, "-P", "-m", _FAR, str(session.settings().api_socket), name, label, *flags]
    if not terminal.tmux():
        return argv
    window = ["new-window", "-n", name, "env", "-u", "TMUX", "-u", "TMUX_PANE", *map(_literal, argv)]
    return ["tmux", "-S", terminal.tmux().rsplit(",", 2)[0], *window]


def _literal(word: str) -> str:
    """The word for tmux, which takes a semicolon at its end for that of a command."""
    return f"{word[:-1]}\\;" if word.endswith(";") else word


def _become(argv: list[str]) -> NoReturn:
    try:
        os.execvp(argv[0], argv)  # noqa: S606 - no shell is what is wanted
    except OSError as error:
        raise ExternalError(f"{argv[0]}: {error.strerror}") from error
