//! Actions on pages and in the API, each declared once: its words, its page, its operation in the document, its routes.
//!
//! An action that is one question belongs here: [`exposed::Exposed`] is all that it declares, and the handlers are the
//! same for all. Pages with forms of their own stay in `pages`; they call the same [`crate::pages::confirm::act`].

mod approvals;
mod apps;
mod channels;
mod exposed;
mod handlers;
mod keys;
mod selected_keys;
mod signals;
mod sockets;
mod sub_accounts;

use utoipa_axum::router::OpenApiRouter;

pub use sub_accounts::label_of;

use crate::route::Routes;
use crate::shell::Shell;

/// The routes of all pages here.
pub fn pages() -> Routes {
    let routes = approvals::pages(selected_keys::pages(keys::pages(Routes::default())));
    sub_accounts::pages(apps::pages(channels::pages(sockets::pages(signals::pages(routes)))))
}

/// The operations of all actions here.
pub fn operations(api: OpenApiRouter<Shell>) -> OpenApiRouter<Shell> {
    let api = approvals::operations(selected_keys::operations(keys::operations(api)));
    let api = sockets::operations(signals::operations(api));
    sub_accounts::operations(apps::operations(channels::operations(api)))
}
