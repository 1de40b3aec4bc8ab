-- +goose Up
-- Those in the database came from the configuration: the next start compares
-- them with it.
ALTER TABLE developers ADD COLUMN made_by TEXT NOT NULL DEFAULT 'configuration' CHECK (made_by IN ('configuration', 'sandbox'));
ALTER TABLE developers ADD COLUMN disabled INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1));
ALTER TABLE entities ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
ALTER TABLE entities ADD COLUMN disabled INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1));
CREATE INDEX entities_by_developer ON entities (developer);
CREATE INDEX quotes_unpinned ON quotes (entity, expires) WHERE request IS NULL;
CREATE INDEX tickets_by_order ON tickets ("order");

-- +goose Down
DROP INDEX tickets_by_order;
DROP INDEX quotes_unpinned;
DROP INDEX entities_by_developer;
ALTER TABLE entities DROP COLUMN disabled;
ALTER TABLE entities DROP COLUMN version;
ALTER TABLE developers DROP COLUMN disabled;
ALTER TABLE developers DROP COLUMN made_by;
