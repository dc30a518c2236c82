// The machines of the cluster, and this one's stack: load, slots, queue, what is paused, what serves.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { get } from "../api";
import { State, StateBar } from "../parts/state";
import type { Machine as Known, Status } from "../protocol";
import { store, useStore } from "../store";
import { age, clock, count, gigabytes, when } from "../words";

export function MachinesPage() {
  const status = useStore((known) => known.status);
  const [machines, setMachines] = useState<Known[] | null>(null);
  useEffect(() => {
    const load = (): void => {
      if (document.visibilityState !== "visible") return;
      store.loadStatus().catch(() => undefined); // the feed tells why
      get<{ machines: Known[] }>("/machines")
        .then((answer) => setMachines(answer.machines))
        .catch(() => undefined);
    };
    load();
    // Load and memory have no events: they are as of the last news of a job, or the last look at the page.
    addEventListener("focus", load);
    document.addEventListener("visibilitychange", load);
    return () => {
      removeEventListener("focus", load);
      document.removeEventListener("visibilitychange", load);
    };
  }, []);
  if (!status || !machines) return <p class="empty">Loading…</p>;
  return (
    <>
      <h1>Machines</h1>
      {machines.map((machine) => (
        // What this one told the others is up to a minute old.
        <Machine
          key={machine.id}
          machine={machine.is_here ? { ...machine, ...status.machine } : machine}
          isAlone={machines.length === 1}
        />
      ))}
      <h2>Jobs</h2>
      <Counts status={status} />
      <Queue status={status} />
      <h2>Stack of {status.machine.name}</h2>
      <Stack status={status} isMachine={machines.some((machine) => machine.is_here)} />
    </>
  );
}

function Machine({ machine, isAlone }: { machine: Known; isAlone: boolean }) {
  const used = machine.memory_bytes - machine.available_bytes;
  return (
    <section class="card">
      <h2>{machine.name}</h2>
      {machine.unreachable_ms > 1 && <p class="standing asks">unreachable since {when(machine.unreachable_ms)}</p>}
      {machine.takes_no_jobs && <p class="standing">takes no jobs: {machine.takes_no_jobs}</p>}
      <dl class="facts-table">
        <Gauge name="Agents" value={machine.slots} max={machine.max_agents}>
          {machine.slots} of {count(machine.max_agents, "slot")} in use
        </Gauge>
        <Gauge name="Load" isBadFull value={machine.load} max={machine.cores}>
          {machine.load.toFixed(2)} on {count(machine.cores, "core")}
        </Gauge>
        <Gauge name="Memory" isBadFull value={used} max={machine.memory_bytes}>
          {gigabytes(machine.available_bytes)} of {gigabytes(machine.memory_bytes)} free
        </Gauge>
        <dt>Can start</dt>
        <dd>{machine.agents.join(", ") || "no agent: aios doctor there says why"}</dd>
        {!isAlone && (
          <>
            <dt>AIOS</dt>
            <dd>
              {machine.version} at {machine.address || "no address"}
              {machine.has_redis ? ", with the cluster's Redis" : ""}
            </dd>
          </>
        )}
      </dl>
    </section>
  );
}

function Counts({ status: { counts } }: { status: Status }) {
  return (
    <p class="facts">
      <StateBar states={counts} />
      {Object.entries(counts).map(
        ([state, n]) =>
          n > 0 && (
            <span key={state}>
              {n} <State state={state as keyof typeof counts} />
            </span>
          ),
      )}
    </p>
  );
}

interface GaugeProps {
  name: string;
  value: number;
  max: number;
  isBadFull?: boolean;
  children: ComponentChildren;
}

function Gauge({ name, value, max, isBadFull, children }: GaugeProps) {
  const limits = isBadFull ? { optimum: 0, low: 0.7 * max, high: 0.9 * max } : {};
  return (
    <>
      <dt>{name}</dt>
      <dd>
        <meter min={0} max={max} value={value} {...limits} aria-label={name} /> {children}
      </dd>
    </>
  );
}

function Queue({ status: { queue, parked } }: { status: Status }) {
  return (
    <>
      {parked.map(({ lane, until_ms, reason }) => (
        <p key={lane} class="standing asks">
          {lane} pauses until {clock(until_ms)}: {reason}
        </p>
      ))}
      {queue.length === 0 && <p class="quiet">No job waits for its turn.</p>}
      <ul class="plain queue">
        {queue.map(({ reason, jobs }) => (
          <li key={reason}>
            {count(jobs, "job")} {reason ? `${jobs === 1 ? "waits" : "wait"} ${reason}` : "about to begin"}
          </li>
        ))}
      </ul>
    </>
  );
}

/** Without `isMachine` the node only steers the others: it has no worker to be missed. */
function Stack({ status, isMachine }: { status: Status; isMachine: boolean }) {
  const { worker, redis, machine } = status;
  return (
    <dl class="facts-table">
      <dt>AIOS</dt>
      <dd>
        {status.version}, web process {status.web.pid}
      </dd>
      <dt>Worker</dt>
      <dd>
        {worker.is_alive
          ? `alive, process ${worker.pid}`
          : isMachine
            ? "not there: aios up"
            : "jobs run on other machines"}
      </dd>
      <dt>Redis</dt>
      <dd>
        {redis.engine} {redis.version}
        {redis.is_external ? ", not AIOS' own" : ""}
      </dd>
      <dt>Programs</dt>
      <dd>
        {Object.entries(machine.programs)
          .map(([name, version]) => `${name} ${version || "is missing"}`)
          .join(", ")}
      </dd>
      <dt>Up for</dt>
      <dd>{age(1000 * machine.uptime_s)}</dd>
      <dt>Data</dt>
      <dd>
        <code>{status.data_dir}</code>
      </dd>
      <dt>Tasks</dt>
      <dd>
        <a href="/flower/" target="_blank">
          Flower
        </a>
      </dd>
    </dl>
  );
}
