"""The agents that AIOS brings along, and the module for each kind."""

from __future__ import annotations

import shutil
import uuid

from aios_app.agents.base import AgentModule
from aios_app.agents.claude import ClaudeAgent
from aios_app.agents.codex import CodexAgent
from aios_app.agents.demo import DEMO_ARGV, DemoAgent
from aios_app.agents.gemini import GeminiAgent
from aios_app.agents.generic import GenericAgent
from aios_app.agents.steps import StepsAgent
from aios_app.domain.models import Agent, Finishes

_MODULES: dict[str, AgentModule] = {
    "codex": CodexAgent(),
    "claude": ClaudeAgent(),
    "gemini": GeminiAgent(),
    "demo": DemoAgent(),
    "generic": GenericAgent(),
    "steps": StepsAgent(),
}

_INSTALL = {
    "codex": "npm install -g @openai/codex",
    "claude": "npm install -g @anthropic-ai/claude-code",
    "gemini": "npm install -g @google/gemini-cli",
    "htop": "apt-get install htop",
    "top": "apt-get install procps",
}

_CODEX = (
    *("codex", "--no-daemon", "-c", 'model_reasoning_effort="high"'),
    *("--dangerously-bypass-approvals-and-sandbox", "--dangerously-bypass-hook-trust"),
)

_FOUNDING_CODEX = (
    'codex -c model_reasoning_effort="high" --model gpt-5-codex --dangerously-bypass-approvals-and-sandbox'
)

#: What the rows of a founding database held, by their key: one that is unchanged means today's command.
FOUNDING_TEMPLATES = {
    "c": _FOUNDING_CODEX,
    "cp": f'{_FOUNDING_CODEX} "{{CODEX_PROMPT}}"',
    "l": "claude --dangerously-skip-permissions",
    "lp": 'claude --dangerously-skip-permissions "{CLAUDE_PROMPT}"',
    "g": "gemini --yolo",
    "gp": 'gemini --yolo "{GEMINI_PROMPT}"',
    "h": "htop",
    "t": "top",
}


def module_for(agent: Agent) -> AgentModule:
    """The module of the agent's kind; a kind of a newer version is taken as a generic program."""
    return _MODULES.get(agent.kind, _MODULES["generic"])


def install_check(agent: Agent) -> str | None:
    """None if the agent's program is on this process's PATH, else what to do.

    A login shell may know more places than a service does: this is advice, never a reason to refuse.
    """
    return None if shutil.which(agent.argv[0]) else install_advice(agent)


def install_advice(agent: Agent) -> str:
    """What to do where the agent's program is not there."""
    advice = install_command(agent) or f"install it, or change the command: aios agents edit {agent.key}"
    return f"{agent.argv[0]} is not installed: {advice}"


def install_command(agent: Agent) -> str:
    """How the agent's program is installed; empty for an unknown one."""
    return _INSTALL.get(agent.argv[0], "")


def _agent(key: str, name: str, argv: tuple[str, ...], finishes: Finishes) -> Agent:
    is_program = finishes is Finishes.NEVER
    return Agent(
        uuid=str(uuid.uuid5(uuid.NAMESPACE_URL, f"aios:agent:{key}")),
        key=key,
        name=name,
        kind="generic" if is_program else name,
        argv=argv,
        finishes=finishes,
        weight=0 if is_program else 1,
    )


#: In every new catalogue.
DEFAULT_AGENTS = (
    _agent("c", "codex", _CODEX, Finishes.TURN),
    _agent("l", "claude", ("claude", "--dangerously-skip-permissions"), Finishes.TURN),
    _agent("g", "gemini", ("gemini", "--yolo", "--skip-trust"), Finishes.TURN),
    _agent("h", "htop", ("htop",), Finishes.NEVER),
    _agent("t", "top", ("top",), Finishes.NEVER),
)

#: In the catalogue of demonstrations and tests.
DEMO_AGENT = _agent("d", "demo", DEMO_ARGV, Finishes.TURN)
