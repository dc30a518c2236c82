"""Shells on a terminal of their own, with the completion installed, for who types and presses Tab."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

from aios_app.settings import load
from aios_app.stack.completion import install_completion

CHECKOUT = Path(__file__).parents[2]
_DEADLINE_S = 25.0
_HOME, _END_OF_LINE = "\x01", "\x05"
_LAST = "the-end"
_BASH_RC = """
bind 'set bell-style none'; bind 'set show-all-if-ambiguous on'; bind 'set enable-bracketed-paste off'
source ~/.local/share/bash-completion/completions/aios
PS1=
"""
_ZSH_RC = """
fpath=(~/.local/share/zsh/site-functions $fpath)
autoload -Uz compinit && compinit -u -D
unsetopt prompt_sp beep list_beep
PS1= LISTMAX=0
"""
_FISH_RC = """
set -g fish_greeting
function fish_prompt; end
"""
_ARGV = {
    "bash": ["bash", "--noprofile", "--rcfile", ".bashrc", "-i"],
    "zsh": ["zsh", "-i"],
    "fish": ["fish", "-i"],
}


class Shell:
    """One of bash, zsh and fish, in a home directory with the completion of a program ``aios``."""

    def __init__(self, name: str, environment: dict[str, str]) -> None:
        self.home = Path(environment["HOME"])
        own = {"SHELL": name, "TERM": "xterm", "ZDOTDIR": str(self.home)}
        self._environment = environment | own | {"PATH": f"{self.home}/.local/bin:{environment['PATH']}"}
        self._argv = _ARGV[name]
        for file, text in (
            (".bashrc", _BASH_RC),
            (".zshrc", _ZSH_RC),
            (".config/fish/config.fish", _FISH_RC),
        ):
            (self.home / file).parent.mkdir(parents=True, exist_ok=True)
            (self.home / file).write_text(text)
        self.program(f'#!/bin/sh\nPYTHONPATH="{CHECKOUT}" exec "{sys.executable}" -P -m aios_app.cli "$@"\n')
        install_completion(load(self._environment))

    def program(self, text: str) -> None:
        """What ``aios`` is."""
        path = self.home / ".local/bin/aios"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
        path.with_name("aio").unlink(missing_ok=True)
        path.with_name("aio").symlink_to(path)

    def types(self, *lines: str) -> tuple[list[list[str]], str]:
        """The words that each line has come to be, as a program would get them, and all that was shown.

        The lines hold their Tabs; each is turned into one that prints its words.
        """
        leader, follower = pty.openpty()
        with subprocess.Popen(
            ["setsid", "--ctty", *self._argv],
            cwd=self.home,
            env=self._environment,
            stdin=follower,
            stdout=follower,
            stderr=follower,
        ) as process:
            os.close(follower)
            try:
                for number, line in enumerate(lines):
                    keys = f"{line}{_HOME}/usr/bin/printf '%s\\n' {_END_OF_LINE} >words-{number}\n"
                    os.write(leader, keys.encode())
                os.write(leader, b"/usr/bin/printf '%s%s' the- end\n")
                shown = _read_until(leader, _LAST)
            finally:
                process.kill()
        os.close(leader)
        printed = [(self.home / f"words-{number}").read_text() for number in range(len(lines))]
        return [words.splitlines()[1:] for words in printed], shown


def _read_until(descriptor: int, end: str) -> str:
    shown, deadline = b"", time.monotonic() + _DEADLINE_S
    while end.encode() not in shown:
        if not select.select([descriptor], [], [], max(deadline - time.monotonic(), 0))[0]:
            raise AssertionError(f"nothing came after {shown!r}")
        shown += os.read(descriptor, 65536)
    return shown.decode(errors="replace")
