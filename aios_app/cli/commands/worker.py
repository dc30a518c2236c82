"""``aios worker``: this machine works for a cluster, or its worker runs in the foreground."""

from __future__ import annotations

import argparse
import os
import sys
from typing import NoReturn

from aios_app.cli import exits, on_disk, output, session
from aios_app.cli.client import Json
from aios_app.domain.errors import ExternalError, StackError, error_of_kind
from aios_app.settings import is_inside_agent

EXAMPLES = (
    "aios worker --join TOKEN      work for that cluster, in the foreground",
    "aios worker --join TOKEN -d   in the background; from then on aios up does it",
    "aios worker --broker rediss://:PASSWORD@redis.example:6380/0",
    "aios worker --broker -        reads the URL: others see what is typed",
    "aios worker                   this machine's worker alone, in the foreground",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``worker``."""
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--join", metavar="TOKEN", help="join the cluster whose aios join-token printed this")
    where.add_argument("--broker", metavar="URL", help="join the cluster whose Redis this is")
    parser.add_argument(
        "--listen", metavar="ADDR", help="where other machines reach this one (default: found out)"
    )
    parser.add_argument(
        "-d", "--detach", action="store_true", help="with --join, --broker: in the background"
    )


def run(args: argparse.Namespace) -> int:
    """Ctrl-C and SIGTERM end what runs in the foreground; agents go on in tmux."""
    if not (args.join or args.broker):
        _become_worker()
    if is_inside_agent():
        raise StackError("agents make no machine join a cluster: run aios worker yourself")
    from aios_app.stack.up import down

    asked = {"token": _given(args.join)} if args.join else {"url": _given(args.broker)}
    before = on_disk.projects()["projects"], on_disk.agents()["agents"]
    joined = _join(asked | ({"listen": args.listen} if args.listen else {}))
    down(session.settings())  # what ran until now works for something else
    session.settings.cache_clear()
    whose = f"the cluster of {joined['cluster']}" if joined["cluster"] else "the cluster of that Redis"
    output.say(output.clean(f"joined {whose} as {joined['name']}"))
    if joined["note"]:
        output.note(output.clean(joined["note"]))
    return _work(is_detached=args.detach, before=before)


def _given(word: str) -> str:
    return sys.stdin.readline().strip() if word == "-" else word


def _work(*, is_detached: bool, before: tuple[list[Json], list[Json]]) -> int:
    from aios_app.stack.foreground import listen, stay
    from aios_app.stack.up import programs, up

    told = None if is_detached else listen()
    report = up(session.settings())
    output.say(f"up in {report.took_s:.1f} s: aios machines lists all of the cluster")
    _show_changed(*before)
    if told is None:
        for program in programs(session.settings()):
            output.say(f"  {program.name:12} {program.state:10} pid {program.pid or '-'}")
        return exits.DONE
    output.note("Ctrl-C ends it; agents go on in tmux")
    return exits.DONE if stay(session.settings(), told) else exits.EXTERNAL


def _show_changed(projects: list[Json], agents: list[Json]) -> None:
    """What the cluster calls this machine's projects, and which of its agents were left out."""
    now = {one["uuid"]: one for one in session.client().get("/projects")["projects"]}
    for old in projects:
        new = now.get(old["uuid"])
        if new and (old["number"], old["name"]) != (new["number"], new["name"]):
            names = f"{old['number']} {old['name']} is {new['number']} {new['name']}"
            output.note(output.clean(f"project {names} in this cluster"))
    kept = {(one["key"], one["name"]): one["argv"] for one in session.client().get("/agents")["agents"]}
    for old in agents:
        if kept.get((old["key"], old["name"])) != old["argv"]:
            words = f"agent {old['key']} {old['name']} is as the cluster has it, or not there: aios agents"
            output.note(output.clean(words))


def _join(asked: dict[str, str]) -> Json:
    """In a process of its own: the libraries that it takes are none of the command line's."""
    import json
    import subprocess

    done = subprocess.run(
        [sys.executable, "-P", "-m", "workers.join"],
        input=json.dumps(asked),
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    try:
        answer: Json = json.loads(done.stdout)
    except ValueError as error:
        raise ExternalError("this machine could not join, and said no more than that") from error
    if problem := answer.get("error"):
        raise error_of_kind(problem["kind"], problem["message"])
    return answer


def _become_worker() -> NoReturn:
    """Replaces this process by the worker, which is refused where one runs already."""
    if not session.settings().redis_url and not session.client().is_up():
        raise StackError("the stack is down: aios up starts a worker too. To join a cluster: --join TOKEN")
    guarded = [sys.executable, "-m", "aios_app.stack.guard", "worker", "--", sys.executable, "-m", "workers"]
    os.execve(sys.executable, guarded, dict(os.environ))  # noqa: S606 - no shell is what is wanted
