// The page's own keys in a terminal; all others are the program's.
export const TERMINAL_KEYS: readonly (readonly [string, string])[] = [
  ["Ctrl Shift C", "copy what is selected (the mouse with Shift selects)"],
  ["Ctrl Shift V", "paste"],
  ["Ctrl Shift F", "search on the screen"],
  ["Ctrl Shift H", "history: what was shown before"],
  ["Ctrl Shift L", "leave it: keys are the page's again"],
];
