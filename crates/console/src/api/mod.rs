//! The management API: every page's action as JSON under `/api/v1`, for programs with a bearer token.
//!
//! A creation or loosening answers 403 `step_up_required` with a challenge; the same request with `step_up` filled in
//! then does it. A tightening takes the key's exact `name` and one `factor` or `passkey`; with neither it answers 403
//! `factor_required` with the question for a passkey, bound to that request.

mod account;
mod account_limits;
mod activity;
mod alerts;
mod app_forms;
mod app_reviews;
mod approvals;
mod apps;
mod body;
mod caller;
mod channel_forms;
mod channels;
mod described;
mod key_forms;
mod keys;
mod leaks;
mod operations;
mod operations_views;
mod passkey_question;
mod passkeys;
mod problem;
mod review;
mod sessions;
mod sockets;
mod sub_accounts;
mod trail;
mod views;

use axum::extract::DefaultBodyLimit;
use axum::routing::get;
use axum::{Json, Router};
use keyward_rules::limits::{LEAK_REPORT_BYTES, LOGO_BYTES, RANGE_TEXT_BYTES};
use utoipa::OpenApi;
use utoipa::openapi::schema::{AdditionalProperties, Schema};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{OpenApi as Document, RefOr};
use utoipa_axum::router::OpenApiRouter;

use self::described::routes;
use crate::actions;
use crate::shell::Shell;

pub use app_forms::{EditApp, NewApp};
pub use body::{Body, PasskeyAnswer, StepUp, parsed_id};
pub use caller::{Caller, Given};
pub use channel_forms::{ChannelChoices, ChannelTarget, Gathered, NewChannel, WhichAlerts};
pub use described::Described;
pub use key_forms::{
    Changed, Confirmed, DisabledAll, Enable, NewKeyBody, OneFactor, Purpose, Reach, Signals, StoppedAll,
};
pub use operations::reason;
pub use problem::{Problem, Problems};
pub use trail::RecordNumber;

/// Bytes of a body with a list of ranges, every line end of which JSON may write as two, with a picture, or with a report.
const LARGE_BODY_BYTES: usize = 640 * 1024;
const _: () = assert!(2 * RANGE_TEXT_BYTES < LARGE_BODY_BYTES && LOGO_BYTES < LARGE_BODY_BYTES);
const _: () = assert!(LEAK_REPORT_BYTES < LARGE_BODY_BYTES);

#[derive(OpenApi)]
#[openapi(
    components(schemas(problem::Document)),
    info(
        title = "Keyward management API",
        description = "API keys for an exchange: the actions of the console for programs. Send the token of `POST /api/v1/session` as `Authorization: Bearer …`. To act for a sub-account, send its id as `Keyward-Account: …`: keys, limits, activity and audit are then its own, and nothing else can be done."
    )
)]
struct Base;

/// What takes a list of ranges, a picture, or the report of a scanner.
fn large() -> OpenApiRouter<Shell> {
    OpenApiRouter::new()
        .routes(routes!(apps::history, apps::submit_set))
        .routes(routes!(apps::check))
        .routes(routes!(apps::logo, apps::set_logo))
        .routes(routes!(app_reviews::enter))
        .routes(routes!(leaks::report))
        .layer(DefaultBodyLimit::max(LARGE_BODY_BYTES))
}

fn described() -> OpenApiRouter<Shell> {
    actions::operations(OpenApiRouter::with_openapi(Base::openapi()))
        .routes(routes!(sessions::sign_in))
        .routes(routes!(sessions::second_factor))
        .routes(routes!(sessions::second_factor_options))
        .routes(routes!(sessions::passkey_options))
        .routes(routes!(sessions::passkey_sign_in))
        .routes(routes!(sessions::sign_out))
        .routes(routes!(sessions::list, sessions::end_others))
        .routes(routes!(sessions::end_one))
        .routes(routes!(account::register))
        .routes(routes!(account::confirm_registration))
        .routes(routes!(account::recover))
        .routes(routes!(account::recovery_options))
        .routes(routes!(account::confirm_recovery))
        .routes(routes!(account::show))
        .routes(routes!(account_limits::show, account_limits::change))
        .routes(routes!(sub_accounts::list))
        .routes(routes!(sub_accounts::show, sub_accounts::label))
        .routes(routes!(sub_accounts::invitations))
        .routes(routes!(account::phrase))
        .routes(routes!(account::password))
        .routes(routes!(account::email))
        .routes(routes!(account::confirm_email))
        .routes(routes!(account::propose_authenticator))
        .routes(routes!(account::enrol_authenticator, account::remove_authenticator))
        .routes(routes!(account::recovery_codes))
        .routes(routes!(passkeys::list, passkeys::add))
        .routes(routes!(passkeys::options))
        .routes(routes!(passkeys::rename, passkeys::remove))
        .routes(routes!(keys::list, keys::create))
        .routes(routes!(keys::show, keys::edit))
        .routes(routes!(keys::addresses))
        .routes(routes!(keys::show_limits, keys::limits))
        .routes(routes!(keys::signals))
        .routes(routes!(keys::rotate))
        .routes(routes!(keys::activity))
        .routes(routes!(keys::outlook))
        .routes(routes!(review::show, review::finish))
        .routes(routes!(review::list))
        .routes(routes!(sockets::list))
        .routes(routes!(activity::key_chart))
        .routes(routes!(activity::key_requests))
        .routes(routes!(activity::account_chart))
        .routes(routes!(alerts::list))
        .routes(routes!(approvals::list))
        .routes(routes!(approvals::show_thresholds, approvals::change_thresholds))
        .routes(routes!(alerts::seen))
        .routes(routes!(operations::take_set_up))
        .routes(routes!(operations::overview))
        .routes(routes!(operations::accounts))
        .routes(routes!(operations::account))
        .routes(routes!(operations::freeze_account))
        .routes(routes!(operations::keys))
        .routes(routes!(operations::key))
        .routes(routes!(operations::freeze_key))
        .routes(routes!(operations::stop_key))
        .routes(routes!(operations::audit))
        .routes(routes!(operations::audit_proof))
        .routes(routes!(operations::staff))
        .routes(routes!(operations::invite))
        .routes(routes!(operations::revoke))
        .routes(routes!(operations::policies))
        .routes(routes!(operations::tighten))
        .routes(routes!(operations::proposals, operations::propose))
        .routes(routes!(operations::proposal))
        .routes(routes!(operations::approve))
        .routes(routes!(operations::carry_out))
        .routes(routes!(operations::cancel))
        .routes(routes!(app_reviews::list))
        .routes(routes!(app_reviews::queue))
        .routes(routes!(app_reviews::show))
        .routes(routes!(app_reviews::logo))
        .routes(routes!(app_reviews::touched))
        .routes(routes!(app_reviews::read))
        .routes(routes!(app_reviews::reject))
        .routes(routes!(app_reviews::reject_set))
        .routes(routes!(app_reviews::freeze))
        .routes(routes!(app_reviews::demand))
        .routes(routes!(apps::list, apps::register))
        .routes(routes!(apps::show, apps::edit))
        .routes(routes!(apps::submit))
        .routes(routes!(apps::withdraw))
        .routes(routes!(apps::freeze))
        .routes(routes!(apps::choices))
        .routes(routes!(apps::choice_logo))
        .merge(large())
        .routes(routes!(trail::list))
        .routes(routes!(trail::proof))
        .routes(routes!(channels::list, channels::add))
        .routes(routes!(channels::show, channels::change))
        .routes(routes!(channels::test))
        .routes(routes!(channels::send_again))
        .routes(routes!(channels::deliveries))
}

/// The document, as it is served.
#[must_use]
pub fn document() -> Document {
    let (_, mut document) = described().split_for_parts();
    let bearer = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("bearer", bearer);
    components.schemas.values_mut().for_each(close_variants);
    document
}

/// Says of each variant of a schema that other members are refused; the derive says it of structs only.
fn close_variants(schema: &mut RefOr<Schema>) {
    let RefOr::T(Schema::OneOf(one_of)) = schema else { return };
    for variant in &mut one_of.items {
        if let RefOr::T(Schema::Object(object)) = variant
            && !object.properties.is_empty()
        {
            object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
        }
    }
}

/// The routes.
pub fn router() -> Router<Shell> {
    let (router, _) = described().split_for_parts();
    router
        .route("/api/v1/openapi.json", get(|| async { Json(document()) }))
        .route("/api/v1/{*rest}", axum::routing::any(problem::no_such_route))
        .method_not_allowed_fallback(problem::wrong_method)
}

#[cfg(test)]
mod tests {
    use super::document;

    /// The document is checked in, so that a change of the contract shows in a review.
    #[test]
    fn the_document_is_the_one_checked_in() {
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
        let now = format!("{:#}\n", serde_json::to_value(document()).unwrap());
        if !file.exists() {
            std::fs::write(&file, &now).unwrap();
            panic!("docs/openapi.json was missing and is written anew: look at it, and run the test again");
        }
        let kept = std::fs::read_to_string(&file).unwrap();
        assert!(
            kept == now,
            "docs/openapi.json is not what the code says: remove it and run this test again"
        );
    }

    #[test]
    fn every_operation_says_what_it_needs() {
        let value = serde_json::to_value(document()).unwrap();
        let open = [
            "/api/v1/session",
            "/api/v1/session/passkey",
            "/api/v1/session/passkey/options",
            "/api/v1/registrations",
            "/api/v1/registrations/{id}/confirm",
            "/api/v1/recoveries",
            "/api/v1/recoveries/{id}/passkey/options",
            "/api/v1/recoveries/{id}/confirm",
            "/api/v1/leaks",
        ];
        for (path, item) in value["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let public = open.contains(&path.as_str()) && method == "post";
                assert_eq!(operation["security"].is_array(), !public, "{method} {path}");
                assert!(operation["summary"].is_string(), "{method} {path}");
                assert!(operation["responses"]["422"].is_object(), "{method} {path}");
            }
        }
    }
}
