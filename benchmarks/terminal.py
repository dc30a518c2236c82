"""How a browser's terminal answers, beside terminado, ttyd, and tmux without any server.

Run it from the checkout: ``.venv/bin/python benchmarks/terminal.py --ttyd PATH``. It installs terminado into
a folder of its own, starts an instance with as many sessions as wanted, lets all servers attach to the same
sessions of the same tmux server, one server after the other in an order that changes with each round, and
prints a Markdown table. Ratios of one run are comparable, milliseconds of two machines are not.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import shlex
import signal
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from launch import make_place, stack
from terminal_servers import Fleet, Server, aios, bare, make_fleet, terminado, ttyd
from terminal_viewers import Viewer

#: No sequence of a terminal holds these, so the one that was typed is the one that is shown.
KEYS = b"&+~%"
KEYS_A_ROUND = 200
#: Seconds between two keys, at least and at most: a person's are not quicker.
GAP_S = (0.005, 0.02)
BUSY_SESSIONS, BUSY_LINES_S, BUSY_BYTES = 20, 20, 200
CROWD_LINES_S, CROWD_BYTES = 5, 100
RECONNECTS, VIEWERS = 20, 50
MARK = b"MARK-ON-SCREEN"


async def _keys(viewer: Viewer, count: int) -> list[float]:
    """Milliseconds from a key to its echo."""
    times = []
    for number in range(count):
        if number % 40 == 0:
            viewer.type(b"\x15")  # an empty line again
            await asyncio.sleep(0.1)
        await asyncio.sleep(random.uniform(*GAP_S))  # noqa: S311 - no secret
        key = KEYS[number % len(KEYS) :][:1]
        waiting = asyncio.ensure_future(viewer.until(key))
        await asyncio.sleep(0)
        begun = time.perf_counter()
        viewer.type(key)
        times.append(1000 * (await waiting - begun))
    return times


async def _open(server: Server, names: list[str]) -> list[Viewer]:
    viewers = []
    for name in names:
        viewers.append(await server.connect(name, b"\x1b"))
        await viewers[-1].found()
    return viewers


async def echo(server: Server, fleet: Fleet) -> None:
    viewer = await server.connect(fleet.names[0], b"")
    server.add("idle", await _keys(viewer, KEYS_A_ROUND))
    busy = fleet.names[1 : BUSY_SESSIONS + 1]
    others = await _open(server, busy)
    with fleet.talking(busy, BUSY_LINES_S, BUSY_BYTES):
        await asyncio.sleep(0.5)
        server.add("busy", await _keys(viewer, KEYS_A_ROUND))
    for one in [viewer, *others]:
        one.close()
    await fleet.settle()


async def bulk(server: Server, fleet: Fleet) -> None:
    """Seconds until the last of a flood is shown."""
    viewer = await server.connect(fleet.names[0], b"")
    await asyncio.sleep(0.3)
    terminal = shlex.quote(fleet.terminals[fleet.names[0]])
    begun = time.perf_counter()
    waiting = asyncio.ensure_future(viewer.until(b"THE-END"))
    await asyncio.create_subprocess_shell(f"exec >{terminal}; seq 1 2000000; echo THE-END")
    server.add("bulk", [await waiting - begun])
    viewer.close()
    await fleet.settle()


async def reconnect(server: Server, fleet: Fleet) -> None:
    """Milliseconds until the screen is there again."""
    session = fleet.names[0]
    fleet.write(session, b"\x1b[2J\x1b[H" + MARK + b"\r\n")
    times = []
    for _ in range(RECONNECTS):
        begun = time.perf_counter()
        viewer = await server.connect(session, MARK)
        times.append(1000 * (await viewer.found() - begun))
        viewer.close()
        await asyncio.sleep(0.05)
    server.add("reconnect", times)
    await fleet.settle()


async def memory(server: Server, fleet: Fleet) -> None:
    if not server.pid:
        return
    before = server.memory()
    viewers = await _open(server, fleet.names[:VIEWERS])
    await asyncio.sleep(1)
    server.memory_kib = (server.memory() - before) / VIEWERS
    for viewer in viewers:
        viewer.close()
    await fleet.settle()


async def crowd(server: Server, fleet: Fleet, steps: list[int]) -> None:
    """The slowest of 100 keys while more and more sessions are looked at that show something."""
    viewer = await server.connect(fleet.names[0], b"")
    others: list[Viewer] = []
    for step in steps:
        others += await _open(server, fleet.names[len(others) + 1 : step + 1])
        with fleet.talking(fleet.names[1 : step + 1], CROWD_LINES_S, CROWD_BYTES):
            await asyncio.sleep(1)
            server.crowd[step] = _percentile(await _keys(viewer, KEYS_A_ROUND), 0.99)
    for one in [viewer, *others]:
        one.close()
    await fleet.settle()


def _percentile(values: list[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]


async def _measure(servers: list[Server], fleet: Fleet, rounds: int) -> None:
    fleet.grow(max(VIEWERS, BUSY_SESSIONS) + 1)
    for number in range(rounds):
        for server in random.sample(servers, len(servers)):
            print(f"round {number + 1} of {rounds}: {server.name}", file=sys.stderr)
            for measure in (echo, bulk, reconnect):
                await measure(server, fleet)
    for server in servers:
        await memory(server, fleet)


async def _measure_crowds(servers: list[Server], fleet: Fleet, steps: list[int]) -> None:
    fleet.grow(max(steps) + 1)
    for server in random.sample(servers, len(servers)):
        print(f"many sessions: {server.name}", file=sys.stderr)
        await crowd(server, fleet, steps)


def _print(servers: list[Server]) -> None:
    heads = ["echo p50 ms", "p99", "busy p50", "p99", "flood s", "reconnect p50 ms", "KiB a viewer"]
    print("| server | " + " | ".join(heads) + " |\n|" + "---|" * (len(heads) + 1))
    for one in servers:
        cells = [f"{statistics.median(one.middle('idle')):.2f}", f"{_slowest(one, 'idle'):.1f}"]
        cells += [f"{statistics.median(one.middle('busy')):.2f}", f"{_slowest(one, 'busy'):.1f}"]
        cells += [f"{statistics.median(one.middle('bulk')):.2f}"]
        cells += [f"{statistics.median(one.middle('reconnect')):.1f}", f"{one.memory_kib:.0f}"]
        print(f"| {one.name} | " + " | ".join(cells) + " |")
    for other in servers[1:]:
        cells = [_ratio(servers[0], other, what) for what in ("idle", "busy", "bulk", "reconnect")]
        row = [cells[0], "", cells[1], "", cells[2], cells[3], ""]
        print(f"| {servers[0].name} x {other.name} | " + " | ".join(row) + " |")


def _print_crowds(servers: list[Server], steps: list[int]) -> None:
    print("\n| sessions | " + " | ".join(map(str, steps)) + " |\n|" + "---|" * (len(steps) + 1))
    for one in servers:
        print(f"| {one.name}: p99 ms | " + " | ".join(f"{one.crowd[step]:.1f}" for step in steps) + " |")


def _slowest(server: Server, what: str) -> float:
    return _percentile([value for values in server.taken[what] for value in values], 0.99)


def _ratio(ours: Server, theirs: Server, what: str) -> str:
    """Of the two in one round; of these the median."""
    pairs = zip(ours.middle(what), theirs.middle(what), strict=True)
    return f"{statistics.median(a / b for a, b in pairs):.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, nargs="*", default=[50, 200, 500], help="sessions at once")
    parser.add_argument("--ttyd", help="its program; without it, it is left out")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # what was started is ended
    with tempfile.TemporaryDirectory(prefix="aios-bench-") as name, ExitStack() as ends:
        place = make_place(Path(name), 1)
        ends.enter_context(stack(place))
        fleet = make_fleet(place)
        attach = ["tmux", "-S", str(place.folder / "data" / "tmux.sock"), "attach", "-t"]
        servers = [aios(place), terminado(place, attach, ends)]
        servers += [ttyd(args.ttyd, attach, ends)] if args.ttyd else []
        servers.append(bare(attach))
        if args.rounds:
            asyncio.run(_measure(servers, fleet, args.rounds))
            _print(servers)
        if args.steps:
            asyncio.run(_measure_crowds(servers, fleet, args.steps))
            _print_crowds(servers, args.steps)


if __name__ == "__main__":
    main()
