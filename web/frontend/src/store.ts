// What the service told, in one place; components read it by `useStore` and are drawn again when it changed.
import { useEffect, useState } from "preact/hooks";
import { ApiError, get, post } from "./api";
import { Feed } from "./feed";
import type { FeedMessage, Job, RunRow, Status } from "./protocol";
import { when } from "./words";

export interface JobEvent {
  id: string;
  at_ms: number;
  words: string;
}

interface Brief {
  id: string;
  name: string;
  unreachable_ms: number;
}

interface Answer {
  now_ms: number;
  jobs: Job[];
  machines: Brief[];
}

export class Store {
  jobs = new Map<number, Job>();
  /** Names by id, of a cluster, and since when one does not answer; none where there is one machine alone. */
  machines = new Map<string, string>();
  runs = new Map<number, RunRow>();
  status: Status | null = null;
  /** Why nothing is live at the moment; empty when all is well. */
  away = "Connecting…";
  isLoaded = false;
  isWhole = false; // all jobs, not only those of the day
  private readonly events = new Map<number, JobEvent[]>();
  private readonly listeners = new Set<() => void>();
  private readonly underWay = new Set<Set<number>>();
  private offset_ms = 0;
  private isDrawing = false;
  private runsTimer = 0;
  private loads = 0;

  start(): void {
    new Feed({
      onOpen: (isWhole) => this.onOpen(isWhole),
      onMessage: (message) => this.take(message),
      onAway: (reason) => this.setAway(reason),
    }).connect();
  }

  /** By the service's clock. */
  now(): number {
    return Date.now() + this.offset_ms;
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  eventsOf(job: number): JobEvent[] {
    return this.events.get(job) ?? [];
  }

  /** Those of a run, which may be older than the day. */
  async loadRun(run: number): Promise<void> {
    await this.loadJobs(() => get(`/jobs?scope=all&run=${run}`));
  }

  async loadJob(number: number): Promise<void> {
    await this.loadJobs(() => post("/jobs/find", { refs: [String(number)], cwd: "/" }));
  }

  async loadAll(): Promise<void> {
    this.isWhole = true;
    await this.load();
  }

  async loadStatus(): Promise<void> {
    this.status = await get<Status>("/status");
    this.changed();
  }

  private onOpen(isWhole: boolean): void {
    if (isWhole && this.isLoaded) this.setAway("");
    else void this.load();
  }

  private async load(): Promise<void> {
    const mine = ++this.loads;
    try {
      await Promise.all([
        this.loadJobs(() => get(this.isWhole ? "/jobs?scope=all" : "/jobs"), true),
        this.loadRuns(),
        this.loadStatus(),
      ]);
      this.isLoaded = true;
      this.setAway("");
    } catch (error) {
      this.setAway(error instanceof ApiError ? error.message : String(error));
      if (mine === this.loads) setTimeout(() => void this.load(), 1000);
    }
  }

  private async loadJobs(ask: () => Promise<Answer>, isAnew = false): Promise<void> {
    // What an event tells while the answer is under way is newer than the answer.
    const touched = new Set<number>();
    this.underWay.add(touched);
    try {
      const { now_ms, jobs, machines } = await ask();
      this.machines = new Map(machines.map((one) => [one.id, nameOf(one)]));
      this.offset_ms = now_ms - Date.now();
      const known = isAnew ? [...this.jobs.values()].filter((job) => touched.has(job.number)) : this.jobs.values();
      const told = jobs.filter((job) => !touched.has(job.number));
      this.jobs = new Map([...known, ...told].map((job) => [job.number, job]));
    } finally {
      this.underWay.delete(touched);
    }
    this.changed();
  }

  private async loadRuns(): Promise<void> {
    const answer = await get<{ runs: RunRow[] }>("/runs");
    this.runs = new Map(answer.runs.map((run) => [run.number, run]));
    this.changed();
  }

  private take(message: FeedMessage): void {
    if (message.type === "gap") void this.load();
    else if (message.type === "redis") this.takeRedis(message.is_away);
    else if (message.type === "job") this.takeJob(message.job, message.id);
    else if (message.type === "run") this.takeRun(message.run);
  }

  /** Jobs of a new run have no events of their own before something happens to them. */
  private takeRun(run: number): void {
    this.loadRunsSoon();
    if (!this.runs.has(run)) this.loadRun(run).catch(() => undefined);
  }

  private takeRedis(isAway: boolean): void {
    if (isAway) this.setAway("Redis does not answer. The pages go on when it is back.");
    else void this.load();
  }

  private takeJob(job: Job, id: string): void {
    this.note(job, this.jobs.get(job.number), id);
    this.jobs.set(job.number, job);
    for (const touched of this.underWay) touched.add(job.number);
    this.loadRunsSoon();
    this.changed();
  }

  private note(job: Job, before: Job | undefined, id: string): void {
    const words = whatChanged(job, before);
    if (!words) return;
    const known = this.events.get(job.number) ?? [];
    this.events.set(job.number, [...known.slice(-199), { id, at_ms: Number.parseInt(id, 10), words }]);
  }

  private loadRunsSoon(): void {
    this.runsTimer ||= setTimeout(() => {
      this.runsTimer = 0;
      Promise.all([this.loadRuns(), this.loadStatus()]).catch(() => undefined); // the feed tells when all is away
    }, 1000) as unknown as number;
  }

  private setAway(reason: string): void {
    this.away = reason;
    this.changed();
  }

  private changed(): void {
    if (this.isDrawing) return;
    this.isDrawing = true;
    // Many events, one drawing; a hidden page has no frames, but its title is still kept.
    const draw = (): void => {
      this.isDrawing = false;
      for (const listener of this.listeners) listener();
    };
    if (document.visibilityState === "visible") requestAnimationFrame(draw);
    else setTimeout(draw, 100);
  }
}

function whatChanged(job: Job, before: Job | undefined): string {
  if (job.state !== before?.state)
    return [job.state, job.cause || job.question || job.reason].filter(Boolean).join(": ");
  if (job.landing !== before.landing) return job.landing;
  if (job.check !== before.check) return `check ${job.check}`;
  if (job.progress !== before.progress) return job.progress;
  if (job.note !== before.note) return job.note;
  if (job.turns !== before.turns) return `turn ${job.turns} is over`;
  return "";
}

function nameOf({ name, unreachable_ms }: Brief): string {
  return unreachable_ms > 1 ? `${name}, unreachable since ${when(unreachable_ms)}` : name;
}

export const store = new Store();

export function useStore<T>(read: (store: Store) => T): T {
  const [, draw] = useState(0);
  useEffect(() => store.subscribe(() => draw((count) => count + 1)), []);
  return read(store);
}
