// What the service sends, as docs/api.md and docs/web.md say; fields that the pages do not use are left out.

export type JobState =
  "queued" | "preparing" | "running" | "waiting" | "review" | "landed" | "dropped" | "failed" | "stopped" | "lost";

export interface Job {
  number: number;
  run: number;
  stage: number;
  name: string;
  branch: string;
  project_id: string;
  project: string;
  path: string;
  machine: string;
  agent_key: string;
  agent: string;
  instance: number;
  title: string;
  created_ms: number;
  state: JobState;
  since_ms: number;
  attempt_no: number;
  cause: string;
  reason: string;
  placed: string;
  question: string;
  progress: string;
  note: string;
  base_ref: string;
  worktree: string;
  started_ms: number;
  finished_ms: number;
  turns: number;
  message: string;
  files: number;
  added: number;
  removed: number;
  is_open: boolean;
  is_in_place: boolean;
  tokens_in: number;
  tokens_out: number;
  cost_usd: string;
  commits: number;
  check: string;
  check_ms: number;
  landing: string;
  landed_ref: string;
  pull_request: string;
  seen_ms: number;
}

export interface RunRow {
  number: number;
  source: string;
  title: string;
  created_ms: number;
  is_sequential: boolean;
  stage: number;
  stages: number;
  states: Partial<Record<JobState, number>>;
}

export interface Machine {
  id: string;
  name: string;
  address: string;
  version: string;
  state: "active" | "drained" | "removed";
  max_agents: number;
  slots: number;
  load: number;
  cores: number;
  memory_bytes: number;
  available_bytes: number;
  agents: string[];
  unreachable_ms: number;
  takes_no_jobs: string;
  has_redis: boolean;
  is_here: boolean;
}

export interface Status {
  version: string;
  data_dir: string;
  machine: {
    id: string;
    name: string;
    max_agents: number;
    slots: number;
    load: number;
    cores: number;
    memory_bytes: number;
    available_bytes: number;
    uptime_s: number;
    programs: Record<string, string>;
  };
  counts: Partial<Record<JobState, number>>;
  parked: { lane: string; until_ms: number; reason: string }[];
  queue: { reason: string; jobs: number }[];
  runs_open: number;
  redis: { engine: string; version: string; is_external: boolean };
  worker: { is_alive: boolean; pid: number };
  web: { pid: number };
}

export interface Project {
  uuid: string;
  number: number;
  name: string;
  path: string;
  machine_id: string;
  machine: string;
  url: string | null;
  tags: string[];
  problem: string;
  branch: string;
}

export interface Agent {
  key: string;
  name: string;
  finishes: string;
  problem: string;
}

export interface Landing {
  job: number;
  label: string;
  place: number;
  steps: string[];
  outcome: string | null;
  problem: string;
  conflicts: { path: string; ours: string[]; theirs: string[] }[];
}

export interface Delivery {
  job: number;
  is_delivered: boolean;
  message: string;
}

export interface Problem {
  job?: number;
  project?: string;
  message: string;
}

export interface TrashEntry {
  ref: string;
  job: number;
  project: string;
  name: string;
  branch: string;
  removed_ms: number;
  expires_ms: number;
  files: number;
  commits: number;
  title: string;
}

/** An answer that is instead a question: nothing was done yet. */
export interface Question {
  question?: string;
  names?: string[];
}

/** What a shared link shows of a job. */
export type Shared = Pick<
  Job,
  | "number"
  | "run"
  | "name"
  | "project"
  | "agent"
  | "title"
  | "state"
  | "since_ms"
  | "created_ms"
  | "started_ms"
  | "finished_ms"
  | "turns"
  | "question"
  | "is_open"
  | "machine"
>;

export interface Session {
  kind: "owner" | "share";
  jobs: Shared[];
}

export type FeedMessage =
  | { type: "redis"; id?: undefined; is_away: boolean }
  | { type: "hello"; id: string }
  | { type: "gap"; id: string }
  | { type: "job"; id: string; job: Job }
  | { type: "run"; id: string; run: number };
