// Parts of the pages that are loaded when they are first shown.
import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";

export function lazy<P extends object>(load: () => Promise<ComponentType<P>>): ComponentType<P> {
  let known: ComponentType<P> | null = null;
  return function Lazy(props: P) {
    const [, draw] = useState(0);
    useEffect(() => {
      if (known) return;
      void load().then((component) => {
        known = component;
        draw(1);
      });
    }, []);
    const Component = known;
    return Component ? (
      <Component {...props} />
    ) : (
      <p class="empty" aria-busy="true">
        Loading…
      </p>
    );
  };
}
