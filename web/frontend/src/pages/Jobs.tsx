// The dashboard: all jobs, grouped by project or run, what needs a person first.
import { useMemo, useRef, useState } from "preact/hooks";
import { goToNext } from "../parts/JobActions";
import { Age, Check, Size, State, StateBar } from "../parts/state";
import { VirtualList, type Row } from "../parts/VirtualList";
import { usePreference } from "../preferences";
import type { Job, JobState, RunRow } from "../protocol";
import { go, terminalAddress } from "../route";
import { useLastLine } from "../screens";
import { useShortcuts } from "../shortcuts";
import { store, useStore } from "../store";
import { byNeed, count, NEEDS_YOU, standing, STATES } from "../words";

const ROW_PX = 68;
const GROUP_PX = 48;

export function JobsPage() {
  const { jobs, runs, isLoaded, isWhole } = useStore(({ jobs, runs, isLoaded, isWhole }) => ({
    jobs,
    runs,
    isLoaded,
    isWhole,
  }));
  const [grouping, setGrouping] = usePreference("grouping", "project");
  const [text, setText] = useState("");
  const [state, setState] = useState<"" | "needs you" | JobState>("");
  const [chosen, setChosen] = useState(0); // the number of a job
  const search = useRef<HTMLInputElement>(null);
  const all = [...jobs.values()];
  const shown = all.filter((job) => isShown(job, state, text));
  const groups = group(shown, grouping === "run" ? "run" : "project");
  const order = groups.flatMap((one) => one.jobs);
  const at = Math.max(
    0,
    order.findIndex((job) => job.number === chosen),
  );
  const selected = order[at];
  const move = (by: number): void => setChosen(order[Math.max(0, Math.min(order.length - 1, at + by))]?.number ?? 0);
  useShortcuts([
    { keys: "/", label: "search", run: () => search.current?.focus() },
    { keys: "j", label: "down", run: () => move(1) },
    { keys: "k", label: "up", run: () => move(-1) },
    { keys: "Enter", label: "open the job", run: () => selected && go(`jobs/${selected.number}`) },
    {
      keys: "t",
      label: "its terminal, on the whole page",
      run: () => selected && location.assign(terminalAddress(selected.name)),
    },
    { keys: "d", label: "its diff", run: () => selected && go(`jobs/${selected.number}/diff`) },
    { keys: "r", label: "review: the next finished job", run: () => goToNext(undefined, "diff") },
    { keys: "o", label: "group by project or by run", run: () => setGrouping(grouping === "run" ? "project" : "run") },
  ]);
  const rows = useMemo(() => toRows(groups, runs, selected), [groups, runs, selected]);
  return (
    <>
      <h1 class="unseen">Jobs</h1>
      <div class="filters">
        <input
          ref={search}
          type="search"
          placeholder="Search project, agent, prompt, branch…"
          aria-label="Search jobs"
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
          onKeyDown={leaveByEscape}
        />
        <Chips jobs={all} state={state} setState={setState} />
        <label class="inline">
          By
          <select value={grouping} onChange={(event) => setGrouping(event.currentTarget.value)}>
            <option value="project">project</option>
            <option value="run">run</option>
          </select>
        </label>
      </div>
      {rows.length > 0 && <VirtualList rows={rows} label="Jobs" selected={String(chosen)} />}
      {isLoaded && order.length === 0 && <Nothing hasJobs={all.length > 0} />}
      {isLoaded && !isWhole && (
        <p class="quiet">
          What landed or was dropped before today is not shown.{" "}
          <button type="button" onClick={() => void store.loadAll()}>
            Show all
          </button>
        </p>
      )}
    </>
  );
}

/** The browser's own Escape would empty the field, too. */
function leaveByEscape(event: KeyboardEvent): void {
  if (event.key !== "Escape") return;
  event.preventDefault();
  (event.currentTarget as HTMLElement).blur();
}

function isShown(job: Job, state: string, text: string): boolean {
  if (state === "needs you" ? !NEEDS_YOU.has(job.state) : state && job.state !== state) return false;
  if (!text) return true;
  const words =
    `#${job.number} r${job.run} ${job.project} ${job.agent} ${job.title} ${job.branch} ${job.question}`.toLowerCase();
  return text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => words.includes(word));
}

interface Group {
  key: string;
  jobs: Job[];
}

function group(jobs: Job[], by: "project" | "run"): Group[] {
  const groups = Map.groupBy(jobs, (job) => (by === "run" ? String(job.run) : job.project));
  const found = [...groups].map(([key, members]) => ({ key, jobs: members.sort(byNeed) }));
  return found.sort((one, other) =>
    by === "run" ? Number(other.key) - Number(one.key) : one.key.localeCompare(other.key),
  );
}

function toRows(groups: Group[], runs: Map<number, RunRow>, selected: Job | undefined): Row[] {
  return groups.flatMap(({ key, jobs }) => [
    {
      key: `group ${key}`,
      height: GROUP_PX,
      draw: () => <GroupHead name={key} jobs={jobs} run={runs.get(Number(key))} />,
    },
    ...jobs.map((job) => ({
      key: String(job.number),
      height: ROW_PX,
      draw: () => <JobRow job={job} isSelected={job === selected} />,
    })),
  ]);
}

function GroupHead({ name, jobs, run }: { name: string; jobs: Job[]; run: RunRow | undefined }) {
  const states: Partial<Record<JobState, number>> = {};
  for (const job of jobs) states[job.state] = (states[job.state] ?? 0) + 1;
  return (
    <div class="group">
      <h2>
        {run ? (
          <a href={`/runs/${name}`}>
            Run {name}: {run.title || run.source}
          </a>
        ) : (
          name
        )}
      </h2>
      <span class="quiet">{count(jobs.length, "job")}</span>
      <StateBar states={states} />
    </div>
  );
}

function JobRow({ job, isSelected }: { job: Job; isSelected: boolean }) {
  const [line, look] = useLastLine(job);
  const said = job.state === "running" && line ? "" : standing(job);
  const machine = useStore(({ machines }) => machines.get(job.machine));
  return (
    <a class={isSelected ? "job selected" : "job"} href={`/jobs/${job.number}`} onPointerEnter={look}>
      <State state={job.state} />
      <span class="job-title">
        <span class="number">#{job.number}</span> <span class="agent">{job.agent}</span> {job.title || "(no prompt)"}
      </span>
      <span class="job-standing">
        {said && <span class={job.state === "waiting" ? "asks" : ""}>{said}</span>}
        {line && !(said && line.includes(said)) && (
          <span class="last-line" title="The last line of its screen">
            {line}
          </span>
        )}
      </span>
      <span class="job-figures">
        {machine && <span title={job.placed}>{machine}</span>} <Check job={job} /> <Size job={job} />{" "}
        <Age since={job.since_ms || job.created_ms} />
      </span>
    </a>
  );
}

interface ChipsProps {
  jobs: Job[];
  state: string;
  setState: (state: "" | "needs you" | JobState) => void;
}

function Chips({ jobs, state, setState }: ChipsProps) {
  const counts = new Map<JobState, number>();
  for (const job of jobs) counts.set(job.state, (counts.get(job.state) ?? 0) + 1);
  const needs = jobs.filter((job) => NEEDS_YOU.has(job.state)).length;
  const chips: ["" | "needs you" | JobState, number][] = [
    ["", jobs.length],
    ["needs you", needs],
  ];
  for (const one of STATES) if (counts.has(one)) chips.push([one, counts.get(one) ?? 0]);
  return (
    <div class="chips" role="group" aria-label="Show">
      {chips.map(([name, n]) => (
        <button type="button" key={name} aria-pressed={state === name} onClick={() => setState(name)}>
          {name || "all"} <span class="count">{n}</span>
        </button>
      ))}
    </div>
  );
}

function Nothing({ hasJobs }: { hasJobs: boolean }) {
  if (hasJobs) return <p class="empty">No job is like that.</p>;
  return (
    <p class="empty">
      No jobs yet. <a href="/new">Start a run</a>, or type <code>aios all c "your prompt"</code>.
    </p>
  );
}
