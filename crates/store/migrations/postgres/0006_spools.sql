-- The spools of gateways whose records were taken in: up to which of them, how far the spool's replay horizon is known to have
-- come, and whether it is the one used last. The row without a name stands for a gateway without a spool, which writes here
-- itself.
CREATE TABLE spools (
    name TEXT PRIMARY KEY, upto BIGINT NOT NULL, until_ms BIGINT NOT NULL DEFAULT 0, latest BIGINT NOT NULL
);
