"""The documents name what exists: commands, flags, scripts, files and packages."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from aios_app.cli import parser
from aios_app.cli.verbs import TOPICS, VERBS
from aios_app.domain.errors import UsageError
from aios_app.settings import Settings

ROOT = Path(__file__).parents[2]
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
#: What stands for something of the reader's own.
_PLACEHOLDERS = {"COMMAND", "TOPIC", "..."}


def _code(text: str) -> list[str]:
    """The pieces of a document that are set as code, line by line."""
    blocks = re.findall(r"^```[a-z]*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    rest = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.splitlines()] + re.findall(r"`([^`\n]+)`", rest)


def _commands(document: Path) -> list[list[str]]:
    """The words after each ``aios``, up to what is no part of the command."""
    found = []
    for piece in _code(document.read_text()):
        for match in re.finditer(r"(?<![\w/.-])(?:\./)?aios +((?![-─:\s])[^#`()·;&|]+)", piece):
            found.append(match[1].split())
    return found


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_that_a_document_names_exists(document: Path) -> None:
    unknown = []
    for words in _commands(document):
        word = words[0].strip('"')
        try:
            verb, _ = parser.find_verb(word)
        except UsageError:
            unknown += [] if word in _PLACEHOLDERS else [word]
            continue
        page = parser.help_of(verb, parser.load(verb))
        unknown += [f"{word} {flag}" for flag in words[1:] if _is_flag(flag) and flag not in page]

    assert unknown == []


def test_the_documents_are_read_at_all() -> None:
    assert ["all", "c:2", "l:1", '"update', "the", "licence", 'headers"'] in _commands(ROOT / "README.md")
    assert ["w7"] in _commands(ROOT / "docs/commands.md")


def test_every_command_has_its_row() -> None:
    named = {words[0] for words in _commands(ROOT / "docs/commands.md")}

    assert set(VERBS) - named == set()


def test_the_flags_that_all_and_multi_share_exist() -> None:
    text = (ROOT / "docs/commands.md").read_text()
    flags = re.findall(r"`(--?[a-z-]+)", text.partition("share their flags:")[2].partition("Exit codes")[0])
    page = parser.help_of(VERBS["all"], parser.load(VERBS["all"]))

    assert len(flags) > 10
    assert [flag for flag in flags if flag not in {*page.replace(",", " ").split(), "--"}] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_that_a_document_names_is_there(document: Path) -> None:
    text = document.read_text()
    links = [link for link in re.findall(r"\]\(([^)#]+)", text) if "://" not in link]
    scripts = re.findall(r"\bscript/[a-z]+\b|\.ci/run", text)
    files = re.findall(r"`((?:aios_app|web|workers|tests|docs)/[\w./-]+)`", text)
    missing = [link for link in links if not (document.parent / link).exists()]

    assert missing + [name for name in [*scripts, *files] if not (ROOT / name).exists()] == []


def test_every_module_that_the_architecture_names_is_there() -> None:
    text = (ROOT / "docs/architecture.md").read_text()
    names = re.findall(r"`([a-z_]+/[\w./-]+\.(?:py|lua|conf|sh))`", text)

    assert len(names) > 40
    assert [
        name for name in names if not ((ROOT / "aios_app" / name).exists() or (ROOT / name).exists())
    ] == []


def test_every_dependency_has_its_line() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    text = (ROOT / "docs/dependencies.md").read_text()
    names = [re.split(r"[\[<>=; ]", requirement)[0] for requirement in wanted]

    assert [name for name in names if name not in text] == []


def test_the_glossary_is_short() -> None:
    assert (ROOT / "docs/glossary.md").read_text().count("\n| **") <= 12


def test_every_socket_of_an_instance_is_in_its_table() -> None:
    text = (ROOT / "docs/architecture.md").read_text()
    sockets = [name for name in dir(Settings) if name.endswith("_socket")]

    assert [name for name in sockets if f"`{name.removesuffix('_socket')}.sock`" not in text] == []


def test_every_topic_of_the_help_has_commands() -> None:
    assert {verb.topic for verb in VERBS.values()} == set(TOPICS)


def _is_flag(word: str) -> bool:
    return re.fullmatch(r"--?[a-z][a-z-]*", word) is not None
