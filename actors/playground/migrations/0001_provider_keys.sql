CREATE TABLE provider_keys (
    provider TEXT NOT NULL PRIMARY KEY,
    sealed BLOB NOT NULL,  -- nonce and AES-256-GCM ciphertext; the provider is authenticated with it
    set_at INTEGER NOT NULL,  -- Unix seconds
    set_by TEXT NOT NULL,
    set_by_id TEXT NOT NULL
) STRICT;
