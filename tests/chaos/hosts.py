"""Several hosts on one switch: network namespaces, made by the test itself. Files and pids are shared."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import IO

import pytest

_SUBNET = "10.89.7"
_COMMAND_S = 10
#: It fails where a killed process of the same pid has left what it shared.
_FAKETIME_TRIES = 20


class Host:
    """One of them. Its name is also its host name."""

    def __init__(self, net: str, index: int) -> None:
        self.name = f"h{index}"
        self.address = f"{_SUBNET}.{index}"
        self.namespace = f"{net}-{self.name}"
        self._switch = f"{net}-sw"
        self._port = f"p{index}"

    def argv(self, argv: Sequence[str]) -> list[str]:
        """The command line that runs this one there."""
        named = ["unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"', self.name, *argv]
        return ["ip", "netns", "exec", self.namespace, *named]

    def pids(self) -> list[int]:
        """Of all processes there."""
        return [int(pid) for pid in _ip("netns", "pids", self.namespace).split()]

    def cut(self) -> None:
        """From now on what it sends is lost, and nothing reaches it; nobody is told."""
        _ip("-n", self._switch, "link", "set", self._port, "nomaster")

    def heal(self) -> None:
        _ip("-n", self._switch, "link", "set", self._port, "master", "br0")

    def crash(self) -> None:
        """All that runs there ends at once."""
        while pids := self.pids():
            _kill(pids)


@contextmanager
def hosts(count: int) -> Iterator[list[Host]]:
    """So many hosts that reach one another; all that ran on them has ended afterwards."""
    if os.geteuid() != 0:
        pytest.fail("hosts are network namespaces, which only root can make: run this test as root")
    net = f"aios{os.getpid()}"
    made = [Host(net, index + 1) for index in range(count)]
    try:
        _make_switch(f"{net}-sw")
        for index, host in enumerate(made, 1):
            _make_host(host, f"{net}-sw", f"p{index}")
        yield made
    finally:
        for host in made:
            _remove(host.namespace)
        _remove(f"{net}-sw")


def _make_switch(name: str) -> None:
    _ip("netns", "add", name)
    _ip("-n", name, "link", "add", "br0", "type", "bridge")
    _ip("-n", name, "link", "set", "br0", "up")


def _make_host(host: Host, switch: str, port: str) -> None:
    _ip("netns", "add", host.namespace)
    _ip("-n", host.namespace, "link", "set", "lo", "up")
    _ip("-n", host.namespace, "link", "add", "eth0", "type", "veth", "peer", "name", port, "netns", switch)
    _ip("-n", switch, "link", "set", port, "master", "br0")
    _ip("-n", switch, "link", "set", port, "up")
    _ip("-n", host.namespace, "addr", "add", f"{host.address}/24", "dev", "eth0")
    _ip("-n", host.namespace, "link", "set", "eth0", "up")


def _remove(namespace: str) -> None:
    listed = subprocess.run(
        ["ip", "netns", "pids", namespace], capture_output=True, timeout=_COMMAND_S, check=False
    )
    _kill(map(int, listed.stdout.split()))
    subprocess.run(["ip", "netns", "del", namespace], capture_output=True, timeout=_COMMAND_S, check=False)


def _paragraph(stream: IO[str] | None) -> list[str]:
    """Its lines until an empty one, or its end."""
    assert stream is not None
    return list(iter(lambda: stream.readline().rstrip("\n"), ""))


def _kill(pids: Iterable[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@contextmanager
def wrong_clock(offset: str) -> Iterator[dict[str, str]]:
    """The environment in which programs see the time with this offset, such as ``-5m``, until the block ends.

    What libfaketime shares belongs to the first process that it is in, and must outlive all others.
    """
    told = "env | grep -E '^(FAKETIME|LD_PRELOAD)'; echo; read -r _"
    argv = ["faketime", "-f", offset, "sh", "-c", told]
    for _ in range(_FAKETIME_TRIES):
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as first:
            if lines := _paragraph(first.stdout):
                yield dict(line.split("=", 1) for line in lines)
                return
    pytest.fail("libfaketime does not work here: script/setup dev installs it")


def _ip(*words: str) -> str:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, timeout=_COMMAND_S, check=False)
    assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr}"
    return done.stdout
