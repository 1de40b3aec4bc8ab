-- +goose Up
ALTER TABLE provider_documents ADD COLUMN tag TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE provider_documents DROP COLUMN tag;
