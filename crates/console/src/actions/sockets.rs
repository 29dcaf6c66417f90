//! Closing open sockets of a key. The list of sockets posts the number of one; the page that is asked for first closes all.

use std::sync::Arc;

use async_trait::async_trait;
use keyward_authority::ActionError;
use keyward_authority::keys::{CloseSockets, WhichSockets};
use keyward_rules::id::KeyId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;

use super::exposed::{Exposed, FormStep, Operation, Question, Wanted};
use super::handlers::{operation_of, page_of};
use super::keys::operation;
use crate::api::{Caller, Given, Problem, parsed_id};
use crate::fields::Fields;
use crate::pages::person::SignedIn;
use crate::route::Routes;
use crate::shell::Shell;

/// The pages.
pub fn pages(routes: Routes) -> Routes {
    page_of::<CloseSockets>(routes)
}

/// The operations.
pub fn operations(api: OpenApiRouter<Shell>) -> OpenApiRouter<Shell> {
    operation_of::<CloseSockets>(api)
}

/// Which sockets to close.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SocketsToClose {
    /// One of them, by its number; left out, all open sockets of the key are closed.
    #[serde(default)]
    id: Option<u64>,
}

/// How many sockets were closed.
#[derive(Serialize, ToSchema)]
pub struct ClosedSockets {
    /// How many. A socket that ended by itself meanwhile does not count.
    closed: usize,
}

fn close(shell: &Shell, key: KeyId, which: WhichSockets) -> CloseSockets {
    CloseSockets { key, which, sockets: Arc::clone(&shell.settings().sockets) }
}

#[async_trait]
impl Exposed for CloseSockets {
    const PAGE: Question = Question {
        path: "/keys/{id}/sockets/close",
        title: "Close the sockets of this key?",
        button: "Close the sockets",
        danger: true,
        part: "keys",
    };
    const OPERATION: Operation = operation(
        "/api/v1/keys/{id}/sockets/close",
        "keys_close_sockets",
        "Close one or all open sockets of a key",
        "How many",
    );
    type Body = SocketsToClose;
    type Answer = ClosedSockets;

    async fn of_form(person: &SignedIn, id: &str, fields: &Fields) -> Result<FormStep<Self>, ActionError> {
        let key: KeyId = id.parse().map_err(|_| ActionError::NoKey)?;
        let which = match fields.get("socket") {
            "" => WhichSockets::All,
            number => WhichSockets::One(number.parse().map_err(|_| ActionError::NoSocket)?),
        };
        let effect = "Its program can connect again at once, as long as the key works. To keep it out, disable the key.";
        let page = format!("/keys/{key}");
        Ok(FormStep::Proof(Wanted {
            action: close(&person.shell, key, which),
            words: vec![effect.to_owned()],
            carried: Vec::new(),
            back: page.clone(),
            then: page,
        }))
    }

    fn of_body(caller: &Caller, id: &str, body: SocketsToClose) -> Result<(Self, Given), Problem> {
        let which = body.id.map_or(WhichSockets::All, WhichSockets::One);
        Ok((close(&caller.shell, parsed_id(id)?, which), Given::nothing()))
    }

    fn answer(closed: usize) -> ClosedSockets {
        ClosedSockets { closed }
    }
}
