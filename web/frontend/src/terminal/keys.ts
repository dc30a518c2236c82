// Keys that are the page's and not the program's: copy, paste, search. All others go through.
import type { Terminal } from "@xterm/xterm";
import { tell } from "../notices";

interface PageKeys {
  onSearch: () => void;
  onHistory: () => void;
  onLeave: () => void;
}

export function takePageKeys(term: Terminal, keys: PageKeys): void {
  term.attachCustomKeyEventHandler((event) => {
    if (!event.ctrlKey || !event.shiftKey || event.altKey || event.metaKey) return true;
    const act = actions(term, keys)[event.code];
    if (!act) return true;
    // The browser's own Ctrl-Shift-V pastes: it needs no permission, and xterm.js brackets what comes.
    if (event.code !== "KeyV") event.preventDefault();
    if (event.type === "keydown") act();
    return false;
  });
}

function actions(term: Terminal, keys: PageKeys): Record<string, () => void> {
  return {
    KeyC: () => void copySelection(term),
    KeyV: () => undefined,
    KeyF: keys.onSearch,
    KeyH: keys.onHistory,
    KeyL: keys.onLeave,
  };
}

export async function copySelection(term: Terminal): Promise<void> {
  const text = term.getSelection();
  if (!text) return tell("Nothing is selected. Where the program takes the mouse, hold Shift to select.");
  await writeClipboard(text);
}

export async function pasteClipboard(term: Terminal): Promise<void> {
  try {
    term.paste(await navigator.clipboard.readText());
  } catch {
    tell("The browser does not let this page read the clipboard: paste by Ctrl Shift V.", true);
  }
  term.focus();
}

export async function writeClipboard(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    tell("Copied.");
  } catch {
    tell("The browser does not let this page write to the clipboard.", true);
  }
}
