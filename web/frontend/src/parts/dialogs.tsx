// Dialogs, as the browser has them: focus stays within, Escape closes.
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { onQuestion, type Open } from "../asking";
import { dismiss, onNotices, type Notice } from "../notices";
import { shortcutsInUse } from "../shortcuts";
import { TERMINAL_KEYS } from "../terminal/key_names";

export function Dialog({ title, close, children }: { title: string; close: () => void; children: ComponentChildren }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} aria-label={title} onClose={close}>
      <h2>{title}</h2>
      {children}
    </dialog>
  );
}

export function Questions() {
  const [open, setOpen] = useState<Open | null>(null);
  useEffect(() => onQuestion(setOpen), []);
  if (!open) return null;
  const answer = (isYes: boolean): void => {
    setOpen(null);
    open.answer(isYes);
  };
  return (
    <Dialog title={open.question} close={() => answer(false)}>
      {open.names.length > 0 && (
        <ul class="names">
          {open.names.map((name) => (
            <li key={name}>{name}</li>
          ))}
        </ul>
      )}
      <div class="buttons">
        <button type="button" onClick={() => answer(false)}>
          Cancel
        </button>
        <button type="button" class="primary" onClick={() => answer(true)}>
          {open.yes}
        </button>
      </div>
    </Dialog>
  );
}

export function Notices() {
  const [notices, setNotices] = useState<Notice[]>([]);
  useEffect(() => onNotices(setNotices), []);
  return (
    <div class="notices" role="status" aria-live="polite">
      {notices.map(({ id, words, isBad }) => (
        <div key={id} class={isBad ? "notice bad" : "notice"}>
          <span>{words}</span>
          <button type="button" aria-label="Dismiss" onClick={() => dismiss(id)}>
            ×
          </button>
        </div>
      ))}
    </div>
  );
}

export function ShortcutHelp({ close }: { close: () => void }) {
  const own = shortcutsInUse().map(({ keys, label }) => [keys, label] as const);
  return (
    <Dialog title="Keyboard shortcuts" close={close}>
      <div class="columns">
        <KeyTable title="On this page" keys={own} />
        <KeyTable title="In a terminal" keys={TERMINAL_KEYS} />
      </div>
      <div class="buttons">
        <button type="button" class="primary" onClick={close}>
          Close
        </button>
      </div>
    </Dialog>
  );
}

function KeyTable({ title, keys }: { title: string; keys: readonly (readonly [string, string])[] }) {
  return (
    <table class="keys">
      <caption>{title}</caption>
      <tbody>
        {keys.map(([name, label]) => (
          <tr key={name}>
            <th scope="row">
              {name.split(" ").map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </th>
            <td>{label}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
