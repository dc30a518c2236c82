// One terminal of a job: the screen, what is said about the connection, search, history, keys for phones.
import type { RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { useShortcuts } from "../shortcuts";
import { ClipboardQuestion, type Wish } from "./ClipboardQuestion";
import { History } from "./History";
import { copySelection, pasteClipboard, takePageKeys } from "./keys";
import { Link, type Hello, type LinkState } from "./link";
import { MobileKeys, type Held, withHeld } from "./MobileKeys";
import { openScreen, type Screen } from "./screen";
import { SearchBar } from "./SearchBar";
import { TextSize } from "./TextSize";

interface TerminalProps {
  session: string;
  number: number;
  /** Whether what is typed goes to it from the start. */
  takesFocus?: boolean;
  onHello?: (hello: Hello) => void;
  onTitle?: (title: string) => void;
}

type Panel = "none" | "search" | "history";

export function TerminalView(props: TerminalProps) {
  const [panel, setPanel] = useState<Panel>("none");
  const [wish, setWish] = useState<Wish | null>(null);
  const held = useRef<Held>({ ctrl: false });
  const { place, screen, link, state, hello } = useTerminal(props, held, setPanel, setWish);
  const frame = useRef<HTMLDivElement>(null);
  const close = (): void => {
    setPanel("none");
    screen.current?.term.focus();
  };
  useShortcuts([{ keys: "i", label: "type into the terminal", run: () => screen.current?.term.focus() }]);
  const isDim = state.kind !== "live";
  return (
    <section class="terminal-view" ref={frame} aria-label="Terminal">
      <div class="terminal-tools" role="toolbar" aria-label="Terminal">
        <ConnectionState state={state} hello={hello} reconnect={() => link.current?.connect()} />
        <span class="spacer" />
        <button type="button" onClick={() => setPanel(panel === "search" ? "none" : "search")}>
          Search
        </button>
        <button type="button" onClick={() => setPanel(panel === "history" ? "none" : "history")}>
          History
        </button>
        <button type="button" onClick={() => screen.current && void copySelection(screen.current.term)}>
          Copy
        </button>
        {!hello?.read_only && (
          <button type="button" onClick={() => screen.current && void pasteClipboard(screen.current.term)}>
            Paste
          </button>
        )}
        <TextSize />
        <button type="button" onClick={() => void toggleFullScreen(frame.current)}>
          Full screen
        </button>
      </div>
      {panel === "search" && <SearchBar screen={screen} close={close} />}
      {wish && <ClipboardQuestion wish={wish} done={() => setWish(null)} />}
      <div class={isDim ? "terminal-screen dim" : "terminal-screen"} ref={place} />
      {panel === "history" && <History number={props.number} close={close} />}
      {!hello?.read_only && <MobileKeys held={held} type={(text) => screen.current?.term.input(text)} />}
    </section>
  );
}

function useTerminal(
  props: TerminalProps,
  held: RefObject<Held>,
  setPanel: (panel: Panel) => void,
  setWish: (wish: Wish) => void,
) {
  const place = useRef<HTMLDivElement>(null);
  const screen = useRef<Screen | null>(null);
  const link = useRef<Link | null>(null);
  const [state, setState] = useState<LinkState>({ kind: "connecting" });
  const [hello, setHello] = useState<Hello | null>(null);
  useEffect(() => {
    if (!place.current) return;
    const clipboard = { readText: () => "", writeText: (_: string, text: string) => setWish({ text }) };
    const made = openScreen(place.current, { scrollback: 0 }, clipboard);
    screen.current = made;
    link.current = connect(props, made, setState, (said) => {
      setHello(said);
      made.term.options.disableStdin = said.read_only;
      props.onHello?.(said);
    });
    const sizing = follow(made, link.current, held, place.current);
    const onLeave = (): void => made.term.blur();
    takePageKeys(made.term, { onSearch: () => setPanel("search"), onHistory: () => setPanel("history"), onLeave });
    if (props.onTitle) made.term.onTitleChange(props.onTitle);
    if (props.takesFocus) made.term.focus();
    return () => {
      sizing.disconnect();
      link.current?.close();
      made.dispose();
    };
  }, [props.session]);
  return { place, screen, link, state, hello };
}

function connect(
  props: TerminalProps,
  { term }: Screen,
  onState: (state: LinkState) => void,
  onHello: (hello: Hello) => void,
): Link {
  const link = new Link(props.session, {
    size: () => ({ cols: term.cols, rows: term.rows }),
    onHello: (hello) => {
      term.reset(); // what comes now draws the whole screen
      onHello(hello);
    },
    onOutput: (data, done) => term.write(data, done),
    onState,
  });
  link.connect();
  return link;
}

/** Input and size go to the session. */
function follow({ term, fit }: Screen, link: Link, held: RefObject<Held>, place: HTMLElement): ResizeObserver {
  const letters = new TextEncoder();
  term.onData((text) => link.send(letters.encode(withHeld(text, held))));
  term.onBinary((text) => link.send(Uint8Array.from(text, (letter) => letter.charCodeAt(0))));
  term.onResize(() => link.resize());
  const sizing = new ResizeObserver(() => fit());
  sizing.observe(place);
  return sizing;
}

function ConnectionState({
  state,
  hello,
  reconnect,
}: {
  state: LinkState;
  hello: Hello | null;
  reconnect: () => void;
}) {
  const words = {
    connecting: hello ? "Connecting again…" : "Connecting…",
    live: hello?.read_only ? "Live, to look at only" : "Live",
    away: `${state.kind === "away" ? state.reason : ""}. Connecting again by itself…`,
    over: state.kind === "over" ? state.reason : "",
  }[state.kind];
  return (
    <>
      <output class={`connection ${state.kind}`}>{words}</output>
      {state.kind === "over" && (
        <button type="button" onClick={reconnect}>
          Connect again
        </button>
      )}
    </>
  );
}

async function toggleFullScreen(frame: HTMLElement | null): Promise<void> {
  if (document.fullscreenElement) await document.exitFullscreen();
  else await frame?.requestFullscreen();
}
