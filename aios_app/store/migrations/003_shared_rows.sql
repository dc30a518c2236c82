-- What the cluster's catalogue held when this machine last compared its own with it; no row: it was never in one.
CREATE TABLE shared_rows (
    name TEXT PRIMARY KEY,
    rev INTEGER NOT NULL,
    data TEXT
);
-- The cluster's count of changes that this machine knows of.
ALTER TABLE machine ADD COLUMN shared_rev INTEGER NOT NULL DEFAULT 0;
