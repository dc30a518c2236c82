// One job: its terminal, its change, its log, what happened to it.
import { lazy } from "./lazy";
import { useEffect } from "preact/hooks";
import { landingOf } from "../actions";
import { get, post } from "../api";
import { goToNext, JobActions } from "../parts/JobActions";
import { Loaded } from "../parts/Loaded";
import { Age, Check, Size, State } from "../parts/state";
import type { Job, Landing } from "../protocol";
import { go, terminalAddress } from "../route";
import { useShortcuts } from "../shortcuts";
import { store, useStore } from "../store";
import { clock, standing, thousands } from "../words";

const Terminal = lazy(() => import("../terminal/Terminal").then((module) => module.TerminalView));
const Diff = lazy(() => import("../parts/Diff").then((module) => module.Diff));

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
  return <KnownJob key={number} job={job} tab={asked ?? firstTab(job)} />;
}

function firstTab(job: Job): Tab {
  if (job.is_open) return "terminal";
  return job.finished_ms ? "diff" : "events";
}

function KnownJob({ job, tab }: { job: Job; tab: Tab }) {
  const show = (name: Tab): void => go(`jobs/${job.number}/${name}`);
  useShortcuts([
    ...TABS.map((name, at) => ({ keys: String(at + 1), label: name, run: () => show(name) })),
    { keys: "w", label: "the next job that needs you", run: () => goToNext(job, "terminal") },
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
      <div class="content">{content(job, tab)}</div>
    </article>
  );
}

function content(job: Job, tab: Tab) {
  if (tab === "terminal") return <Terminal session={job.name} number={job.number} />;
  if (tab === "diff") return <JobDiff job={job} />;
  return tab === "log" ? <Log job={job} /> : <Events job={job} />;
}

function Head({ job }: { job: Job }) {
  const said = standing(job);
  return (
    <header class="job-head">
      <h1>
        <State state={job.state} /> <span class="number">#{job.number}</span> {job.title || job.agent}
      </h1>
      <p class="facts">
        <span>{job.project}</span>
        <span>{job.agent}</span>
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

function JobDiff({ job }: { job: Job }) {
  const load = (): Promise<{ text: string }> => post("/jobs/diff", { refs: [String(job.number)], cwd: "/" });
  const version = `${job.number} ${job.files} ${job.added} ${job.removed} ${job.turns}`;
  return (
    <Loaded of={version} load={load}>
      {({ text }) => <Diff text={text} />}
    </Loaded>
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

/** Without colours and other controls of a terminal. */
function plain(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return text
    .replace(/\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|.)/g, "")
    .replace(/[\x00-\x08\x0b-\x1f\x7f]/g, "");
}

function Events({ job }: { job: Job }) {
  const seen = useStore((known) => known.eventsOf(job.number));
  return (
    <>
      <ol class="events">
        {milestones(job).map(([at, words]) => (
          <Event key={words} at={at} words={words} />
        ))}
        {seen.map(({ at_ms, words }) => (
          <Event key={`${at_ms}${words}`} at={at_ms} words={words} />
        ))}
      </ol>
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

function milestones(job: Job): [number, string][] {
  const known: [number, string][] = [
    [job.created_ms, "created"],
    [job.started_ms, "the agent began to work"],
    [job.finished_ms, "its first turn was over"],
    [job.since_ms, [job.state, job.cause || job.reason].filter(Boolean).join(": ")],
  ];
  return known.filter(([at]) => at > 0).sort(([one], [other]) => one - other);
}

function Event({ at, words }: { at: number; words: string }) {
  return (
    <li>
      <time dateTime={new Date(at).toISOString()} title={new Date(at).toLocaleString()}>
        {clock(at)}
      </time>{" "}
      {words}
    </li>
  );
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
