"""The keyspace of the ledger. Its keys begin with ``aios:1:``; 1 is the ledger's version.

========================================  ======  ==========================================================
key                                       type    holds
========================================  ======  ==========================================================
``aios:1:meta``                           hash    ``version``; ``generation``, new after each rebuild;
                                                  ``instance``, the AIOS that owns this database;
                                                  ``last_run`` and ``last_job``, the counters;
                                                  ``node_secret``, which nodes show to one another
``aios:1:runs``                           zset    run numbers, by number
``aios:1:run:N``                          hash    a run: its flags, ``agents``, ``labels`` (JSON),
                                                  ``stage`` (the open one), ``stages`` (count)
``aios:1:run:N:prompts``                  hash    agent key (``*``: any) -> prompt, byte for byte
``aios:1:run:N:jobs``                     list    its job numbers, in order
``aios:1:run:N:stage:I``                  set     jobs of stage I that have not finished
``aios:1:run:N:bases``                    hash    project id -> the fetched base of its jobs (JSON)
``aios:1:job:N``                          hash    a job (``domain.models.Job``); absent fields have defaults
``aios:1:job:N:landing``                  string  its last landing (``domain.landing.Landing``, JSON)
``aios:1:lines``                          hash    job -> key of the line that it stands in
``aios:1:lines:clearing``                 hash    job -> id of its landing, whose work is on its branch, and
                                                  which clears up behind the line
``aios:1:line:KEY``                       list    jobs that want onto one branch of one remote, first come
                                                  first served: the head lands
``aios:1:line:KEY:head``                  hash    ``label`` of the line; of its head ``landing`` (id),
                                                  ``machine``, ``until_ms`` (then it has not gone on)
``aios:1:state:S``                        zset    jobs in state S, by the time they came into it
``aios:1:attempt:ID``                     hash    ``job``, ``agent`` (key), ``mode`` (``resume``: start idle;
                                                  ``retry``: a person wants it, its lane may be parked),
                                                  ``turn_ms`` (when its lane lets it start),
                                                  ``ending`` (why AIOS ends it), ``ended``, ``result`` (JSON),
                                                  ``screen`` (mark of the screen when a person attached),
                                                  ``trouble`` (what failed last), ``busy`` (its turn is over
                                                  but for a command that it awaits)
``aios:1:machines``                       set     ids of the cluster's machines
``aios:1:machine::queue``                 zset    the same of jobs that any machine may take (of no machine
                                                  yet: ``machine`` of such a job is empty)
``aios:1:catalog``                        hash    the cluster's catalogue: ``project:UUID``, ``agent:KEY``,
                                                  ``setting:KEY``, ``counter:projects`` -> JSON of
                                                  ``rev`` and ``data``, null of what was removed. Absent in an
                                                  instance that was never a cluster
``aios:1:catalog:rev``                    string  how many changes of the catalogue there were
``aios:join:HASH``                        hash    a secret that lets a machine join: ``expires_ms``, and
                                                  ``machine``, which has used it; no machine but the
                                                  founder has access to it
``aios:1:lanes``                          set     lanes that were parked: the agents of one login
``aios:1:lane:L``                         hash    ``next_ms`` (when its next job may be claimed),
                                                  ``spawn_ms`` (when its next agent may start); of a rate
                                                  limit: ``parked_ms until_ms pause_s reason``
``aios:1:lane:L:failed``                  set     attempts that a rate limit ended with nothing changed
``aios:1:machine:ID``                     hash    ``name``, ``max_agents``, and of each lane ``max:L`` and
                                                  ``stagger_ms:L``; ``address``, ``port`` and ``certificate``
                                                  (PEM) of its node; ``version`` of its AIOS; ``messages``,
                                                  the version of those that it understands; ``state``:
                                                  ``active``, ``drained``, ``removed`` (then it is not in the
                                                  set); ``facts`` (JSON, ``domain.machines.Machine``);
                                                  ``beat_ms``, its last sign of life; ``left_ms``, when it
                                                  stopped in peace
``aios:1:machine:ID:news``                set     jobs that wait or failed and were not announced yet
``aios:1:machine:ID:queue``               zset    jobs whose stage is open and that wait for a slot, by order
``aios:1:machine:ID:slots``               set     jobs with an open agent process of weight 1
``aios:1:machine:ID:closing``             set     jobs in review asked to give their slot away
``aios:1:machine:ID:kept``                set     jobs in review that a person has attached, or typed into
``aios:1:machine:ID:unreported``          set     attempts whose task has not returned their result yet
``aios:1:machine:ID:timers``              zset    ``kind:attempt``, ``kind:lane`` or
                                                  ``kind:line``, by due time
``aios:1:events``                         stream  notices of changes: ``kind run job state``; bounded
========================================  ======  ==========================================================

Celery's own keys (queues, unacknowledged messages, bindings) live beside these and are Celery's business.
"""

from __future__ import annotations

VERSION = 1
PREFIX = f"aios:{VERSION}:"
META = PREFIX + "meta"
RUNS = PREFIX + "runs"
EVENTS = PREFIX + "events"
MACHINES = PREFIX + "machines"
LANES = PREFIX + "lanes"
JOIN = "aios:join:"
CATALOG = PREFIX + "catalog"
CATALOG_REV = CATALOG + ":rev"
LINES = PREFIX + "lines"
CLEARING = LINES + ":clearing"


def run(number: int) -> str:
    """A run's hash, and the stem of its other keys."""
    return f"{PREFIX}run:{number}"


def job(number: int) -> str:
    """The hash of a job."""
    return f"{PREFIX}job:{number}"


def state(name: str) -> str:
    """The set of the jobs in a state."""
    return f"{PREFIX}state:{name}"


def attempt(attempt_id: str) -> str:
    """The hash of an attempt."""
    return f"{PREFIX}attempt:{attempt_id}"


def machine(machine_id: str) -> str:
    """A machine's hash, and the stem of its other keys."""
    return f"{PREFIX}machine:{machine_id}"


def lane(name: str) -> str:
    """A lane's hash, and the stem of its other key."""
    return f"{PREFIX}lane:{name}"


def landing(number: int) -> str:
    """The last landing of a job."""
    return f"{job(number)}:landing"


def line(key: str) -> str:
    """The list of a line, and the stem of its head's hash."""
    return f"{PREFIX}line:{key}"
