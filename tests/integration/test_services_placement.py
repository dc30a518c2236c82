"""Which machine takes a job, why it waits, and what the machine makes of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from aios_app.domain.errors import ProjectUnusable, UsageError
from aios_app.domain.machines import MachineState
from aios_app.domain.models import Job, JobState
from aios_app.ledger.ledger import Lane
from aios_app.queue.sending import WORKTREE_CREATE
from aios_app.services.catalogue_sync import sync_catalogue
from aios_app.services.claim import dispatch, limit_left
from aios_app.services.context import Context
from aios_app.services.create_worktree import create_worktree
from aios_app.services.finish_job import finish_attempt, finish_turn
from aios_app.services.fire_timer import fire_due_timers
from aios_app.services.open_session import OpenRequest, open_session
from aios_app.services.spawn_job import RESUME
from aios_app.services.start_run import start_run
from aios_app.services.stop_jobs import stop_jobs
from tests.integration.machine_fixtures import Join, has_no_worker, is_gone, is_there, join, sent_to
from tests.integration.service_fixtures import attempt_of, now, request, started

__all__ = ["join"]
MakeProject = Callable[[str], Path]
Pair = tuple[Context, Context]


@pytest.fixture
def pair(join: Join, make_project: MakeProject) -> Pair:
    """Two machines and two projects: shop lies on box, wiki may be cloned by any."""
    box, pi = join("box"), join("pi")
    make_project("wiki")
    box.catalog.add_project(make_project("shop"))
    box.catalog.add_url(f"file://{box.settings.data_dir.parent.parent}/remotes/wiki.git", name="wiki")
    for ctx in (box, pi, box):
        sync_catalogue(ctx)
    return box, pi


def machines(ctx: Context, jobs: list[Job]) -> list[str]:
    """The names of the jobs' machines, in order; a job without one has none."""
    names = {one.id: one.name for one in ctx.ledger.machines_known()} | {"": ""}
    return sorted(names[job.machine] for job in now(ctx, jobs))


def test_jobs_that_any_may_take_are_spread_over_the_machines(pair: Pair) -> None:
    box, pi = pair
    jobs = started(box, "wiki", "d:6", "x")
    assert {(job.machine, job.path, job.worktree) for job in jobs} == {("", "", "")}

    dispatch(box)

    assert machines(box, jobs) == ["box"] * 3 + ["pi"] * 3
    assert sent_to(pi).count(WORKTREE_CREATE) == 3
    assert {job.placed for job in now(box, jobs)} == {"4 of 4 slots were free there, load 0.5"}


def test_the_one_with_more_room_takes_what_the_other_has_no_room_for(pair: Pair) -> None:
    box, pi = pair
    box.ledger.set_machine(box.machine, max_agents=1)

    jobs = started(box, "wiki", "d:6", "x")
    dispatch(pi)

    assert machines(box, jobs) == ["", "box", "pi", "pi", "pi", "pi"]
    [waiting] = [job for job in now(box, jobs) if not job.machine]
    assert (waiting.state, waiting.reason) == (JobState.QUEUED, "for a free slot")


def test_what_takes_no_slot_begins_however_many_wait_for_one(pair: Pair) -> None:
    box, pi = pair
    for ctx in pair:
        box.ledger.set_machine(ctx.machine, max_agents=1)
    jobs = started(box, "wiki", "d:8", "x")
    dispatch(box)

    [top] = started(pi, "wiki", "t:1", "x")
    dispatch(pi)

    assert machines(box, jobs) == [""] * 6 + ["box", "pi"]
    assert now(box, [top])[0].state is JobState.PREPARING


def test_an_end_asks_its_own_machine_alone_and_a_stage_that_opens_all(pair: Pair) -> None:
    box, pi = pair
    for ctx in pair:
        box.ledger.set_machine(ctx.machine, max_agents=1)
    [mine] = started(pi, "shop", "d:1", "x")
    jobs = started(box, "wiki", "d:2", "x", machine="pi")
    bound, free = started(box, "d:1", "x", source="all", is_sequential=True)
    dispatch(box)
    box.ledger.set_machine(pi.machine, max_agents=2)  # nobody is told

    finish_attempt(box, attempt_of(box, mine), JobState.REVIEW, "")
    assert [job.state for job in now(box, [*jobs, bound, free])] == [
        JobState.PREPARING, JobState.QUEUED, JobState.PREPARING, JobState.QUEUED,
    ]  # fmt: skip
    finish_attempt(box, attempt_of(box, bound), JobState.REVIEW, "")

    assert [job.state for job in now(box, [jobs[1], free])] == [JobState.PREPARING, JobState.PREPARING]


def test_a_rate_limit_that_is_over_lets_jobs_of_all_machines_begin(pair: Pair) -> None:
    box, pi = pair
    [mine] = started(pi, "shop", "d:1", "x")
    dispatch(pi)
    now_ms = box.ledger.now_ms()
    box.ledger.park(Lane(name="demo", parked_ms=now_ms, until_ms=now_ms + 60_000, pause_s=60, reason="rests"))
    box.ledger.move(mine.attempt, {JobState.PREPARING}, JobState.RUNNING, is_open=1)
    [theirs] = started(box, "wiki", "d:1", "x", machine="pi")
    dispatch(box)
    assert now(box, [theirs])[0].reason == "rests"

    finish_turn(box, attempt_of(box, mine))

    assert now(box, [theirs])[0].state is JobState.PREPARING


def test_a_project_with_a_path_alone_stays_on_its_machine(pair: Pair) -> None:
    box, pi = pair
    box.ledger.set_machine(box.machine, max_agents=1)

    jobs = started(pi, "shop", "d:2", "x")
    dispatch(pi)

    assert machines(pi, jobs) == ["box", "box"]
    assert [job.state for job in now(pi, jobs)] == [JobState.PREPARING, JobState.QUEUED]
    assert {job.worktree for job in jobs} == {""}


def test_an_agent_that_is_not_there_is_not_started_there(pair: Pair) -> None:
    box, _ = pair
    is_there(box, d="not installed: pip install demo")

    jobs = started(box, "wiki", "d:6", "x")
    dispatch(box)

    assert machines(box, jobs) == ["", "", "pi", "pi", "pi", "pi"]


def test_where_no_machine_can_the_job_says_why_of_each(pair: Pair) -> None:
    box, pi = pair
    is_there(box, d="not logged in")
    is_gone(pi)

    [job] = started(box, "wiki", "d:1", "x")
    dispatch(box)

    [job] = now(box, [job])
    assert job.reason == "no machine can start demo now: box: not logged in; pi: unreachable"
    is_there(box)
    dispatch(box)
    assert machines(box, [job]) == ["box"]


def test_a_drained_machine_takes_no_jobs_and_its_own_say_so(pair: Pair) -> None:
    box, pi = pair
    box.ledger.registry.write(box.machine, state=MachineState.DRAINED.value)

    jobs = [*started(pi, "wiki", "d:1", "x"), *started(pi, "shop", "d:1", "x")]
    dispatch(pi)

    assert machines(pi, jobs) == ["box", "pi"]
    assert now(pi, jobs)[1].reason == "for machine box: it is drained (aios machines resume box)"


def test_a_drained_machine_still_brings_back_a_conversation(pair: Pair) -> None:
    box, pi = pair
    [job] = started(pi, "shop", "d:1", "x")
    dispatch(pi)
    finish_attempt(box, attempt_of(box, job), JobState.REVIEW, "")
    box.ledger.registry.write(box.machine, state=MachineState.DRAINED.value)

    box.ledger.renew(now(box, [job])[0], {JobState.REVIEW}, order=1, mode=RESUME)
    dispatch(pi)

    assert now(pi, [job])[0].state is JobState.PREPARING


def test_a_conversation_waits_on_a_drained_machine_until_an_agent_has_ended_there(pair: Pair) -> None:
    box, pi = pair
    box.ledger.set_machine(box.machine, max_agents=1)
    first, second = started(pi, "shop", "d:2", "x")
    dispatch(pi)
    finish_attempt(box, attempt_of(box, first), JobState.REVIEW, "")
    box.ledger.registry.write(box.machine, state=MachineState.DRAINED.value)

    box.ledger.renew(now(box, [first])[0], {JobState.REVIEW}, order=1, mode=RESUME)
    dispatch(pi)
    assert [job.state for job in now(pi, [first, second])] == [JobState.QUEUED, JobState.PREPARING]
    finish_attempt(box, attempt_of(box, second), JobState.REVIEW, "")

    assert now(pi, [first])[0].state is JobState.PREPARING


def test_nothing_is_given_to_a_machine_whose_worker_has_just_ended(pair: Pair) -> None:
    box, pi = pair
    has_no_worker(pi)

    jobs = started(box, "wiki", "d:6", "x")
    dispatch(box)

    assert machines(box, jobs) == ["", "", "box", "box", "box", "box"]


def test_a_worker_of_another_version_takes_no_jobs(pair: Pair) -> None:
    box, pi = pair
    pi.ledger.registry.write(pi.machine, messages=99, version="9.9")

    jobs = started(box, "wiki", "d:6", "x")
    dispatch(box)

    assert machines(box, jobs) == ["", "", "box", "box", "box", "box"]


def test_a_machine_that_does_not_answer_starves_nobody(pair: Pair) -> None:
    box, pi = pair
    is_gone(box)

    jobs = [*started(pi, "shop", "d:1", "x"), *started(pi, "wiki", "d:2", "x")]
    dispatch(pi)

    assert machines(pi, jobs) == ["box", "pi", "pi"]
    [waiting] = [job for job in now(pi, jobs) if job.state is JobState.QUEUED]
    assert waiting.reason == "for machine box: unreachable"
    is_there(box)
    dispatch(box)
    assert [job.state for job in now(box, [waiting])] == [JobState.PREPARING]


def test_a_stage_waits_for_a_machine_no_longer_than_skip_waiting_says(pair: Pair) -> None:
    box, pi = pair
    is_gone(box)
    jobs = started(pi, "d:1", "x", source="all", is_sequential=True, skip_waiting="1s")

    dispatch(pi)
    assert [job.state for job in now(pi, jobs)] == [JobState.QUEUED, JobState.QUEUED]
    [(kind, attempt, _)] = [pi.ledger.next_timer(pi.machine) or ("", "", 0)]
    pi.ledger.set_timer(pi.machine, kind, attempt, 1)
    fire_due_timers(pi)

    assert [job.state for job in now(pi, jobs)] == [JobState.QUEUED, JobState.PREPARING]


def test_a_stage_goes_on_without_a_job_at_work_on_a_machine_that_is_gone(pair: Pair) -> None:
    box, pi = pair
    jobs = started(pi, "d:1", "x", source="all", is_sequential=True, skip_waiting="1s")
    dispatch(pi)
    is_gone(box)

    limit_left(pi, pi.ledger.machines_known())
    kind, attempt, _ = pi.ledger.next_timer(pi.machine) or ("", "", 0)
    pi.ledger.set_timer(pi.machine, kind, attempt, 1)
    fire_due_timers(pi)

    assert [job.state for job in now(pi, jobs)] == [JobState.PREPARING, JobState.PREPARING]


def test_no_stage_is_passed_once_the_machine_is_back(pair: Pair) -> None:
    box, pi = pair
    jobs = started(pi, "d:1", "x", source="all", is_sequential=True, skip_waiting="1s")
    dispatch(pi)
    is_gone(box)
    limit_left(pi, pi.ledger.machines_known())
    kind, attempt, _ = pi.ledger.next_timer(pi.machine) or ("", "", 0)

    is_there(box)
    pi.ledger.set_timer(pi.machine, kind, attempt, 1)
    fire_due_timers(pi)

    assert [job.state for job in now(pi, jobs)] == [JobState.PREPARING, JobState.QUEUED]


def test_stop_lets_the_stage_of_a_job_go_on_whose_machine_is_gone(pair: Pair) -> None:
    box, pi = pair
    first, second = started(pi, "d:1", "x", source="all", is_sequential=True)
    dispatch(pi)
    is_gone(box)

    [result] = stop_jobs(pi, now(pi, [first]), all_processes=False)

    assert (result["outcome"], result["job"]["state"]) == ("away", "preparing")
    assert [job.state for job in now(pi, [first, second])] == [JobState.PREPARING, JobState.PREPARING]
    assert attempt_of(box, first).ending == "stop"


def test_a_stage_waits_no_longer_however_many_jobs_wait_before_it(pair: Pair) -> None:
    box, pi = pair
    is_gone(box)
    for _ in range(3):
        started(pi, "shop", "d:99", "x")
    last = started(pi, "d:1", "x", source="all", is_sequential=True, skip_waiting="1s")

    dispatch(pi)

    timer = pi.ledger.next_timer(pi.machine)
    assert timer is not None
    assert timer[1] == last[0].attempt
    assert now(pi, last)[0].reason == "for machine box: unreachable"


def test_a_machine_can_be_named(pair: Pair) -> None:
    box, _ = pair

    jobs = started(box, "wiki", "d:2", "x", machine="pi")
    dispatch(box)

    assert machines(box, jobs) == ["pi", "pi"]
    assert {job.placed for job in jobs} == {"--machine pi"}
    with pytest.raises(UsageError, match=r"there is no machine 'nas' \(there are: box, pi\)"):
        start_run(box, request("wiki", "d:1", "x", machine="nas"))
    with pytest.raises(ProjectUnusable, match="shop is not on pi, and only its own machine works on it"):
        start_run(box, request("shop", "d:1", "x", machine="pi"))


def test_a_shell_beside_the_agent_needs_a_job_of_this_machine(pair: Pair) -> None:
    box, _ = pair

    with pytest.raises(UsageError, match="wiki may run elsewhere: --machine box"):
        open_session(box, OpenRequest(agent="d++", words=["wiki"], cwd="/", has_shell=True))
    with pytest.raises(UsageError, match="wiki has no directory on this machine"):
        open_session(box, OpenRequest(agent="d", words=["wiki"], cwd="/"))
    with pytest.raises(UsageError, match="--machine is for a new worktree"):
        open_session(box, OpenRequest(agent="d", words=["shop"], cwd="/", machine="pi"))

    planned = open_session(
        box, OpenRequest(agent="d++", words=["wiki"], cwd="/", machine="pi", is_dry_run=True)
    )
    assert planned["job"]["placed"] == "--machine pi"
    assert planned["base"] == ""


def test_what_is_not_on_the_named_machine_is_skipped(pair: Pair) -> None:
    box, _ = pair

    answer = start_run(box, request("d:1", "x", source="all", machine="pi"))

    assert [problem["project"] for problem in answer["problems"]] == ["shop"]
    assert [job.project for job in box.ledger.run_jobs(answer["run"]["number"])] == ["wiki"]


def test_a_project_with_a_path_may_be_cloned_by_others_where_that_is_set(pair: Pair) -> None:
    box, _ = pair
    shop = box.catalog.find_project("shop")
    box.catalog.add_project(Path(shop.path).parent / "wiki", url="file:///wiki.git", name="both")
    box.catalog.set("both.anywhere", "on")

    jobs = started(box, "both", "d:6", "x")
    dispatch(box)

    assert machines(box, jobs) == ["box"] * 3 + ["pi"] * 3
    mine = next(job for job in now(box, jobs) if job.machine == box.machine)
    create_worktree(box, mine.attempt)
    assert now(box, [mine])[0].path == str(Path(shop.path).parent / "wiki")


def test_the_machine_clones_what_it_takes_and_works_in_worktrees_of_it(pair: Pair) -> None:
    box, pi = pair
    jobs = started(box, "wiki", "d:2", "x", machine="pi")
    dispatch(box)

    for job in now(box, jobs):
        create_worktree(pi, job.attempt)

    done = now(box, jobs)
    [clone] = list(pi.settings.clones_dir.iterdir())
    assert {job.path for job in done} == {str(clone)}
    assert {job.base_ref for job in done} == {"origin/main"}
    for job in done:
        assert Path(job.worktree).parent == pi.settings.worktrees_dir
        assert (Path(job.worktree) / "README.md").read_text() == "wiki\n"


def test_a_clone_that_fails_is_the_cause_in_gits_words(pair: Pair) -> None:
    box, pi = pair
    box.catalog.add_url("file:///nowhere/lost.git", name="lost")
    sync_catalogue(box)
    [job] = started(box, "lost", "d:1", "x", machine="pi")
    dispatch(box)

    with pytest.raises(
        ProjectUnusable, match=r"file:///nowhere/lost.git cannot be cloned: '/nowhere/lost.git'"
    ):
        create_worktree(pi, job.attempt)


def test_alone_a_machine_takes_what_any_may_take(join: Join, make_project: MakeProject) -> None:
    box = join("box")
    box.catalog.add_url(f"file://{make_project('wiki')}", name="wiki")
    box.ledger.set_machine(box.machine, max_agents=1)

    jobs = started(box, "wiki", "d:2", "x")
    dispatch(box)

    first, second = now(box, jobs)
    assert (first.machine, first.placed) == (box.machine, "the only machine")
    assert (second.state, second.reason) == (JobState.QUEUED, "for a free slot")
