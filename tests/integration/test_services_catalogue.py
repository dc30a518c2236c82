"""The catalogue of a cluster: what one machine changes, every machine knows."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from aios_app.agents import DEMO_AGENT
from aios_app.domain.catalogue import Row
from aios_app.domain.errors import UnknownProject
from aios_app.domain.models import Agent, Finishes
from aios_app.queue.sending import CATALOG_SYNC
from aios_app.services.catalogue_sync import freshen_catalogue, share_catalogue, sync_catalogue
from aios_app.services.context import Context
from tests.integration.machine_fixtures import Join, join, sent_to

__all__ = ["join"]


def names(ctx: Context) -> dict[int, str]:
    """The projects by number."""
    return {project.number: project.name for project in ctx.catalog.projects()}


@pytest.fixture
def pair(join: Join) -> tuple[Context, Context]:
    """A founder with project shop, and a member that has joined."""
    founder = join("founder")
    founder.catalog.add_project(Path("/code/shop"))
    member = join("member")
    sync_catalogue(founder)
    sync_catalogue(member)
    return founder, member


def test_a_single_machine_has_no_catalogue_in_redis(join: Join) -> None:
    alone = join("alone")
    alone.catalog.add_project(Path("/code/shop"))

    assert share_catalogue(alone) == []
    freshen_catalogue(alone)

    assert alone.ledger.catalogue.rows() == (0, {})


def test_a_machine_that_joins_knows_projects_agents_prompts_and_settings(join: Join) -> None:
    founder = join("founder")
    shop = founder.catalog.add_project(Path("/code/shop"))
    founder.catalog.tag("shop", ["web"])
    founder.catalog.set("shop.setup", "npm ci")
    founder.catalog.set("codex_prompt", "Be brief.\nBe kind.")
    founder.catalog.put_agent(_aider("q", "aider"))
    member = join("member")

    sync_catalogue(founder)
    sync_catalogue(member)

    known = member.catalog.find_project("shop")
    assert (known.uuid, known.number, known.machine_id) == (shop.uuid, 0, founder.machine)
    assert known.tags == ("web",)
    assert member.catalog.get("shop.setup") == "npm ci"
    assert member.catalog.get("codex_prompt") == "Be brief.\nBe kind."
    assert member.catalog.find_agent("aider").argv == ("aider", "--yes")


def test_who_joins_waits_until_the_founder_has_put_its_catalogue_in(join: Join) -> None:
    founder, member = join("founder"), join("member")
    founder.catalog.add_project(Path("/code/shop"))
    member.catalog.add_project(Path("/home/api"))

    sync_catalogue(member)

    assert names(member) == {0: "api"}
    assert sent_to(founder).count(CATALOG_SYNC) == 1
    sync_catalogue(founder)
    assert sent_to(member).count(CATALOG_SYNC) == 1


def test_projects_that_join_get_numbers_and_names_that_nobody_has(join: Join) -> None:
    founder, member = join("founder"), join("member")
    founder.catalog.add_project(Path("/code/shop"))
    founder.catalog.add_project(Path("/code/api"))
    member.catalog.add_project(Path("/home/shop"))
    member.catalog.add_project(Path("/home/wiki"))
    member.catalog.set("wiki.check", "make test")

    sync_catalogue(founder)
    said = sync_catalogue(member)
    sync_catalogue(founder)

    assert names(member) == names(founder) == {0: "shop", 1: "api", 2: "shop-2", 3: "wiki"}
    assert founder.catalog.get("wiki.check") == "make test"
    assert said[0] == "project 0 shop is 2 shop-2 in this cluster"
    assert member.catalog.add_project(Path("/home/next")).number == 4


def test_an_agent_of_the_cluster_counts_where_the_joiner_has_one_of_its_key(join: Join) -> None:
    founder, member = join("founder"), join("member")
    founder.catalog.put_agent(_aider("q", "aider"))
    member.catalog.put_agent(_aider("q", "mine"))
    member.catalog.put_agent(_aider("k", "aider"))

    sync_catalogue(founder)
    said = sync_catalogue(member)

    assert [agent.key for agent in member.catalog.agents() if agent.name == "aider"] == ["q"]
    assert sorted(said) == [
        "agent aider (key k) was left out: the cluster has one of this name",
        "key q is aider in this cluster: agent mine was left out",
    ]


def test_each_machine_changes_what_all_have(pair: tuple[Context, Context]) -> None:
    founder, member = pair
    member.catalog.tag("shop", ["web"])
    member.catalog.set("strategy", "squash")
    share_catalogue(member)
    assert CATALOG_SYNC in sent_to(founder)
    sync_catalogue(founder)
    assert founder.catalog.find_project("shop").tags == ("web",)
    assert founder.catalog.get("strategy") == "squash"

    founder.catalog.unset("strategy")
    founder.catalog.remove_project("shop")
    founder.catalog.remove_agent("h")
    share_catalogue(founder)
    freshen_catalogue(member)

    assert member.catalog.get("strategy") == "merge"
    assert "h" not in {agent.key for agent in member.catalog.agents()}
    with pytest.raises(UnknownProject):
        member.catalog.find_project("shop")


def test_of_two_changes_of_one_row_the_last_to_arrive_counts(pair: tuple[Context, Context]) -> None:
    founder, member = pair
    founder.catalog.set("strategy", "squash")
    member.catalog.set("strategy", "rebase")
    founder.catalog.set("fetch_timeout", "9s")

    share_catalogue(founder)
    share_catalogue(member)
    share_catalogue(founder)

    assert founder.catalog.get("strategy") == member.catalog.get("strategy") == "rebase"
    assert member.catalog.get("fetch_timeout") == "9s"


def test_what_belongs_to_one_machine_stays_there(pair: tuple[Context, Context]) -> None:
    founder, member = pair
    founder.catalog.set("max_agents", "17")
    founder.catalog.set("worktrees_dir", "/srv/trees")
    founder.catalog.set("web_port", "9999")

    share_catalogue(founder)
    freshen_catalogue(member)

    assert member.catalog.get("max_agents") == "4"
    assert member.catalog.get("worktrees_dir") == ""
    assert member.catalog.get("machine_name") == "member"


def test_numbers_can_be_closed_up_and_swapped(pair: tuple[Context, Context]) -> None:
    founder, member = pair
    for name in ("api", "wiki"):
        founder.catalog.add_project(Path("/code") / name)
    share_catalogue(founder)
    founder.catalog.remove_project("shop")
    founder.catalog.renumber()
    share_catalogue(founder)

    freshen_catalogue(member)

    assert names(member) == {0: "api", 1: "wiki"}
    assert member.catalog.add_project(Path("/code/next")).number == 2


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("project:p9", "no JSON"),
        ("project:p9", '{"rev": 1, "data": {"number": 9}}'),
        ("project:p9", '{"rev": "x", "data": null}'),
        ("agent:q", '{"rev": 1, "data": {"key": "z", "name": "z", "argv": [1]}}'),
        ("setting:strategy", '{"rev": 9, "data": {"value": 7}}'),
        ("novelty:x", '{"rev": 1, "data": {"of": "a later version"}}'),
    ],
)
def test_a_row_that_this_version_cannot_keep_is_left_as_it_is(
    pair: tuple[Context, Context], name: str, row: str
) -> None:
    founder, member = pair
    founder.ledger._redis.hset("aios:1:catalog", name, row)
    founder.ledger._redis.incr("aios:1:catalog:rev")
    member.catalog.tag("shop", ["web"])

    for ctx in (member, founder, member):
        sync_catalogue(ctx)

    assert founder.catalog.find_project("shop").tags == ("web",)
    assert founder.ledger._redis.hget("aios:1:catalog", name) == row


def test_a_change_that_came_in_between_is_not_written_over(pair: tuple[Context, Context]) -> None:
    founder, member = pair
    rev, rows = founder.ledger.catalogue.rows()
    member.catalog.set("strategy", "squash")
    share_catalogue(member)

    assert not founder.ledger.catalogue.put({"setting:strategy": Row(rev=9, data=None)}, rev=rev)

    assert "setting:strategy" not in rows
    assert founder.ledger.catalogue.rows()[1]["setting:strategy"].data == {"value": "squash"}


def test_machines_that_add_at_once_give_no_number_or_name_twice(pair: tuple[Context, Context]) -> None:
    def add(ctx: Context) -> None:
        for number in range(8):
            ctx.catalog.add_project(Path(f"/{ctx.machine}/{number}/tool"))
            share_catalogue(ctx)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(add, pair))
    for ctx in pair:
        freshen_catalogue(ctx)

    founder, member = (names(ctx) for ctx in pair)
    assert founder == member
    assert list(founder) == list(range(17))
    assert len(set(founder.values())) == 17


def test_after_the_loss_of_redis_every_machine_still_has_its_copy(pair: tuple[Context, Context]) -> None:
    founder, member = pair
    founder.ledger._redis.delete("aios:1:catalog", "aios:1:catalog:rev")
    member.catalog.tag("shop", ["late"])

    sync_catalogue(founder)
    sync_catalogue(member)
    sync_catalogue(founder)

    assert founder.catalog.find_project("shop").tags == ("late",)
    assert names(founder) == names(member) == {0: "shop"}
    assert DEMO_AGENT.name in {agent.name for agent in founder.catalog.agents()}


def test_what_a_cluster_never_heard_of_is_not_removed(pair: tuple[Context, Context]) -> None:
    founder, member = pair
    rows = founder.ledger._redis.hgetall("aios:1:catalog")
    founder.catalog.add_project(Path("/code/late"))
    share_catalogue(founder)
    founder.ledger._redis.delete("aios:1:catalog")
    founder.ledger._redis.hset("aios:1:catalog", mapping=rows)  # as from an older copy of the server
    founder.ledger._redis.incr("aios:1:catalog:rev")

    freshen_catalogue(founder)
    freshen_catalogue(member)

    assert names(founder) == names(member) == {0: "shop", 1: "late"}


def test_a_machine_can_join_another_cluster_with_all_that_it_has(pair: tuple[Context, Context]) -> None:
    founder, member = pair
    founder.ledger._redis.delete("aios:1:catalog", "aios:1:catalog:rev")
    founder.catalog.remove_project("shop")
    founder.catalog.forget_shared()
    founder.catalog.set("strategy", "squash")
    member.catalog.set("strategy", "rebase")
    member.catalog.forget_shared()

    for ctx in (founder, member, founder):
        sync_catalogue(ctx)

    assert names(founder) == names(member) == {0: "shop"}
    assert member.catalog.get("strategy") == "squash"


def _aider(key: str, name: str) -> Agent:
    return Agent(uuid="", key=key, name=name, kind="generic", argv=(name, "--yes"), finishes=Finishes.SILENCE)
