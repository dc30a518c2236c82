// What is asked for when it is shown: a word while it is under way, the reason where it failed.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";

interface LoadedProps<T> {
  /** Asked for anew when this changes. */
  of: string;
  load: () => Promise<T>;
  children: (value: T) => ComponentChildren;
}

export function Loaded<T>({ of, load, children }: LoadedProps<T>) {
  const [state, setState] = useState<{ value?: T; problem?: string }>({});
  useEffect(() => {
    let isWanted = true;
    load()
      .then((value) => isWanted && setState({ value }))
      .catch(
        (error: unknown) => isWanted && setState({ problem: error instanceof Error ? error.message : String(error) }),
      );
    return () => void (isWanted = false);
  }, [of]);
  if (state.problem)
    return (
      <p class="empty" role="alert">
        {state.problem}
      </p>
    );
  if (state.value === undefined)
    return (
      <p class="empty" aria-busy="true">
        Loading…
      </p>
    );
  return <>{children(state.value)}</>;
}
