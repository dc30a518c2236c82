"""``aios agents``: the agents that can be started."""

from __future__ import annotations

import argparse
import shlex

from aios_app.cli import exits, on_disk, output, session, terminal
from aios_app.cli.client import Json, quoted
from aios_app.cli.table import table
from aios_app.domain.errors import ConflictError, UnknownAgent, UsageError

EXAMPLES = (
    "aios agents",
    "aios agents add k kimi -- kimi --yolo     the prompt becomes its last argument",
    "aios agents edit k --finishes silence --idle-after 60",
    "aios agents copy c co codex-o5",
    "aios agents copy c ce codex-exec --finishes exit     one turn, no terminal",
    "aios agents remove k",
    "aios agents test",
)

_FINISHES = ("exit", "turn", "silence", "never")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``agents``."""
    add = parser.add_argument
    add("action", nargs="?", choices=("list", *_ACTIONS), default="list", help="default: list")
    add(
        "words",
        nargs="*",
        metavar="WORD",
        help="add KEY NAME -- PROGRAM ARG...; edit KEY; copy KEY NEW-KEY NEW-NAME",
    )
    add("--name", help="edit: its new name")
    add("--finishes", choices=_FINISHES, help="what tells that it is done")
    add("--idle-after", type=int, metavar="S", help="seconds without output after which silence counts")
    add("--weight", type=int, choices=(0, 1), help="what one takes of max_agents; 0 for plain programs")
    add("--json", action="store_true", help="print the answer of the API")


def run(args: argparse.Namespace) -> int:
    """Lists the agents, or does what the first word says."""
    if args.action != "list":
        return _ACTIONS[args.action](args)
    answer = session.read("/agents", on_disk.agents)
    if args.json:
        output.say_json(answer)
    else:
        _show(answer["agents"])
    return exits.DONE


def _show(agents: list[Json]) -> None:
    rows = [(one["key"], one["name"], one["finishes"], shlex.join(one["argv"])) for one in agents]
    for line in table(rows, terminal.size()[0]):
        output.say(line)
    for agent in agents:
        if agent.get("problem"):
            output.note(output.clean(f"{agent['name']}: {agent['problem']}"))


def _add(args: argparse.Namespace) -> int:
    key, name = _exactly(args.words, "KEY NAME -- PROGRAM ARG...", 2)
    if not args.rest:
        raise UsageError(f"which program? aios agents add {key} {name} -- PROGRAM ARG...")
    _refuse_taken(key)
    return _put(
        args, key, {"name": name, "argv": args.rest, "finishes": "exit", "idle_after_s": 30, "weight": 1}
    )


def _edit(args: argparse.Namespace) -> int:
    (key,) = _exactly(args.words, "KEY", 1)
    agent = _find(key)
    changed = {"name": args.name or agent["name"], "argv": args.rest or agent["argv"]}
    return _put(args, agent["key"], {**agent, **changed})


def _copy(args: argparse.Namespace) -> int:
    key, new_key, new_name = _exactly(args.words, "KEY NEW-KEY NEW-NAME", 3)
    _refuse_taken(new_key)
    agent = _find(key)
    return _put(args, new_key, {**agent, "name": new_name, "argv": args.rest or agent["argv"]})


def _remove(args: argparse.Namespace) -> int:
    (key,) = _exactly(args.words, "KEY", 1)
    agent = session.write(lambda client: client.delete(f"/agents/{quoted(key)}"))["agent"]
    output.say(output.clean(f"removed {agent['key']} {agent['name']}"))
    return exits.DONE


def _test(args: argparse.Namespace) -> int:
    agents = [_find(word) for word in args.words] or _all()
    for agent in agents:
        output.say(output.clean(f"{agent['key']:3} {agent['name']:10} {agent.get('problem') or 'ok'}"))
    return exits.FAILED if any(agent.get("problem") for agent in agents) else exits.DONE


_ACTIONS = {"add": _add, "edit": _edit, "copy": _copy, "remove": _remove, "test": _test}


def _put(args: argparse.Namespace, key: str, agent: Json) -> int:
    asked = {"finishes": args.finishes, "idle_after_s": args.idle_after, "weight": args.weight}
    body: Json = {
        name: agent[name]
        for name in ("name", "argv", "finishes", "idle_after_s", "weight", "kind")
        if name in agent
    }
    body |= {name: value for name, value in asked.items() if value is not None}
    saved = session.write(lambda client: client.put(f"/agents/{quoted(key)}", body))["agent"]
    _show([saved])
    return exits.DONE


def _exactly(words: list[str], wanted: str, count: int) -> list[str]:
    if len(words) != count:
        raise UsageError(f"these words are needed: {wanted} (aios agents --help)")
    return words


def _all() -> list[Json]:
    agents: list[Json] = session.write(lambda client: client.get("/agents"))["agents"]
    return agents


def _find(word: str) -> Json:
    for agent in _all():
        if word in {agent["key"], agent["name"]}:
            return agent
    raise UnknownAgent(f"there is no agent {word}: see aios agents")


def _refuse_taken(key: str) -> None:
    if any(agent["key"] == key for agent in _all()):
        raise ConflictError(f"there is an agent {key}: change it by aios agents edit {key}")
