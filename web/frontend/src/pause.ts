// How long to wait before the next attempt to reach the service: soon at first, then less often.

const FIRST_MS = 250;
const LONGEST_MS = 5000;

export class Pause {
  private attempts = 0;

  reset(): void {
    this.attempts = 0;
  }

  next(): number {
    const full = Math.min(FIRST_MS * 2 ** this.attempts++, LONGEST_MS);
    return full * (0.75 + Math.random() / 4); // many tabs do not come back in the same moment
  }
}

/** Waits, but no longer than until the network or the person is back. The result cancels it. */
export function waitToRetry(ms: number, retry: () => void): () => void {
  const cancel = (): void => {
    clearTimeout(timer);
    removeEventListener("online", now);
    document.removeEventListener("visibilitychange", onVisible);
  };
  const now = (): void => {
    cancel();
    retry();
  };
  const onVisible = (): void => {
    if (document.visibilityState === "visible") now();
  };
  const timer = setTimeout(now, ms);
  addEventListener("online", now);
  document.addEventListener("visibilitychange", onVisible);
  return cancel;
}
