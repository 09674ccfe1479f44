CREATE TABLE sales (
    item TEXT NOT NULL,
    cents BIGINT NOT NULL,
    sold_at TIMESTAMPTZ NOT NULL,
    reported_at TIMESTAMPTZ
);
CREATE INDEX sales_to_report ON sales (sold_at) WHERE reported_at IS NULL;
CREATE INDEX sales_reported ON sales (reported_at);

CREATE TABLE readers (
    address TEXT PRIMARY KEY
);
