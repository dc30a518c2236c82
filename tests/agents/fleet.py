"""A whole AIOS whose agents are the real programs, at work for a stand-in model on loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

from redis import Redis

from aios_app.agents import DEFAULT_AGENTS
from aios_app.domain.models import Agent, Job
from aios_app.ledger.keys import EVENTS
from aios_app.queue.app import make_app
from aios_app.queue.sending import TaskQueue
from aios_app.services.context import open_catalog
from aios_app.stack.address import redis_py_url, redis_url
from aios_app.stack.states import living
from aios_app.stack.waiting import tries
from tests.acceptance.stack import Stack
from tests.conftest import CHECKOUT

KEYS = ("c", "l", "g")
NAMES = ("codex", "claude", "gemini")


class Model:
    """The stand-in for the models' servers."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._log = folder / "requests.jsonl"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.stub.server", str(folder)],
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
        )
        port = folder / "port"
        assert any(port.exists() and port.read_text().endswith("\n") for _ in tries(10))
        self.url = f"http://127.0.0.1:{port.read_text().strip()}"

    def prompts(self, sha256: str) -> set[str]:
        """The APIs at which a prompt of this digest arrived."""
        return {str(entry["api"]) for entry in self.requests() if entry["sha256"] == sha256}

    def requests(self) -> list[dict[str, Any]]:
        """All requests with a prompt so far."""
        if not self._log.exists():
            return []
        return [json.loads(line) for line in self._log.read_text().splitlines()]

    def release(self, key: str) -> None:
        """Lets the answers go that wait for the key."""
        urllib.request.urlopen(f"{self.url}/release/{key}", timeout=5).close()  # noqa: S310 - our own stand-in

    def close(self) -> None:
        """Ends it."""
        self._process.kill()
        self._process.wait()


class AgentStack(Stack):
    """A stack whose person has the three programs, and settings that make them ask the stand-in."""

    def __init__(self, root: Path, programs: Path) -> None:
        super().__init__(root)
        self.model = Model(root / "model")
        home = root / "home"
        (home / ".profile").write_text(_profile(programs, self.model.url))
        for name, text in _settings(self.model.url).items():
            path = home / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)

        self.queue = TaskQueue(make_app(redis_url(self.settings), machine=self.machine))

    def states(self, job: Job) -> list[str]:
        """The states that the job came into, one after another."""
        with Redis.from_url(redis_py_url(self.settings), decode_responses=True) as redis:
            events = [event for _, event in redis.xrange(EVENTS)]
        states = [event["state"] for event in events if event.get("job") == str(job.number)]
        return [state for state, _ in groupby(states)]

    def worker_pid(self) -> int:
        """The process that carries out the tasks."""
        return next(record.process.pid for record in living(self.settings) if record.name == "worker")

    def press(self, job: Job, key: str) -> None:
        """Presses a key in the job's terminal."""
        keys = ["send-keys", "-t", f"={job.name}:", key]
        subprocess.run(["tmux", "-S", str(self.settings.tmux_socket), *keys], check=True)

    def await_screen(self, job: Job, words: str) -> None:
        """Waits until the job's terminal shows these words."""
        assert any(words in self._screen(job) for _ in tries(20)), self._screen(job)

    def hurry(self, key: str) -> None:
        """The agent's screen is looked at after three seconds of silence."""
        self._put(replace(self._agent(key), idle_after_s=3))

    def variant(self, key: str, before: tuple[str, ...]) -> str:
        """Adds an agent like this one, with these words before its command; the key of the new one."""
        agent = self._agent(key)
        self._put(replace(agent, uuid="", key=f"{key}x", name=f"{agent.name}-x", argv=(*before, *agent.argv)))
        return f"{key}x"

    def _screen(self, job: Job) -> str:
        return self.tmux.capture(job.name) if self.tmux.find(job.name) else ""

    def _agent(self, key: str) -> Agent:
        return next(agent for agent in DEFAULT_AGENTS if agent.key == key)

    def _put(self, agent: Agent) -> None:
        catalog = open_catalog(self.settings)
        catalog.put_agent(agent)
        catalog.close()

    def close(self) -> None:
        """Ends the agents, the stack and the model."""
        super().close()
        self.model.close()


def programs() -> Path:
    """Where the three programs are installed; see script/test-agents."""
    return Path(os.environ["AIOS_TEST_PROGRAMS"])


def _profile(programs: Path, url: str) -> str:
    variables = {
        "OPENAI_API_KEY": "sk-stub",
        "ANTHROPIC_AUTH_TOKEN": "stub",
        "ANTHROPIC_BASE_URL": url,
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "GEMINI_API_KEY": "stub",
        "GOOGLE_GEMINI_BASE_URL": url,
    }
    lines = [f"export {name}={value}" for name, value in variables.items()]
    return "\n".join([f"export PATH={programs}/bin:$PATH", *lines, ""])


def _settings(url: str) -> dict[str, str]:
    """As a person has them who has logged in and used the programs once."""
    codex = f"""\
model_provider = "stub"
check_for_update_on_startup = false
[model_providers.stub]
name = "stub"
base_url = "{url}/v1"
env_key = "OPENAI_API_KEY"
wire_api = "responses"
request_max_retries = 1
stream_max_retries = 1
[analytics]
enabled = false
"""
    gemini = {
        "security": {"auth": {"selectedType": "gemini-api-key"}},
        "privacy": {"usageStatisticsEnabled": False},
    }
    return {
        ".codex/config.toml": codex,
        ".claude.json": json.dumps({"hasCompletedOnboarding": True}),
        ".gemini/settings.json": json.dumps(gemini),
    }
