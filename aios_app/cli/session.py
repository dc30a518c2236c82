"""How a command reaches the stack: reading never starts it, writing does."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from aios_app.cli import output
from aios_app.cli.client import Client, Json, StackDown
from aios_app.settings import Settings, load


@cache
def settings() -> Settings:
    """The settings of this process."""
    return load()


def client() -> Client:
    """A client of this instance; ``StackDown`` comes from its calls."""
    return Client(settings().api_socket)


def read(path: str, on_disk: Callable[[], Json]) -> Json:
    """The answer; where the stack is down, says so and gives what ``on_disk`` makes of the files."""
    try:
        return client().get(path)
    except StackDown:
        output.note("the stack is down: aios up. On disk:")
        return on_disk()


def write(send: Callable[[Client], Json]) -> Json:
    """What ``send`` returns; where the stack is down it is started first."""
    try:
        return send(client())
    except StackDown:
        start()
        return send(client())


def start() -> None:
    """Starts the stack, or finds it started, and says so."""
    from aios_app.stack.up import up

    report = up(settings())
    if report.started:
        output.note(f"stack up in {report.took_s:.1f} s")
