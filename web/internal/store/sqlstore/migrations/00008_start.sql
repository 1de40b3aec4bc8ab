-- +goose Up
-- The database begins here: those of the versions before, 1 to 7, held what the rows
-- were then, and are refused.
CREATE TABLE developers (
    id       TEXT PRIMARY KEY,
    name     TEXT NOT NULL,
    key_hash BLOB NOT NULL CHECK (length(key_hash) = 32),
    version  INTEGER NOT NULL,
    made_by  TEXT NOT NULL CHECK (made_by IN ('configuration', 'sandbox')),
    disabled INTEGER NOT NULL CHECK (disabled IN (0, 1))
) STRICT;
CREATE TABLE entities (
    id        TEXT PRIMARY KEY,
    developer TEXT NOT NULL REFERENCES developers (id),
    name      TEXT NOT NULL,
    version   INTEGER NOT NULL,
    disabled  INTEGER NOT NULL CHECK (disabled IN (0, 1))
) STRICT;
CREATE INDEX entities_by_developer ON entities (developer);
CREATE TABLE replies (
    scope  TEXT NOT NULL,
    key    TEXT NOT NULL,
    route  TEXT NOT NULL,
    hash   BLOB NOT NULL CHECK (length(hash) = 32),
    status INTEGER NOT NULL,
    body   BLOB,
    at     INTEGER NOT NULL,
    PRIMARY KEY (scope, key)
) STRICT;
CREATE TABLE quotes (
    id      TEXT PRIMARY KEY,
    entity  TEXT NOT NULL,
    expires INTEGER NOT NULL,
    request TEXT UNIQUE,
    doc     TEXT NOT NULL
) STRICT;
CREATE INDEX quotes_unpinned ON quotes (entity, expires) WHERE request IS NULL;
CREATE TABLE log_lines (
    entity TEXT NOT NULL,
    seq    INTEGER NOT NULL,
    line   TEXT NOT NULL,
    hash   TEXT NOT NULL,
    PRIMARY KEY (entity, seq)
) STRICT;
CREATE TABLE genesis (
    entity TEXT PRIMARY KEY,
    doc    TEXT NOT NULL
) STRICT;
CREATE TABLE requests (
    id      TEXT PRIMARY KEY,
    entity  TEXT NOT NULL,
    state   TEXT NOT NULL CHECK (state IN ('pending_initiation', 'pending', 'approved', 'rejected', 'expired', 'ordered', 'completed')),
    seq     INTEGER NOT NULL,
    doc     TEXT NOT NULL,
    UNIQUE (entity, seq),
    FOREIGN KEY (entity, seq) REFERENCES log_lines (entity, seq)
) STRICT;
CREATE TABLE orders (
    pos     INTEGER PRIMARY KEY AUTOINCREMENT,
    id      TEXT NOT NULL UNIQUE,
    entity  TEXT NOT NULL,
    request TEXT NOT NULL UNIQUE REFERENCES requests (id),
    state   TEXT NOT NULL CHECK (state IN ('created', 'redirected', 'processing', 'completed')),
    chain   TEXT NOT NULL,
    doc     TEXT NOT NULL
) STRICT;
CREATE INDEX orders_open ON orders (chain, state);
CREATE TABLE tickets (
    hash    BLOB PRIMARY KEY CHECK (length(hash) = 32),
    "order" TEXT NOT NULL REFERENCES orders (id),
    expires INTEGER NOT NULL,
    used    INTEGER NOT NULL,
    doc     TEXT NOT NULL
) STRICT;
CREATE INDEX tickets_by_order ON tickets ("order");
CREATE TABLE ledger_entries (
    pos     INTEGER PRIMARY KEY AUTOINCREMENT,
    id      TEXT NOT NULL UNIQUE,
    entity  TEXT NOT NULL,
    account TEXT NOT NULL,
    doc     TEXT NOT NULL
) STRICT;
CREATE TABLE ledger_postings (
    entry  TEXT NOT NULL REFERENCES ledger_entries (id),
    line   INTEGER NOT NULL,
    entity TEXT NOT NULL,
    ledger TEXT NOT NULL,
    side   TEXT NOT NULL CHECK (side IN ('debit', 'credit')),
    asset  TEXT NOT NULL,
    amount TEXT NOT NULL CHECK (amount NOT LIKE '-%'),
    PRIMARY KEY (entry, line)
) STRICT;
CREATE INDEX ledger_by_name ON ledger_postings (entity, ledger);
CREATE TABLE chain_cursors (
    chain  TEXT PRIMARY KEY,
    cursor TEXT NOT NULL
) STRICT;
CREATE TABLE provider_documents (
    provider TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    doc      BLOB NOT NULL,
    fetched  INTEGER NOT NULL,
    PRIMARY KEY (provider, endpoint)
) STRICT;
-- Addresses are all of the vault's, watched for good. balance is the chain's own
-- coin after block swept, in the smallest unit.
CREATE TABLE addresses (
    pos     INTEGER PRIMARY KEY AUTOINCREMENT,
    chain   TEXT NOT NULL,
    address TEXT NOT NULL CHECK (address = lower(address)),
    entity  TEXT NOT NULL,
    account TEXT NOT NULL,
    request TEXT NOT NULL,
    balance TEXT NOT NULL,
    swept   INTEGER NOT NULL,
    sent    INTEGER NOT NULL DEFAULT 0,
    UNIQUE (chain, address)
) STRICT;
CREATE INDEX addresses_by_sweep ON addresses (chain, swept);
CREATE TABLE deposits (
    pos        INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL UNIQUE,
    chain      TEXT NOT NULL,
    asset      TEXT NOT NULL,
    tx         TEXT NOT NULL,
    idx        INTEGER NOT NULL,
    address    TEXT NOT NULL,
    block      INTEGER NOT NULL,
    block_hash TEXT NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('pending', 'final', 'reversed')),
    entity     TEXT NOT NULL,
    account    TEXT NOT NULL,
    doc        TEXT NOT NULL,
    UNIQUE (chain, asset, tx, idx, address, block_hash)
) STRICT;
CREATE INDEX deposits_by_address ON deposits (chain, address);
CREATE INDEX deposits_by_account ON deposits (entity, account, pos);
CREATE INDEX deposits_by_state ON deposits (chain, state, block);
CREATE TABLE chain_blocks (
    chain  TEXT NOT NULL,
    number INTEGER NOT NULL,
    hash   TEXT NOT NULL,
    PRIMARY KEY (chain, number)
) STRICT;
CREATE TABLE clock (
    one  INTEGER PRIMARY KEY CHECK (one = 1),
    seen INTEGER NOT NULL
) STRICT;

-- +goose Down
DROP TABLE clock;
DROP TABLE chain_blocks;
DROP TABLE deposits;
DROP TABLE addresses;
DROP TABLE provider_documents;
DROP TABLE chain_cursors;
DROP TABLE ledger_postings;
DROP TABLE ledger_entries;
DROP TABLE tickets;
DROP TABLE orders;
DROP TABLE requests;
DROP TABLE genesis;
DROP TABLE log_lines;
DROP TABLE quotes;
DROP TABLE replies;
DROP TABLE entities;
DROP TABLE developers;
