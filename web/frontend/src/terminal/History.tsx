// What stood in the terminal before: text that tmux kept, in an emulator that scrolls.
import { useEffect, useRef, useState } from "preact/hooks";
import { get } from "../api";
import { copySelection } from "./keys";
import { openScreen, type Screen } from "./screen";
import { SearchBar } from "./SearchBar";

const LINES = 10_000;

export function History({ number, close }: { number: number; close: () => void }) {
  const place = useRef<HTMLDivElement>(null);
  const screen = useRef<Screen | null>(null);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    if (!place.current) return;
    const clipboard = { readText: () => "", writeText: () => undefined }; // text of the past writes to no clipboard
    const options = {
      scrollback: LINES + 1000,
      convertEol: true,
      disableStdin: true,
      cursorInactiveStyle: "none",
    } as const;
    const made = openScreen(place.current, options, clipboard);
    screen.current = made;
    const sizing = new ResizeObserver(() => made.fit());
    sizing.observe(place.current);
    get<{ text: string }>(`/jobs/${number}/history?lines=${LINES}`)
      .then(({ text }) => made.term.write(text, () => made.term.scrollToBottom()))
      .catch((error: unknown) => setProblem(String(error)));
    return () => {
      sizing.disconnect();
      made.dispose();
    };
  }, [number]);
  return (
    <div class="history" role="dialog" aria-label="History" onKeyDown={(event) => event.key === "Escape" && close()}>
      <div class="bar">
        <strong>History</strong>
        <span class="quiet">up to {LINES.toLocaleString()} lines, as they are now</span>
        <span class="spacer" />
        <button type="button" onClick={() => screen.current && void copySelection(screen.current.term)}>
          Copy
        </button>
      </div>
      <SearchBar screen={screen} close={close} />
      {problem && <p role="alert">{problem}</p>}
      <div class="terminal-screen" ref={place} />
    </div>
  );
}
