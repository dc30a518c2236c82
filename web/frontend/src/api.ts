// Requests to the API of the page's own origin. An error becomes one sentence for the person.
import type { Session } from "./protocol";

const ROOT = "/api/v1";

export class ApiError extends Error {
  constructor(
    message: string,
    readonly status: number,
    readonly type: string,
  ) {
    super(message);
  }
}

export function get<T>(path: string): Promise<T> {
  return request<T>("GET", ROOT + path, undefined);
}

export function post<T>(path: string, body: Body): Promise<T> {
  return request<T>("POST", ROOT + path, body);
}

/** A login, which has no page to go to when it is refused. */
export function postOutside<T>(path: string, body: Body): Promise<T> {
  return request<T>("POST", path, body, false);
}

type Body = Record<string, unknown>;

async function request<T>(method: string, path: string, body: Body | undefined, leaves = true): Promise<T> {
  const answer = await send(method, path, body);
  const data: unknown = await answer.json().catch(() => null);
  if (answer.ok && data !== null) return data as T;
  if (answer.status === 401 && leaves) showLogin();
  const error = (data as { error?: { message: string; type: string } } | null)?.error;
  throw new ApiError(error?.message ?? `the service answered ${answer.status}`, answer.status, error?.type ?? "");
}

async function send(method: string, path: string, body: Body | undefined): Promise<Response> {
  // A page of another origin cannot set this header, so that no such page can ask for anything.
  const headers: Record<string, string> = { "X-AIOS": "1" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  try {
    return await fetch(path, { method, headers, body: body === undefined ? null : JSON.stringify(body) });
  } catch {
    throw new ApiError("AIOS does not answer: is it up? aios status tells", 0, "Unreachable");
  }
}

/** Who this browser is; where it is nobody, the login page takes this one's place. */
export function checkLogin(): Promise<Session> {
  return get<Session>("/web/session");
}

let isLeaving = false;

/** Once, however many requests were refused at the same time. */
function showLogin(): void {
  if (!isLeaving) location.replace("/login");
  isLeaving = true;
}
