// The emulator with its add-ons. What programs write to it is hostile: links open by a click alone, the
// clipboard is written only after a question and never read, titles are text.
import { ClipboardAddon, type IClipboardProvider } from "@xterm/addon-clipboard";
import { FitAddon } from "@xterm/addon-fit";
import { SearchAddon } from "@xterm/addon-search";
import { Unicode11Addon } from "@xterm/addon-unicode11";
import { WebLinksAddon } from "@xterm/addon-web-links";
import { WebglAddon } from "@xterm/addon-webgl";
import { Terminal, type ITerminalOptions } from "@xterm/xterm";
import { isDark, remembered } from "../preferences";
import { DARK, LIGHT } from "./colours";
import "./strict_styles";

const FONT = '"JetBrains Mono", "Cascadia Code", "DejaVu Sans Mono", Menlo, Consolas, monospace';
export const DEFAULT_FONT_PX = "14";

export interface Screen {
  term: Terminal;
  search: SearchAddon;
  fit: () => void;
  dispose: () => void;
}

export function openScreen(parent: HTMLElement, options: ITerminalOptions, clipboard: IClipboardProvider): Screen {
  const term = new Terminal({ ...baseOptions(), ...options });
  const fitting = new FitAddon();
  const search = new SearchAddon();
  for (const addon of [fitting, search, new Unicode11Addon(), new WebLinksAddon(openLink)]) term.loadAddon(addon);
  term.loadAddon(new ClipboardAddon(undefined, clipboard));
  term.unicode.activeVersion = "11";
  term.open(parent);
  drawByGpu(term);
  const fit = (): void => fitWhole(fitting);
  const stopFollowing = followPreferences(term, fit);
  fit();
  const dispose = (): void => {
    stopFollowing();
    term.dispose();
  };
  return { term, search, fit, dispose };
}

function baseOptions(): ITerminalOptions {
  return {
    allowProposedApi: true, // of Unicode 11 and of the search's marks
    fontFamily: FONT,
    fontSize: Number(remembered("font", DEFAULT_FONT_PX)),
    theme: isDark() ? DARK : LIGHT,
    minimumContrastRatio: 4.5,
    macOptionIsMeta: true,
    macOptionClickForcesSelection: true,
    rightClickSelectsWord: false,
    linkHandler: { activate: openLink, allowNonHttpProtocols: false },
    logLevel: "off",
  };
}

/** Only a click opens a link, in a tab that cannot reach back. */
function openLink(_event: MouseEvent, address: string): void {
  if (/^https?:\/\//i.test(address)) window.open(address, "_blank", "noopener,noreferrer");
}

/** WebGL where it works; where it does not, or is taken away, the DOM draws. */
function drawByGpu(term: Terminal): void {
  try {
    const webgl = new WebglAddon();
    webgl.onContextLoss(() => webgl.dispose());
    term.loadAddon(webgl);
  } catch {
    // xterm.js goes on with its own renderer
  }
}

function fitWhole(fitting: FitAddon): void {
  const size = fitting.proposeDimensions();
  if (size && size.cols >= 2 && size.rows >= 1) fitting.fit();
}

function followPreferences(term: Terminal, fit: () => void): () => void {
  const follow = (): void => {
    term.options.theme = isDark() ? DARK : LIGHT;
    term.options.fontSize = Number(remembered("font", DEFAULT_FONT_PX));
    fit();
  };
  addEventListener("preference", follow);
  return () => removeEventListener("preference", follow);
}
