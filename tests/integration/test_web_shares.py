"""Links to look at one job: what they show, what they refuse, and their end."""

from __future__ import annotations

from functools import partial

import pytest

from aios_app.domain.models import Job
from tests.integration.web_fixtures import PROMPT, Browser, Site, eventually, site
from web.api import ENDPOINTS
from web.door import Close
from web.terminal import MAX_VIEWERS

__all__ = ["site"]


def has_client(site: Site, job: Job, size: str) -> bool:
    return size in site.clients(job)


def link_to(site: Site, job: Job, lasts: str = "1h") -> str:
    answer = site.api("POST /web/shares", {"ref": str(job.number), "cwd": "/", "lasts": lasts})
    assert answer.status == 200
    return str(answer["url"].partition("#")[2])


def guest(site: Site, token: str) -> Browser:
    browser = site.browser(is_logged_in=False)
    assert browser.post("/share", {"token": token}).status == 200
    return browser


def test_the_link_leads_to_the_terminal_and_nothing_secret_is_in_what_is_asked_for(site: Site) -> None:
    job = site.shell()
    answer = site.api("POST /web/shares", {"ref": str(job.number), "cwd": "/", "lasts": "1h"})
    browser = site.browser(is_logged_in=False)
    came = browser.post("/share", {"token": answer["url"].partition("#")[2]})

    assert answer["url"].startswith(f"{site.url}/share.html#")
    assert came.json["path"] == f"/terminal.html?session={job.name}"
    assert "HttpOnly" in came.headers["Set-Cookie"]
    who = browser.get("/api/v1/web/session").json
    assert (who["kind"], [one["number"] for one in who["jobs"]]) == ("share", [job.number])


def test_who_looks_on_sees_and_types_nothing(site: Site) -> None:
    job = site.shell()
    browser = guest(site, link_to(site, job))

    with (
        site.browser().socket(f"/attach/{job.name}") as own,
        browser.socket(f"/attach/{job.name}?cols=40&rows=10") as reader,
    ):
        hello = reader.message()["hello"]
        own.until(PROMPT)
        reader.type("echo n$((2+2))n\n")
        reader.until(PROMPT)
        own.type("echo y$((3+3))y\n")
        reader.until("y6y")
        for rows, key in ((11, "\x02"), (12, "d")):  # tmux lets even a reader detach by these
            reader.type(key)
            reader.ask(resize=[41, rows])
            eventually(partial(has_client, site, job, f"41x{rows}"), "the reader is still there")
            own.type(f"echo {rows}$((4+4))z\n")
            reader.until(f"{rows}8z")

        assert b"n4n" not in reader.seen
        assert hello["read_only"]
        assert {"path", "worktree", "conversation", "message", "branch"} & set(hello["job"]) == set()


def test_those_with_a_link_take_no_place_of_the_person(site: Site) -> None:
    job = site.job("cat")
    browser = guest(site, link_to(site, job))
    guests = [browser.connect(f"/attach/{job.name}") for _ in range(MAX_VIEWERS + 1)]
    try:
        assert guests[-1].until_closed().code == Close.TOO_MANY
        with site.browser().socket(f"/attach/{job.name}") as own:
            assert own.message()["hello"]
    finally:
        for one in guests:
            one.close()


def test_a_link_shows_its_job_and_no_other(site: Site) -> None:
    job, other = site.shell(), site.shell()
    browser = guest(site, link_to(site, job))

    assert browser.get(f"/api/v1/jobs/{job.number}/history").status == 200
    assert browser.get(f"/api/v1/jobs/{other.number}/history").status == 403
    with browser.socket(f"/attach/{other.name}") as terminal:
        assert terminal.until_closed().code == Close.NOTHING_THERE
    assert site.clients(other) == []


def test_a_link_is_good_for_nothing_else(site: Site) -> None:
    browser = guest(site, link_to(site, site.shell()))
    own = {"Origin": browser.url, "Content-Type": "application/json", "X-AIOS": "1"}

    for line in ENDPOINTS:
        method, path = line.split(" ")
        assert browser.send(method, f"/api/v1{path}", b"{}", own).status == 403, line
    assert browser.post("/api/v1/web/shares", {}).status == 403
    assert browser.get("/").status in {401, 404}  # 404 where the pages were not built


def test_a_link_starts_no_agent_that_was_closed(site: Site) -> None:
    job = site.shell()
    browser = guest(site, link_to(site, job))
    site.context.tmux.kill_session(job.name)

    with browser.socket(f"/attach/{job.name}") as terminal:
        closed = terminal.until_closed()

    assert closed.code == Close.NOTHING_THERE
    assert "has no terminal now" in closed.reason


def test_the_feed_of_a_link_tells_of_its_job_alone(site: Site) -> None:
    job, other = site.shell(), site.shell()
    browser = guest(site, link_to(site, job))

    with browser.socket("/api/v1/feed") as feed, site.browser().socket("/api/v1/feed") as all_of_it:
        assert feed.message()["type"] == "hello"
        all_of_it.message()
        for one in (other, job):
            site.context.ledger.note(one.number, message="secret", note="seen")
        seen = feed.message()
        everything = [number_of(line) for line in (all_of_it.lines() + all_of_it.lines())[:2]]

    assert seen["job"]["number"] == job.number
    assert "message" not in seen["job"]
    assert everything == [other.number, job.number]


def test_a_revoked_link_is_over_at_once_also_for_who_looks(site: Site) -> None:
    job = site.shell()
    token = link_to(site, job)
    browser = guest(site, token)

    with browser.socket(f"/attach/{job.name}") as terminal, browser.socket("/api/v1/feed") as feed:
        terminal.until(PROMPT)
        answer = site.api("POST /web/shares/revoke", {"refs": [str(job.number)], "cwd": "/"})

        assert answer["revoked"] == 1
        assert terminal.until_closed().code == Close.NOT_ALLOWED
        assert feed.until_closed().code == Close.NOT_ALLOWED
    eventually(lambda: site.clients(job) == [], "nobody looks")
    assert browser.connect(f"/attach/{job.name}").refused_with == 401
    assert site.browser(is_logged_in=False).post("/share", {"token": token}).status == 401


def test_a_link_ends_by_itself_also_for_who_looks(site: Site) -> None:
    job = site.shell()
    browser = guest(site, link_to(site, job, "1s"))

    with browser.socket(f"/attach/{job.name}") as terminal:
        assert terminal.until_closed().code == Close.NOT_ALLOWED
    assert browser.get("/api/v1/web/session").status == 401


def test_who_is_logged_in_and_opens_a_link_stays_logged_in(site: Site) -> None:
    browser = site.browser()
    browser.post("/share", {"token": link_to(site, site.shell())})

    assert browser.get("/api/v1/web/session").json["kind"] == "owner"


@pytest.mark.parametrize("lasts", ["31d", "0s", "soon", ""])
def test_a_link_lasts_some_time_and_not_for_ever(site: Site, lasts: str) -> None:
    answer = site.api("POST /web/shares", {"ref": str(site.shell().number), "cwd": "/", "lasts": lasts})

    assert answer.status == 400


def test_history_has_what_is_above_the_screen_with_its_colours(site: Site) -> None:
    job = site.job("sh", "-c", r"seq 1 300; printf '\033[31mred\033[0m\n'; exec cat")
    eventually(lambda: "red" in site.context.tmux.capture(job.name), "all was written")
    text = site.browser().get(f"/api/v1/jobs/{job.number}/history?lines=1000").json["text"]

    assert text.splitlines()[:3] == ["1", "2", "3"]
    assert "\x1b[31mred" in text


def test_the_feed_goes_on_after_the_last_event_that_was_seen(site: Site) -> None:
    job = site.shell()
    browser = site.browser()
    with browser.socket("/api/v1/feed") as feed:
        first = feed.message()["id"]
    site.context.ledger.note(job.number, note="while nobody listened")

    with browser.socket(f"/api/v1/feed?after={first}") as feed:
        lines = feed.lines()
        lines += feed.lines() if len(lines) < 2 else []
    with browser.socket("/api/v1/feed?after=never") as feed:
        assert feed.until_closed().code == Close.NOT_UNDERSTOOD

    assert [line["type"] for line in lines] == ["hello", "job"]
    assert lines[1]["job"]["note"] == "while nobody listened"


def number_of(line: dict[str, dict[str, int]]) -> int:
    return line["job"]["number"]


def test_pages_are_told_that_redis_is_away_and_that_it_is_back(site: Site) -> None:
    browser = site.browser()
    job = site.shell()

    with browser.socket("/api/v1/feed") as feed:
        feed.message()
        site.redis.kill()
        away = feed.message()
        with browser.socket("/api/v1/feed") as late:
            assert late.until_closed().code == Close.REDIS_AWAY
        with browser.socket(f"/attach/{job.name}") as terminal:
            assert terminal.until_closed().code == Close.REDIS_AWAY
        site.redis.start()
        back = feed.message()

    assert (away["type"], away["is_away"]) == ("redis", True)
    assert (back["type"], back["is_away"]) == ("redis", False)
