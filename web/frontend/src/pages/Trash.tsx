// What was dropped or cleaned up, and what brings it back.
import { useState } from "preact/hooks";
import { attempt } from "../actions";
import { get, post } from "../api";
import { tell } from "../notices";
import { Loaded } from "../parts/Loaded";
import type { Job, TrashEntry } from "../protocol";
import { go } from "../route";
import { useStore } from "../store";
import { count, when } from "../words";

const DAY_MS = 24 * 3600 * 1000;

interface Answer {
  now_ms: number;
  entries: TrashEntry[];
  problems: string[];
}

export function TrashPage() {
  const [restored, setRestored] = useState(0);
  const dropped = useStore(({ jobs }) => [...jobs.values()].filter((job) => job.state === "dropped").length);
  const load = (): Promise<Answer> => get("/trash");
  return (
    <>
      <h1>Trash</h1>
      <Loaded of={`${dropped} ${restored}`} load={load}>
        {({ now_ms, entries, problems }) => (
          <>
            {problems.map((problem) => (
              <p key={problem} class="standing asks">
                {problem}
              </p>
            ))}
            {entries.length === 0 && <p class="empty">The trash is empty.</p>}
            <ul class="plain">
              {entries.map((entry) => (
                <Entry key={entry.ref} entry={entry} now={now_ms} onRestored={() => setRestored(restored + 1)} />
              ))}
            </ul>
          </>
        )}
      </Loaded>
    </>
  );
}

function Entry({ entry, now, onRestored }: { entry: TrashEntry; now: number; onRestored: () => void }) {
  const [isBusy, setBusy] = useState(false);
  const bringBack = (): void => {
    setBusy(true);
    void attempt(() => restore(entry))
      .then(onRestored)
      .finally(() => setBusy(false));
  };
  return (
    <li class="card entry">
      <h2>
        {entry.job > 0 && <span class="number">#{entry.job}</span>} {entry.title || entry.name}
      </h2>
      <p class="facts">
        <span>{entry.project}</span>
        {entry.branch && <code>{entry.branch}</code>}
        <span>{contentOf(entry)}</span>
        <time dateTime={new Date(entry.removed_ms).toISOString()}>removed {when(entry.removed_ms)}</time>
        <span>{count(Math.max(0, Math.ceil((entry.expires_ms - now) / DAY_MS)), "day")} left</span>
      </p>
      <button type="button" disabled={isBusy} aria-label={`Restore ${entry.name}`} onClick={bringBack}>
        {isBusy ? "Restoring…" : "Restore"}
      </button>
    </li>
  );
}

function contentOf({ commits, files }: TrashEntry): string {
  const parts = [commits && count(commits, "commit"), files && count(files, "uncommitted file")];
  return parts.filter(Boolean).join(", ") || "nothing of its own";
}

async function restore(entry: TrashEntry): Promise<void> {
  const body = { ref: entry.ref, cwd: "/" };
  const { path, message, job } = await post<{ path: string; message: string; job: Job | null }>("/trash/restore", body);
  tell([`Restored in ${path}`, message].filter(Boolean).join("\n"));
  if (job) go(`jobs/${job.number}`);
}
