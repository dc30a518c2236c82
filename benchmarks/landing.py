"""How long it takes to land many branches, beside the serial shell script that a person would write.

Run it from the checkout: ``.venv/bin/python benchmarks/landing.py``. Both sides land as many branches onto a
bare remote on the same disk, one after another, with a merge commit each; both remove worktree and branch.
AIOS besides verifies each commit on the remote and keeps what it removes in its trash. Ratios of one run
are comparable, seconds of two machines are not.
"""

from __future__ import annotations

import argparse
import json
import shlex
import statistics
import sys
import tempfile
import time
from pathlib import Path

from launch import Place, make_place, stack

#: What a job leaves: one commit with one file of its own.
_AGENT = """\
#!/bin/sh
echo "work of $AIOS_JOB" >"work-$AIOS_JOB.txt"
git add -A && git commit -qm "work of $AIOS_JOB"
"""
_CHECK = "sleep 1"


def by_aios(place: Place, branches: int) -> float:
    """Seconds of ``aios land`` for all jobs of a run."""
    words = ("multi", "p0", f"b:{branches}", "work", "--json")
    run = json.loads(place.aios(*words))["run"]["number"]
    place.aios("wait", f"r{run}")
    begun = time.perf_counter()
    place.aios("land", f"r{run}", "-y")
    return time.perf_counter() - begun


def by_script(place: Place, branches: int, round_number: int, check: str) -> float:
    """Seconds of the script that a person would write for branches that are ready in worktrees."""
    root = place.projects(1)[0]
    place.run("git", "-C", root, "pull", "-q", "--ff-only")
    lines = ["set -e", f"cd {shlex.quote(str(root))}"]
    for index in range(branches):
        name = f"loop-{round_number}-{index}"
        tree = place.folder / "loop" / name
        place.run("git", "-C", root, "worktree", "add", "-q", "-b", name, tree, "origin/main")
        (tree / f"{name}.txt").write_text("work\n")
        place.run("git", "-C", tree, "add", "-A")
        place.run("git", "-C", tree, "commit", "-qm", name)
        lines += ["git fetch -q origin", f"git merge -q --no-ff -m {name} {name}"]
        lines += [check] if check else []
        lines += ["git push -q origin main", f"git worktree remove {tree}", f"git branch -q -d {name}"]
    script = place.folder / f"land-{round_number}.sh"
    script.write_text("\n".join(lines) + "\n")
    begun = time.perf_counter()
    place.run("sh", script)
    return time.perf_counter() - begun


def landed(place: Place) -> int:
    """How many landings the remote's main has."""
    remote = place.folder / "remotes" / "p0.git"
    return int(place.run("git", "-C", remote, "rev-list", "--count", "--merges", "main"))


def table(place: Place, branches: int, rounds: int) -> None:
    print(f"\n| {branches} branches | `aios land` s | shell script s | ratio |\n|---|---|---|---|")
    for row, check in enumerate(("", _CHECK)):
        place.aios("config", "p0.check", check)
        ours, theirs = [], []
        for round_number in range(rounds):
            before = landed(place)
            theirs.append(by_script(place, branches, row * rounds + round_number, check))
            ours.append(by_aios(place, branches))
            if landed(place) != before + 2 * branches:
                sys.exit("not every branch has landed")
        a, b = statistics.median(ours), statistics.median(theirs)
        print(f"| {'check of 1 s' if check else 'no check'} | {a:.2f} | {b:.2f} | {a / b:.2f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--branches", type=int, default=20)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="aios-bench-") as name:
        place = make_place(Path(name), 1)
        agent = place.folder / "lander"
        agent.write_text(_AGENT)
        agent.chmod(0o755)
        with stack(place):
            place.aios("agents", "add", "b", "bench", "--finishes", "exit", "--", agent)
            place.aios("add", place.projects(1)[0])
            place.aios("config", "max_agents", "20")
            table(place, args.branches, args.rounds)


if __name__ == "__main__":
    main()
