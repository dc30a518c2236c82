// What can be done with a job as it stands, as buttons and as keys.
import { useRef, useState } from "preact/hooks";
import * as actions from "../actions";
import type { Job } from "../protocol";
import { go } from "../route";
import { useShortcuts, type Shortcut } from "../shortcuts";
import { store } from "../store";
import { byNeed, LIVE } from "../words";
import { Dialog } from "./dialogs";

const RETRIED = new Set(["failed", "stopped", "lost"]);

interface Action extends Shortcut {
  name: string;
  isRisky?: boolean;
}

/** Those that make sense now. */
function actionsOf(job: Job, openSend: () => void): Action[] {
  const act = (name: string, keys: string, label: string, run: () => Promise<unknown>): Action => ({
    name,
    keys,
    label,
    run: () => void actions.attempt(run),
  });
  const found: Action[] = [];
  if (job.state !== "queued" && !job.is_in_place)
    found.push({ name: "Send", keys: "s", label: "send it a prompt", run: openSend });
  if (LIVE.has(job.state)) found.push(act("Stop", "x", "stop it", () => actions.stop([job])));
  if (RETRIED.has(job.state)) found.push(act("Retry", "y", "try it again", () => actions.retry([job])));
  if (job.state === "review") found.push(act("Land", "l", "land it on its base", () => actions.land([job])));
  if (job.state === "review" && rivals(job) > 0) {
    found.push(act("Pick", "p", "land it, and drop its rivals", () => actions.pick(job)));
  }
  if (!LIVE.has(job.state) && job.state !== "landed" && job.state !== "dropped") {
    found.push({
      ...act("Drop", "D", "drop it: its work goes to the trash", () => actions.drop([job])),
      isRisky: true,
    });
  }
  if (job.state === "review") found.push(act("Later", "v", "put it off, on to the next", () => later(job)));
  if (job.is_open) found.push(act("Share", "S", "a link to look at it, good for an hour", () => actions.share(job)));
  return found;
}

function rivals(job: Job): number {
  const isRival = (other: Job): boolean =>
    other.run === job.run && other.project_id === job.project_id && other.number !== job.number;
  return [...store.jobs.values()].filter(isRival).length;
}

async function later(job: Job): Promise<void> {
  await actions.putOff(job);
  goToNext(job, "diff");
}

/** The next job that needs a person, after this one. */
export function nextWaiting(after: Job | undefined, wanted: ReadonlySet<string>): Job | undefined {
  const others = [...store.jobs.values()].filter((job) => wanted.has(job.state) && job.number !== after?.number);
  return others.sort((one, other) => one.seen_ms - other.seen_ms || byNeed(one, other))[0];
}

export function goToNext(after: Job | undefined, tab: string): void {
  const next = nextWaiting(after, new Set(tab === "diff" ? ["review"] : ["waiting", "review"]));
  go(next ? `jobs/${next.number}/${tab}` : "jobs");
}

export function JobActions({ job }: { job: Job }) {
  const [isSending, setSending] = useState(false);
  const found = actionsOf(job, () => setSending(true));
  useShortcuts(found);
  return (
    <div class="buttons" role="toolbar" aria-label={`Job ${job.number}`}>
      {found.map(({ name, label, keys, run, isRisky }) => (
        <button type="button" key={name} class={isRisky ? "risky" : ""} title={`${label} (${keys})`} onClick={run}>
          {name}
        </button>
      ))}
      {isSending && <SendDialog job={job} close={() => setSending(false)} />}
    </div>
  );
}

function SendDialog({ job, close }: { job: Job; close: () => void }) {
  const field = useRef<HTMLTextAreaElement>(null);
  const [isBusy, setBusy] = useState(false);
  const submit = (event: Event): void => {
    event.preventDefault();
    setBusy(true);
    void actions
      .attempt(async () => {
        if (await actions.send(job, field.current?.value ?? "")) close();
      })
      .finally(() => setBusy(false));
  };
  const onKey = (event: KeyboardEvent): void => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) submit(event);
  };
  return (
    <Dialog title={`Send to job ${job.number}`} close={close}>
      <form onSubmit={submit}>
        <label>
          Prompt (Ctrl Enter sends)
          <textarea ref={field} rows={6} required autofocus onKeyDown={onKey} />
        </label>
        <div class="buttons">
          <button type="button" onClick={close}>
            Cancel
          </button>
          <button class="primary" disabled={isBusy}>
            {isBusy ? "Sending…" : "Send"}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
