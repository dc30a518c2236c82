"""The words of ``multi`` and ``all``: agent specs, durations and the prompt. The only parser of them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from aios_app.domain.errors import BadAgentSpec, BadPrompt, BadValue, UsageError
from aios_app.domain.models import AgentSpec

MAX_COUNT = 99
#: Linux gives one argument of a program at most 128 KiB; what an agent's option adds must fit too.
MAX_PROMPT_BYTES = 128 * 1024 - 1024

_SPEC = re.compile(r"(?P<agent>[A-Za-z][A-Za-z0-9_-]*):(?P<count>-?\d+)", re.ASCII)
_DURATION = re.compile(r"(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s?)?", re.ASCII)


def parse_spec(word: str) -> AgentSpec:
    """``c:2`` -> two of agent ``c``; raises ``BadAgentSpec`` with what is wrong in it."""
    match = _SPEC.fullmatch(word)
    if match is None:
        raise BadAgentSpec(f"'{_short(word)}' is not an agent spec: write <agent>:<count>, e.g. c:2")
    count = int(match["count"][:9])
    if not 1 <= count <= MAX_COUNT:
        raise BadAgentSpec(f"'{_short(word)}': the count is from 1 to {MAX_COUNT}")
    return AgentSpec(agent=match["agent"], count=count)


def is_spec(word: str) -> bool:
    """Whether the word has the shape of a spec, right or wrong: it is then never taken for a prompt."""
    return _SPEC.fullmatch(word) is not None


def split_words(words: Sequence[str]) -> tuple[list[AgentSpec], str | None]:
    """``["c:2", "l:1", "fix it"]`` -> the specs and the prompt, None where none was given."""
    specs: list[AgentSpec] = []
    prompt: str | None = None
    for position, word in enumerate(words):
        if prompt is not None:
            raise UsageError(f"more words after the prompt: '{_short(word)}'. Put the prompt in quotes, last")
        if is_spec(word) or (not specs and position == 0):
            specs.append(parse_spec(word))
        else:
            prompt = word
    if not specs:
        raise BadAgentSpec("which agents? Add a spec, e.g. c:2 for two Codex")
    return _added_up(specs), prompt


def check_prompt(prompt: str) -> str:
    """The prompt as it is; raises ``BadPrompt`` where no agent could get it unchanged."""
    if not prompt.strip():
        raise BadPrompt("the prompt is empty")
    if "\0" in prompt:
        raise BadPrompt("the prompt holds a NUL byte, which no program's argument can")
    size = len(prompt.encode("utf-8", "surrogateescape"))
    if size > MAX_PROMPT_BYTES:
        raise BadPrompt(
            f"the prompt has {size:,} bytes; one argument holds at most {MAX_PROMPT_BYTES:,}. "
            "Put the text in a file of the project and name it in the prompt"
        )
    return prompt


def parse_duration(text: str) -> int:
    """``90``, ``90s``, ``15m``, ``2h``, ``1h30m``, ``1d`` -> seconds, at least 1."""
    match = _DURATION.fullmatch(text.strip())
    total = 0
    if match is not None:
        days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
        total = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    if total < 1:
        raise BadValue(f"'{_short(text)}' is not a duration: write e.g. 90s, 15m, 2h or 1h30m")
    return total


def parse_pause(text: str) -> int:
    """As ``parse_duration``, but ``0`` is one too."""
    return 0 if text.strip() in {"0", "0s"} else parse_duration(text)


def _added_up(specs: Sequence[AgentSpec]) -> list[AgentSpec]:
    counts: dict[str, int] = {}
    for spec in specs:
        counts[spec.agent] = counts.get(spec.agent, 0) + spec.count
    for agent, count in counts.items():
        if count > MAX_COUNT:
            raise BadAgentSpec(f"{agent}:{count} in all: at most {MAX_COUNT} of one agent in a project")
    return [AgentSpec(agent=agent, count=count) for agent, count in counts.items()]


def _short(word: str) -> str:
    return word if len(word) <= 40 else word[:39] + "…"
