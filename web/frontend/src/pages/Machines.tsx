// The machine and its stack: slots, queue, what is paused, what serves.
import { useEffect } from "preact/hooks";
import type { Status } from "../protocol";
import { store, useStore } from "../store";
import { Loaded } from "../parts/Loaded";
import { State, StateBar } from "../parts/state";
import { get } from "../api";
import type { Project } from "../protocol";
import { clock, count } from "../words";

export function MachinesPage() {
  const status = useStore((known) => known.status);
  useEffect(() => void store.loadStatus().catch(() => undefined), []);
  if (!status) return <p class="empty">Loading…</p>;
  return (
    <>
      <h1>Machines</h1>
      <Machine status={status} />
      <h2>Stack</h2>
      <dl class="facts-table">
        <dt>AIOS</dt>
        <dd>
          {status.version}, web process {status.web.pid}
        </dd>
        <dt>Worker</dt>
        <dd>{status.worker.is_alive ? `alive, process ${status.worker.pid}` : "not there: aios up"}</dd>
        <dt>Redis</dt>
        <dd>
          {status.redis.engine} {status.redis.version}
          {status.redis.is_external ? ", not AIOS' own" : ""}
        </dd>
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
    </>
  );
}

function Machine({ status }: { status: Status }) {
  const { machine, counts, parked } = status;
  return (
    <section class="card">
      <h2>{machine.name}</h2>
      <p>
        <meter min={0} max={machine.max_agents} value={machine.slots} aria-label="Slots in use" /> {machine.slots} of{" "}
        {count(machine.max_agents, "slot")} in use, {counts.queued ?? 0} in the queue
      </p>
      <StateBar states={counts} />
      <p class="facts">
        {Object.entries(counts).map(
          ([state, n]) =>
            n > 0 && (
              <span key={state}>
                {n} <State state={state as keyof typeof counts} />
              </span>
            ),
        )}
      </p>
      {parked.map(({ lane, until_ms, reason }) => (
        <p key={lane} class="standing asks">
          {lane} pauses until {clock(until_ms)}: {reason}
        </p>
      ))}
    </section>
  );
}

export function ProjectsPage() {
  const load = (): Promise<{ projects: Project[] }> => get("/projects");
  return (
    <>
      <h1>Projects</h1>
      <Loaded of="projects" load={load}>
        {({ projects }) => (
          <>
            {projects.length === 0 && (
              <p class="empty">
                None is saved yet: <code>aios add PATH</code>, or <code>aios scan</code>.
              </p>
            )}
            <ul class="plain">
              {projects.map((project) => (
                <ProjectRow key={project.uuid} project={project} />
              ))}
            </ul>
          </>
        )}
      </Loaded>
    </>
  );
}

function ProjectRow({ project }: { project: Project }) {
  return (
    <li class="card">
      <h2>
        <span class="number">{project.number}</span> {project.name}
      </h2>
      <p class="facts">
        <code>{project.path}</code>
        {project.branch && <span>{project.branch}</span>}
        {project.tags.map((tag) => (
          <span key={tag} class="tag">
            {tag}
          </span>
        ))}
        <a href={`/new?project=${encodeURIComponent(project.name)}`}>Start a run here</a>
      </p>
      {project.problem && <p class="standing asks">{project.problem}</p>}
    </li>
  );
}
