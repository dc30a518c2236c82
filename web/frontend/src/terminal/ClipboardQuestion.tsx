// A program that wants to write to the person's clipboard is asked about; it can never read it.
import { useEffect } from "preact/hooks";
import { count } from "../words";
import { writeClipboard } from "./keys";

export interface Wish {
  text: string;
}

let isAllowed = false; // by this tab, until it is closed

export function ClipboardQuestion({ wish, done }: { wish: Wish; done: () => void }) {
  const write = (): void => {
    void writeClipboard(wish.text);
    done();
  };
  useEffect(() => {
    if (isAllowed) write();
  }, [wish]);
  if (isAllowed) return null;
  return (
    <div class="bar question" role="alertdialog" aria-label="Clipboard">
      <span>
        The terminal wants to put {count(wish.text.length, "letter")} into your clipboard:{" "}
        <code>{wish.text.slice(0, 60)}</code>
      </span>
      <button type="button" class="primary" onClick={write}>
        Allow
      </button>
      <button
        type="button"
        onClick={() => {
          isAllowed = true;
          write();
        }}
      >
        Allow until this tab is closed
      </button>
      <button type="button" onClick={done}>
        No
      </button>
    </div>
  );
}
