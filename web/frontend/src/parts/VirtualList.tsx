// A long list of which only what can be seen is in the page. The window scrolls, so that phones behave as ever.
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

const MARGIN_PX = 600;
/** What the page's head and a group's title cover. */
const MARGIN_TOP_PX = 120;

export interface Row {
  key: string;
  height: number;
  draw: () => ComponentChildren;
}

interface VirtualListProps {
  rows: readonly Row[];
  label: string;
  /** The row that is brought into view when it becomes another one. */
  selected: string;
}

export function VirtualList({ rows, label, selected }: VirtualListProps) {
  const list = useRef<HTMLDivElement>(null);
  const [seen, setSeen] = useState({ top: 0, bottom: innerHeight });
  const measure = (): void => {
    const top = -(list.current?.getBoundingClientRect().top ?? 0);
    setSeen((before) => (Math.abs(before.top - top) < 100 ? before : { top, bottom: top + innerHeight }));
  };
  useLayoutEffect(measure, [rows.length]);
  const last = useRef(selected);
  useLayoutEffect(() => {
    if (list.current && last.current !== selected) reveal(list.current, rows, selected);
    last.current = selected;
  }, [selected]);
  useEffect(() => {
    const options = { passive: true };
    addEventListener("scroll", measure, options);
    addEventListener("resize", measure, options);
    return () => {
      removeEventListener("scroll", measure);
      removeEventListener("resize", measure);
    };
  }, []);
  const { drawn, before, height } = cut(rows, seen.top - MARGIN_PX, seen.bottom + MARGIN_PX);
  return (
    <div ref={list} class="list" role="list" aria-label={label} style={{ height: `${height}px` }}>
      <div style={{ transform: `translateY(${before}px)` }}>
        {drawn.map((row) => (
          <div key={row.key} role="listitem" style={{ height: `${row.height}px` }}>
            {row.draw()}
          </div>
        ))}
      </div>
    </div>
  );
}

function cut(rows: readonly Row[], top: number, bottom: number) {
  let at = 0;
  let before = 0;
  const drawn: Row[] = [];
  for (const row of rows) {
    if (at + row.height < top) before += row.height;
    else if (at < bottom) drawn.push(row);
    at += row.height;
  }
  return { drawn, before, height: at };
}

function reveal(list: HTMLElement, rows: readonly Row[], key: string): void {
  const index = rows.findIndex((row) => row.key === key);
  const top = list.getBoundingClientRect().top + rows.slice(0, index).reduce((sum, row) => sum + row.height, 0);
  const bottom = top + (rows[index]?.height ?? 0);
  if (top < MARGIN_TOP_PX) scrollBy(0, top - MARGIN_TOP_PX);
  else if (bottom > innerHeight) scrollBy(0, bottom - innerHeight);
}
