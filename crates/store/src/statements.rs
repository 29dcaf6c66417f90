//! Every statement of the store, for the tests that look at all of them.

use crate::open::Store;

/// Every statement of the store by file; a test prepares each on both databases.
pub const STATEMENTS: &[(&str, &[(&str, &str)])] = &[
    ("accounts", crate::accounts::STATEMENTS),
    ("acting", crate::acting::STATEMENTS),
    ("activity", crate::activity::STATEMENTS),
    ("alerts", crate::alerts::STATEMENTS),
    ("announcements", crate::announcements::STATEMENTS),
    ("app_keys", crate::app_keys::STATEMENTS),
    ("apps", crate::apps::STATEMENTS),
    ("asked", crate::asked::STATEMENTS),
    ("baselines", crate::baselines::STATEMENTS),
    ("brokers", crate::brokers::STATEMENTS),
    ("ranges", crate::ranges::STATEMENTS),
    ("channels", crate::channels::STATEMENTS),
    ("charts", crate::charts::STATEMENTS),
    ("deliveries", crate::deliveries::STATEMENTS),
    ("door", crate::door::STATEMENTS),
    ("exchange_notices", crate::exchange_notices::STATEMENTS),
    ("feed", crate::feed::STATEMENTS),
    ("head", crate::head::STATEMENTS),
    ("journal", crate::journal::STATEMENTS),
    ("keys", crate::keys::STATEMENTS),
    ("log", crate::log::STATEMENTS),
    ("rows", crate::log::rows::STATEMENTS),
    ("names", crate::names::STATEMENTS),
    ("newer", crate::newer::STATEMENTS),
    ("node", crate::node::STATEMENTS),
    ("notes", crate::notes::STATEMENTS),
    ("outbox", crate::outbox::STATEMENTS),
    ("overseen", crate::overseen::STATEMENTS),
    ("passkeys", crate::passkeys::STATEMENTS),
    ("people", crate::people::STATEMENTS),
    ("account_limits", crate::account_limits::STATEMENTS),
    ("policies", crate::policies::STATEMENTS),
    ("proposals", crate::proposals::STATEMENTS),
    ("request", crate::request::STATEMENTS),
    ("retention", crate::retention::STATEMENTS),
    ("reviews", crate::reviews::STATEMENTS),
    ("root", crate::seal::ROOT_STATEMENTS),
    ("seal", crate::seal::STATEMENTS),
    ("secret_prints", crate::secret_prints::STATEMENTS),
    ("sessions", crate::sessions::STATEMENTS),
    ("spool", crate::spool::STATEMENTS),
    ("staff", crate::staff::STATEMENTS),
    ("sub_accounts", crate::sub_accounts::STATEMENTS),
    ("thresholds", crate::thresholds::STATEMENTS),
    ("transfer_sums", crate::thresholds::sums::STATEMENTS),
    ("request_approvals", crate::request_approvals::STATEMENTS),
    ("usage", crate::usage::STATEMENTS),
];

/// The files whose statements are the journal's, which SQLite keeps in a file of its own.
const OF_THE_JOURNAL: [&str; 7] = ["journal", "retention", "activity", "newer", "request", "charts", "spool"];

impl Store {
    /// Asks the database to plan every statement of the registry; gives the names of those it refuses.
    #[doc(hidden)]
    pub async fn refused_statements(&self) -> Vec<&'static str> {
        let mut refused = Vec::new();
        for (file, statements) in STATEMENTS {
            let database = if OF_THE_JOURNAL.contains(file) { &self.activity } else { &self.main };
            for (name, text) in *statements {
                if database.prepare(text).await.is_err() {
                    refused.push(*name);
                }
            }
        }
        refused
    }
}
