"""What ``script/demo`` runs once all is installed: everything of it is in one folder."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import psutil

from aios_app.agents import DEMO_AGENT
from aios_app.domain.errors import AiosError, ConflictError
from aios_app.git.runner import run_git
from aios_app.services.context import open_catalog
from aios_app.settings import Settings, environment_without, load
from aios_app.stack.down import down
from aios_app.tmux.client import TmuxClient

ROOT = Path(__file__).resolve().parents[1]
FOLDER = Path.home() / ".cache" / "aios-demo"
CODE, REMOTES = FOLDER / "code", FOLDER / "remotes"
PROJECTS = {
    "shop": ("cart.py", "def total(prices):\n    return sum(prices)\n"),
    "api": ("server.py", 'def answer(name):\n    return {"hello": name}\n'),
    "docs": ("guide.md", "# Guide\n\nHow to use the shop and its API.\n"),
}
#: In each repository, as its agents commit with the settings of a person, who may sign, or have no name yet.
IDENTITY = {"user.name": "Demo", "user.email": "demo@localhost", "commit.gpgSign": "false"}
#: All agents of one run at once; a second run shows how the idle ones make room.
MAX_AGENTS = "6"
_BARE_GIT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_COUNT": "0",
    "GIT_CONFIG_PARAMETERS": "",
    "GIT_TEMPLATE_DIR": "",
}
_GIT_LIMIT_S = 30
#: Seconds for agents to end by themselves.
_GRACE_S = 3.0


def main(words: Sequence[str]) -> int:
    """The whole demonstration, one command of its ``aios``, or the end of it."""
    try:
        if words[:1] == ["aios"]:
            return aios(*words[1:])
        return clean() if words else run()
    except AiosError as error:
        print(error, file=sys.stderr)
        return 3 if isinstance(error, ConflictError) else 4
    except KeyboardInterrupt:
        return 130


def run() -> int:
    """Makes what is missing, starts a run and stays until it is over."""
    refuse_link()
    for name, (file, text) in PROJECTS.items():
        make_project(name, file, text)
    print(f"ok  {len(PROJECTS)} sample projects in {CODE}", flush=True)
    new = prepare_instance()
    code = shown("add", *new) if new else 0
    code = code or shown("all", f"{DEMO_AGENT.key}:2", "add a greeting", "--wait")
    if code == 0:
        say_next()
    return code


def make_project(name: str, file: str, text: str) -> None:
    """A repository with a bare remote. It is there whole or not at all."""
    if (CODE / name).exists():
        return
    remote, new = REMOTES / f"{name}.git", CODE / f".{name}.new"
    for old in (remote, new):
        shutil.rmtree(old, ignore_errors=True)
    new.mkdir(parents=True)
    (new / file).write_text(text)
    (new / "README.md").write_text(f"# {name}\n\nA sample project.\n")
    git("init", "-q", "--bare", str(remote), cwd=new)
    git("init", "-q", cwd=new)
    for repository in (remote, new):
        git("symbolic-ref", "HEAD", "refs/heads/main", cwd=repository)
    for key, value in IDENTITY.items():
        git("config", key, value, cwd=new)
    git("add", ".", cwd=new)
    git("commit", "-q", "-m", "First version", cwd=new)
    git("remote", "add", "origin", str(remote), cwd=new)
    git("push", "-q", "-u", "origin", "main", cwd=new)
    new.rename(CODE / name)


def git(*words: str, cwd: Path) -> None:
    """Runs git without the person's settings, templates and hooks."""
    run_git(words, cwd=cwd, timeout_s=_GIT_LIMIT_S, env=_BARE_GIT)


def prepare_instance() -> list[str]:
    """Gives the demo's instance its agent; returns the projects that it does not know yet."""
    settings().data_dir.mkdir(mode=0o700, exist_ok=True)
    catalog = open_catalog(settings())
    try:
        if DEMO_AGENT.key not in {agent.key for agent in catalog.agents()}:
            catalog.set("max_agents", MAX_AGENTS)
        catalog.put_agent(DEMO_AGENT)
        saved = {project.path for project in catalog.projects()}
    finally:
        catalog.close()
    return [path for name in PROJECTS if (path := str(CODE / name)) not in saved]


def shown(*words: str) -> int:
    """The same as ``aios``, after a line that shows the command as a person would type it."""
    typed = (f'"{word}"' if " " in word else word for word in words)
    print(f"$ aios {' '.join(typed)}", flush=True)
    return aios(*words)


def aios(*words: str) -> int:
    """The exit code of a command of the demo's own instance, in this terminal."""
    # Ctrl-C is for the command, which gets it too; an exception here could lose its exit code.
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        return subprocess.call([str(ROOT / "aios"), *words], env=environment())
    finally:
        signal.signal(signal.SIGINT, before)


def environment() -> dict[str, str]:
    """The person's, but of the demo's instance alone. An agent stays one, whom a stack refuses."""
    mark = {name: os.environ[name] for name in ("AIOS_ATTEMPT",) if name in os.environ}
    own = {"AIOS_DATA_DIR": str(FOLDER / "data"), "AIOS_CONFIG_DIR": str(FOLDER / "config")}
    return environment_without("AIOS_") | mark | own


def settings() -> Settings:
    """Of the demo's instance."""
    return load(environment())


def say_next() -> None:
    """What a person may type now; the last line leads to their own projects."""
    here = Path.cwd() == ROOT
    demo, program = ("script/demo", "./aios") if here else (f"{ROOT}/script/demo", f"{ROOT}/aios")
    print(f"""
This AIOS is the demo's own: put {demo} before its commands.
  {demo} aios attach 1     an agent, to type to; Ctrl-b d leaves it
  {demo} aios diff 1       what it did
  {demo} aios compare r1   the two of each project side by side
  {demo} aios pick 1       its work onto main of the project; the other one goes
  {demo} aios review       the rest, one after another: land, reply, drop
remove all this: {demo} --clean
your own projects: {program} install""")


def clean() -> int:
    """Ends what runs in the folder and removes it, and nothing else."""
    refuse_link()
    if not FOLDER.exists():
        print(f"There is nothing to remove: no {FOLDER}")
        return 0
    down(settings())
    end_agents()
    shutil.rmtree(FOLDER)
    if settings().runtime_dir.name.startswith("aios-"):
        shutil.rmtree(settings().runtime_dir, ignore_errors=True)
    print(f"Removed {FOLDER} and all that ran there.\n{ROOT}/.venv, the program's own, stays.")
    return 0


def end_agents() -> None:
    """Ends the tmux server, and every process that an agent of this instance started."""
    TmuxClient(settings().tmux_socket, timeout_s=10).run(["kill-server"])
    marked = [(process, mark) for process in psutil.process_iter() if (mark := mark_of(process))]
    # Without an attempt it is only the clock of a wrapper, which would go on for its seconds.
    psutil.wait_procs([process for process, mark in marked if mark.get("AIOS_ATTEMPT")], timeout=_GRACE_S)
    for process, _ in marked:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs([process for process, _ in marked], timeout=_GRACE_S)


def mark_of(process: psutil.Process) -> dict[str, str]:
    """Its environment, if it is of an agent of this instance."""
    try:
        variables = process.environ()
    except psutil.Error:
        return {}
    return variables if variables.get("AIOS_SPOOL") == str(settings().spool_dir) else {}


def refuse_link() -> None:
    """A link could lead what is made and removed here to anywhere."""
    if FOLDER.is_symlink():
        raise ConflictError(f"{FOLDER} is a symbolic link: remove it first")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
