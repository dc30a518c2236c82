"""Updates that are killed: a whole version is at work then, and the next update ends well."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading

import pytest

from aios_app.domain.errors import InstanceBusy
from aios_app.services.update_aios import finish_update, go_back, look_for_update
from tests.conftest import CHECKOUT
from tests.integration.git_fixtures import quiet_git
from tests.integration.release_fixtures import SETUP, Upstream, upstream

__all__ = ["quiet_git", "upstream"]

#: Kills an update before the first thing that it changes outside of itself, the next one before the second...
_KILLER = """
import json, os, signal, sys
from pathlib import Path
from tests.integration.release_fixtures import Upstream

STEPS = {"subprocess.Popen", "os.rename", "os.symlink", "os.mkdir", "shutil.rmtree"}
READS = {"rev-parse", "status", "--get", "merge-base", "rev-list", "log"}

def changes(event, args):
    if event == "subprocess.Popen":
        return not READS & set(map(str, args[1]))
    return event in STEPS and (event != "os.mkdir" or not os.path.exists(args[0]))

def killed_at(upstream, step):
    child = os.fork()
    if child == 0:
        count = 0
        def hook(event, args):
            nonlocal count
            if changes(event, args):
                count += 1
                if count == step:
                    os.kill(os.getpid(), signal.SIGKILL)
        sys.addaudithook(hook)
        upstream.update()
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in {0, -signal.SIGKILL}, code
    return code != 0

upstream = Upstream(Path(sys.argv[1]))
version, step, seen = upstream.version(), 0, []
while True:
    step += 1
    upstream.push(f"v{step}")
    is_killed = killed_at(upstream, step)
    left = upstream.version()
    upstream.update()
    seen.append([f"v{step}", version, left, upstream.version()])
    version = upstream.version()
    if not is_killed:
        break
print(json.dumps(seen))
"""


@pytest.mark.long
@pytest.mark.timeout(120)
def test_killed_at_each_step_the_old_or_the_new_version_works_and_the_next_update_ends_well(
    upstream: Upstream,
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _KILLER, str(upstream.folder)],
        env=os.environ | {"PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert len(seen) > 15
    for new, before, left, after in seen:
        assert (left in {before, new}, after) == (True, new)
    assert {left == new for new, _, left, _ in seen[:-1]} == {False, True}
    assert len(list(upstream.releases.folder.iterdir())) == 2


def test_what_a_killed_update_left_at_work_counts_as_an_update(upstream: Upstream) -> None:
    gate = upstream.folder / "gate"
    os.mkfifo(gate)
    upstream.push("two", setup=SETUP + f"echo waits >{gate}\nread line <{gate}\n")
    updater = subprocess.Popen(
        [sys.executable, "-c", _UPDATE, str(upstream.folder)],
        env=os.environ | {"PYTHONPATH": str(CHECKOUT)},
    )
    assert gate.read_text() == "waits\n"

    updater.send_signal(signal.SIGKILL)
    updater.wait()

    assert upstream.version() == "one"
    with pytest.raises(InstanceBusy, match="another update"):
        look_for_update(upstream.place)
    gate.write_text("go on\n")
    _wait_for_lock(upstream)
    reader = threading.Thread(target=lambda: (gate.read_text(), gate.write_text("go on\n")))
    reader.start()
    upstream.update()
    reader.join()
    assert upstream.version() == "two"


def test_one_that_is_killed_while_programs_go_over_is_finished_by_the_next(upstream: Upstream) -> None:
    upstream.push("two")
    killed = subprocess.run(
        [sys.executable, "-c", _KILLED_AFTER_SWITCH, str(upstream.folder)],
        env=os.environ | {"PYTHONPATH": str(CHECKOUT)},
        check=False,
    )
    assert (killed.returncode, upstream.version()) == (-signal.SIGKILL, "two")
    look_for_update(upstream.place)  # by itself, which leaves that to who asks for an update
    said: list[str] = []

    assert finish_update(upstream.place, said.append)
    assert said[0].startswith("ok  current: ")
    assert not finish_update(upstream.place, said.append)
    upstream.push("three")
    upstream.update()
    go_back(upstream.place, said.append)
    assert not finish_update(upstream.place, said.append)


_KILLED_AFTER_SWITCH = """
import os, signal, sys
from pathlib import Path
from aios_app.services.update_aios import look_for_update, make_release, take_release
from tests.integration.release_fixtures import Upstream, silent

def die(line):
    if line.startswith("ok  current"):
        os.kill(os.getpid(), signal.SIGKILL)

place = Upstream(Path(sys.argv[1])).place
commit = look_for_update(place).commit
make_release(place, commit, silent)
take_release(place, commit, die)
"""

_UPDATE = """
import sys
from pathlib import Path
from tests.integration.release_fixtures import Upstream
Upstream(Path(sys.argv[1])).update()
"""


def _wait_for_lock(upstream: Upstream) -> None:
    """Until the setup that was left over has ended."""
    lock = upstream.releases.home / "update.lock"
    subprocess.run(["flock", "--wait", "5", str(lock), "true"], check=True)
