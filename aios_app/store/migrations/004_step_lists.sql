-- Lists of steps, as built at the prompt of the dashboard.
CREATE TABLE step_lists (
    name TEXT PRIMARY KEY,
    directory TEXT NOT NULL
);
CREATE TABLE steps (
    list TEXT NOT NULL REFERENCES step_lists (name) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    description TEXT NOT NULL,
    command TEXT NOT NULL,
    PRIMARY KEY (list, number)
);
