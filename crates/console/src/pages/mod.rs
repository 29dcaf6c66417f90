//! The pages, a file for each place a person can be.

mod account_limits;
mod acting;
mod activity;
mod alerts;
pub mod approval_place;
mod approvals;
pub mod apps;
mod brake;
mod channel_choices;
mod channel_new;
mod channels;
pub mod confirm;
mod dev_components;
mod dev_mail;
mod environment;
pub mod field;
mod form_token;
mod found;
mod key;
mod key_actions;
mod key_download;
mod key_filter;
mod key_head;
mod key_limits;
mod key_links;
mod key_new;
mod key_settings;
mod key_sockets;
mod keys;
pub mod layout;
pub mod note;
mod operations;
mod overview;
mod palette;
mod passkeys;
pub mod person;
mod prove;
mod reach;
mod recover;
mod reference;
mod reframe;
mod register;
mod remedies;
mod review;
mod security;
mod sign_in;
mod signed_in;
mod stops;
mod sub_accounts;
mod thresholds;
mod totp;
mod trail;

pub use layout::{message, not_found};
pub use reframe::reframe;

use crate::actions;
use crate::route::{Routes, get, post, post_as_visitor, post_each};

/// All pages.
pub fn routes() -> Routes {
    Routes::default()
        .open("/", "leads to a page of the person, or to the door", get(overview::home))
        .route("/overview", get(overview::show))
        .route("/palette", get(palette::show))
        .route("/environment", post_each(environment::choose))
        .route("/acting", post_each(acting::choose))
        .open(
            "/sign-in",
            "the door itself: tries are counted",
            get(sign_in::show).and_post_each(sign_in::present),
        )
        .open(
            "/sign-in/factor",
            "the second half of signing in: a half session, tries are counted",
            get(sign_in::show_factor).and_post_as_visitor(sign_in::present_factor),
        )
        .open(
            "/sign-in/passkey",
            "the door itself: the question is ours, is answered once, and is counted by source",
            post_as_visitor(sign_in::present_passkey_alone),
        )
        .open(
            "/sign-in/passkey/options",
            "a question for a passkey: holds nothing of anybody, and is counted by source",
            post_each(sign_in::ask_passkey),
        )
        .route("/sign-out", post_each(sign_in::sign_out))
        .open(
            "/register",
            "a code by mail, counted by source",
            get(register::show).and_post_as_visitor(register::ask),
        )
        .open("/register/confirm", "a code by mail, counted by source", post_as_visitor(register::confirm))
        .open(
            "/recover",
            "a code by mail and the other factor, counted",
            get(recover::show).and_post_each(recover::ask),
        )
        .open(
            "/recover/passkey",
            "a question for a passkey: holds nothing of anybody, and is counted by source",
            post_each(recover::ask_passkey),
        )
        .open(
            "/recover/confirm",
            "a code by mail and the other factor, counted",
            post_as_visitor(recover::confirm),
        )
        .open(
            "/found",
            "a found key, counted by source; the answer tells nothing",
            get(found::show).and_post_each(found::take),
        )
        .route("/keys", get(keys::show))
        .route("/keys/new", get(key_new::show).and_post(key_new::submit))
        .route("/keys/check", post_each(key_new::check))
        .route("/keys/download", post_each(key_download::download))
        .route("/keys/reach", get(reach::show))
        .route("/keys/{id}", get(key::show).and_post(key_settings::edit))
        .route("/keys/{id}/settings", get(key_settings::show))
        .route("/keys/{id}/addresses", get(key_actions::show_addresses).and_post(key_actions::addresses))
        .route("/keys/{id}/limits", get(key_limits::show).and_post(key_limits::change))
        .route("/keys/{id}/rotate", get(key_actions::show_rotate).and_post(key_actions::rotate))
        .route("/limits", get(account_limits::show).and_post(account_limits::change))
        .route("/approvals", get(approvals::show))
        .route("/approvals/thresholds", get(thresholds::show).and_post(thresholds::change))
        .route("/review", get(review::show).and_post(review::finish))
        .route("/review/report.html", get(review::report))
        .route("/alerts", get(alerts::show).and_post(alerts::seen))
        .route("/sub-accounts", get(sub_accounts::list))
        .route("/sub-accounts/{id}", get(sub_accounts::show).and_post(sub_accounts::label))
        .route("/trail", get(trail::show))
        .route("/trail/{n}/proof", get(trail::proof))
        .route("/alerts/mine", post(alerts::mine))
        .route("/alerts/channels", get(channels::list))
        .route("/alerts/channels/new", get(channel_new::show).and_post(channel_new::submit))
        .route("/alerts/channels/{id}", get(channels::show).and_post(channels::change))
        .route("/alerts/channels/{id}/test", post_each(channels::test))
        .route("/alerts/channels/{id}/send-again", post(channels::send_again))
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
        .merge(activity::routes())
        .merge(actions::pages())
        .merge(apps::routes())
        .merge(operations::routes())
        .open(
            "/prove/{app}/{number}/{token}",
            "counts an address of the app that the token names, and nothing else",
            get(prove::prove),
        )
        .open(
            "/brake/{link}",
            "a signed link that can only disable",
            get(brake::show).and_post_as_visitor(brake::brake),
        )
        .open("/api", "the reference holds nothing of anybody", get(reference::show))
        .open(
            "/dev/components",
            "the sandbox's examples of every component; holds nothing of anybody, and a server has none",
            get(dev_components::show),
        )
        .open("/dev/mail", "the sandbox's mailbox; a server has none", get(dev_mail::show))
        .open("/dev/mail.json", "the sandbox's mailbox; a server has none", get(dev_mail::json))
        .open("/healthz", "says that the process lives", get(layout::health))
        .open("/readyz", "says that the store answers", get(layout::health))
}
