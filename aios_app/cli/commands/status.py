"""``aios status``: fleet and stack in ten lines."""

from __future__ import annotations

import argparse

from aios_app.cli import exits, on_disk, output, session
from aios_app.cli.client import Json
from aios_app.cli.machine_words import cluster_words

EXAMPLES = ("aios status", "aios status --json")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``status``."""
    parser.add_argument("--json", action="store_true", help="print the answer of the API")


def run(args: argparse.Namespace) -> int:
    """Says how fleet and stack are, from the jobs' records where the stack is down."""
    answer = session.read("/status", _saved)
    if args.json:
        output.say_json(answer)
        return exits.DONE
    for name, value in _lines(answer).items():
        output.say(output.clean(f"{name:9} {value}"))
    return exits.DONE


def _lines(answer: Json) -> dict[str, str]:
    counts = ", ".join(f"{count} {state}" for state, count in answer["counts"].items() if count)
    parked = "; ".join(lane["reason"] for lane in answer.get("parked", []))
    brakes = {"limits": parked} if parked else {}
    return {"jobs": counts or "none", **brakes, **_stack(answer), "data": answer["data_dir"]}


def _stack(answer: Json) -> dict[str, str]:
    if "worker" not in answer:
        return {"stack": "down: aios up"}
    machine, redis, worker, web = (answer[name] for name in ("machine", "redis", "worker", "web"))
    slots = machine.get("slots", 0)
    return {
        "runs": f"{answer['runs_open']} open",
        "machine": f"{machine['name']}  {machine['id']}",
        "agents": f"{slots} of at most {machine['max_agents']} at a time{_load(machine)}",
        "worker": f"pid {worker['pid']}" if worker["is_alive"] else _no_worker(),
        "web": f"pid {web['pid']}",
        "browsers": web.get("url") or web.get("problem") or "not let in",
        **({"cluster": says} if (says := cluster_words(answer)) else {}),
        "redis": f"{redis['engine']} {redis['version']}{_whose(answer)}",
        "version": answer["version"],
    }


def _no_worker() -> str:
    return "not running: aios up" if session.settings().has_worker else "none: jobs run on other machines"


def _whose(answer: Json) -> str:
    is_given = answer["redis"]["is_external"] and not answer.get("cluster", {}).get("is_member")
    return " (given by AIOS_REDIS_URL)" if is_given else ""


def _load(machine: Json) -> str:
    if "load" not in machine:
        return ""
    free, memory = (machine[name] / 1024**3 for name in ("available_bytes", "memory_bytes"))
    return f"; load {machine['load']:.1f} on {machine['cores']} cores, {free:.1f} of {memory:.0f} GB free"


def _saved() -> Json:
    states = [str(job.get("state")) for job in on_disk.jobs()["jobs"]]
    counts = {state: states.count(state) for state in dict.fromkeys(states)}
    return {"v": 1, "counts": counts, "data_dir": str(session.settings().data_dir)}
