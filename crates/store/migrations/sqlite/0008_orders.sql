-- What a request asked of the exchange in orders, transfers and withdrawals, and what the exchange answered to each of them: as
-- JSON (rules::orders). Null for other requests, and for those from before this step.
ALTER TABLE activity ADD COLUMN orders TEXT;
