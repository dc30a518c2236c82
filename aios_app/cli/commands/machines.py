"""``aios machines``: the machines of the cluster."""

from __future__ import annotations

import argparse

from aios_app.cli import exits, output, session, terminal
from aios_app.cli.client import Client, Json
from aios_app.cli.interaction import confirm
from aios_app.cli.job_lines import duration
from aios_app.cli.machine_words import unreachable
from aios_app.cli.table import table
from aios_app.domain.errors import UsageError
from aios_app.domain.machines import place_of

EXAMPLES = (
    "aios machines",
    "aios machines drain pi     no new jobs there; what runs goes on",
    "aios machines resume pi    it takes jobs again",
    "aios machines remove pi    out of the cluster, its jobs are lost: aios retry",
)

_GIB = 1024**3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``machines``."""
    parser.add_argument("words", nargs="*", metavar="drain|resume|remove NAME", help="of one machine")
    parser.add_argument("-y", "--yes", action="store_true", help="remove without asking")
    parser.add_argument("--json", action="store_true", help="print the answer of the API")


def run(args: argparse.Namespace) -> int:
    """Lists the machines, or changes what one of them does."""
    if not args.words:
        return _list(is_json=args.json)
    if len(args.words) != 2 or args.words[0] not in {"drain", "resume", "remove"}:
        raise UsageError("aios machines, or aios machines drain|resume|remove NAME")
    verb, name = args.words
    if verb == "remove":
        return _remove(session.client(), name, is_sure=args.yes, is_json=args.json)
    answer = session.client().post(f"/machines/{verb}", {"name": name})
    if args.json:
        output.say_json(answer)
    else:
        said = "takes no new jobs; what it has goes on" if verb == "drain" else "takes jobs"
        output.say(output.clean(f"{answer['machine']['name']} {said}"))
    return exits.DONE


def _list(*, is_json: bool) -> int:
    answer = session.client().get("/machines")
    if is_json:
        output.say_json(answer)
        return exits.DONE
    rows = [_row(machine, answer["now_ms"]) for machine in answer["machines"]]
    for line in table([_HEAD, *rows], terminal.size()[0]):
        output.say(line)
    for machine in answer["machines"]:
        for line in _remarks(machine, answer):
            output.say(output.clean(f"    {machine['name']}: {line}"))
    return exits.DONE


_HEAD = ("machine", "agents", "load", "GB free", "seen", "AIOS", "can start", "address")


def _row(machine: Json, now_ms: int) -> tuple[str, ...]:
    free, memory = (machine[name] / _GIB for name in ("available_bytes", "memory_bytes"))
    return (
        machine["name"] + (" (here)" if machine["is_here"] else ""),
        f"{machine['slots']} of {machine['max_agents']}",
        f"{machine['load']:.1f} on {machine['cores']}" if machine["cores"] else "-",
        f"{free:.0f} of {memory:.0f}" if memory else "-",
        f"{duration(now_ms - machine['beat_ms'])} ago" if machine["beat_ms"] > 1 else "-",
        machine["version"] or "-",
        " ".join(machine["agents"]) or "-",
        place_of(machine["address"], machine["port"]) if machine["port"] else "-",
    )


def _remarks(machine: Json, answer: Json) -> list[str]:
    """Why it takes no jobs, what is missing there, and that Redis is there."""
    said = []
    if machine["unreachable_ms"]:
        said.append(unreachable(machine["unreachable_ms"], answer["now_ms"]))
    if machine["takes_no_jobs"] and not machine["unreachable_ms"]:
        said.append(f"takes no jobs: {machine['takes_no_jobs']}")
    own = next((one["version"] for one in answer["machines"] if one["is_here"]), "")
    if own and machine["version"] not in {own, ""}:
        said.append(f"another version than here, which is {own}: update one of them")
    if machine["missing"]:
        said.append(f"cannot start {', '.join(machine['missing'])}: aios doctor there says what is missing")
    if machine["has_redis"] and len(answer["machines"]) > 1:
        said.append("the cluster's Redis is here")
    return said


def _remove(client: Client, name: str, *, is_sure: bool, is_json: bool) -> int:
    asked = client.post("/machines/remove", {"name": name})
    numbers = " ".join(f"#{job['number']}" for job in asked["jobs"])
    lost = f" Its jobs {numbers} are then lost: aios retry starts them elsewhere." if numbers else ""
    if not confirm(
        f"Remove {asked['machine']['name']} from the cluster?{lost}", is_sure=is_sure, suggests=False
    ):
        return exits.FAILED
    answer = client.post("/machines/remove", {"name": asked["machine"]["id"], "is_confirmed": True})
    if is_json:
        output.say_json(answer)
        return exits.DONE
    gone = f"; lost: {numbers} (aios retry JOB)" if numbers else ""
    output.say(output.clean(f"{answer['machine']['name']} is no machine of this cluster any more{gone}"))
    return exits.DONE
