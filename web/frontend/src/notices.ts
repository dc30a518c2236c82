// Short words of what came of an action, shown for a while and read out.
export interface Notice {
  id: number;
  words: string;
  isBad: boolean;
}

let notices: Notice[] = [];
let last = 0;
const listeners = new Set<(notices: Notice[]) => void>();

export function onNotices(listener: (notices: Notice[]) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function tell(words: string, isBad = false): void {
  const id = ++last;
  change([...notices.slice(-4), { id, words, isBad }]);
  setTimeout(() => dismiss(id), isBad ? 15_000 : 6000);
}

export function dismiss(id: number): void {
  change(notices.filter((notice) => notice.id !== id));
}

function change(next: Notice[]): void {
  notices = next;
  for (const listener of listeners) listener(notices);
}
