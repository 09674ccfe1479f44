CREATE TABLE packed (
    id TEXT PRIMARY KEY,
    item TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    packed_by TEXT NOT NULL
);
