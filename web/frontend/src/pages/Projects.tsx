// The saved projects, and what keeps any of them from being worked in.
import { get } from "../api";
import { Loaded } from "../parts/Loaded";
import type { Project } from "../protocol";

export function ProjectsPage() {
  const load = (): Promise<{ projects: Project[] }> => get("/projects");
  return (
    <>
      <h1>Projects</h1>
      <Loaded of="projects" load={load}>
        {({ projects }) => (
          <>
            {projects.length === 0 && (
              <p class="empty">
                None is saved yet: <code>aios add PATH</code>, or <code>aios scan</code>.
              </p>
            )}
            <ul class="plain">
              {projects.map((project) => (
                <ProjectRow key={project.uuid} project={project} />
              ))}
            </ul>
          </>
        )}
      </Loaded>
    </>
  );
}

function ProjectRow({ project }: { project: Project }) {
  return (
    <li class="card">
      <h2>
        <span class="number">{project.number}</span> {project.name}
      </h2>
      <p class="facts">
        <code>{project.path || project.url}</code>
        {project.machine && <span>on {project.machine}</span>}
        {project.branch && <span>{project.branch}</span>}
        {project.tags.map((tag) => (
          <span key={tag} class="tag">
            {tag}
          </span>
        ))}
        <a href={`/new?project=${encodeURIComponent(project.name)}`}>Start a run here</a>
      </p>
      {project.problem && <p class="standing asks">{project.problem}</p>}
    </li>
  );
}
