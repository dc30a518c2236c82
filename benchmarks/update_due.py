"""What a command takes when a look for a newer AIOS is due, beside what it takes else.

Run it from the checkout: ``.venv/bin/python benchmarks/update_due.py``. It installs a clone of the checkout
in a temporary folder and types one command again and again; before every other one the look is made due. The
service asks for the time with each request here, not every ten seconds; the worker fetches from a remote.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

from aios_app.services.context import open_catalog
from aios_app.settings import Settings, load

CHECKOUT = Path(__file__).resolve().parent.parent
ROUNDS = 60
COMMANDS = (("p",), ("jobs",))
GOAL_MS = 10.0
#: Of the service: a look with every request, as the benchmark does not rest between them.
_AT_ONCE = "\n_REST_S = _SENT_REST_S = 0.0\n"


def installed(folder: Path, environment: dict[str, str]) -> Path:
    """A clone with an environment, installed."""
    remote, clone = folder / "aios.git", folder / "checkout"
    run = {"env": environment, "check": True, "stdout": subprocess.DEVNULL}
    subprocess.run(["git", "clone", "-q", "--bare", str(CHECKOUT), str(remote)], **run)
    subprocess.run(["git", "clone", "-q", str(remote), str(clone)], **run)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(clone / ".venv")], **run)
    [packages] = (clone / ".venv/lib").glob("python3*/site-packages")
    (packages / "aios.pth").write_text(f"{clone}\n{sysconfig.get_paths()['purelib']}\n")
    with (clone / "web/updates.py").open("a") as file:
        file.write(_AT_ONCE)
    commit = ["git", "-c", "user.name=A", "-c", "user.email=a@b", "commit", "-q", "-a", "-m", "at once"]
    subprocess.run(commit, cwd=clone, **run)
    subprocess.run(["git", "push", "-q"], cwd=clone, **run)
    subprocess.run([str(clone / "aios"), "install"], **run)
    return clone / "aios"


def measure(program: Path, settings: Settings, environment: dict[str, str], words: tuple[str, ...]) -> None:
    catalog = open_catalog(settings)
    times: dict[bool, list[float]] = {True: [], False: []}
    looks = 0
    for index in range(2 * ROUNDS):
        is_due = index % 2 == 0
        catalog.set("last_update_check", "0" if is_due else str(int(time.time())))
        began = time.perf_counter()
        subprocess.run([program, *words], env=environment, check=True, capture_output=True)
        times[is_due].append(1000 * (time.perf_counter() - began))
        time.sleep(0.3)  # the look itself, so that it is not at work in the next round
        looks += is_due and catalog.get("last_update_check") != "0"
    catalog.close()
    assert looks == ROUNDS, f"the worker looked {looks} times"
    due, usual = (statistics.median(times[is_due]) for is_due in (True, False))
    verdict = "within" if due - usual <= GOAL_MS else "over"
    figures = f"{usual:.1f} | {due:.1f} | {due - usual:+.1f} | {due / usual:.2f}"
    print(f"| `aios {' '.join(words)}` | {figures} | {verdict} |")


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="aios-b-", dir="/tmp"))  # short enough for sockets
    (folder / "home").mkdir()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder / "home"),
        "SHELL": "/bin/sh",
        "AIOS_DATA_DIR": str(folder / "data"),
        "GIT_CONFIG_GLOBAL": "/dev/null",
    }
    settings = load(environment)
    try:
        program = installed(folder, environment)
        subprocess.run([program, "up"], env=environment, check=True, stdout=subprocess.DEVNULL)
        subprocess.run([program, "--auto-update-on"], env=environment, check=True, stdout=subprocess.DEVNULL)
        print("| command | not due ms | due ms | difference ms | ratio | goal |\n|---|---|---|---|---|---|")
        for words in COMMANDS:
            measure(program, settings, environment, words)
    finally:
        subprocess.run([folder / "checkout/aios", "down"], env=environment, check=False)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
