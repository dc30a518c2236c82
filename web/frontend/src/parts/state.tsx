// How a job stands, in small.
import type { Job, JobState } from "../protocol";
import { store, useStore } from "../store";
import { age } from "../words";
import { useEffect, useState } from "preact/hooks";

export function State({ state }: { state: JobState }) {
  return <span class={`state ${state}`}>{state}</span>;
}

export function Size({ job }: { job: Pick<Job, "files" | "added" | "removed"> }) {
  if (!job.files) return null;
  return (
    <span class="size" title={`${job.files} files`}>
      <span class="added">+{job.added}</span> <span class="removed">−{job.removed}</span>
    </span>
  );
}

/** Draws the component anew every few seconds, as time goes on without events. */
export function useTick(): void {
  const [, tick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => tick((n) => n + 1), 5000);
    return () => clearInterval(timer);
  }, []);
}

/** Time since; counts by itself. */
export function Age({ since }: { since: number }) {
  useTick();
  if (!since) return null;
  return (
    <time dateTime={new Date(since).toISOString()} title={new Date(since).toLocaleString()}>
      {age(store.now() - since)}
    </time>
  );
}

export function Check({ job }: { job: Pick<Job, "check"> }) {
  if (!job.check) return null;
  return <span class={`check ${job.check}`}>check {job.check}</span>;
}

/** One bar of states, e.g. of a run. */
export function StateBar({ states }: { states: Partial<Record<JobState, number>> }) {
  const given = Object.entries(states).filter(([, n]) => n > 0);
  const words = given.map(([state, n]) => `${n} ${state}`).join(", ");
  return (
    <span class="state-bar" role="img" aria-label={words} title={words}>
      {given.map(([state, n]) => (
        <span key={state} class={`part ${state}`} style={{ flexGrow: n }} />
      ))}
    </span>
  );
}

export function Away() {
  const away = useStore((known) => known.away);
  return away ? (
    <p class="away" role="alert">
      {away}
    </p>
  ) : null;
}
