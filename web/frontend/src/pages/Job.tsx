// One job: its terminal, its change, its log, what happened to it.
import { lazy } from "./lazy";
import { useEffect } from "preact/hooks";
import { get } from "../api";
import { goToNext, JobActions } from "../parts/JobActions";
import { JobDiff } from "../parts/JobDiff";
import { JobEvents } from "../parts/JobEvents";
import { Loaded } from "../parts/Loaded";
import { Age, Check, Size, State } from "../parts/state";
import type { Job } from "../protocol";
import { go, terminalAddress } from "../route";
import { useShortcuts } from "../shortcuts";
import { store, useStore } from "../store";
import { standing, thousands } from "../words";

const Terminal = lazy(() => import("../terminal/Terminal").then((module) => module.TerminalView));

const TABS = ["terminal", "diff", "log", "events"] as const;
type Tab = (typeof TABS)[number];

export function JobPage({ number, rest }: { number: number; rest: string[] }) {
  const job = useStore(({ jobs }) => jobs.get(number));
  const isLoaded = useStore((known) => known.isLoaded);
  useEffect(() => {
    if (isLoaded && !job) store.loadJob(number).catch(() => undefined); // there is none
  }, [number, isLoaded, !job]);
  if (!job) return <p class="empty">{isLoaded ? `There is no job ${number}.` : "Loading…"}</p>;
  const asked = TABS.find((tab) => tab === rest[0]);
  return <KnownJob key={number} job={job} tab={asked ?? firstTab(job)} other={Number(rest[1]) || 0} />;
}

function firstTab(job: Job): Tab {
  if (job.is_open) return "terminal";
  return job.finished_ms ? "diff" : "events";
}

function KnownJob({ job, tab, other }: { job: Job; tab: Tab; other: number }) {
  const show = (name: Tab): void => go(`jobs/${job.number}/${name}`);
  useShortcuts([
    ...TABS.map((name, at) => ({ keys: String(at + 1), label: name, run: () => show(name) })),
    { keys: "r", label: "review: the next finished job", run: () => goToNext(job, "diff") },
    { keys: "u", label: "back to the jobs", run: () => go("jobs") },
  ]);
  return (
    <article class="job-page">
      <Head job={job} />
      <JobActions job={job} />
      <nav class="tabs" aria-label="Of this job">
        {TABS.map((name) => (
          <a key={name} href={`/jobs/${job.number}/${name}`} aria-current={name === tab ? "page" : undefined}>
            {name}
          </a>
        ))}
        <span class="spacer" />
        {job.name && (
          <a href={terminalAddress(job.name)} target="_blank">
            whole page ↗
          </a>
        )}
      </nav>
      <div class="content">{content(job, tab, other)}</div>
    </article>
  );
}

function content(job: Job, tab: Tab, other: number) {
  if (tab === "terminal") return <Terminal session={job.name} number={job.number} />;
  if (tab === "diff") return <JobDiff job={job} other={other} />;
  return tab === "log" ? <Log job={job} /> : <JobEvents job={job} />;
}

function Head({ job }: { job: Job }) {
  const said = standing(job);
  const machine = useStore(({ machines }) => machines.get(job.machine));
  return (
    <header class="job-head">
      <h1>
        <State state={job.state} /> <span class="number">#{job.number}</span> {job.title || job.agent}
      </h1>
      <p class="facts">
        <span>{job.project}</span>
        <span>{job.agent}</span>
        {machine && <span title={job.placed}>on {machine}</span>}
        {job.run > 0 && <a href={`/runs/${job.run}`}>run {job.run}</a>}
        {job.branch && <code>{job.branch}</code>}
        <Check job={job} />
        <Size job={job} />
        {job.tokens_out > 0 && <span>{thousands(job.tokens_in + job.tokens_out)} tokens</span>}
        {job.cost_usd && <span>${job.cost_usd}</span>}
        <Age since={job.since_ms} />
      </p>
      {said && <p class={job.state === "waiting" ? "standing asks" : "standing"}>{said}</p>}
      {job.pull_request.startsWith("https://") && (
        <p>
          <a href={job.pull_request} target="_blank" rel="noreferrer">
            {job.pull_request}
          </a>
        </p>
      )}
    </header>
  );
}

function Log({ job }: { job: Job }) {
  const load = (): Promise<{ source: string; text: string }> => get(`/jobs/${job.number}/log`);
  return (
    <Loaded of={`${job.number} ${job.turns} ${job.state}`} load={load}>
      {({ source, text }) => (
        <>
          <p class="quiet">{source}</p>
          <pre class="log">{plain(text)}</pre>
        </>
      )}
    </Loaded>
  );
}

// oxlint-disable-next-line no-control-regex
const SEQUENCE = /\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|.)/g;
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\x00-\x08\x0b-\x1f\x7f]/g;

/** Without colours and other controls of a terminal. */
function plain(text: string): string {
  return text.replace(SEQUENCE, "").replace(CONTROL, "");
}
