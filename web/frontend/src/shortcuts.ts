// Keyboard shortcuts: what is in use is registered here, and `?` shows exactly that.
import { useLayoutEffect } from "preact/hooks";

export interface Shortcut {
  /** One key, or two that follow each other: `g j`. */
  keys: string;
  label: string;
  run: () => void;
}

const inUse = new Set<readonly Shortcut[]>();
let first = "";
let firstTimer = 0;

export function useShortcuts(shortcuts: readonly Shortcut[]): void {
  useLayoutEffect(() => {
    inUse.add(shortcuts);
    return () => void inUse.delete(shortcuts);
  });
}

export function shortcutsInUse(): Shortcut[] {
  return [...inUse].flat();
}

function find(keys: string): Shortcut | undefined {
  // The page that came last is the one that the person looks at.
  return shortcutsInUse()
    .reverse()
    .find((shortcut) => shortcut.keys === keys);
}

/** Whether the key belongs to a field, a dialog or a terminal, or is Enter at a link or a button. */
function isTaken(event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return true;
  const target = event.target as HTMLElement;
  if (event.key === "Enter" && target.closest("a, button, summary")) return true;
  return target.matches("input, textarea, select") || target.closest(".xterm, dialog") !== null;
}

function onKey(event: KeyboardEvent): void {
  if (isTaken(event)) return;
  const shortcut = find(`${first} ${event.key}`) ?? find(event.key);
  clearTimeout(firstTimer);
  first = shortcut ? "" : event.key;
  firstTimer = setTimeout(() => (first = ""), 1500) as unknown as number;
  if (!shortcut) return;
  event.preventDefault();
  shortcut.run();
}

addEventListener("keydown", onKey);
