// A long list of which only what can be seen is in the page. The window scrolls, so that phones behave as ever.
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

const MARGIN_PX = 600;

export interface Row {
  key: string;
  height: number;
  draw: () => ComponentChildren;
}

export function VirtualList({ rows, label }: { rows: readonly Row[]; label: string }) {
  const list = useRef<HTMLDivElement>(null);
  const [seen, setSeen] = useState({ top: 0, bottom: innerHeight });
  const measure = (): void => {
    const top = -(list.current?.getBoundingClientRect().top ?? 0);
    setSeen((before) => (Math.abs(before.top - top) < 100 ? before : { top, bottom: top + innerHeight }));
  };
  useLayoutEffect(measure, [rows.length]);
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
