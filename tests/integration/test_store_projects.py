"""The saved projects, in a real database."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from aios_app.domain.errors import BadValue, ProjectExists, UnknownProject, UsageError
from aios_app.store.catalog import Catalog


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    catalog = Catalog(tmp_path / "aios.db")
    yield catalog
    catalog.close()


def _add(catalog: Catalog, *names: str) -> None:
    for name in names:
        catalog.add_project(Path("/code") / name)


def _names(catalog: Catalog, *only: str, without: tuple[str, ...] = ()) -> list[str]:
    return [project.name for project in catalog.select_projects(only, without)]


def test_a_project_is_found_by_number_name_and_path(catalog: Catalog) -> None:
    shop = catalog.add_project(Path("/code/shop"), url="ssh://git@example.org/shop.git")

    assert (shop.number, shop.name, shop.path) == (0, "shop", "/code/shop")
    assert shop.machine_id == catalog.machine_id()
    assert shop.url == "ssh://git@example.org/shop.git"
    assert catalog.find_project("0") == shop
    assert catalog.find_project("shop") == shop
    assert catalog.project_at(Path("/code/shop")) == shop
    assert catalog.project_at(Path("/code/shop/src")) is None


def test_numbers_neither_shift_nor_come_back(catalog: Catalog) -> None:
    _add(catalog, "one", "two", "three")

    catalog.remove_project("two")
    catalog.remove_project("2")
    _add(catalog, "four")

    assert [(project.number, project.name) for project in catalog.projects()] == [(0, "one"), (3, "four")]


def test_renumbering_closes_the_gaps(catalog: Catalog) -> None:
    _add(catalog, "one", "two", "three", "four")
    catalog.remove_project("one")
    catalog.remove_project("three")

    renumbered = catalog.renumber()
    _add(catalog, "five")

    assert [(project.number, project.name) for project in renumbered] == [(0, "two"), (1, "four")]
    assert catalog.find_project("five").number == 2


def test_renumbering_nothing_starts_again_at_0(catalog: Catalog) -> None:
    _add(catalog, "one")
    catalog.remove_project("one")

    assert catalog.renumber() == []
    assert catalog.add_project(Path("/code/two")).number == 0


def test_a_taken_name_gets_a_suffix(catalog: Catalog) -> None:
    paths = ["/a/shop", "/b/shop", "/c/shop"]

    names = [catalog.add_project(Path(path)).name for path in paths]

    assert names == ["shop", "shop-2", "shop-3"]


@pytest.mark.parametrize(
    ("directory", "name"),
    [
        ("2024", "2024-2"),
        ("-rf", "rf"),
        ("Über uns", "Über uns"),
        ("$(touch x); rm `ls`", "$(touch x); rm `ls`"),
        ("...", "project"),
    ],
)
def test_a_name_can_be_typed_and_is_no_number(catalog: Catalog, directory: str, name: str) -> None:
    assert catalog.add_project(Path("/code") / directory).name == name
    assert catalog.find_project(name).path == f"/code/{directory}"


def test_a_chosen_name_is_taken_without_slashes(catalog: Catalog) -> None:
    assert catalog.add_project(Path("/code/shop"), name="my/shop").name == "my-shop"


def test_the_same_path_is_refused_with_its_number(catalog: Catalog) -> None:
    _add(catalog, "shop")

    with pytest.raises(ProjectExists, match="saved already: 0 shop"):
        _add(catalog, "shop")
    assert len(catalog.projects()) == 1


def test_another_machine_may_hold_the_same_path(catalog: Catalog) -> None:
    here = catalog.add_project(Path("/code/shop"))

    there = catalog.add_project(Path("/code/shop"), machine_id="other")

    assert (there.name, there.machine_id) == ("shop-2", "other")
    assert catalog.project_at(Path("/code/shop")) == here


@pytest.mark.parametrize("path", ["/code/a\nb", "/code/\x1b[31m", os.fsdecode(b"/code/\xff")])
def test_a_path_that_cannot_be_shown_is_refused(catalog: Catalog, path: str) -> None:
    with pytest.raises(BadValue, match="rename the directory"):
        catalog.add_project(Path(path))


def test_an_unknown_project_is_answered_with_a_near_name(catalog: Catalog) -> None:
    _add(catalog, "shop")

    with pytest.raises(UnknownProject, match=r"no project 'shpo': did you mean shop\?"):
        catalog.find_project("shpo")
    with pytest.raises(UnknownProject) as caught:
        catalog.remove_project("7\n\x1b[31m\udcff")
    assert str(caught.value).isprintable()


def test_tags_come_and_go(catalog: Catalog) -> None:
    _add(catalog, "shop")

    tagged = catalog.tag("shop", ["web", "Ruby-3.x", "web"], [])
    untagged = catalog.tag("0", [], ["web", "never-there"])

    assert tagged.tags == ("Ruby-3.x", "web")
    assert untagged.tags == ("Ruby-3.x",)
    assert untagged.rev > tagged.rev > 1


@pytest.mark.parametrize("word", ["", "a b", "7", "ü", "x" * 31, "a,b", "a\n"])
def test_a_tag_that_could_not_be_typed_is_refused(catalog: Catalog, word: str) -> None:
    _add(catalog, "shop")

    with pytest.raises(BadValue, match="is no tag"):
        catalog.tag("shop", ["good", word], [])
    assert catalog.find_project("shop").tags == ()


def test_a_removed_project_takes_its_tags_and_settings_along(catalog: Catalog) -> None:
    _add(catalog, "shop")
    catalog.tag("shop", ["web"], [])
    catalog.set("shop.setup", "npm ci")

    removed = catalog.remove_project("shop")
    _add(catalog, "shop")

    assert removed.tags == ("web",)
    assert catalog.find_project("shop").tags == ()
    assert catalog.get("shop.setup") == ""


def test_projects_are_selected_by_name_number_pattern_and_tag(catalog: Catalog) -> None:
    _add(catalog, "shop", "web-api", "web-ui", "tools")
    catalog.tag("tools", ["internal"], [])

    assert _names(catalog) == ["shop", "web-api", "web-ui", "tools"]
    assert _names(catalog, "tools", "shop") == ["shop", "tools"]
    assert _names(catalog, "2") == ["web-ui"]
    assert _names(catalog, "web-*") == ["web-api", "web-ui"]
    assert _names(catalog, "internal") == ["tools"]
    assert _names(catalog, without=("web-*", "internal")) == ["shop"]
    assert _names(catalog, "web-*", without=("1",)) == ["web-ui"]


@pytest.mark.parametrize(("only", "without"), [(["shopp"], []), ([], ["shopp"]), (["shop", "w*"], [])])
def test_a_word_that_selects_nothing_is_an_error(
    catalog: Catalog, only: list[str], without: list[str]
) -> None:
    _add(catalog, "shop")

    with pytest.raises(UnknownProject):
        catalog.select_projects(only, without)


def test_a_selection_of_nothing_is_an_error(catalog: Catalog) -> None:
    with pytest.raises(UsageError, match="no projects are saved"):
        catalog.select_projects([], [])
    _add(catalog, "shop")

    with pytest.raises(UsageError, match="no project is left"):
        catalog.select_projects(["shop"], ["s*"])
