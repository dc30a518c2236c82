// The terminal of one session on a page of its own, with its job's bar above it.
import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { checkLogin } from "./api";
import { Feed } from "./feed";
import { Notices, Questions } from "./parts/dialogs";
import { JobActions, nextWaiting } from "./parts/JobActions";
import { State } from "./parts/state";
import { followTheme } from "./preferences";
import type { FeedMessage, Job, Shared } from "./protocol";
import { terminalAddress } from "./route";
import { store, useStore } from "./store";
import { TerminalView } from "./terminal/Terminal";

function TerminalPage({ session, isOwner }: { session: string; isOwner: boolean }) {
  const [shared, setShared] = useState<Shared | null>(null);
  const [title, setTitle] = useState("");
  const known = useStore(({ jobs }) => [...jobs.values()].find((job) => job.name === session));
  const job = known ?? shared;
  useEffect(() => {
    if (!isOwner) followShared(session, setShared);
  }, []);
  if (job) document.title = `#${job.number} ${job.state} · ${job.project} · AIOS`;
  return (
    <main>
      <Bar job={job} known={isOwner ? known : undefined} session={session} title={title} />
      <TerminalView
        takesFocus
        session={session}
        number={job?.number ?? 0}
        onHello={({ job }) => setShared(job)}
        onTitle={setTitle}
      />
      <Questions />
      <Notices />
    </main>
  );
}

/** Who has a link hears of its job alone, and asks for nothing. */
function followShared(session: string, show: (job: Shared) => void): void {
  const onMessage = (message: FeedMessage): void => {
    if (message.type === "job" && message.job.name === session) show(message.job);
  };
  new Feed({ onMessage, onOpen: () => undefined, onAway: () => undefined }).connect();
}

interface BarProps {
  job: Job | Shared | null;
  known: Job | undefined;
  session: string;
  title: string;
}

function Bar({ job, known, session, title }: BarProps) {
  return (
    <header class="top terminal-bar">
      {known ? (
        <a class="brand" href={`/jobs/${known.number}`} title="All about this job">
          AIOS
        </a>
      ) : (
        <span class="brand">AIOS</span>
      )}
      {job && <State state={job.state} />}
      <h1 class="terminal-title" title={title}>
        {job ? `#${job.number} ${job.project} · ${job.agent}${job.title ? `: ${job.title}` : ""}` : session}
      </h1>
      {job?.question && <span class="asks">{job.question}</span>}
      <span class="spacer" />
      {known && <OwnerActions job={known} />}
    </header>
  );
}

function OwnerActions({ job }: { job: Job }) {
  const machine = useStore(
    ({ machines, status }) =>
      machines.get(job.machine) ?? (status?.machine.id === job.machine ? status.machine.name : ""),
  );
  const next = useStore(() => nextWaiting(job, new Set(["waiting", "review"])));
  return (
    <>
      {machine && <span class="quiet">{machine}</span>}
      <JobActions job={job} />
      <a class="button" href={`/jobs/${job.number}/diff`}>
        Diff
      </a>
      {next && (
        <a class="button" href={terminalAddress(next.name)} title={`#${next.number} ${next.project}: ${next.state}`}>
          Next
        </a>
      )}
    </>
  );
}

async function start(): Promise<void> {
  const session = new URLSearchParams(location.search).get("session") ?? "";
  const login = await checkLogin().catch(() => null);
  if (login?.kind === "owner") store.start();
  const root = document.querySelector("#root");
  if (root) render(<TerminalPage session={session} isOwner={login?.kind === "owner"} />, root);
}

followTheme();
void start();
