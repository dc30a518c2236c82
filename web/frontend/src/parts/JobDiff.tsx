// What a job has changed, or what lies between it and another job of its project.
import { post } from "../api";
import { lazy } from "../pages/lazy";
import type { Job } from "../protocol";
import { go } from "../route";
import { useStore } from "../store";
import { count } from "../words";
import { Loaded } from "./Loaded";

const Diff = lazy(() => import("./Diff").then((module) => module.Diff));
const MOST_OTHERS = 50;

interface Answer {
  text: string;
  titles: string[];
  left_out: number;
}

export function JobDiff({ job, other }: { job: Job; other: number }) {
  const others = useStore(({ jobs }) => othersOf(job, jobs.values()));
  const refs = [job.number, ...(other ? [other] : [])].map(String);
  const load = (): Promise<Answer> => post("/jobs/diff", { refs, cwd: "/" });
  const versions = [job, ...others.filter(({ number }) => number === other)].map(versionOf);
  return (
    <>
      <OtherChoice job={job} other={other} others={others} />
      <Loaded of={`${refs.join()} ${versions.join()}`} load={load}>
        {({ text, titles, left_out }) => (
          <>
            {titles.map((title) => (
              <p key={title} class="quiet">
                {title}
              </p>
            ))}
            {left_out > 0 && <p class="standing asks">Too large to be shown whole: {count(left_out, "byte")} more.</p>}
            <Diff text={text} />
          </>
        )}
      </Loaded>
    </>
  );
}

function OtherChoice({ job, other, others }: { job: Job; other: number; others: readonly Job[] }) {
  if (others.length === 0) return null;
  const show = (number: string): void => go(`jobs/${job.number}/diff${number === "0" ? "" : `/${number}`}`);
  return (
    <label class="inline other-job">
      Compare with
      <select value={other} onChange={(event) => show(event.currentTarget.value)}>
        <option value={0}>its base</option>
        {others.map(({ number, agent, state, title }) => (
          <option key={number} value={number}>
            #{number} {agent}, {state}: {title}
          </option>
        ))}
      </select>
    </label>
  );
}

/** Jobs of the same project with work of their own: its rivals first, then the newest. */
function othersOf(job: Job, all: Iterable<Job>): Job[] {
  return [...all]
    .filter((other) => other.project_id === job.project_id && other.number !== job.number && other.started_ms > 0)
    .sort((one, other) => Number(other.run === job.run) - Number(one.run === job.run) || other.number - one.number)
    .slice(0, MOST_OTHERS);
}

function versionOf(job: Job): string {
  return `${job.number} ${job.files} ${job.added} ${job.removed} ${job.turns}`;
}
