"""How soon agents run, and how soon commands answer, beside what a person would use instead.

Run it from the checkout: ``.venv/bin/python benchmarks/launch.py``. It makes projects, remotes and an
instance of its own in a temporary folder and prints Markdown tables; ratios of one run are comparable,
milliseconds of two machines are not.
"""

from __future__ import annotations

import argparse
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from watchdog.events import FileClosedEvent, FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from aios_app.agents import demo_program

CHECKOUT = Path(__file__).resolve().parent.parent
AGENTS_PER_PROJECT = 2
#: Agents at work outlast the launch, as real ones do.
PROMPT = "demo: seconds 60\nadd a greeting"
#: Seconds that a remote takes to answer in the second table; few hosts on the internet are quicker.
REMOTE_DELAY_S = 0.3
DEADLINE_S = 120.0


@dataclass(frozen=True)
class Place:
    """The folder of one benchmark, with its environment."""

    folder: Path
    environment: dict[str, str]

    @property
    def marks(self) -> Path:
        return self.folder / "marks"

    def projects(self, count: int) -> list[Path]:
        return [self.folder / "code" / f"p{index}" for index in range(count)]

    def run(self, *argv: object, check: bool = True) -> str:
        done = subprocess.run(
            [str(word) for word in argv],
            env=self.environment,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if check and done.returncode:
            sys.exit(f"{shlex.join(map(str, argv))}: {done.stdout}{done.stderr}")
        return done.stdout

    def aios(self, *words: object, check: bool = True) -> str:
        return self.run(CHECKOUT / "aios", *words, check=check)


class Counter(FileSystemEventHandler):
    """Waits until so many agents have said their first word."""

    def __init__(self) -> None:
        self.changed = threading.Condition()

    def on_any_event(self, _event: FileSystemEvent) -> None:
        with self.changed:
            self.changed.notify()


def make_place(folder: Path, projects: int) -> Place:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("AIOS_", "GIT_"))
    }
    environment |= {
        "HOME": str(folder / "home"),
        "AIOS_DATA_DIR": str(folder / "data"),
        "GIT_CONFIG_GLOBAL": str(folder / "gitconfig"),
        "SHELL": "/bin/bash",
    }
    (folder / "home").mkdir()
    (folder / "marks").mkdir()
    (folder / "gitconfig").write_text("[user]\nname = Bench\nemail = bench@localhost\n")
    upload = folder / "slow-upload-pack"
    upload.write_text(f'#!/bin/sh\nsleep {REMOTE_DELAY_S}\nexec git-upload-pack "$@"\n')
    upload.chmod(0o755)
    agent = folder / "agent"
    agent.write_text(
        "#!/bin/sh\n"
        "echo ready\n"
        f": >{shlex.quote(str(folder / 'marks'))}/$$\n"
        f'exec {shlex.quote(sys.executable)} -IS {shlex.quote(demo_program.__file__)} "$@"\n'
    )
    agent.chmod(0o755)
    place = Place(folder, environment)
    for path in place.projects(projects):
        _make_project(place, path)
    return place


def _make_project(place: Place, path: Path) -> None:
    remote = place.folder / "remotes" / f"{path.name}.git"
    path.mkdir(parents=True)
    for index in range(20):
        (path / f"file{index}.txt").write_text(f"{index}\n" * 50)
    place.run("git", "init", "-q", "--bare", "-b", "main", remote)
    place.run("git", "init", "-q", "-b", "main", path)
    place.run("git", "-C", path, "add", ".")
    place.run("git", "-C", path, "commit", "-q", "-m", "first")
    place.run("git", "-C", path, "remote", "add", "origin", remote)
    place.run("git", "-C", path, "push", "-q", "-u", "origin", "main")


@contextmanager
def stack(place: Place) -> Iterator[None]:
    place.aios("up")
    try:
        yield
    finally:
        place.aios("x", "-y", check=False)
        place.aios("down", check=False)
        place.run("tmux", "-S", place.folder / "data" / "tmux.sock", "kill-server", check=False)


def first_words(place: Place, wanted: int, start: Callable[[], object]) -> float:
    """Seconds from ``start`` until the last of ``wanted`` agents has said its first word."""
    for mark in place.marks.iterdir():
        mark.unlink()
    counter = Counter()
    observer = Observer()
    observer.schedule(counter, str(place.marks), event_filter=[FileClosedEvent])
    observer.start()
    begun = time.time_ns()
    start()
    deadline = time.monotonic() + DEADLINE_S
    with counter.changed:
        while len(os.listdir(place.marks)) < wanted:  # noqa: PTH208 - names alone are wanted
            if time.monotonic() > deadline:
                sys.exit(f"only {len(os.listdir(place.marks))} of {wanted} agents began")  # noqa: PTH208
            counter.changed.wait(1)
    observer.stop()
    observer.join()
    return (max(mark.stat().st_mtime_ns for mark in place.marks.iterdir()) - begun) / 1e9


def by_aios(place: Place, projects: int) -> float:
    only = [word for path in place.projects(projects) for word in ("--only", path.name)]
    return first_words(
        place,
        projects * AGENTS_PER_PROJECT,
        lambda: place.aios("all", f"d:{AGENTS_PER_PROJECT}", PROMPT, "-y", *only),
    )


def by_shell_loop(place: Place, projects: int, round_number: int) -> float:
    """What a person would write: project after project, fetch, then a worktree and a session per agent."""
    socket = place.folder / "loop.sock"
    trees = place.folder / "loop" / str(round_number)
    trees.mkdir(parents=True)
    lines = ["set -e"]
    for path in place.projects(projects):
        lines.append(f"git -C {path} fetch -q origin")
        for index in range(AGENTS_PER_PROJECT):
            name = f"{path.name}-{projects}-{round_number}-{index}"
            tree = trees / name
            lines.append(f"git -C {path} worktree add -q --no-track -b {name} {tree} origin/main")
            lines.append(
                f"tmux -S {socket} -f /dev/null new-session -d -s {name} -c {tree} "
                f"{place.folder / 'agent'} {shlex.quote(PROMPT)}"
            )
    script = place.folder / f"loop-{round_number}.sh"
    script.write_text("\n".join(lines) + "\n")
    took = first_words(place, projects * AGENTS_PER_PROJECT, lambda: place.run("sh", script))
    place.run("tmux", "-S", socket, "kill-server")
    return took


def set_delay(place: Place, projects: int, *, is_slow: bool) -> None:
    """Makes the remotes answer at once, or as late as one on the internet."""
    program = place.folder / "slow-upload-pack" if is_slow else "git-upload-pack"
    for path in place.projects(projects):
        place.run("git", "-C", path, "config", "remote.origin.uploadpack", program)


def launch_table(place: Place, sizes: list[int], rounds: int, *, is_slow: bool) -> None:
    set_delay(place, max(sizes), is_slow=is_slow)
    print(f"\nRemotes answer {f'after {REMOTE_DELAY_S} s' if is_slow else 'at once (same disk)'}:\n")
    print(f"| projects x {AGENTS_PER_PROJECT} | `aios all` s | shell loop s | ratio |\n|---|---|---|---|")
    for size in sizes:
        ours, theirs = [], []
        for round_number in range(rounds):
            theirs.append(by_shell_loop(place, size, size * 100 + round_number + 10 * is_slow))
            ours.append(by_aios(place, size))
            place.aios("x", "-y")
        a, b = statistics.median(ours), statistics.median(theirs)
        print(f"| {size} | {a:.2f} ({_span(ours)}) | {b:.2f} ({_span(theirs)}) | {a / b:.2f} |")


def cold_table(place: Place, rounds: int) -> None:
    place.aios("config", "max_agents", "1")
    place.aios("all", "d:2", PROMPT, "-y")
    place.aios("x", "-y")
    commands: dict[str, Callable[[], object]] = {
        "python -c pass": lambda: place.run(sys.executable, "-c", "pass"),
        "aios --help": lambda: place.aios("--help"),
        "aios p": lambda: place.aios("p"),
        "aios jobs": lambda: place.aios("jobs"),
        "aios ls": lambda: place.aios("ls"),
        "aios --complete stop ''": lambda: place.aios("--complete", "stop", ""),
    }
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds):  # 100 jobs are in the list
        for name, command in commands.items():
            taken[name].append(_timed(command))
    taken["aios all, 100 jobs"] = _timed_all(place, max(3, rounds // 5))
    bare = statistics.median(taken["python -c pass"])
    print("\n| command | median ms | x bare python |\n|---|---|---|")
    for name, times in taken.items():
        median = statistics.median(times)
        print(f"| `{name}` | {median * 1000:.0f} | {median / bare:.1f} |")


def _timed_all(place: Place, rounds: int) -> list[float]:
    """All but one of the jobs wait for a slot, so that the next round meets a quiet machine."""
    times = []
    for _ in range(rounds):
        times.append(_timed(lambda: place.aios("all", "d:2", PROMPT, "-y")))
        place.aios("x", "-y")
    return times


def _timed(command: Callable[[], object]) -> float:
    begun = time.perf_counter()
    command()
    return time.perf_counter() - begun


def _span(times: list[float]) -> str:
    return f"{min(times):.2f}-{max(times):.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sizes", type=int, nargs="+", default=[20, 50])
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="aios-bench-") as name:
        place = make_place(Path(name), max(*args.sizes, 50))
        with stack(place):
            place.aios("agents", "add", "d", "demo", "--", place.folder / "agent")
            for path in place.projects(max(*args.sizes, 50)):
                place.aios("add", path)
            cold_table(place, args.rounds * 5)
            place.aios("config", "max_agents", "1000")
            launch_table(place, args.sizes, args.rounds, is_slow=False)
            launch_table(place, args.sizes, args.rounds, is_slow=True)


if __name__ == "__main__":
    main()
