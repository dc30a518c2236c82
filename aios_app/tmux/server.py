"""The tmux server of one AIOS: its sessions, and what is typed into them.

It has its own socket and configuration and never meets the person's own server. The sessions carry marks
(user options such as ``@aios_job``) from which a lost ledger can be rebuilt.
"""

from __future__ import annotations

import json
import re
import secrets
import time
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from libtmux.common import tmux_cmd

from aios_app.domain.errors import BadPrompt, TmuxError
from aios_app.tmux.client import TmuxClient, is_down, literal, require_tmux, tmux_program
from aios_app.tmux.habits import copy_habits

__all__ = ["DEFAULT_CONFIG", "SessionInfo", "TmuxServer", "check_typed", "require_tmux"]

DEFAULT_CONFIG = Path(__file__).with_name("tmux.conf")

#: Full-screen programs swallow an Enter that comes at once after a paste; 0.1 s was seen to be enough.
SUBMIT_PAUSE_S = 0.4

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_KEYS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_FIELDS = (
    "session_name",
    "session_windows",
    "session_attached",
    "session_path",
    "session_created",
    "session_last_attached",
    "session_activity",
    "pane_pid",
    "window_silence_flag",
    "window_activity",
    "monitor-silence",
    "@aios_marks",
    "pane_title",
    "pane_id",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionInfo:
    """One session as tmux shows it. ``pane_pid`` is the process the session was made for."""

    name: str
    windows: int
    attached: int
    path: str
    created_s: int
    last_attached_s: int  #: when somebody last looked at it; 0: nobody yet
    touched_s: int  #: when somebody last came to it or pressed a key
    pane_pid: int
    is_silent: bool  #: nothing new for as long as ``watch_silence`` said
    title: str  #: as its program set it
    marks: dict[str, str] = field(default_factory=dict)  #: empty: a session that a person made


class TmuxServer:
    """A server on its own socket. It starts with the first session; asking never starts it."""

    def __init__(
        self,
        socket: Path,
        *,
        config: Path,
        spool_dir: Path,
        user_config: Path | None = None,
        habits: Path | None = None,
        timeout_s: float = 10,
    ) -> None:
        self._socket = socket
        self._config = config
        self._user_config = user_config
        self._habits = habits
        self._spool_dir = spool_dir
        self._client = TmuxClient(socket, timeout_s=timeout_s)

    def new_session(
        self,
        name: str,
        *,
        cwd: Path,
        argv: Sequence[str],
        environment: Mapping[str, str],
        marks: Mapping[str, str],
    ) -> bool:
        """Start ``argv`` in a new session of 200x50; False where a session of that name exists."""
        _check_name(name)
        if not cwd.is_dir():  # tmux would open the home directory and say nothing
            raise TmuxError(f"session {name}: the directory {cwd} does not exist")
        commands = [
            ["set-environment", "-g", "AIOS_SPOOL", str(self._spool_dir)],
            ["set-option", "-s", "exit-empty", "off"],
            ["new-session", "-d", "-s", name, "-x", "200", "-y", "50", "-c", str(cwd).replace("#", "##")]
            + [word for key, value in environment.items() for word in ("-e", f"{key}={value}")]
            + ["--", *_never_shell(argv)],
            ["set-option", "-t", f"={name}:", "destroy-unattached", "off"],
            ["set-option", "-w", "-t", f"={name}:", "remain-on-exit", "off"],
            *(["set-option", "-t", f"={name}:", *mark] for mark in _mark_options(marks)),
        ]
        result = self._client.start_and_run(_joined(commands), configs=self._configs())
        if result.returncode and "duplicate session" in " ".join(result.stderr):
            return False
        _check(result, f"session {name} did not start")
        return True

    def sessions(self) -> list[SessionInfo]:
        """All sessions, oldest first; none where the server is down."""
        return self._listed(["-a"])

    def find(self, name: str) -> SessionInfo | None:
        """The session of exactly this name. It is asked for alone, so others cost nothing."""
        found = self._listed(["-s", "-t", f"={name}:"]) if _NAME.fullmatch(name) else []
        return found[0] if found else None

    def kill_session(self, name: str) -> bool:
        """End the session and hang up on its programs; False where there is none."""
        return self._on_session(name, ["kill-session", "-t", f"={name}"])

    def capture(self, name: str, *, history_lines: int = 0) -> str:
        """What the agent's pane shows, with so many lines from above the screen."""
        _check_name(name)
        start = ["-S", f"-{history_lines}"] if history_lines else []
        result = self._client.run(["capture-pane", "-p", "-t", _agent_pane(name), *start])
        _check(result, f"session {name} cannot be read")
        return "\n".join(result.stdout)

    def screens(self, names: Sequence[str]) -> dict[str, str]:
        """What the agents' panes of many sessions show, asked at once; those that are gone are left out."""
        for name in names:
            _check_name(name)
        token = f"<{secrets.token_hex(8)}>"  # drawn anew, so that no screen can hold it
        # Read as a file, each line is tried whatever came of those before, and there may be any number.
        asked = "".join(
            f"display-message -p '{token}{name}'\ncapture-pane -p -t '{_agent_pane(name)}'\n"
            for name in names
        )
        result = self._client.run(["source-file", "-"], stdin=asked.encode())
        if is_down(result) or _is_empty(result):
            return {}
        pieces = [piece.partition("\n") for piece in "\n".join(result.stdout).split(token)[1:]]
        return {name: screen for name, _, screen in pieces if screen}

    def history(self, name: str, lines: int) -> str:
        """So many lines above the screen, and the screen, with colours and as they were before wrapping."""
        _check_name(name)
        result = self._client.run(["capture-pane", "-peJ", "-S", f"-{lines}", "-t", _agent_pane(name)])
        _check(result, f"session {name} cannot be read")
        return "\n".join(result.stdout)

    def watch_silence(self, name: str, seconds: int) -> None:
        """Give one notice when the session shows nothing new for ``seconds``; 0: no more notices.

        Called again, it begins anew. A session that is gone is no error.
        """
        clear = ["kill-session", "-C", "-t", f"={name}"]
        watch = ["set-option", "-w", "-t", f"={name}:", "monitor-silence", str(seconds)]
        self._on_session(name, _joined([clear, watch]))

    def paste(self, name: str, text: str, *, submit: bool = True) -> None:
        """Put text into the input of the program as one paste, and press Enter."""
        _check_name(name)
        check_typed(text)
        buffer = f"aios-{secrets.token_hex(8)}"
        target = ["-t", _agent_pane(name)]
        # a pane that a person has scrolled back knows nothing of bracketed paste: each line would be an Enter
        commands = [["copy-mode", "-q", *target]]
        if text:
            commands += [["load-buffer", "-b", buffer, "-"], ["paste-buffer", "-dp", "-b", buffer, *target]]
        if submit:  # pasted too: a key could go to copy mode
            commands += [
                ["run-shell", "-d", str(SUBMIT_PAUSE_S)],
                ["set-buffer", "-b", buffer, "\r"],
                ["paste-buffer", "-dr", "-b", buffer, *target],
            ]
        result = self._client.run(_joined(commands), stdin=text.encode("utf-8", "surrogateescape"))
        _check(result, f"session {name} did not take the text")

    def send_keys(self, name: str, keys: Sequence[str]) -> None:
        """Press keys, by tmux's names for them, such as ``Escape`` or ``C-c``."""
        _check_name(name)
        pane = _agent_pane(name)
        commands = [["copy-mode", "-q", "-t", pane], ["send-keys", "-t", pane, "--", *keys]]
        _check(self._client.run(_joined(commands)), f"session {name} did not take the keys")

    def before_cursor(self, name: str) -> str | None:
        """The text on the cursor's left in the agent's pane; None where the program hides the cursor."""
        _check_name(name)
        pane = _agent_pane(name)
        place = "#{cursor_flag} #{cursor_x} #{cursor_y}"
        ask = [["display-message", "-p", "-t", pane, place], ["capture-pane", "-p", "-t", pane]]
        result = self._client.run(_joined(ask))
        _check(result, f"session {name} cannot be read")
        is_shown, column, row = map(int, result.stdout[0].split())
        lines = result.stdout[1:]
        return _cells(lines[row], column) if is_shown and row < len(lines) else "" if is_shown else None

    def last_typed_s(self, name: str) -> int:
        """When somebody who is attached last pressed a key, in seconds since 1970; 0: nobody is."""
        _check_name(name)
        result = self._client.run(
            ["list-clients", "-t", f"={name}", "-F", "#{client_activity} #{client_readonly}"]
        )
        if result.returncode:
            return 0
        clients = [line.split() for line in result.stdout if line]
        return max((int(activity) for activity, is_reader in clients if is_reader == "0"), default=0)

    def open_window(self, name: str, *, cwd: Path, argv: Sequence[str]) -> None:
        """Start ``argv`` in a further window of the session, behind the one that is shown."""
        place = ["-d", "-t", f"={name}:", "-c", str(cwd).replace("#", "##")]
        if not self._on_session(name, ["new-window", *place, "--", *map(literal, _never_shell(argv))]):
            raise TmuxError(f"there is no session {name}")

    def attach_argv(self, name: str, *, read_only: bool = False, inside: str = "") -> list[str]:
        """The command that shows the session in the caller's terminal, to be executed there.

        ``inside`` is the caller's ``$TMUX``: in this server its client is switched, in another one a window
        is opened, because a client cannot cross servers.
        """
        _check_name(name)
        tmux = tmux_program()
        attach = [tmux, "-u", "-S", str(self._socket), "attach-session", "-t", f"={name}"]
        attach += ["-r"] if read_only else []
        if not inside:
            return attach
        other = inside.rsplit(",", 2)[0]
        if not read_only and _is_same(Path(other), self._socket):
            return [tmux, "-u", "-S", other, "switch-client", "-t", f"={name}"]
        window = ["new-window", "-n", name, "env", "-u", "TMUX", "-u", "TMUX_PANE", *map(literal, attach)]
        return [tmux, "-S", other, *window]

    def is_alive(self) -> bool:
        return self.pid() is not None

    def pid(self) -> int | None:
        """The server's process; None where it is down."""
        result = self._client.run(["display-message", "-p", "#{pid}"])
        if is_down(result):
            return None
        _check(result, "the tmux server does not answer")
        return int(result.stdout[0])

    def stop_if_empty(self) -> None:
        """End the server unless it has a session; one that is made at the same moment keeps it alive."""
        result = self._client.run(["set-option", "-s", "exit-empty", "on"])
        if not is_down(result):
            _check(result, "the tmux server does not stop")

    def _configs(self) -> list[Path]:
        """Ours, what was copied from the person's own server, and what they wrote for this one."""
        copied = copy_habits(self._habits) if self._habits else None
        written = self._user_config if self._user_config and self._user_config.is_file() else None
        return [config for config in (self._config, copied, written) if config]

    def _listed(self, which: Sequence[str]) -> list[SessionInfo]:
        token = f"<{secrets.token_hex(8)}>"  # drawn anew, so that no path or mark can hold it
        row = token.join(["", *(f"#{{{name}}}" for name in _FIELDS), ""])
        result = self._client.run(["list-panes", *which, "-F", row])
        if is_down(result) or _is_empty(result) or _is_missing(result):
            return []
        _check(result, "the sessions cannot be listed")
        return _parse_rows("\n".join(result.stdout).split(token))

    def _on_session(self, name: str, argv: Sequence[str]) -> bool:
        _check_name(name)
        result = self._client.run(argv)
        if is_down(result) or _is_missing(result):
            return False
        _check(result, f"session {name}")
        return True


def check_typed(text: str) -> None:
    """Raises ``BadPrompt`` for a text that holds keys."""
    if _KEYS.search(text):
        raise BadPrompt("the text holds control characters, which a terminal would take for keys")


def _joined(commands: Sequence[Sequence[str]]) -> list[str]:
    """Several tmux commands as the arguments of one tmux process."""
    literals = [[literal(word) for word in command] for command in commands]
    return list(chain.from_iterable([*command, ";"] for command in literals))[:-1]


def _agent_pane(name: str) -> str:
    """Where the agent is, whatever windows and panes a person has opened beside it."""
    return f"={name}:^.{{top-left}}"


def _cells(line: str, columns: int) -> str:
    """What of the line stands in its first columns, of which some letters take two."""
    taken, left = "", columns
    for char in line.ljust(columns):
        left -= 0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        if left < 0:
            break
        taken += char
    return taken


def _never_shell(argv: Sequence[str]) -> Sequence[str]:
    """A command of a single word would be given to a shell by tmux."""
    return argv if len(argv) > 1 else ["/bin/sh", "-c", 'exec "$0"', *argv]


def _mark_options(marks: Mapping[str, str]) -> list[tuple[str, str]]:
    """Each mark as an option of its own, for people and formats, and all in one, for the listing."""
    single = [(f"@aios_{key}", value) for key, value in marks.items()]
    return [*single, ("@aios_marks", json.dumps(dict(marks)))] if marks else []


def _parse_rows(words: Sequence[str]) -> list[SessionInfo]:
    width = len(_FIELDS) + 1  # before each row there is what ended the row before
    rows = [words[start + 1 : start + width] for start in range(0, len(words) - width, width)]
    found: dict[str, SessionInfo] = {}
    for row in sorted(rows, key=lambda row: int(row[-1].removeprefix("%"))):  # a session's first pane first
        found.setdefault(row[0], _session(row))
    return sorted(found.values(), key=lambda session: session.created_s)


def _session(row: Sequence[str]) -> SessionInfo:
    (
        name,
        windows,
        attached,
        path,
        created,
        last_attached,
        touched,
        pid,
        flag,
        activity,
        limit,
        marks,
        title,
        _,
    ) = row
    # tmux raises no flag on a window that somebody looks at
    is_quiet = int(attached) > 0 and int(limit) > 0 and time.time() - int(activity) >= int(limit)
    return SessionInfo(
        name=name,
        windows=int(windows),
        attached=int(attached),
        path=path,
        created_s=int(created),
        last_attached_s=int(last_attached or 0),
        touched_s=int(touched),
        pane_pid=int(pid),
        is_silent=flag == "1" or is_quiet,
        title=title,
        marks=json.loads(marks) if marks else {},
    )


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise TmuxError(f"{name!r} is no name of a session: letters, digits, - and _, at most 64")


def _check(result: tmux_cmd, what: str) -> None:
    if result.returncode:
        raise TmuxError(what, stderr="\n".join(result.stderr))


def _is_empty(result: tmux_cmd) -> bool:
    """A server without a session finds no target even for a command that needs none."""
    return result.returncode != 0 and "no current target" in " ".join(result.stderr)


def _is_missing(result: tmux_cmd) -> bool:
    return result.returncode != 0 and "can't find session" in " ".join(result.stderr)


def _is_same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()
