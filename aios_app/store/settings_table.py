"""The one table of settings: each with its kind, its default and a line of help."""

from __future__ import annotations

import enum
import hashlib
import os
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from aios_app.domain.answering import parse_rules
from aios_app.domain.errors import BadValue
from aios_app.domain.landing import Strategy
from aios_app.domain.specs import check_prompt, parse_duration, parse_pause

_GIB = 1 << 30
_SWITCH = {"on": "on", "true": "on", "yes": "on", "1": "on"} | dict.fromkeys(
    ("off", "false", "no", "0"), "off"
)


class Kind(enum.Enum):
    """What a value must look like."""

    INT = "a whole number"
    BOOL = "on or off"
    DURATION = "a duration such as 90s, 15m or 2h"
    PAUSE = "0, or a duration such as 2s"
    TEXT = "text in one line"
    PROMPT = "a prompt"
    RULES = "lines such as: proceed? = y"
    PATH = "an absolute path"
    NOTIFY = "off, desktop, or a command"
    STRATEGY = "merge, squash or rebase"
    PORT = "a port from 1 to 65535"
    HASHED = "a secret of 32 to 200 letters, digits and signs"
    OWN_BOOL = "on, off or empty"
    OWN_STRATEGY = "merge, squash, rebase or empty"


_EMPTY_TOO = frozenset({Kind.OWN_BOOL, Kind.OWN_STRATEGY})


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One known setting. Values are text; ``check`` gives them their one spelling."""

    key: str
    kind: Kind
    default: str
    help: str
    minimum: int = 0  #: of a number

    def check(self, value: str) -> str:
        """The value as it is stored; raises ``BadValue``, or ``BadPrompt``, where it does not fit."""
        try:
            return _checked(self, value)
        except (ValueError, UnicodeError) as error:
            shown = "this" if self.kind is Kind.HASHED else repr(value[:40])
            raise BadValue(f"{self.key}: {shown} is not {self.kind.value}") from error


def default_max_agents(total_bytes: int | None = None) -> int:
    """How many agents the memory (default: this machine's) bears: half a GiB each, 2 GiB for others."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if total_bytes is None else total_bytes
    return max(2, min(64, (total - 2 * _GIB) * 2 // _GIB))


def _checked(setting: Setting, value: str) -> str:
    value.encode("utf-8")
    if setting.kind is Kind.PROMPT:
        return check_prompt(value)
    if setting.kind is Kind.RULES:
        parse_rules(value)
        return value
    if "\0" in value or "\n" in value:
        raise ValueError(value)
    value = value.strip()
    if setting.kind in _EMPTY_TOO and not value:
        return value
    if setting.kind is Kind.INT:
        return _whole_number(setting, value)
    return _CHECKS.get(setting.kind, str)(value)


def _duration(value: str) -> str:
    parse_duration(value)
    return value


def _pause(value: str) -> str:
    parse_pause(value)
    return value


def _notify(value: str) -> str:
    if not shlex.split(value):
        raise ValueError(value)
    return value


def _strategy(value: str) -> str:
    return Strategy(value.lower()).value


def _whole_number(setting: Setting, value: str) -> str:
    number = int(value)
    if number < setting.minimum:
        raise BadValue(f"{setting.key}: at least {setting.minimum}")
    return str(number)


def _switch(value: str) -> str:
    try:
        return _SWITCH[value.lower()]
    except KeyError as error:
        raise ValueError(value) from error


def _port(value: str) -> str:
    if not 1 <= int(value) <= 65535:
        raise ValueError(value)
    return str(int(value))


def hashed_token(value: str) -> str:
    """A secret as it is stored: long enough that nobody finds it from its hash. A hash stays as it is."""
    if re.fullmatch(r"sha256:[0-9a-f]{64}", value):
        return value
    if not re.fullmatch(r"[!-~]{32,200}", value):
        raise ValueError
    return "sha256:" + hashlib.sha256(value.encode()).hexdigest()


def _absolute(value: str) -> str:
    try:
        path = Path(value).expanduser()
    except RuntimeError as error:
        raise ValueError(value) from error
    if not path.is_absolute():
        raise ValueError(value)
    return str(path)


_CHECKS: Mapping[Kind, Callable[[str], str]] = {
    Kind.BOOL: _switch,
    Kind.OWN_BOOL: _switch,
    Kind.DURATION: _duration,
    Kind.PAUSE: _pause,
    Kind.PATH: _absolute,
    Kind.NOTIFY: _notify,
    Kind.PORT: _port,
    Kind.HASHED: hashed_token,
    Kind.STRATEGY: _strategy,
    Kind.OWN_STRATEGY: _strategy,
}


def _table(*settings: Setting) -> Mapping[str, Setting]:
    return {setting.key: setting for setting in settings}


def _setting(key: str, kind: Kind, default: str, help_line: str, minimum: int = 0) -> Setting:
    return Setting(key=key, kind=kind, default=default, help=help_line, minimum=minimum)


#: Of the whole instance. An empty default means: decided when it is needed.
SETTINGS = _table(
    _setting("answers", Kind.RULES, "", "lines `pattern = reply` by which aios answer replies"),
    _setting("auto_update", Kind.BOOL, "off", "look for a newer AIOS now and then, and take it"),
    _setting("check_interval", Kind.DURATION, "7d", "time between two looks for a newer AIOS"),
    _setting("check_limit", Kind.DURATION, "15m", "limit of a project's check command"),
    _setting("claude_prompt", Kind.PROMPT, "", "default prompt of claude"),
    _setting("clone_limit", Kind.DURATION, "15m", "limit of a first clone of a project by its address"),
    _setting("codex_prompt", Kind.PROMPT, "", "default prompt of codex"),
    _setting("editor_command", Kind.TEXT, "code .", "what `open` starts in a directory"),
    _setting("fast_forward", Kind.BOOL, "on", "after a landing, move your checkout where git accepts it"),
    _setting("fetch_timeout", Kind.DURATION, "20s", "limit of a fetch; then the last fetched state is taken"),
    _setting("gemini_prompt", Kind.PROMPT, "", "default prompt of gemini"),
    _setting("https_fallback", Kind.BOOL, "off", "where SSH fails, change origin to HTTPS if that works"),
    _setting("idle_after", Kind.DURATION, "30s", "silence after which a generic agent counts as done"),
    _setting("idle_close", Kind.DURATION, "30m", "rest after which an agent in review is closed"),
    _setting("last_update_check", Kind.INT, "0", "seconds since 1970 of the last look for a newer AIOS"),
    _setting("launch_limit", Kind.DURATION, "30s", "time that an agent's program has to start"),
    _setting("machine_name", Kind.TEXT, "", "name of this machine; empty: its host name"),
    _setting("max_agents", Kind.INT, "", "agent processes at once; empty: as many as the memory bears", 1),
    _setting("max_claude", Kind.INT, "", "claude processes at once; empty: as max_agents says", 1),
    _setting("max_codex", Kind.INT, "", "codex processes at once; empty: as max_agents says", 1),
    _setting("max_gemini", Kind.INT, "", "gemini processes at once; empty: as max_agents says", 1),
    _setting(
        "node_port", Kind.PORT, "", "port for other machines; empty: 7682, or where that is taken a free one"
    ),
    _setting("notify", Kind.NOTIFY, "off", "who waits or failed is told by: off, desktop, or a command"),
    _setting("push_timeout", Kind.DURATION, "2m", "limit of a push"),
    _setting("resume_at_once", Kind.INT, "3", "agents that aios resume starts at a time", 1),
    _setting("setup_limit", Kind.DURATION, "10m", "limit of a project's setup command"),
    _setting("stagger_claude", Kind.PAUSE, "1s", "time between the starts of two claude: they share a login"),
    _setting("stagger_codex", Kind.PAUSE, "1s", "time between the starts of two codex: they share a login"),
    _setting("stagger_gemini", Kind.PAUSE, "1s", "time between the starts of two gemini: they share a login"),
    _setting("strategy", Kind.STRATEGY, "merge", "how work lands: merge, squash or rebase"),
    _setting(
        "trash_max_mb", Kind.INT, "500", "uncommitted files of one worktree that the trash takes, in MB"
    ),
    _setting("web_address", Kind.TEXT, "127.0.0.1", "where browsers find AIOS; counts from the next aios up"),
    _setting("web_cert", Kind.PATH, "", "file of the TLS certificate for browsers"),
    _setting("web_hosts", Kind.TEXT, "", "further names of web_address, with blanks between them"),
    _setting("web_key", Kind.PATH, "", "file of the certificate's key"),
    _setting(
        "web_port", Kind.PORT, "", "port for browsers; empty: 7681, or for another data directory a free one"
    ),
    _setting(
        "web_published",
        Kind.PORT,
        "",
        "in a container: the port of its host's 127.0.0.1 that leads to web_port, and nothing else does",
    ),
    _setting(
        "web_token", Kind.HASHED, "", "secret by which programs and the login page come in; kept as a hash"
    ),
    _setting("worktrees_dir", Kind.PATH, "", "where worktrees are made; empty: in the data directory"),
)
#: Of one project, written as shop.setup.
PROJECT_SETTINGS = _table(
    _setting("anywhere", Kind.BOOL, "off", "whether any machine may clone it from its origin and work there"),
    _setting("base", Kind.TEXT, "", "branch that worktrees begin at and land on; empty: origin's default"),
    _setting("check", Kind.TEXT, "", "command that must succeed before a landing"),
    _setting("fast_forward", Kind.OWN_BOOL, "", "on or off; empty: as for all projects"),
    _setting("hooks", Kind.BOOL, "on", "whether its git hooks run when work is committed and pushed"),
    _setting("https_fallback", Kind.OWN_BOOL, "", "on or off; empty: as for all projects"),
    _setting("setup", Kind.TEXT, "", "command that a fresh worktree needs, such as npm ci"),
    _setting("strategy", Kind.OWN_STRATEGY, "", "merge, squash or rebase; empty: as for all projects"),
    _setting("wip", Kind.BOOL, "off", "push unfinished work to refs/aios/wip of origin after each turn"),
)

#: Settings of one machine: in a cluster each has its own, all others are known to every machine.
_MACHINE_BOUND = frozenset({"last_update_check", "machine_name", "notify", "worktrees_dir"})
_MACHINE_BOUND_PREFIXES = ("max_", "node_", "web_")


def is_machine_bound(key: str) -> bool:
    """Whether each machine of a cluster has this setting for itself."""
    return key in _MACHINE_BOUND or key.startswith(_MACHINE_BOUND_PREFIXES)
