//! The pages, a file for each place a person can be.

mod activity;
mod alerts;
mod apps;
mod brake;
mod channel_choices;
mod channel_new;
mod channels;
mod confirm;
mod dev_mail;
mod field;
mod key;
mod key_actions;
mod key_download;
mod key_new;
mod keys;
mod layout;
mod note;
mod operations;
mod passkeys;
mod person;
mod prove;
mod recover;
mod reference;
mod reframe;
mod register;
mod security;
mod sign_in;
mod stops;
mod totp;
mod trail;

pub use layout::{message, not_found};
pub use reframe::reframe;

use axum::Router;
use axum::response::Redirect;

use crate::route::{AndPost as _, get, post, post_as_visitor, post_each};
use crate::shell::Shell;

/// All pages.
pub fn router() -> Router<Shell> {
    Router::new()
        .route("/", get(|| async { Redirect::to("/keys") }))
        .route("/sign-in", get(sign_in::show).and_post_each(sign_in::present))
        .route("/sign-in/factor", get(sign_in::show_factor).and_post_as_visitor(sign_in::present_factor))
        .route("/sign-in/passkey", post_as_visitor(sign_in::present_passkey_alone))
        .route("/sign-in/passkey/options", post_each(sign_in::ask_passkey))
        .route("/sign-out", post_each(sign_in::sign_out))
        .route("/register", get(register::show).and_post_as_visitor(register::ask))
        .route("/register/confirm", post_as_visitor(register::confirm))
        .route("/recover", get(recover::show).and_post_each(recover::ask))
        .route("/recover/passkey", post_each(recover::ask_passkey))
        .route("/recover/confirm", post_as_visitor(recover::confirm))
        .route("/keys", get(keys::show))
        .route("/keys/new", get(key_new::show).and_post(key_new::submit))
        .route("/keys/check", post_each(key_new::check))
        .route("/keys/download", post_each(key_download::download))
        .route("/keys/disable-all", get(key_actions::show_disable_all).and_post(key_actions::disable_all))
        .route("/keys/{id}", get(key::show).and_post(key::edit))
        .route("/activity", get(activity::account))
        .route("/keys/{id}/activity", get(activity::key))
        .route("/keys/{id}/activity/export", get(activity::export))
        .route("/keys/{id}/addresses", get(key_actions::show_addresses).and_post(key_actions::addresses))
        .route("/keys/{id}/disable", get(key_actions::show_disable).and_post(key_actions::disable))
        .route("/keys/{id}/enable", get(key_actions::show_enable).and_post(key_actions::enable))
        .route("/keys/{id}/rotate", get(key_actions::show_rotate).and_post(key_actions::rotate))
        .route("/keys/{id}/end-overlap", get(key_actions::show_overlap).and_post(key_actions::overlap))
        .route("/keys/{id}/leaked", get(key_actions::show_leaked).and_post(key_actions::leaked))
        .route("/keys/{id}/delete", get(key_actions::show_delete).and_post(key_actions::delete))
        .route("/alerts", get(alerts::show).and_post(alerts::seen))
        .route("/trail", get(trail::show))
        .route("/trail/{n}/proof", get(trail::proof))
        .route("/alerts/channels", get(channels::list))
        .route("/alerts/channels/new", get(channel_new::show).and_post(channel_new::submit))
        .route("/alerts/channels/{id}", get(channels::show).and_post(channels::change))
        .route("/alerts/channels/{id}/test", post_each(channels::test))
        .route("/alerts/channels/{id}/send-again", post(channels::send_again))
        .route("/alerts/channels/{id}/remove", get(channels::show_remove).and_post(channels::remove))
        .route("/security", get(security::show))
        .route("/security/phrase", post(security::phrase))
        .route("/security/password", get(security::show_password).and_post(security::password))
        .route("/security/email", get(security::show_email).and_post(security::email))
        .route("/security/email/confirm", post(security::confirm_email))
        .route("/security/authenticator", get(totp::show).and_post(totp::submit))
        .route("/security/authenticator/off", get(totp::show_off).and_post(totp::off))
        .route("/security/passkeys/new", get(passkeys::show_new).and_post(passkeys::submit))
        .route("/security/passkeys/{id}/rename", get(passkeys::show_rename).and_post(passkeys::rename))
        .route("/security/passkeys/{id}/remove", get(passkeys::show_remove).and_post(passkeys::remove))
        .route("/security/recovery-codes", get(totp::show_codes).and_post(totp::codes))
        .route("/security/sessions/end", post(security::end_session))
        .route("/security/sessions/end-others", post_each(security::end_others))
        .merge(apps::router())
        .merge(operations::router())
        .route("/prove/{app}/{number}/{token}", get(prove::prove))
        .route("/brake/{link}", get(brake::show).and_post_as_visitor(brake::brake))
        .route("/api", get(reference::show))
        .route("/dev/mail", get(dev_mail::show))
        .route("/dev/mail.json", get(dev_mail::json))
        .route("/healthz", get(layout::health))
        .route("/readyz", get(layout::health))
}
