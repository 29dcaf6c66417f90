//! Whether a gateway serves on the store already. A second one is refused at its start.

use keyward_store::{Location, Store};

use super::Finding;
use crate::config::Config;
use crate::{ambient, node};

const NODE: &str = "doctor.node";

/// Who serves on the store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Served {
    /// Nobody.
    No,
    /// A gateway on this machine.
    Here,
    /// A gateway on another machine.
    Elsewhere,
    /// It is not seen from here, or not yet.
    Unknown,
}

/// By the lock of a data folder; a database is asked once it is open.
pub fn folder(config: &Config) -> Served {
    match Location::parse(&config.store.url) {
        Ok(Location::Folder(folder)) if node::is_locked(&folder) => Served::Here,
        Ok(Location::Folder(_)) => Served::No,
        Ok(Location::Postgres(_)) | Err(_) => Served::Unknown,
    }
}

/// By the claim in a database.
pub async fn database(store: &Store) -> Served {
    if store.folder().is_some() {
        return Served::Unknown;
    }
    match store.node_claim().holder(ambient::now().unix_ms()).await {
        Ok(None) => Served::No,
        Ok(Some(place)) if ambient::is_over(&place) => Served::No,
        Ok(Some(place)) if ambient::is_here(&place) => Served::Here,
        Ok(Some(_)) => Served::Elsewhere,
        Err(_) => Served::Unknown,
    }
}

/// The finding; none where it is not known.
pub fn finding(served: Served) -> Option<Finding> {
    const ADVICE: &str = "Stop it before you start another; commands are fine beside it.";
    match served {
        Served::No => Some(Finding::good(NODE, "No gateway serves on this store at this moment.")),
        Served::Here => Some(Finding::note(NODE, "A gateway on this machine serves on this store.", ADVICE)),
        Served::Elsewhere => {
            Some(Finding::warning(NODE, "A gateway on another machine serves on this store.", ADVICE))
        }
        Served::Unknown => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Served, finding};
    use crate::doctor::Level;

    #[test]
    fn another_gateway_is_told_of() {
        for (served, expected) in [
            (Served::No, Some(Level::Ok)),
            (Served::Here, Some(Level::Note)),
            (Served::Elsewhere, Some(Level::Warning)),
            (Served::Unknown, None),
        ] {
            assert_eq!(finding(served).map(|one| one.level), expected, "{served:?}");
        }
    }
}
