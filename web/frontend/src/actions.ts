// What a person can do with jobs. Where work could go, the service asks first, and so do we.
import { ApiError, get, post } from "./api";
import { ask } from "./asking";
import { tell } from "./notices";
import type { Delivery, Job, Landing, Problem, Question } from "./protocol";
import { count } from "./words";

// References are numbers here, so the directory that words would be read in does not matter.
const CWD = "/";

type Answer = Question & {
  landings?: Landing[];
  problems?: Problem[];
  results?: { job: number | Job; outcome?: string; message?: string; is_dropped?: boolean }[];
};

/** Does it, and tells what went wrong in the place of raising it. */
export async function attempt(action: () => Promise<unknown>): Promise<void> {
  try {
    await action();
  } catch (error) {
    tell(error instanceof ApiError ? error.message : String(error), true);
  }
}

async function confirmed(path: string, body: Record<string, unknown>, yes: string): Promise<Answer | null> {
  const answer = await post<Answer>(path, { ...body, cwd: CWD, is_confirmed: false });
  if (!answer.question) return answer;
  const isYes = await ask({ question: answer.question, names: answer.names ?? [], yes });
  return isYes ? post<Answer>(path, { ...body, cwd: CWD, is_confirmed: true }) : null;
}

function refs(jobs: readonly Job[]): string[] {
  return jobs.map((job) => String(job.number));
}

export async function stop(jobs: readonly Job[]): Promise<void> {
  const question = `Stop ${jobs.length === 1 ? `job ${jobs[0]?.number}` : count(jobs.length, "job")}? What was written so far stays.`;
  if (!(await ask({ question, names: jobs.map(title), yes: "Stop" }))) return;
  const answer = await post<Answer>("/jobs/stop", { refs: refs(jobs), cwd: CWD, all_processes: false });
  for (const result of answer.results ?? []) {
    const number = typeof result.job === "number" ? result.job : result.job.number;
    tell(`Job ${number}: ${result.outcome}`);
  }
}

export async function land(jobs: readonly Job[]): Promise<void> {
  tellLandings(await confirmed("/jobs/land", { refs: refs(jobs) }, "Land"));
}

export async function pick(job: Job): Promise<void> {
  tellLandings(await confirmed("/jobs/pick", { ref: String(job.number) }, "Pick"));
}

export async function drop(jobs: readonly Job[]): Promise<void> {
  const answer = await confirmed("/jobs/drop", { refs: refs(jobs), names: [] }, "Drop");
  for (const result of answer?.results ?? []) tell(result.message || "dropped", result.is_dropped === false);
}

export async function send(job: Job, text: string): Promise<boolean> {
  const body = { refs: refs([job]), cwd: CWD, text };
  const answer = await post<{ results: Delivery[] }>("/jobs/send", body);
  for (const result of answer.results) tell(`Job ${result.job}: ${result.message}`, !result.is_delivered);
  return answer.results.every((result) => result.is_delivered);
}

export async function retry(jobs: readonly Job[]): Promise<void> {
  const answer = await post<Answer>("/jobs/retry", { refs: refs(jobs), cwd: CWD });
  tellProblems(answer);
}

export async function putOff(job: Job): Promise<void> {
  await post("/jobs/seen", { refs: refs([job]), cwd: CWD });
}

/** A link for others, to look at the job's terminal: into the clipboard, or shown where the browser refuses that. */
export async function share(job: Job): Promise<void> {
  const answer = await post<{ url: string }>("/web/shares", { ref: String(job.number), cwd: CWD, lasts: "1h" });
  const what = `a link to look at job ${job.number}, good for an hour. aios share --revoke ${job.number} ends it.`;
  try {
    await navigator.clipboard.writeText(answer.url);
    tell(`The clipboard has ${what}`);
  } catch {
    await ask({ question: `This is ${what}`, names: [answer.url], yes: "Close" });
  }
}

export async function landingOf(job: Job): Promise<Landing> {
  return (await get<{ landing: Landing }>(`/jobs/${job.number}/landing`)).landing;
}

function tellLandings(answer: Answer | null): void {
  for (const landing of answer?.landings ?? []) {
    tell(`Job ${landing.job} lands on ${landing.label}${landing.place > 1 ? `, ${landing.place} in line` : ""}`);
  }
  if (answer) tellProblems(answer);
}

function tellProblems(answer: Answer): void {
  for (const problem of answer.problems ?? []) {
    tell(`${problem.job ? `Job ${problem.job}: ` : ""}${problem.message}`, true);
  }
}

export function title(job: Job): string {
  return `#${job.number} ${job.project} ${job.agent}: ${job.title}`;
}
