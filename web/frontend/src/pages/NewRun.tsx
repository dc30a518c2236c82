// The form that starts a run.
import { useState } from "preact/hooks";
import { attempt } from "../actions";
import { get, post } from "../api";
import { ask } from "../asking";
import { tell } from "../notices";
import { Loaded } from "../parts/Loaded";
import type { Agent, Problem, Project, Question } from "../protocol";
import { go } from "../route";

interface Choice {
  projects: Project[];
  agents: Agent[];
}

interface Started extends Question {
  run?: { number: number };
  problems?: Problem[];
  notice?: string;
}

export function NewRunPage() {
  const load = async (): Promise<Choice> => {
    const [{ projects }, { agents }] = await Promise.all([
      get<{ projects: Project[] }>("/projects"),
      get<{ agents: Agent[] }>("/agents"),
    ]);
    return { projects, agents };
  };
  return (
    <>
      <h1>New run</h1>
      <Loaded of="choice" load={load}>
        {(choice) => <Form {...choice} />}
      </Loaded>
    </>
  );
}

function Form({ projects, agents }: Choice) {
  const usable = agents.filter((agent) => !agent.problem && agent.finishes !== "never");
  const [rows, setRows] = useState([{ key: usable[0]?.key ?? "", count: 1 }]);
  const [isBusy, setBusy] = useState(false);
  const change = (at: number, changes: Partial<(typeof rows)[number]>): void => {
    setRows(rows.map((row, index) => (index === at ? { ...row, ...changes } : row)));
  };
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const words = rows.map(({ key, count }) => `${key}:${count}`);
    setBusy(true);
    void attempt(() => start(new FormData(event.currentTarget as HTMLFormElement), words)).finally(() =>
      setBusy(false),
    );
  };
  if (usable.length === 0)
    return (
      <p class="empty">
        No agent is installed: <code>aios agents</code> says what to do.
      </p>
    );
  return (
    <form class="form" onSubmit={submit}>
      <label>
        Where
        <select name="project">
          <option value="">every project ({projects.length})</option>
          {projects.map(({ uuid, name }) => (
            <option key={uuid} value={name} selected={name === asked()}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <fieldset>
        <legend>Agents, in each project</legend>
        {rows.map((row, at) => (
          <div class="pair" key={at}>
            <select
              aria-label="Agent"
              value={row.key}
              onChange={(event) => change(at, { key: event.currentTarget.value })}
            >
              {usable.map(({ key, name }) => (
                <option key={key} value={key}>
                  {name} ({key})
                </option>
              ))}
            </select>
            <input
              type="number"
              aria-label="How many"
              min={1}
              max={99}
              value={row.count}
              onInput={(event) => change(at, { count: event.currentTarget.valueAsNumber || 1 })}
            />
            {rows.length > 1 && (
              <button type="button" onClick={() => setRows(rows.filter((_, index) => index !== at))}>
                Remove
              </button>
            )}
          </div>
        ))}
        <button type="button" onClick={() => setRows([...rows, { key: usable[0]?.key ?? "", count: 1 }])}>
          Another agent
        </button>
      </fieldset>
      <label>
        Prompt
        <textarea name="prompt" rows={8} required autofocus />
      </label>
      <details>
        <summary>More</summary>
        <label>
          Base, e.g. a branch <input name="base" />
        </label>
        <label>
          Time limit of each job, e.g. 2h <input name="limit" />
        </label>
        <label class="inline">
          <input type="checkbox" name="is_sequential" /> one project after the other
        </label>
      </details>
      <div class="buttons">
        <button class="primary" disabled={isBusy}>
          {isBusy ? "Starting…" : "Start"}
        </button>
      </div>
    </form>
  );
}

function asked(): string {
  return new URLSearchParams(location.search).get("project") ?? "";
}

async function start(form: FormData, specs: string[]): Promise<void> {
  const text = (name: string): string => String(form.get(name) ?? "").trim();
  const project = text("project");
  const body = {
    source: project ? "multi" : "all",
    words: project ? [project, ...specs] : specs,
    cwd: "/",
    prompt: text("prompt"),
    base: text("base"),
    limit: text("limit"),
    is_sequential: form.has("is_sequential"),
  };
  let answer = await post<Started>("/runs", { ...body, is_confirmed: false });
  if (answer.question) {
    if (!(await ask({ question: answer.question, names: answer.names ?? [], yes: "Start" }))) return;
    answer = await post<Started>("/runs", { ...body, is_confirmed: true });
  }
  for (const problem of answer.problems ?? []) tell(`${problem.project}: ${problem.message}`, true);
  if (answer.notice) tell(answer.notice);
  if (answer.run) go(`runs/${answer.run.number}`);
}
