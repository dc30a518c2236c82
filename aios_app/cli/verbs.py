"""The list of commands, and the help that is made of it."""

from __future__ import annotations

from collections.abc import Iterable

from aios_app import __version__

#: Groups of the list, in its order.
TOPICS = {
    "start": "start agents",
    "steer": "see and steer jobs",
    "land": "review and land the work",
    "projects": "projects and worktrees",
    "settings": "agents and settings",
    "stack": "the stack of this machine",
    "machines": "several machines",
    "steps": "lists of steps, task files",
}
#: Words of the dashboard's prompt alone.
PROMPT_WORDS = ("clear", "menu", "open", "quit")


class Verb:
    """One command.

    ``module`` is its file in ``commands``. ``is_basic`` makes it one of the twelve words of ``aios --help``;
    with ``takes_rest`` what stands after ``--`` belongs to it.
    """

    def __init__(
        self,
        name: str,
        module: str,
        topic: str,
        arguments: str,
        summary: str,
        *,
        is_basic: bool = False,
        takes_rest: bool = False,
    ) -> None:
        self.name = name
        self.module = module
        self.topic = topic
        self.arguments = arguments
        self.summary = summary
        self.is_basic = is_basic
        self.takes_rest = takes_rest


_LIST = (
    Verb(
        "all",
        "all",
        "start",
        'SPEC... ["prompt"]',
        "agents in every saved project",
        is_basic=True,
        takes_rest=True,
    ),
    Verb(
        "multi",
        "multi",
        "start",
        '[PROJECT] SPEC... ["prompt"]',
        "the same in one project (default: here)",
        is_basic=True,
        takes_rest=True,
    ),
    Verb(
        "start",
        "start",
        "start",
        'AGENT [PLACE] ["prompt"]',
        "one agent, here; `aios c` is the same",
        is_basic=True,
        takes_rest=True,
    ),
    Verb("run", "run", "steps", "NAME|FILE", "steps in one shell: built at the prompt, or a file"),
    Verb("prompt", "prompt", "start", "[AGENT]", "the prompt of an agent that is given none"),
    Verb("jobs", "jobs", "steer", "[r3]", "the jobs, what needs you first", is_basic=True),
    Verb("attach", "attach", "steer", "JOB", "make this terminal the job's", is_basic=True),
    Verb("share", "share", "steer", "JOB", "a link to look at a job; it expires"),
    Verb(
        "send", "send", "steer", 'JOB... "text"', "type into running agents", is_basic=True, takes_rest=True
    ),
    Verb("answer", "answer", "steer", "JOB [SECONDS]", "answer its questions by your patterns"),
    Verb("watch", "answer", "steer", "JOB [SECONDS]", "the same as answer"),
    Verb("resume", "resume", "steer", "JOB...|--all", "start ended agents with their conversations"),
    Verb("wait", "wait", "steer", "JOB...", "return when the jobs have finished", is_basic=True),
    Verb("logs", "logs", "steer", "JOB...", "what a job said, also after it ended"),
    Verb("stop", "stop", "steer", "JOB...", "end agents; their worktrees stay", is_basic=True),
    Verb("x", "x", "steer", "", "end all agents; asks first"),
    Verb("retry", "retry", "steer", "JOB...", "a new attempt of jobs that have ended"),
    Verb("land", "land", "land", 'JOB... ["message"]', "merge, check, push, verify, clean up", is_basic=True),
    Verb("w++", "land", "land", 'JOB ["message"]', "the same as land"),
    Verb("pick", "pick", "land", 'JOB ["message"]', "land one candidate, drop its rivals"),
    Verb("push", "push", "land", '["message"]', "commit all that is here and push it"),
    Verb("pr", "pr", "land", "JOB", "push a job's branch, open a pull request"),
    Verb("pull", "pull", "land", "", "make this checkout what origin has; asks first"),
    Verb("setup", "setup", "land", "[URL]", "a repository with a first commit, main, origin"),
    Verb("revert", "revert", "land", "[N|JOB]", "undo the last commits, or what a job landed"),
    Verb("review", "review", "land", "[r3|JOB]", "what is in review, one after another"),
    Verb("compare", "compare", "land", "JOB...", "candidates side by side, best first"),
    Verb("diff", "diff", "land", "JOB [JOB]", "the change of a job, or between two", is_basic=True),
    Verb("stats", "stats", "steer", "[--days N]", "what came of the jobs, their time, tokens and money"),
    Verb("ls", "ls", "steer", "", "the tmux sessions of AIOS"),
    Verb("add", "add", "projects", "PATH|URL...", "save git repositories as projects", is_basic=True),
    Verb("p", "p", "projects", "", "the saved projects"),
    Verb("shell", "shell", "projects", "NUMBER", "a shell in a project; `aios 3` is the same"),
    Verb("remove", "remove", "projects", "PROJECT...", "take projects off the list; their files stay"),
    Verb("tag", "tag", "projects", "PROJECT TAG...", "give a project tags, for --only and --except"),
    Verb("scan", "scan", "projects", "[DIRECTORY]", "find git repositories that could be added"),
    Verb("w", "w", "projects", "[JOB|NAME]", "the worktrees; with a word, a shell in one"),
    Verb("w+", "drop", "projects", "JOB|NAME...", "remove worktrees without landing them"),
    Verb("drop", "drop", "projects", "JOB|NAME...", "the same as w+"),
    Verb("cleanup", "cleanup", "projects", "[--older 14d] [--all]", "remove worktrees that are done with"),
    Verb("trash", "trash", "projects", "[restore JOB|NAME]", "what was removed, and how it comes back"),
    Verb(
        "agents",
        "agents",
        "settings",
        "[add|edit|copy|remove|test]",
        "the agents that can be started",
        takes_rest=True,
    ),
    Verb("config", "config", "settings", "[KEY [VALUE]]", "the settings"),
    Verb(
        "import",
        "import_ancestor",
        "settings",
        "DIRECTORY",
        "take over what aio, the ancestor, saved",
    ),
    Verb("status", "status", "stack", "", "fleet and stack in ten lines", is_basic=True),
    Verb("up", "up", "stack", "", "start the stack; commands that need it do so themselves"),
    Verb("down", "down", "stack", "", "stop the stack; agents go on in tmux"),
    Verb("worker", "worker", "machines", "[--join TOKEN]", "this machine works for a cluster"),
    Verb("join-token", "join_token", "machines", "", "a line that lets one machine join the cluster"),
    Verb("machines", "machines", "machines", "[drain NAME]", "the machines of the cluster"),
    Verb("doctor", "doctor", "stack", "", "what is missing on this machine, and what mends it"),
    Verb("update", "update", "stack", "[--back]", "a newer AIOS; asks first. Or the one before"),
    Verb("install", "install", "stack", "", "make aios a command that completes by Tab"),
    Verb("uninstall", "uninstall", "stack", "", "undo what install did"),
    Verb("help", "help", "stack", "[COMMAND|TOPIC]", "the page of a command or of a topic"),
)

VERBS = {verb.name: verb for verb in _LIST}


def short_help() -> str:
    """What ``aios --help`` shows: twelve words and the topics."""
    topics = " · ".join(TOPICS)
    return "\n".join([
        f"aios {__version__}: runs fleets of AI coding agents over all of your git projects",
        "",
        *_lines(verb for verb in _LIST if verb.is_basic),
        "",
        "  SPEC is <agent>:<count>, e.g. c:2: two Codex, each in a worktree of its own.",
        "  `aios c` attaches to Codex in this directory, `aios c++` in a new worktree.",
        "  `aios` alone is the dashboard, on a terminal.",
        "  JOB is a number, a part of a name, r3 for a run, or . for this worktree.",
        "",
        "more: aios COMMAND --help   aios help TOPIC",
        f"topics: {topics}",
    ])  # fmt: skip


def commands_of(topic: str) -> list[str]:
    """The commands of one topic, a line for each."""
    return _lines(verb for verb in _LIST if verb.topic == topic)


def _lines(verbs: Iterable[Verb]) -> list[str]:
    shown = [(f"{verb.name} {verb.arguments}".rstrip(), verb.summary) for verb in verbs]
    width = max(len(left) for left, _ in shown)
    return [f"  {left:{width}}  {summary}" for left, summary in shown]
