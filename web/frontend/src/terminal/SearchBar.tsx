// Searches on the screen, or in what is given.
import type { RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Screen } from "./screen";

const MARKS = {
  matchBackground: "#9e6a03",
  activeMatchBackground: "#f2cc60",
  matchOverviewRuler: "#9e6a03",
  activeMatchColorOverviewRuler: "#f2cc60",
};

export function SearchBar({ screen, close }: { screen: RefObject<Screen | null>; close: () => void }) {
  const field = useRef<HTMLInputElement>(null);
  const [isFound, setFound] = useState(true);
  useEffect(() => {
    field.current?.focus();
    return () => screen.current?.search.clearDecorations();
  }, []);
  const find = (isBack: boolean): void => {
    const text = field.current?.value ?? "";
    const search = screen.current?.search;
    if (!search || !text) return setFound(true);
    const options = { decorations: MARKS, incremental: false };
    setFound(isBack ? search.findPrevious(text, options) : search.findNext(text, options));
  };
  const onKey = (event: KeyboardEvent): void => {
    if (event.key === "Enter") find(event.shiftKey);
    if (event.key === "Escape") close();
  };
  return (
    <div class="bar" role="search">
      <input
        ref={field}
        type="search"
        aria-label="Search in the terminal"
        onInput={() => find(false)}
        onKeyDown={onKey}
      />
      <button type="button" onClick={() => find(true)}>
        Previous
      </button>
      <button type="button" onClick={() => find(false)}>
        Next
      </button>
      <output>{isFound ? "" : "Not found"}</output>
      <button type="button" onClick={close}>
        Close
      </button>
    </div>
  );
}
