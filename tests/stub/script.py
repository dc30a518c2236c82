"""What the stand-in model does: lines of the prompt that begin with ``stub:`` steer it.

``stub: run COMMAND`` is a use of the shell tool, ``stub: ask QUESTION`` one of the tool for questions,
``stub: delegate WORDS`` starts a helper of Codex,
``stub: think SECONDS`` delays the first answer, ``stub: hold KEY`` keeps it until the key is released,
``stub: fail STATUS`` refuses every request. The turn ends with a message that names the prompt's SHA-256.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

_ORDER = re.compile(r"^ ?stub: (run|ask|delegate|think|hold|fail) (.*)$", re.M)

#: The HTTP status of a rate limit.
RATE_LIMIT = 429

#: The tool by which each program runs a command, and the one by which it asks.
SHELL_TOOLS = ("exec_command", "shell", "shell_command", "exec", "Bash", "run_shell_command")
ASK_TOOLS = ("AskUserQuestion", "ask_user", "request_user_input")


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One entry of a conversation, in the words that the three APIs have in common."""

    by: Literal["user", "model", "tool"]
    kind: Literal["text", "call", "result"]
    text: str = ""

    @property
    def is_prompt(self) -> bool:
        """Whether it holds orders for the stand-in."""
        return self.by == "user" and self.kind == "text" and "stub:" in self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a program sent: the conversation so far, and its tools with their schemas."""

    api: str
    said: Sequence[Said]
    tools: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the model does next: a message, the use of a tool, or an HTTP error."""

    kind: Literal["message", "tool", "error"]
    text: str = ""
    tool: str = ""
    order: str = ""  #: the command, or the question
    status: int = 200
    prompt: str = ""
    think_s: float = 0
    hold: str = ""


def answer(request: Request) -> Answer:
    """The next step of the newest prompt with orders in it; a request without tools is a side question."""
    prompt, calls = _newest_prompt(request.said)
    if not prompt or not request.tools:
        return Answer(kind="message", text="A side question.")
    orders = list(_ORDER.findall(prompt))
    first = dict(reversed(orders))
    if "fail" in first:
        return Answer(kind="error", status=int(first["fail"]), prompt=prompt)
    steps = list(_steps(orders, request.tools))
    if calls < len(steps):
        tool, order = steps[calls]
        think_s = float(first.get("think", 0)) if calls == 0 else 0.0
        hold = first.get("hold", "") if calls == 0 else ""
        return Answer(kind="tool", tool=tool, order=order, prompt=prompt, think_s=think_s, hold=hold)
    waits = not steps
    return Answer(
        kind="message",
        text=f"All done. sha256={digest(prompt)}",
        prompt=prompt,
        think_s=float(first.get("think", 0)) if waits else 0.0,
        hold=first.get("hold", "") if waits else "",
    )


def digest(prompt: str) -> str:
    """The SHA-256 of a prompt as it arrived."""
    return hashlib.sha256(prompt.encode("utf-8", "surrogatepass")).hexdigest()


def _newest_prompt(said: Sequence[Said]) -> tuple[str, int]:
    prompt, calls = "", 0
    for entry in said:
        if entry.is_prompt:
            prompt, calls = entry.text, 0
        calls += entry.kind == "call"
    return prompt, calls


def _steps(orders: Sequence[tuple[str, str]], tools: dict[str, Any]) -> Iterator[tuple[str, str]]:
    wanted = {"run": SHELL_TOOLS, "ask": ASK_TOOLS, "delegate": ("spawn_agent",)}
    for name, value in orders:
        tool = next((tool for tool in wanted.get(name, ()) if tool in tools), None)
        if tool:
            yield tool, value
