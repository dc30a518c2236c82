// The pages of who is logged in.
import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { attempt } from "./actions";
import { checkLogin, postOutside } from "./api";
import { JobPage } from "./pages/Job";
import { JobsPage } from "./pages/Jobs";
import { MachinesPage } from "./pages/Machines";
import { NewRunPage } from "./pages/NewRun";
import { ProjectsPage } from "./pages/Projects";
import { RunPage, RunsPage } from "./pages/Runs";
import { TrashPage } from "./pages/Trash";
import { Notices, Questions, ShortcutHelp } from "./parts/dialogs";
import { goToNext } from "./parts/JobActions";
import { Away } from "./parts/state";
import { followTheme, usePreference } from "./preferences";
import type { Job } from "./protocol";
import { followLinks, go, terminalAddress, useRoute, type Route } from "./route";
import { useShortcuts } from "./shortcuts";
import { store, useStore } from "./store";
import { NEEDS_YOU } from "./words";

const PAGES = [
  ["jobs", "Jobs", "g j"],
  ["runs", "Runs", "g r"],
  ["projects", "Projects", "g p"],
  ["machines", "Machines", "g m"],
  ["trash", "Trash", "g t"],
] as const;

function App() {
  const route = useRoute();
  const [hasHelp, setHelp] = useState(false);
  useShortcuts([
    { keys: "?", label: "these shortcuts", run: () => setHelp(true) },
    ...PAGES.map(([path, name, keys]) => ({ keys, label: name.toLowerCase(), run: () => go(path) })),
    { keys: "n", label: "new run", run: () => go("new") },
    { keys: "w", label: "the next job that needs you", run: () => goToNext(jobOf(route), "terminal") },
  ]);
  useTitle();
  return (
    <>
      <a class="skip" href="#main">
        To the content
      </a>
      <Header page={route.page} help={() => setHelp(true)} />
      <Away />
      <main id="main">{pageOf(route)}</main>
      <Questions />
      <Notices />
      {hasHelp && <ShortcutHelp close={() => setHelp(false)} />}
    </>
  );
}

function pageOf({ page, number, rest }: Route) {
  if (page === "jobs") return number ? <JobPage number={number} rest={rest} /> : <JobsPage />;
  if (page === "runs") return number ? <RunPage number={number} /> : <RunsPage />;
  if (page === "machines") return <MachinesPage />;
  if (page === "projects") return <ProjectsPage />;
  if (page === "trash") return <TrashPage />;
  return page === "new" ? <NewRunPage /> : <p class="empty">There is no such page.</p>;
}

/** The job that the page is about. */
function jobOf({ page, number }: Route): Job | undefined {
  return page === "jobs" ? store.jobs.get(number) : undefined;
}

function Header({ page, help }: { page: string; help: () => void }) {
  const [theme, setTheme] = usePreference("theme", "system");
  return (
    <header class="top">
      <a class="brand" href="/jobs">
        AIOS
      </a>
      <nav aria-label="Pages">
        {PAGES.map(([path, name]) => (
          <a key={path} href={`/${path}`} aria-current={page === path ? "page" : undefined}>
            {name}
          </a>
        ))}
      </nav>
      <span class="spacer" />
      <a class="button primary" href="/new">
        New run
      </a>
      <select
        aria-label="Colours"
        title="Colours"
        value={theme}
        onChange={(event) => setTheme(event.currentTarget.value)}
      >
        {["system", "light", "dark"].map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
      <button type="button" aria-label="Keyboard shortcuts" title="Keyboard shortcuts (?)" onClick={help}>
        ?
      </button>
      <button type="button" title="This browser needs a new address from the command line then" onClick={logOut}>
        Log out
      </button>
    </header>
  );
}

/** The end of the feed leads to the login page, in every tab. */
function logOut(): void {
  void attempt(() => postOutside("/logout", {}));
}

/** The tab says how many jobs need a person. */
function useTitle(): void {
  const needs = useStore(({ jobs }) => [...jobs.values()].filter((job) => NEEDS_YOU.has(job.state)).length);
  useEffect(() => void (document.title = needs ? `(${needs}) AIOS` : "AIOS"), [needs]);
}

async function start(): Promise<void> {
  const session = await checkLogin().catch(() => null);
  const shared = session?.jobs[0];
  if (session?.kind === "share" && shared) return location.replace(terminalAddress(shared.name));
  followLinks();
  store.start();
  const root = document.querySelector("#root");
  if (root) render(<App />, root);
}

followTheme();
void start();
