-- +goose Up
-- Developers make entities of their own, and have limits by tier. Times are Unix milliseconds, 0 for none.
ALTER TABLE developers ADD COLUMN tier TEXT NOT NULL DEFAULT '';
ALTER TABLE entities ADD COLUMN made_by TEXT NOT NULL DEFAULT 'configuration';
ALTER TABLE entities ADD COLUMN external_id TEXT NOT NULL DEFAULT '';
ALTER TABLE entities ADD COLUMN type TEXT NOT NULL DEFAULT '';
ALTER TABLE entities ADD COLUMN created INTEGER NOT NULL DEFAULT 0;
ALTER TABLE entities ADD COLUMN updated INTEGER NOT NULL DEFAULT 0;
UPDATE entities SET made_by = (SELECT made_by FROM developers WHERE developers.id = entities.developer);
CREATE INDEX entities_by_external_id ON entities (developer, external_id) WHERE external_id <> '';

-- +goose Down
DROP INDEX entities_by_external_id;
ALTER TABLE entities DROP COLUMN updated;
ALTER TABLE entities DROP COLUMN created;
ALTER TABLE entities DROP COLUMN type;
ALTER TABLE entities DROP COLUMN external_id;
ALTER TABLE entities DROP COLUMN made_by;
ALTER TABLE developers DROP COLUMN tier;
