-- Every query of the catalogue, one statement each, called by its name.

-- name: machine
SELECT id, last_run, last_job FROM machine;

-- name: note_numbers
-- The numbers only go up.
UPDATE machine SET last_run = max(last_run, :run), last_job = max(last_job, :job);

-- name: projects
-- All projects by number, their tags in one field with spaces between.
SELECT uuid, display_order AS number, name, path, machine_id, url, rev,
       (SELECT group_concat(tag, ' ') FROM project_tags WHERE project_uuid = uuid) AS tags,
       path = '' OR EXISTS (SELECT 1 FROM project_settings
                            WHERE project_uuid = uuid AND key = 'anywhere' AND value = 'on') AS is_anywhere
FROM projects ORDER BY display_order;

-- name: next_project_number
UPDATE machine SET highest_project = highest_project + 1;

-- name: add_project
INSERT INTO projects (uuid, display_order, name, path, machine_id, url)
SELECT new_uuid(), highest_project, :name, :path, coalesce(:machine_id, id), :url FROM machine;

-- name: remove_project
-- Tags and settings go with it.
DELETE FROM projects WHERE uuid = :uuid;

-- name: number_project
UPDATE projects SET display_order = :number, rev = rev + 1 WHERE uuid = :uuid;

-- name: set_highest_project
UPDATE machine SET highest_project = :number;

-- name: name_project
UPDATE projects SET name = :name WHERE uuid = :uuid;

-- name: steps
-- All steps with their lists, by the lists' names.
SELECT name, directory, description, command FROM step_lists JOIN steps ON list = name ORDER BY name, number;

-- name: keep_step_list
INSERT OR IGNORE INTO step_lists (name, directory) VALUES (:name, :directory);

-- name: add_step
INSERT INTO steps (list, number, description, command)
SELECT :list, coalesce(max(number), 0) + 1, :description, :command FROM steps WHERE list = :list;

-- name: remove_step_list
-- Its steps go with it.
DELETE FROM step_lists WHERE name = :name;

-- name: add_tag
INSERT OR IGNORE INTO project_tags (project_uuid, tag) VALUES (:uuid, :tag);

-- name: remove_tag
DELETE FROM project_tags WHERE project_uuid = :uuid AND tag = :tag;

-- name: touch_project
UPDATE projects SET rev = rev + 1 WHERE uuid = :uuid;

-- name: agents
SELECT uuid, key, name, kind, argv, finishes, weight, idle_after_s, rev
FROM sessions WHERE kind <> '' ORDER BY rowid;

-- name: put_agent
-- A new agent, or the next revision of the one with this identity.
INSERT INTO sessions (uuid, key, name, command_template, kind, argv, finishes, weight, idle_after_s, rev)
VALUES (coalesce(nullif(:uuid, ''), new_uuid()), :key, :name, :command_template, :kind, :argv, :finishes,
        :weight, :idle_after_s, :rev)
ON CONFLICT (uuid) DO UPDATE SET
    key = excluded.key, name = excluded.name, command_template = excluded.command_template,
    kind = excluded.kind, argv = excluded.argv, finishes = excluded.finishes, weight = excluded.weight,
    idle_after_s = excluded.idle_after_s, rev = max(rev, excluded.rev) + 1;

-- name: remove_agent
DELETE FROM sessions WHERE uuid = :uuid;

-- name: free_key
-- A founding row that is no agent gives way to one.
DELETE FROM sessions WHERE key = :key AND kind = '';

-- name: founding_sessions
SELECT key, name, command_template FROM sessions WHERE kind = '' ORDER BY rowid;

-- name: fill_agent
-- Makes an agent of a founding row.
UPDATE sessions SET kind = :kind, argv = :argv, finishes = :finishes, weight = :weight,
                    idle_after_s = :idle_after_s
WHERE key = :key;

-- name: config
SELECT key, value FROM config ORDER BY key;

-- name: set_config
INSERT INTO config (key, value) VALUES (:key, :value) ON CONFLICT (key) DO UPDATE SET value = excluded.value;

-- name: keep_config
-- Sets what is not set yet.
INSERT OR IGNORE INTO config (key, value) VALUES (:key, :value);

-- name: unset_config
DELETE FROM config WHERE key = :key;

-- name: project_settings
SELECT project_uuid, key, value FROM project_settings ORDER BY key;

-- name: set_project_setting
INSERT INTO project_settings (project_uuid, key, value) VALUES (:uuid, :key, :value)
ON CONFLICT (project_uuid, key) DO UPDATE SET value = excluded.value;

-- name: unset_project_setting
DELETE FROM project_settings WHERE project_uuid = :uuid AND key = :key;

-- name: highest_project
SELECT highest_project FROM machine;

-- name: restore_project
INSERT INTO projects (uuid, display_order, name, path, machine_id, url, rev)
VALUES (:uuid, :number, :name, :path, :machine_id, :url, :rev);

-- name: restore_agent
INSERT INTO sessions (uuid, key, name, command_template, kind, argv, finishes, weight, idle_after_s, rev)
VALUES (new_uuid(), :key, :name, :command_template, :kind, :argv, :finishes, :weight, :idle_after_s, :rev);

-- name: remove_agent_key
DELETE FROM sessions WHERE key = :key;

-- name: shared_rev
SELECT shared_rev FROM machine;

-- name: set_shared_rev
UPDATE machine SET shared_rev = :rev;

-- name: shared_rows
SELECT name, rev, data FROM shared_rows;

-- name: forget_shared_rows
DELETE FROM shared_rows;

-- name: put_shared_row
INSERT INTO shared_rows (name, rev, data) VALUES (:name, :rev, :data)
ON CONFLICT (name) DO UPDATE SET rev = excluded.rev, data = excluded.data;
