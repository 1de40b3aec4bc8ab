-- +goose Up
-- A developer has several API keys. Times are Unix milliseconds, 0 for none.
CREATE TABLE api_keys (
    pos       INTEGER PRIMARY KEY AUTOINCREMENT,
    id        TEXT NOT NULL UNIQUE,
    developer TEXT NOT NULL REFERENCES developers (id),
    name      TEXT NOT NULL,
    hash      BLOB NOT NULL CHECK (length(hash) = 32),
    hint      TEXT NOT NULL,
    scopes    TEXT NOT NULL,
    made_by   TEXT NOT NULL CHECK (made_by IN ('configuration', 'sandbox', 'developer', 'operator')),
    created   INTEGER NOT NULL,
    expires   INTEGER NOT NULL,
    used      INTEGER NOT NULL,
    revoked   INTEGER NOT NULL,
    replaces  TEXT NOT NULL
) STRICT;
CREATE INDEX api_keys_by_hash ON api_keys (developer, hash);
INSERT INTO api_keys (id, developer, name, hash, hint, scopes, made_by, created, expires, used, revoked, replaces)
SELECT 'key_' || lower(hex(randomblob(13))), id, 'First key', key_hash, '', 'tokens:developer tokens:entity read write entities keys', made_by, 0, 0, 0, 0, ''
FROM developers;
ALTER TABLE developers DROP COLUMN key_hash;

-- +goose Down
ALTER TABLE developers ADD COLUMN key_hash BLOB NOT NULL DEFAULT (zeroblob(32));
UPDATE developers SET key_hash = COALESCE((SELECT hash FROM api_keys WHERE developer = developers.id AND revoked = 0 ORDER BY pos LIMIT 1), zeroblob(32));
DROP TABLE api_keys;
