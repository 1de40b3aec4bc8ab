-- +goose Up
-- The rates that came with requests, as the signers' logs have them, and the entries of an account by time.
CREATE TABLE rates (
    entity   TEXT NOT NULL,
    seq      INTEGER NOT NULL,
    account  TEXT NOT NULL,
    source   TEXT NOT NULL,
    asset    TEXT NOT NULL,
    currency TEXT NOT NULL,
    rate     TEXT NOT NULL,
    at       INTEGER NOT NULL,
    PRIMARY KEY (entity, seq)
) STRICT;
CREATE INDEX rates_by_time ON rates (entity, account, at);
CREATE INDEX ledger_entries_by_account ON ledger_entries (entity, account, at, pos);
CREATE INDEX deposits_by_chain ON deposits (chain, pos);

-- +goose Down
DROP INDEX deposits_by_chain;
DROP INDEX ledger_entries_by_account;
DROP TABLE rates;
