// What happened to a job: what the ledger still has of it, and what this page has heard since.
import { landingOf } from "../actions";
import { get } from "../api";
import type { Job, JobState, Landing } from "../protocol";
import { useStore, type JobEvent } from "../store";
import { when } from "../words";
import { Loaded } from "./Loaded";

interface Notice {
  id: string;
  at_ms: number;
  state: JobState;
}

export function JobEvents({ job }: { job: Job }) {
  const load = (): Promise<{ events: Notice[] }> => get(`/jobs/${job.number}/events`);
  return (
    <>
      <Loaded of={String(job.number)} load={load}>
        {({ events }) => <Events job={job} past={events} />}
      </Loaded>
      {job.landing && (
        <Loaded of={`${job.number} ${job.landing}`} load={() => landingOf(job)}>
          {(landing) => <LandingSteps landing={landing} />}
        </Loaded>
      )}
      {job.message && (
        <>
          <h2>Its last message</h2>
          <pre class="log">{job.message}</pre>
        </>
      )}
    </>
  );
}

function Events({ job, past }: { job: Job; past: readonly Notice[] }) {
  const heard = useStore((known) => known.eventsOf(job.number));
  return (
    <ol class="events">
      {merged(job, past, heard).map(({ id, at_ms, words }) => (
        <li key={id}>
          <time dateTime={new Date(at_ms).toISOString()} title={new Date(at_ms).toLocaleString()}>
            {when(at_ms)}
          </time>{" "}
          {words}
        </li>
      ))}
    </ol>
  );
}

function merged(job: Job, past: readonly Notice[], heard: readonly JobEvent[]): JobEvent[] {
  const ids = new Set(heard.map(({ id }) => id));
  const changes = past.filter(({ state }, at) => state !== past[at - 1]?.state);
  const told = changes
    .filter(({ id }) => !ids.has(id))
    .map(({ id, at_ms, state }) => ({ id, at_ms, words: at_ms === job.since_ms ? standingOf(job) : state }));
  const later = [...told, ...heard].sort((one, other) => one.at_ms - other.at_ms);
  return [...milestones(job).filter(({ at_ms }) => at_ms < (later[0]?.at_ms ?? Infinity)), ...later];
}

/** What the job itself tells of the time before the events that are left. */
function milestones(job: Job): JobEvent[] {
  const known: JobEvent[] = [
    { id: "created", at_ms: job.created_ms, words: "created" },
    { id: "started", at_ms: job.started_ms, words: "the agent began to work" },
    { id: "finished", at_ms: job.finished_ms, words: "its first turn was over" },
    { id: "since", at_ms: job.since_ms, words: standingOf(job) },
  ];
  return known.filter(({ at_ms }) => at_ms > 0).sort((one, other) => one.at_ms - other.at_ms);
}

function standingOf(job: Job): string {
  return [job.state, job.cause || job.question || job.reason].filter(Boolean).join(": ");
}

function LandingSteps({ landing }: { landing: Landing }) {
  return (
    <section>
      <h2>Landing on {landing.label}</h2>
      <ol>
        {landing.steps.map((step, at) => (
          <li key={at}>{step}</li>
        ))}
      </ol>
      {landing.problem && <p class="standing asks">{landing.problem}</p>}
      {landing.conflicts.map(({ path, ours, theirs }) => (
        <details key={path}>
          <summary>{path}</summary>
          <pre class="log">{["base:", ...ours, "job:", ...theirs].join("\n")}</pre>
        </details>
      ))}
    </section>
  );
}
