//! Whether the receivers of alerts can be verified: the file of their authority.

use super::Finding;
use crate::config::Config;

const AUTHORITY: &str = "doctor.channels.ca_file";

/// The finding about `channels.ca_file`; nothing where there is none.
pub fn examine(config: &Config) -> Option<Finding> {
    let file = config.channels.ca_file.as_ref()?;
    Some(match config.channels.client() {
        Ok(_) => Finding::good(AUTHORITY, format!("{} holds certificates.", file.display())),
        Err(problem) => Finding::refused(
            AUTHORITY,
            format!("The receivers of alerts cannot be verified: {problem:#}."),
            "Name a file in channels.ca_file that holds the certificate of their authority in PEM.",
        ),
    })
}
