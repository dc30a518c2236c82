"""Settings of the instance, of projects and of agents, in a real database."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from aios_app.domain.errors import BadPrompt, BadValue, UnknownProject, UsageError
from aios_app.store.catalog import Catalog
from aios_app.store.settings_table import SETTINGS, default_max_agents
from tests.integration.store_fixtures import DEFAULT_AGENTS, agent

_GIB = 1 << 30


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    catalog = Catalog(tmp_path / "aios.db", default_agents=DEFAULT_AGENTS, default_prompt="Do well.")
    yield catalog
    catalog.close()


def test_a_setting_has_its_default_until_it_is_set(catalog: Catalog) -> None:
    before = catalog.get("fetch_timeout")
    catalog.set("fetch_timeout", " 1m30s ")
    during = catalog.get("fetch_timeout")
    catalog.unset("fetch_timeout")

    assert (before, during, catalog.get("fetch_timeout")) == ("20s", "1m30s", "20s")


def test_every_setting_has_a_default_that_fits(catalog: Catalog) -> None:
    assert catalog.chosen() == {}
    for key, value in catalog.values().items():
        if value:
            SETTINGS[key].check(value)


@pytest.mark.parametrize(
    ("key", "value", "stored"),
    [
        ("max_agents", " 12", "12"),
        ("auto_update", "TRUE", "on"),
        ("auto_update", "0", "off"),
        ("check_interval", "604800", "604800"),
        ("worktrees_dir", "/srv/my trees/", "/srv/my trees"),
        ("editor_command", "code .; $(touch x)", "code .; $(touch x)"),
        ("codex_prompt", "one\ntwo", "one\ntwo"),
    ],
)
def test_a_value_that_fits_is_stored_in_one_spelling(
    catalog: Catalog, key: str, value: str, stored: str
) -> None:
    assert catalog.set(key, value) == stored
    assert catalog.get(key) == stored
    assert catalog.chosen() == {key: stored}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("max_agents", "0"),
        ("max_agents", "many"),
        ("max_agents", "9" * 5000),
        ("auto_update", "maybe"),
        ("fetch_timeout", "soon"),
        ("fetch_timeout", "0"),
        ("worktrees_dir", "trees"),
        ("worktrees_dir", "~nobody-of-this-name/x"),
        ("machine_name", "two\nlines"),
        ("editor_command", "a\0b"),
        ("editor_command", os.fsdecode(b"\xff")),
    ],
)
def test_a_value_that_does_not_fit_is_refused(catalog: Catalog, key: str, value: str) -> None:
    with pytest.raises(BadValue) as caught:
        catalog.set(key, value)

    assert str(caught.value).isprintable()
    assert catalog.chosen() == {}


def test_an_empty_prompt_is_refused(catalog: Catalog) -> None:
    with pytest.raises(BadPrompt):
        catalog.set("codex_prompt", " ")


def test_an_unknown_setting_is_answered_with_a_near_one(catalog: Catalog) -> None:
    with pytest.raises(UsageError, match=r"no setting 'max_agent': did you mean max_agents\?"):
        catalog.get("max_agent")
    with pytest.raises(UsageError, match=r"setup belongs to a project: write PROJECT\.setup"):
        catalog.set("setup", "npm ci")
    with pytest.raises(UsageError):
        catalog.unset("nothing")


def test_a_setting_of_a_project_goes_by_name_or_number(catalog: Catalog) -> None:
    shop = catalog.add_project(Path("/code/my.shop"))

    catalog.set("my.shop.setup", "npm ci")
    catalog.set("0.base", "develop")

    assert catalog.get("0.setup") == catalog.project_setting(shop, "setup") == "npm ci"
    assert catalog.project_setting(shop, "check") == ""
    assert catalog.chosen() == {"my.shop.setup": "npm ci", "my.shop.base": "develop"}


def test_a_setting_of_a_project_outlives_a_new_number(catalog: Catalog) -> None:
    catalog.add_project(Path("/code/gone"))
    catalog.add_project(Path("/code/shop"))
    catalog.set("1.setup", "npm ci")

    catalog.remove_project("gone")
    catalog.renumber()

    assert catalog.get("0.setup") == "npm ci"


def test_a_setting_of_a_project_goes_back_to_its_default(catalog: Catalog) -> None:
    catalog.add_project(Path("/code/shop"))
    catalog.set("shop.setup", "npm ci")

    catalog.unset("shop.setup")

    assert catalog.get("shop.setup") == ""


def test_wrong_settings_of_projects_are_named(catalog: Catalog) -> None:
    shop = catalog.add_project(Path("/code/shop"))

    with pytest.raises(UsageError, match=r"no setting 'setpu': did you mean setup\?"):
        catalog.get("shop.setpu")
    with pytest.raises(UnknownProject):
        catalog.set("shpo.setup", "x")
    catalog.remove_project("shop")
    with pytest.raises(UnknownProject, match="not saved any more"):
        catalog.set_project_setting(shop, "setup", "x")


def test_an_agent_has_its_own_prompt_or_everyones(catalog: Catalog) -> None:
    codex, zed = catalog.find_agent("c"), catalog.put_agent(agent("z", "zed"))

    catalog.set("codex_prompt", "Be quick.")
    catalog.set("zed_prompt", "Be slow.")

    assert catalog.prompt_for(codex) == "Be quick."
    assert catalog.prompt_for(zed) == "Be slow."
    assert catalog.prompt_for(catalog.find_agent("l")) == catalog.get("claude_prompt") == "Do well."
    with pytest.raises(UsageError):
        catalog.set("nobody_prompt", "x")


def test_the_machine_is_called_as_its_host_until_it_is_named(catalog: Catalog) -> None:
    before = catalog.machine_name()

    catalog.set("machine_name", "attic")

    assert before == os.uname().nodename
    assert catalog.machine_name() == "attic"


@pytest.mark.parametrize(
    ("memory", "agents"), [(0, 2), (4 * _GIB, 4), (16 * _GIB, 28), (9 * _GIB // 2, 5), (1024 * _GIB, 64)]
)
def test_the_number_of_agents_follows_the_memory(memory: int, agents: int) -> None:
    assert default_max_agents(memory) == agents


def test_unless_set_the_number_of_agents_is_this_machines(catalog: Catalog) -> None:
    assert catalog.get("max_agents") == str(default_max_agents())
