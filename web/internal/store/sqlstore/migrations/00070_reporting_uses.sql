-- +goose Up
-- When the reporting keys of a vault were last used, in Unix milliseconds. The keys themselves are in its log.
CREATE TABLE reporting_uses (
    entity TEXT NOT NULL,
    key    TEXT NOT NULL,
    at     INTEGER NOT NULL,
    PRIMARY KEY (entity, key)
) STRICT;

-- +goose Down
DROP TABLE reporting_uses;
