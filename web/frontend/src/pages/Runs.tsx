// All runs, and one of them: when its jobs worked, and how its candidates compare.
import { useEffect } from "preact/hooks";
import * as actions from "../actions";
import { post } from "../api";
import { Loaded } from "../parts/Loaded";
import { Age, Check, Size, State, StateBar, useTick } from "../parts/state";
import type { Job, RunRow } from "../protocol";
import { go } from "../route";
import { useShortcuts } from "../shortcuts";
import { store, useStore } from "../store";
import { age, count, firstLine, LIVE, thousands } from "../words";

export function RunsPage() {
  const runs = useStore((known) => [...known.runs.values()]);
  return (
    <>
      <h1>Runs</h1>
      {runs.length === 0 && (
        <p class="empty">
          No runs yet. <a href="/new">Start one</a>.
        </p>
      )}
      <ul class="plain">
        {runs.map((run) => (
          <li key={run.number}>
            <a class="job run" href={`/runs/${run.number}`}>
              <span class="number">r{run.number}</span>
              <span class="job-title">{run.title || run.source}</span>
              <StateBar states={run.states} />
              <Age since={run.created_ms} />
            </a>
          </li>
        ))}
      </ul>
    </>
  );
}

export function RunPage({ number }: { number: number }) {
  const run = useStore(({ runs }) => runs.get(number));
  const jobs = useStore(({ jobs }) =>
    [...jobs.values()].filter((job) => job.run === number).sort((a, b) => a.number - b.number),
  );
  const isLoaded = useStore((known) => known.isLoaded);
  useEffect(() => {
    if (isLoaded) store.loadRun(number).catch(() => undefined); // there is none
  }, [number, isLoaded, jobs.length === 0]);
  const live = jobs.filter((job) => LIVE.has(job.state));
  const stopAll = (): void => void actions.attempt(() => actions.stop(live));
  const done = jobs.filter((job) => job.state === "review");
  const landAll = (): void => void actions.attempt(() => actions.land(done));
  useShortcuts([
    { keys: "x", label: "stop the jobs of the run", run: () => live.length && stopAll() },
    { keys: "u", label: "back to the runs", run: () => go("runs") },
  ]);
  if (!run && jobs.length === 0) return <p class="empty">{isLoaded ? `There is no run ${number}.` : "Loading…"}</p>;
  return (
    <article>
      <h1>
        Run {number}: {run?.title ?? jobs[0]?.title}
      </h1>
      {run && <Facts run={run} />}
      <div class="buttons">
        {live.length > 0 && (
          <button type="button" onClick={stopAll}>
            Stop {count(live.length, "job")}
          </button>
        )}
        {done.length > 0 && (
          <button type="button" onClick={landAll}>
            Land {count(done.length, "job")}
          </button>
        )}
      </div>
      <h2>Timeline</h2>
      <Timeline jobs={jobs} />
      <h2>Candidates</h2>
      <Candidates run={number} jobs={jobs} />
    </article>
  );
}

function Facts({ run }: { run: RunRow }) {
  return (
    <p class="facts">
      <StateBar states={run.states} />
      <span>aios {run.source}</span>
      {run.is_sequential && (
        <span>
          stage {Math.min(run.stage + 1, run.stages)} of {run.stages}
        </span>
      )}
      <Age since={run.created_ms} />
    </p>
  );
}

/** One bar a job: when it waited for its turn, and when it worked. */
function Timeline({ jobs }: { jobs: Job[] }) {
  useTick();
  const begin = Math.min(...jobs.map((job) => job.created_ms));
  const now = store.now();
  const end = Math.max(begin + 1000, ...jobs.map((job) => endOf(job, now)));
  const percent = (ms: number): string => `${(100 * (ms - begin)) / (end - begin)}%`;
  return (
    <ul class="timeline" aria-label={`From the start, ${age(end - begin)}`}>
      {jobs.map((job) => {
        const started = job.started_ms || endOf(job, now);
        const words = `waited ${age(started - job.created_ms)}, worked ${age(endOf(job, now) - started)}`;
        return (
          <li key={job.number}>
            <a href={`/jobs/${job.number}`}>
              #{job.number} {job.project} {job.agent}
            </a>
            <span class="track" role="img" aria-label={words} title={words}>
              <span
                class="part queued"
                style={{ left: percent(job.created_ms), width: percent(begin + started - job.created_ms) }}
              />
              <span
                class={`part ${job.state}`}
                style={{ left: percent(started), width: percent(begin + endOf(job, now) - started) }}
              />
            </span>
            <State state={job.state} />
          </li>
        );
      })}
    </ul>
  );
}

function endOf(job: Job, now: number): number {
  return LIVE.has(job.state) ? now : job.finished_ms || job.since_ms;
}

function Candidates({ run, jobs }: { run: number; jobs: Job[] }) {
  const load = (): Promise<{ groups: { project: string; candidates: Job[] }[] }> =>
    post("/jobs/compare", { refs: [`r${run}`], cwd: "/" });
  const version = jobs.map((job) => `${job.state}${job.files}${job.added}${job.check}`).join();
  return (
    <Loaded of={`${run} ${version}`} load={load}>
      {({ groups }) =>
        groups.map(({ project, candidates }) => <Comparison key={project} project={project} candidates={candidates} />)
      }
    </Loaded>
  );
}

function Comparison({ project, candidates }: { project: string; candidates: Job[] }) {
  return (
    <div class="scroll">
      <table class="candidates">
        <caption>{project}</caption>
        <thead>
          <tr>
            {["Job", "State", "Check", "Change", "Commits", "Time", "Tokens", "Its last words", "Choice"].map(
              (name) => (
                <th key={name} scope="col">
                  {name}
                </th>
              ),
            )}
          </tr>
        </thead>
        <tbody>
          {candidates.map((job) => (
            <Candidate key={job.number} job={job} best={candidates[0]?.number} hasRivals={candidates.length > 1} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Candidate({ job, best, hasRivals }: { job: Job; best: number | undefined; hasRivals: boolean }) {
  return (
    <tr>
      <th scope="row">
        <a href={`/jobs/${job.number}/diff`}>
          #{job.number} {job.agent}
        </a>
      </th>
      <td>
        <State state={job.state} />
      </td>
      <td>
        <Check job={job} />
      </td>
      <td>
        <Size job={job} />{" "}
        {best && best !== job.number && <a href={`/jobs/${best}/diff/${job.number}`}>from #{best}</a>}
      </td>
      <td>{job.commits || ""}</td>
      <td>{job.started_ms && job.finished_ms ? age(job.finished_ms - job.started_ms) : ""}</td>
      <td>
        {job.tokens_out ? thousands(job.tokens_in + job.tokens_out) : ""}
        {job.cost_usd && ` · $${job.cost_usd}`}
      </td>
      <td class="words">{firstLine(job.message)}</td>
      <td>
        {job.state === "review" && (
          <button
            type="button"
            onClick={() => void actions.attempt(() => (hasRivals ? actions.pick(job) : actions.land([job])))}
          >
            {hasRivals ? "Pick" : "Land"}
          </button>
        )}
      </td>
    </tr>
  );
}
