// How large the terminal's letters are; remembered by this browser.
import { usePreference } from "../preferences";
import { DEFAULT_FONT_PX } from "./screen";

const SMALLEST_PX = 8;
const LARGEST_PX = 32;

export function TextSize() {
  const [size, setSize] = usePreference("font", DEFAULT_FONT_PX);
  const change = (by: number): void => {
    setSize(String(Math.min(LARGEST_PX, Math.max(SMALLEST_PX, Number(size) + by))));
  };
  return (
    <>
      <button type="button" title="Smaller text" onClick={() => change(-1)}>
        A−
      </button>
      <button type="button" title="Larger text" onClick={() => change(1)}>
        A+
      </button>
    </>
  );
}
