//! Whether what the exchange must be told of sub-accounts arrives.

use keyward_rules::identity::IdentityKey;
use keyward_rules::time::Moment;
use keyward_store::{NoticesWaiting, Store};

use super::Finding;
use crate::ambient;
use crate::config::Config;
use crate::exchange::LATE_MS;

const NOTICES: &str = "doctor.exchange.sub_accounts";
const AUTHORITY: &str = "doctor.exchange.ca_file";

/// The finding about `exchange.ca_file`; nothing where there is none.
pub fn authority(config: &Config) -> Option<Finding> {
    let file = config.exchange.ca_file.as_ref()?;
    // No key is needed to read a file; the one here signs nothing.
    Some(match config.exchange.client(IdentityKey::new(0, [0; 32])) {
        Ok(_) => Finding::good(AUTHORITY, format!("{} holds certificates.", file.display())),
        Err(problem) => Finding::refused(
            AUTHORITY,
            format!("The exchange that is told of sub-accounts cannot be verified: {problem:#}."),
            "Name a file in exchange.ca_file that holds the certificate of its authority in PEM.",
        ),
    })
}

/// The finding about the notices that wait; nothing where none waits and none is ever written.
pub async fn examine(config: &Config, store: &Store) -> Option<Finding> {
    let waiting = store.exchange_notices().waiting().await.ok()?;
    judge(config.exchange.sub_accounts_url.is_some(), waiting, ambient::now())
}

fn judge(is_told: bool, waiting: NoticesWaiting, now: Moment) -> Option<Finding> {
    let waited_ms = waiting.oldest.map_or(0, |oldest| now.ms_since(oldest));
    let (count, late, minutes) = (waiting.count, waited_ms >= LATE_MS, waited_ms / 60_000);
    match (is_told, late) {
        (false, _) if count == 0 => None,
        (false, _) => Some(Finding::warning(
            NOTICES,
            format!("{count} notices about sub-accounts wait, and exchange.sub_accounts_url is not set."),
            "Set it again. Sub-accounts that are being closed stay as they are until the exchange has answered.",
        )),
        (true, true) => Some(Finding::warning(
            NOTICES,
            format!(
                "{count} notices about sub-accounts wait for the exchange, the oldest for {minutes} minutes."
            ),
            "Check that a gateway runs, and why the exchange does not take them: the log has its answers. They are sent \
             again until it does (docs/operating/sub-accounts.md).",
        )),
        (true, false) => Some(Finding::good(NOTICES, "The exchange takes the notices about sub-accounts.")),
    }
}

#[cfg(test)]
mod tests {
    use keyward_rules::time::Moment;
    use keyward_store::NoticesWaiting;

    use super::judge;
    use crate::doctor::Level;
    use crate::exchange::LATE_MS;

    #[test]
    fn notices_that_wait_long_are_told() {
        let now = Moment::from_unix_ms(1_800_000_000_000);
        let since =
            |ms: u64| NoticesWaiting { count: 2, oldest: Some(Moment::from_unix_ms(now.unix_ms() - ms)) };
        let level = |is_told, waiting| judge(is_told, waiting, now).map(|finding| finding.level);
        assert_eq!(level(true, NoticesWaiting::default()), Some(Level::Ok));
        assert_eq!(level(true, since(LATE_MS - 1)), Some(Level::Ok));
        assert_eq!(level(true, since(LATE_MS)), Some(Level::Warning));
        assert_eq!(level(false, NoticesWaiting::default()), None);
        assert_eq!(level(false, since(0)), Some(Level::Warning));
    }
}
