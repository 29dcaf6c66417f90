-- Whether keys of a sub-account may transfer funds to other sub-accounts of the same master (1) or to the master account only (0).
ALTER TABLE sub_accounts ADD COLUMN transfer_out BIGINT NOT NULL DEFAULT 0;
