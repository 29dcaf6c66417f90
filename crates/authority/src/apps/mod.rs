//! Third-party apps (product.md 4): what brokers register and submit, what operators review, what holders are told.
//!
//! Ranges are confidential. They leave here for the broker who owns them, and for an operator who reads a version, which
//! is an audit record of its own. Words that are mailed, logged or proposed count them and never name one.

mod activate;
mod decision;
mod findings;
mod freeze;
mod logo;
mod news;
mod profile;
mod proof_of_control;
mod prove;
mod ranges;
mod review;
mod successors;

pub use activate::retire_ranges;
pub(crate) use activate::{approval_words, approve_ranges, is_open};
pub use findings::Findings;
pub use freeze::{FreezeApp, ThawApp};
pub(crate) use freeze::{freeze_all, thaw_app};
pub use logo::{NotALogo, SentPicture};
pub use news::tell_app_news;
pub use profile::{AppDescription, EditApp, HomePage, NotAHomePage, RegisterApp, RejectApp, SubmitApp};
pub(crate) use profile::{verify_app, verify_words};
pub use proof_of_control::ProofOfControl;
pub use prove::{Progress, ProveControl, proof_token};
pub use ranges::{EnterRanges, RangeSubmission, RangesGo, SubmitRanges, WithdrawRanges, check_ranges};
pub use review::{ReadRanges, RejectRanges, Reviewed};
pub use successors::{DemandSuccessors, Preview, hold_demanded, preview};
pub(crate) use successors::{withdraw_demand, withdraw_words};

use keyward_rules::address::AddressSet;
use keyward_rules::app::{Difference, Size, VersionStanding};
use keyward_rules::id::AppId;
use keyward_rules::limits::RANGE_VERSIONS;
use keyward_store::{AppProfile, RangeVersion, Tx};

use crate::{ActionContext, ActionError};

/// The app, if it is the actor's own or the actor has a role; read outside a transaction, for a plan or a page.
async fn visible(context: &ActionContext<'_>, id: AppId) -> Result<AppProfile, ActionError> {
    let profile = context.authority.access.reader.app_profile(id).await?;
    profile.filter(|one| context.actor.scope().reaches(one.owner)).ok_or(ActionError::NoApp)
}

/// The same in the transaction that changes it.
async fn own(tx: &mut Tx, id: AppId) -> Result<AppProfile, ActionError> {
    tx.app_profile(id).await?.ok_or(ActionError::NoApp)
}

/// Refuses what loosens an app whose broker's account is frozen; taking away stays possible.
async fn refuse_frozen_owner(tx: &mut Tx, profile: &AppProfile) -> Result<(), ActionError> {
    let owner = tx.account(profile.owner).await?.ok_or(ActionError::NoAccount)?;
    crate::operators::frozen_now(tx, &owner).await
}

/// Its versions, newest first; those that count or wait are among them, however many there were.
async fn versions(tx: &mut Tx, id: AppId) -> Result<Vec<RangeVersion>, ActionError> {
    Ok(tx.range_versions(id, RANGE_VERSIONS).await?)
}

/// The one that is in force and has no end.
fn active(versions: &[RangeVersion]) -> Option<&RangeVersion> {
    versions.iter().find(|version| version.standing == VersionStanding::Active)
}

/// How much a set covers, in words that name no address.
#[must_use]
pub fn size_in_words(size: Size) -> String {
    let part = |count: usize, family: &str, covered: u64, of: (&str, &str)| {
        let of = if covered == 1 { of.0 } else { of.1 };
        let (ranges, covered) = (if count == 1 { "range" } else { "ranges" }, grouped(covered));
        (count > 0).then(|| format!("{count} {family} {ranges} ({covered} {of})"))
    };
    let parts = [
        part(size.v4_blocks, "IPv4", size.v4_addresses, ("address", "addresses")),
        part(size.v6_blocks, "IPv6", size.v6_networks, ("network of /64", "networks of /64")),
    ];
    let said: Vec<String> = parts.into_iter().flatten().collect();
    if said.is_empty() { "nothing".to_owned() } else { said.join(" and ") }
}

/// A number with a comma after each group of three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// What changes between two sets, in words that name no address.
fn change_in_words(change: &Difference) -> String {
    let (added, removed) = (Size::of(&change.added), Size::of(&change.removed));
    format!("It adds {} and takes away {}.", size_in_words(added), size_in_words(removed))
}

/// Tells one set from another without telling what is in it: keyed, because a range is short enough to be guessed.
fn print_of(context: &ActionContext<'_>, set: &AddressSet) -> String {
    let tag = context.authority.secrets.codes.tag("ranges", "", set.to_string().as_bytes());
    tag.as_bytes().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use keyward_rules::app::Size;

    use super::size_in_words;

    #[test]
    fn sizes_read_well() {
        let size = |v4_blocks, v4_addresses, v6_blocks, v6_networks| Size {
            v4_blocks,
            v4_addresses,
            v6_blocks,
            v6_networks,
        };
        for (size, words) in [
            (size(0, 0, 0, 0), "nothing"),
            (size(1, 1, 0, 0), "1 IPv4 range (1 address)"),
            (
                size(2, 1_256, 1, 1 << 32),
                "2 IPv4 ranges (1,256 addresses) and 1 IPv6 range (4,294,967,296 networks of /64)",
            ),
            (size(0, 0, 3, 100), "3 IPv6 ranges (100 networks of /64)"),
        ] {
            assert_eq!(size_in_words(size), words);
        }
    }
}
