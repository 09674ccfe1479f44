CREATE TABLE users (
    name TEXT PRIMARY KEY,
    password TEXT NOT NULL
);

CREATE TABLE notes (
    id UUID PRIMARY KEY,
    owner TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
    title TEXT NOT NULL,
    text TEXT NOT NULL,
    remind_at TIMESTAMPTZ,
    reminded_at TIMESTAMPTZ,
    version INTEGER NOT NULL DEFAULT 1,
    updated_at TIMESTAMPTZ NOT NULL
);

CREATE INDEX notes_of_owner ON notes (owner, updated_at);
