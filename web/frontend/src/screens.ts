// The last line of what open agents show. It is asked for when a row comes into view, when its job has news, and
// when the person looks; never for what nobody sees.
import { useEffect, useState } from "preact/hooks";
import { post } from "./api";
import type { Job } from "./protocol";

/** Rows that come together are asked for together. */
const GATHER_MS = 200;
/** What an agent draws comes after the event that says what it does. */
const SETTLED_MS = 2000;

interface Answer {
  screens: { job: number; line: string }[];
}

class Screens {
  readonly lines = new Map<number, string>();
  private readonly watched = new Map<number, (line: string) => void>();
  private readonly wanted = new Set<number>();
  private isUnderWay = false;

  constructor() {
    const look = (): void => this.watched.forEach((_, job) => this.want(job));
    addEventListener("focus", look);
    document.addEventListener("visibilitychange", look);
  }

  watch(job: number, draw: (line: string) => void): () => void {
    this.watched.set(job, draw);
    return () => void this.watched.delete(job);
  }

  want(job: number): void {
    if (document.visibilityState !== "visible" || !this.watched.has(job)) return;
    this.wanted.add(job);
    if (this.isUnderWay) return;
    this.isUnderWay = true;
    setTimeout(() => void this.ask(), GATHER_MS);
  }

  private async ask(): Promise<void> {
    const jobs = [...this.wanted];
    this.wanted.clear();
    // Where it fails, the feed tells what is wrong.
    const answer = await post<Answer>("/jobs/screens", { refs: jobs.map(String), cwd: "/" }).catch(() => null);
    if (answer) this.take(jobs, new Map(answer.screens.map(({ job, line }) => [job, line])));
    this.isUnderWay = false;
    const [next] = this.wanted;
    if (next !== undefined) this.want(next);
  }

  private take(asked: readonly number[], told: ReadonlyMap<number, string>): void {
    for (const job of asked) {
      const line = told.get(job) ?? "";
      this.lines.set(job, line);
      this.watched.get(job)?.(line);
    }
  }
}

const screens = new Screens();

/** The last line of the job's screen while its agent is open, else nothing; and what to call when the person looks. */
export function useLastLine(job: Job): [line: string, look: () => void] {
  const [line, draw] = useState(() => screens.lines.get(job.number) ?? "");
  const look = (): void => screens.want(job.number);
  useEffect(() => (job.is_open ? screens.watch(job.number, draw) : undefined), [job.number, job.is_open]);
  // Each event brings the job as a new object.
  useEffect(() => {
    look();
    const timer = setTimeout(look, SETTLED_MS);
    return () => clearTimeout(timer);
  }, [job]);
  return [job.is_open ? line : "", look];
}
