-- +goose Up
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

-- What an older version knew: the addresses of accounts and requests, and one
-- deposit for each completed order. An address with a wrong attestation is not
-- the vault's.
INSERT OR IGNORE INTO addresses (chain, address, entity, account, request, balance, swept)
    SELECT json_extract(a.value, '$.chain'), lower(json_extract(a.value, '$.address')), g.entity, json_extract(a.value, '$.account'), '', '0', -1
    FROM genesis g, json_each(g.doc, '$.accounts') a;
INSERT OR IGNORE INTO addresses (chain, address, entity, account, request, balance, swept)
    SELECT json_extract(doc, '$.Body.intent.chain'), lower(json_extract(doc, '$.Body.intent.address')), entity, json_extract(doc, '$.Account'), id, '0', -1
    FROM requests WHERE json_extract(doc, '$.Verified');
INSERT INTO deposits (id, chain, asset, tx, idx, address, block, block_hash, state, entity, account, doc)
    SELECT 'dep_' || substr(id, 5), chain, json_extract(doc, '$.Intent.crypto.asset'), json_extract(doc, '$.TxHash'), -1, lower(json_extract(doc, '$.Address')), 0, '',
        'final', entity, json_extract(doc, '$.Account'), json_object(
            'ID', 'dep_' || substr(id, 5), 'Chain', chain, 'Asset', json_extract(doc, '$.Intent.crypto.asset'), 'Tx', json_extract(doc, '$.TxHash'), 'Index', -1,
            'Address', lower(json_extract(doc, '$.Address')), 'Amount', json_extract(doc, '$.Delivered'), 'Block', 0, 'BlockHash', '',
            'At', json_extract(doc, '$.DeliveredAt'), 'Seen', json_extract(doc, '$.DeliveredAt'), 'State', 'final', 'Entity', entity,
            'Account', json_extract(doc, '$.Account'), 'Request', request, 'Order', id, 'Entry', 'ent_' || substr(id, 5))
    FROM orders WHERE state = 'completed' AND json_extract(doc, '$.Delivered') <> '';

-- +goose Down
DROP TABLE chain_blocks;
DROP TABLE deposits;
DROP TABLE addresses;
