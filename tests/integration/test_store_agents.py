"""The saved agents, in a real database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from aios_app.domain.errors import BadValue, ConflictError, UnknownAgent
from aios_app.domain.models import Finishes
from aios_app.store.catalog import Catalog
from tests.integration.store_fixtures import DEFAULT_AGENTS, agent


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    catalog = Catalog(tmp_path / "aios.db", default_agents=DEFAULT_AGENTS)
    yield catalog
    catalog.close()


def test_a_new_catalogue_has_the_default_agents_in_their_order(catalog: Catalog) -> None:
    saved = catalog.agents()

    assert [replace(agent, uuid="") for agent in saved] == list(DEFAULT_AGENTS)
    assert len({agent.uuid for agent in saved} - {""}) == len(DEFAULT_AGENTS)


def test_a_removed_default_agent_stays_away(catalog: Catalog, tmp_path: Path) -> None:
    catalog.remove_agent("htop")
    again = Catalog(tmp_path / "aios.db", default_agents=DEFAULT_AGENTS)

    keys = [agent.key for agent in again.agents()]
    again.close()

    assert keys == ["c", "l", "g", "t"]


def test_an_agent_is_found_by_key_and_by_name(catalog: Catalog) -> None:
    assert catalog.find_agent("c") == catalog.find_agent("codex")
    with pytest.raises(UnknownAgent, match=r"no agent 'codx': did you mean codex\? \(there are: c codex, l"):
        catalog.find_agent("codx")


def test_what_an_agent_is_comes_back_as_it_was(catalog: Catalog) -> None:
    words = ("my agent", "$(touch x)", "", "'\"\n", "ü")
    new = replace(agent("z", "zed", *words, finishes=Finishes.SILENCE), weight=0, idle_after_s=7)

    saved = catalog.put_agent(new)

    assert saved.uuid
    assert saved == catalog.find_agent("z") == replace(new, uuid=saved.uuid)


def test_an_edited_agent_keeps_its_identity_and_gets_a_new_revision(catalog: Catalog) -> None:
    codex = catalog.find_agent("c")

    edited = catalog.put_agent(replace(codex, key="k", argv=("codex", "--fast")))

    assert edited == replace(codex, key="k", argv=("codex", "--fast"), rev=2)
    assert len(catalog.agents()) == len(DEFAULT_AGENTS)
    with pytest.raises(UnknownAgent):
        catalog.find_agent("c")


@pytest.mark.parametrize(
    "key", ["", "abc", "1", "c+", "+", "p", "w", "x", "ls", "up", "pr", "cp", "ü", "a ", "a\n"]
)
def test_a_key_that_reads_as_something_else_is_refused(catalog: Catalog, key: str) -> None:
    with pytest.raises(BadValue, match="cannot be an agent's key"):
        catalog.put_agent(agent(key, "fresh"))


def test_a_free_key_is_accepted(catalog: Catalog) -> None:
    assert catalog.put_agent(agent("z", "zed")).key == "z"
    assert catalog.put_agent(agent("cc", "other")).key == "cc"


@pytest.mark.parametrize(
    ("key", "name"), [("c", "other"), ("z", "codex"), ("z", "c"), ("z", "cp"), ("z", "cpp"), ("to", "other")]
)
def test_a_key_or_name_that_would_mean_another_agent_is_refused(
    catalog: Catalog, key: str, name: str
) -> None:
    with pytest.raises(ConflictError, match="would mean agent"):
        catalog.put_agent(agent(key, name, "program"))
    assert len(catalog.agents()) == len(DEFAULT_AGENTS)


def test_a_taken_key_is_named_with_its_agent(catalog: Catalog) -> None:
    with pytest.raises(ConflictError, match=r"'c' would mean agent codex \(key c\) too"):
        catalog.put_agent(agent("c", "fresh"))


@pytest.mark.parametrize("name", ["", "all", "two words", "-x", "z" * 31, "zp", "zpp", "ünique"])
def test_a_name_that_could_not_be_typed_is_refused(catalog: Catalog, name: str) -> None:
    with pytest.raises(BadValue, match="cannot name an agent"):
        catalog.put_agent(agent("z", name, "program", kind="generic"))


def test_an_agent_without_a_command_is_refused(catalog: Catalog) -> None:
    for argv in [(), ("",), ("a", "b\0c")]:
        with pytest.raises(BadValue, match="no command"):
            catalog.put_agent(replace(agent("z", "zed"), argv=argv))
    with pytest.raises(BadValue, match="weight"):
        catalog.put_agent(replace(agent("z", "zed"), weight=-1))


def test_the_last_revision_wins(catalog: Catalog) -> None:
    codex = catalog.find_agent("c")

    saved = catalog.put_agent(replace(codex, rev=40))

    assert saved.rev == 41
