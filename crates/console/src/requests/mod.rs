//! Requests that a form and the API can both make: one file reads and judges the fields of both.
//!
//! A file has a plain struct of what came in. `of_form` makes it from the fields of a form, and `of_body` or `From` makes
//! it from the JSON body. Then `read` judges every field and collects all errors. Where forms and JSON differ on purpose,
//! the difference is a field of the struct with a comment that says why.
//!
//! Leaves to others: how a page shows the errors (`pages`), how the API answers (`api`), and the rules themselves
//! (`keyward_rules` and the authority).

mod app;
mod binding;
mod channel;
mod field_errors;
mod limits;
mod new_key;
mod ranges;

pub use app::AppRequest;
pub use binding::{entries, reach_of_form, read_binding};
pub use channel::{ChannelRequest, NewChannelRequest};
pub use field_errors::FieldErrors;
pub use limits::{FormFault, LimitsForm, NUMBERS, Number, limits_of_form, read_limits};
pub use new_key::{NewKeyRequest, read_tags};
pub use ranges::{RangesRequest, bad_ranges};
