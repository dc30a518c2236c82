"""A diff as lines for a person or a program; ``pager`` shows it on a terminal."""

from __future__ import annotations

from aios_app.cli import output
from aios_app.cli.client import Json

#: Columns beside the names.
_NUMBERS_WIDTH = 20


def plain_diff(text: str) -> str:
    """The text for a file or a pipe: tabs and line ends stay, so that ``git apply`` takes it."""
    return "\n".join(map(_plain, text.split("\n")))


def stat_lines(files: list[Json], width: int, *, has_colour: bool) -> list[str]:
    """One line for each file, and their sum."""
    names = [output.clean(file["path"]) for file in files]
    room = min(max(map(output.cells, names), default=0), width - _NUMBERS_WIDTH)
    numbers = [_numbers(file, has_colour=has_colour) for file in files]
    lines = [
        f" {output.pad(output.fit_end(name, room), room)}  {said}"
        for name, said in zip(names, numbers, strict=True)
    ]
    return [*lines, _sum(files)]


def _plain(line: str) -> str:
    body = line.removesuffix("\r")
    if body.replace("\t", "").isprintable():
        return line
    return "\t".join(map(output.clean, body.split("\t"))) + line[len(body) :]


def _numbers(file: Json, *, has_colour: bool) -> str:
    if file["is_binary"]:
        return "binary"
    added = output.paint(f"+{file['added']}", "green", is_on=has_colour)
    removed = output.paint(f"-{file['removed']}", "red", is_on=has_colour)
    return f"{added} {removed}"


def _sum(files: list[Json]) -> str:
    added, removed = (sum(file[side] for file in files) for side in ("added", "removed"))
    return f" {len(files)} file{'' if len(files) == 1 else 's'} +{added} -{removed}"
