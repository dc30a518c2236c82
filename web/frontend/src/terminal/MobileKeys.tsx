// Keys that a phone's keyboard does not have.
import type { RefObject } from "preact";
import { useState } from "preact/hooks";

export interface Held {
  ctrl: boolean;
  release?: () => void;
}

const KEYS: readonly (readonly [label: string, name: string, text: string])[] = [
  ["Esc", "Esc", "\x1b"],
  ["Tab", "Tab", "\t"],
  ["←", "Left", "\x1b[D"],
  ["↑", "Up", "\x1b[A"],
  ["↓", "Down", "\x1b[B"],
  ["→", "Right", "\x1b[C"],
  ["Enter", "Enter", "\r"],
];

export function MobileKeys({ held, type }: { held: RefObject<Held>; type: (text: string) => void }) {
  const [isHeld, setHeld] = useState(false);
  const hold = (): void => {
    held.current = { ctrl: !isHeld, release: () => setHeld(false) };
    setHeld(!isHeld);
  };
  // The keyboard of the phone stays open only where the terminal keeps the focus.
  const keepFocus = (event: Event): void => event.preventDefault();
  return (
    <div class="mobile-keys" role="toolbar" aria-label="Keys" onPointerDown={keepFocus} onMouseDown={keepFocus}>
      <button type="button" aria-pressed={isHeld} onClick={hold}>
        Ctrl
      </button>
      {KEYS.map(([label, name, text]) => (
        <button type="button" key={name} aria-label={name} onClick={() => type(text)}>
          {label}
        </button>
      ))}
    </div>
  );
}

/** The next letter with Ctrl, where the bar's Ctrl was touched. */
export function withHeld(text: string, held: RefObject<Held>): string {
  const state = held.current;
  if (!state?.ctrl || text.length !== 1) return text;
  state.ctrl = false;
  state.release?.();
  return /[@-_a-z]/i.test(text) ? String.fromCharCode(text.toUpperCase().charCodeAt(0) & 31) : text;
}
