CREATE TABLE webhooks (
    id TEXT PRIMARY KEY,
    received_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX webhooks_received_at ON webhooks (received_at);
