//! What the system does by itself, each duty with the rights of its own name.

mod announcements;
mod channels;
mod cooling;
mod exchange;
mod interrupted;
mod overlaps;
mod raise;
mod remind;
mod remind_reviews;
mod secret_prints;
mod signals;
mod sweep;
mod unfinished;

pub use crate::apps::{hold_demanded, retire_ranges, tell_app_news};
pub use announcements::tell_announcement;
pub use channels::pause_channels;
pub use cooling::{end_cooling, end_new_devices};
pub use exchange::{closing_answered, tell_exchange_of_untold};
pub use interrupted::tell_interrupted;
pub use overlaps::end_overlaps;
pub use raise::{
    accounts_at_once, note_first_networks, raise_accounts_at_once, raise_keys_tried, raise_sighting,
};
pub(crate) use raise::{raise_altered_role, raise_to};
pub use remind::remind_holders;
pub use remind_reviews::remind_reviews;
pub use secret_prints::fill_secret_prints;
pub use signals::{Raised, raise_signals};
pub use sweep::{Swept, sweep_keys};
pub(crate) use unfinished::once_a_day;
pub use unfinished::tell_unfinished;
