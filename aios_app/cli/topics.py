"""``aios help TOPIC``: how things are done, a page for each topic, with its commands at the end."""

from __future__ import annotations

from aios_app.cli.verbs import TOPICS, commands_of

_PAGES = {
    "start": """\
Each agent gets a git worktree with a branch of its own, begun at what origin
has; your own checkout is not touched. Where room is short, jobs wait.

  aios c++ "fix the login redirect"     one Codex on this, in a new worktree
  aios multi c:2 l:1 "fix the flaky test"    three try the same; compare later
  aios all c:1 "update the licence headers"  one in every saved project
  aios all c:1 --seq "..."              one project after the other
  aios c                                Codex in this very directory, attached
  aios all c:2 --dry-run "..."          what it would start

c:2 is two of the agent with the key c; aios agents lists the keys. Without a
prompt the agent's default one is taken (aios prompt c). -e opens your editor
for it, --prompt-file FILE reads it, --wait stays until all have finished.""",
    "steer": """\
aios alone is the dashboard, with a key for each thing below; ? lists them.
aios jobs shows what needs you first. A job is queued, preparing, running,
waiting (it asks something), then in review: its turn is over, look at it.

  aios                          the dashboard: all of it live; ? shows its keys
  aios jobs --follow            stay, and see each change
  aios attach 7                 its terminal; Ctrl-b d leaves it running
  aios send 7 "also the tests"  type into it, without attaching
  aios wait r3                  return when all of run 3 have finished
  aios logs 7                   what it said, also after it ended
  aios stop 7                   end it; its worktree stays
  aios resume 7                 start it again, with its conversation
  aios retry 7                  begin anew

Where JOB stands: a number, a part of a name that no other has, r3 for all
jobs of a run, or . for the worktree that you are in.""",
    "land": """\
Work lands on the branch that its worktree began from: it is committed,
merged, checked, pushed, seen on the remote, and only then cleaned up.

  aios review                   one after another, with a key for each decision
  aios diff 7                   what it changed, committed or not
  aios compare r3               candidates side by side, best first
  aios pick 7                   land this one, drop its rivals
  aios land 7 "fix the login"   land it, with this message
  aios land r3 --passed         all whose check is green
  aios land 7 --resolve         give its conflict back to the agent
  aios revert '#7'              undo by new commits what it landed
  aios trash restore 7          what was removed in the last 30 days

A conflict or a red check changes nothing. aios config shop.check "npm test"
says what work in project shop must pass.""",
    "projects": """\
A project is a git repository that is saved here, with a number and a name.

  aios add ~/code/shop          save it
  aios scan ~/code              what could be saved below a directory
  aios tag shop web             then: aios all c:1 --only web "..."
  aios 0                        a shell in project 0
  aios w                        all worktrees: ahead, dirty, landed or not
  aios w7                       a shell in that of job 7
  aios w+ 7                     remove it without landing; the trash keeps it
  aios cleanup                  remove all that has landed or has no change

What a fresh worktree lacks: name ignored files such as .env in a file
.worktreeinclude, and set what makes it ready:

  aios config shop.setup "npm ci"
""",
    "settings": """\
  aios config                   all settings, with what each is for
  aios config max_agents 8      agents at work at the same time
  aios config shop.check "npm test"     a setting of project shop alone
  aios config shop.base develop         where its worktrees begin and land
  aios config max_agents --unset        back to the default
  aios config notify desktop            be told who waits or has failed
  aios prompt c -e              the prompt of Codex where none is given

Any program can be an agent, with a key of one or two letters:

  aios agents                   those that there are
  aios agents add k kimi -- kimi --yolo
  aios agents test              whether each can be started""",
    "stack": """\
The stack is Redis, a worker and the web service. Commands that need it start
it; agents live in tmux and go on while it is down.

  aios status                   fleet and stack in ten lines
  aios doctor                   what is missing here, and what mends it
  aios down; aios up            anew; no agent is disturbed
  aios attach 7 --web           the same in the browser
  aios update                   a newer AIOS: what is new, then yes or no
  ./aios install                once, in the checkout: makes aios a command""",
    "machines": """\
Several machines are one cluster: a job runs where there is room, and each
command works from any of them.

  aios up --listen 10.0.0.5     on the first: others may join
  aios join-token               a line for one machine, good for an hour
  aios worker --join TOKEN -d   on the other, where AIOS is installed
  aios machines                 who is there, with load and agents
  aios all c:4 --machine pi "..."       only there
  aios machines drain pi        no new jobs there; what runs goes on
  aios machines remove pi       its jobs are lost then: aios retry""",
    "steps": """\
A list of steps is a job without an agent: its steps run one after another in
one shell, so that cd and variables carry over. It is built at the prompt of
aios (the dashboard; `:` opens it), or is a task file:

  demo: Build | make            a step of the list demo; the first | divides
  demo: Look | less build.log   one more; the last may be interactive
  run demo                      all of it, in one terminal
  attach demo                   its terminal, in your browser or here
  clear demo; open demo         forget its steps; its directory in your editor
  menu; quit                    all that can be run; leave the dashboard

  aios run demo                 the same from the command line
  aios run deploy --var env=prod        tasks/deploy.json of this project
  aios run tasks/deploy.json --dry-run  what it would do
  aios run --schema             the schema of task files, for your editor

A step that fails ends the job there: failed: step 2 "Look" exited 1.""",
}


def page(topic: str) -> str:
    """The whole page."""
    head = f"{topic}: {TOPICS[topic]}"
    return "\n".join([head, "", _PAGES[topic].rstrip(), "", "commands:", *commands_of(topic)])
