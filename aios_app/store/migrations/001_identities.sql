-- The founding schema, as its programs made it; a database of theirs is taken over in place.
CREATE TABLE IF NOT EXISTS config (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS projects (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    path TEXT NOT NULL,
    display_order INTEGER NOT NULL UNIQUE
);
CREATE TABLE IF NOT EXISTS sessions (
    key TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    command_template TEXT NOT NULL
);

-- One row: this machine, and the highest numbers that it ever gave.
CREATE TABLE machine (
    id TEXT NOT NULL,
    highest_project INTEGER NOT NULL,
    last_run INTEGER NOT NULL DEFAULT 0,
    last_job INTEGER NOT NULL DEFAULT 0
);
INSERT INTO machine (id, highest_project)
SELECT new_uuid(), coalesce(max(display_order), -1) FROM projects;

ALTER TABLE projects ADD COLUMN uuid TEXT NOT NULL DEFAULT '';
ALTER TABLE projects ADD COLUMN name TEXT NOT NULL DEFAULT '';
ALTER TABLE projects ADD COLUMN machine_id TEXT NOT NULL DEFAULT '';
ALTER TABLE projects ADD COLUMN url TEXT;
ALTER TABLE projects ADD COLUMN rev INTEGER NOT NULL DEFAULT 1;
UPDATE projects SET uuid = new_uuid(), machine_id = (SELECT id FROM machine);
CREATE UNIQUE INDEX projects_uuid ON projects (uuid);
CREATE UNIQUE INDEX projects_name ON projects (name) WHERE name <> '';

-- An empty kind: a row of the founding schema that is no agent, e.g. cp, whose text is a prompt in config.
ALTER TABLE sessions ADD COLUMN uuid TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN kind TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN argv TEXT NOT NULL DEFAULT '[]';
ALTER TABLE sessions ADD COLUMN finishes TEXT NOT NULL DEFAULT 'exit';
ALTER TABLE sessions ADD COLUMN weight INTEGER NOT NULL DEFAULT 1;
ALTER TABLE sessions ADD COLUMN idle_after_s INTEGER NOT NULL DEFAULT 30;
ALTER TABLE sessions ADD COLUMN rev INTEGER NOT NULL DEFAULT 1;
UPDATE sessions SET uuid = new_uuid();
CREATE UNIQUE INDEX sessions_uuid ON sessions (uuid);

CREATE TABLE project_tags (
    project_uuid TEXT NOT NULL REFERENCES projects (uuid) ON DELETE CASCADE,
    tag TEXT NOT NULL,
    PRIMARY KEY (project_uuid, tag)
);
CREATE TABLE project_settings (
    project_uuid TEXT NOT NULL REFERENCES projects (uuid) ON DELETE CASCADE,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (project_uuid, key)
);
