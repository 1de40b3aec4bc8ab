-- +goose Up
-- Which keys and tokens were used, and which tokens were ended. Times are Unix milliseconds.
CREATE TABLE uses (
    pos       INTEGER PRIMARY KEY AUTOINCREMENT,
    id        TEXT NOT NULL UNIQUE,
    developer TEXT NOT NULL,
    entity    TEXT NOT NULL,
    key       TEXT NOT NULL,
    at        INTEGER NOT NULL,
    route     TEXT NOT NULL,
    code      TEXT NOT NULL,
    client    TEXT NOT NULL,
    request   TEXT NOT NULL
) STRICT;
CREATE INDEX uses_by_developer ON uses (developer, (key <> ''), pos);
CREATE INDEX uses_by_time ON uses (at);
CREATE TABLE revoked_tokens (
    id      TEXT PRIMARY KEY,
    expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE revoked_tokens;
DROP TABLE uses;
