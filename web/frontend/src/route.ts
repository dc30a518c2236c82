// The address says which page is shown, so that every page can be linked to and gone back to.
import { useEffect, useState } from "preact/hooks";

export interface Route {
  page: string;
  number: number;
  rest: string[];
}

function read(): Route {
  const [page = "", number = "", ...rest] = location.pathname.slice(1).split("/");
  return { page: page || "jobs", number: Number.parseInt(number, 10) || 0, rest };
}

export function useRoute(): Route {
  const [route, setRoute] = useState(read);
  useEffect(() => {
    const change = (): void => setRoute(read());
    addEventListener("popstate", change);
    return () => removeEventListener("popstate", change);
  }, []);
  return route;
}

export function go(path: string): void {
  history.pushState(null, "", `/${path}`);
  dispatchEvent(new PopStateEvent("popstate"));
}

/** Links within the pages do not load them anew; what opens a tab or leaves is the browser's. */
export function followLinks(): void {
  addEventListener("click", (event) => {
    const link = (event.target as Element).closest?.("a[href^='/']");
    if (!link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const path = link.getAttribute("href") ?? "";
    if (link.hasAttribute("target") || path.startsWith("/terminal.html") || path.startsWith("/flower/")) return;
    event.preventDefault();
    go(path.slice(1));
  });
}

export function terminalAddress(session: string): string {
  return `/terminal.html?session=${encodeURIComponent(session)}`;
}
