-- +goose Up
-- Orders have the states that providers tell, and are found by provider. Tickets name
-- them, so both tables are made again.
CREATE TABLE orders_before AS SELECT * FROM orders;
CREATE TABLE tickets_before AS SELECT * FROM tickets;
DROP TABLE tickets;
DROP TABLE orders;
CREATE TABLE orders (
    pos      INTEGER PRIMARY KEY AUTOINCREMENT,
    id       TEXT NOT NULL UNIQUE,
    entity   TEXT NOT NULL,
    request  TEXT NOT NULL UNIQUE REFERENCES requests (id),
    state    TEXT NOT NULL CHECK (state IN ('created', 'redirected', 'pending', 'on_hold', 'processing', 'completed', 'failed', 'expired', 'refunded')),
    chain    TEXT NOT NULL,
    provider TEXT NOT NULL,
    created  INTEGER NOT NULL,
    ask      INTEGER NOT NULL,
    doc      TEXT NOT NULL
) STRICT;
CREATE INDEX orders_open ON orders (chain, state);
CREATE INDEX orders_of_provider ON orders (entity, provider, pos);
CREATE INDEX orders_awaited ON orders (state, ask);
CREATE TABLE tickets (
    hash    BLOB PRIMARY KEY CHECK (length(hash) = 32),
    "order" TEXT NOT NULL REFERENCES orders (id),
    expires INTEGER NOT NULL,
    used    INTEGER NOT NULL,
    doc     TEXT NOT NULL
) STRICT;
CREATE INDEX tickets_by_order ON tickets ("order");
INSERT INTO orders (pos, id, entity, request, state, chain, provider, created, ask, doc)
    SELECT pos, id, entity, request, state, chain, json_extract(doc, '$.Provider'), CAST(unixepoch(json_extract(doc, '$.Created')) AS INTEGER) * 1000, 0, doc FROM orders_before ORDER BY pos;
INSERT INTO tickets (hash, "order", expires, used, doc) SELECT hash, "order", expires, used, doc FROM tickets_before ORDER BY rowid;
DROP TABLE tickets_before;
DROP TABLE orders_before;
-- The ids of providers' notices, each of which counts once.
CREATE TABLE notices (
    provider TEXT NOT NULL,
    id       TEXT NOT NULL,
    at       INTEGER NOT NULL,
    PRIMARY KEY (provider, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX notices_by_time ON notices (at);

-- +goose Down
SELECT RAISE(ABORT, 'the states of orders are not those of before');
