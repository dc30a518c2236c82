// Figures and states in words.
import type { Job, JobState } from "./protocol";

export function age(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours}h ${minutes % 60}m` : `${Math.floor(hours / 24)}d`;
}

export function clock(ms: number): string {
  return new Date(ms).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
}

/** The time of today, else the day too. */
export function when(ms: number): string {
  const isToday = new Date(ms).toDateString() === new Date().toDateString();
  const day = new Date(ms).toLocaleDateString([], { day: "numeric", month: "short" });
  return isToday ? clock(ms) : `${day} ${clock(ms)}`;
}

export function gigabytes(bytes: number): string {
  return `${(bytes / 1024 ** 3).toFixed(1)} GB`;
}

export function count(n: number, one: string, many = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`;
}

export function thousands(n: number): string {
  if (n < 1000) return String(n);
  return n < 1_000_000 ? `${(n / 1000).toFixed(n < 10_000 ? 1 : 0)}k` : `${(n / 1_000_000).toFixed(1)}M`;
}

/** The one line that says how the job stands. */
export function standing(job: Job): string {
  if (job.state === "waiting") return job.question || "asks something";
  if (job.state === "queued" && job.reason) return `waits ${job.reason}`;
  if (job.state === "queued" || job.state === "preparing") return job.note;
  if (job.landing && job.state === "review") return job.landing;
  if (job.state === "failed" || job.state === "stopped" || job.state === "lost") return job.cause || job.message;
  return job.progress || firstLine(job.message) || job.note;
}

export function firstLine(text: string): string {
  return text.trimStart().split("\n", 1)[0] ?? "";
}

/** What needs a person first. */
const ORDER: JobState[] = [
  "waiting",
  "review",
  "failed",
  "lost",
  "running",
  "preparing",
  "queued",
  "stopped",
  "landed",
  "dropped",
];

const RANK = new Map(ORDER.map((state, index) => [state, index]));

export function byNeed(one: Job, other: Job): number {
  return (RANK.get(one.state) ?? 99) - (RANK.get(other.state) ?? 99) || one.number - other.number;
}

export const LIVE: ReadonlySet<JobState> = new Set(["queued", "preparing", "running", "waiting"]);
export const NEEDS_YOU: ReadonlySet<JobState> = new Set(["waiting", "review", "failed", "lost"]);
export const STATES = ORDER;
