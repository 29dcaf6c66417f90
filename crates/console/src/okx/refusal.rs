//! Why a request is not done, in OKX's codes.

use keyward_api::okx::waiting_for;
use keyward_api::sub_accounts::EndpointReply;
use keyward_authority::{ActionError, ErrorKind};
use keyward_rules::account::SubAccountName;
use keyward_rules::denial::Denial;
use keyward_rules::id::ApprovalId;
use keyward_rules::key::{KeyRefusal, LifecycleError};
use keyward_rules::okx::sub_accounts::EndpointRefusal;
use tracing::error;

/// A request that is not done.
pub enum Refused {
    /// A rule of the endpoint.
    Endpoint(EndpointRefusal),
    /// An approval, as transfers have them.
    Denied(Denial),
    /// Several approvals, each of a sub-account.
    Waiting(Vec<(ApprovalId, SubAccountName)>),
    /// An action.
    Action(Box<ActionError>),
}

/// An action that was not done.
pub fn refusal(error: ActionError) -> Refused {
    Refused::Action(Box::new(error))
}

impl Refused {
    /// The answer.
    pub fn into_reply(self) -> EndpointReply {
        match self {
            Self::Endpoint(refusal) => EndpointReply::refused(&refusal),
            Self::Denied(denial) => EndpointReply::denied(&denial),
            Self::Waiting(all) => {
                let names: Vec<(ApprovalId, &str)> =
                    all.iter().map(|(id, name)| (*id, name.as_str())).collect();
                EndpointReply { status: 200, code: "90450", body: waiting_for(&names) }
            }
            Self::Action(error) => EndpointReply::refused(&of_action(&error)),
        }
    }
}

fn of_action(error: &ActionError) -> EndpointRefusal {
    use EndpointRefusal as Refusal;
    match error {
        ActionError::Key(KeyRefusal::TooMany) => Refusal::TooManyKeys,
        ActionError::Key(KeyRefusal::NameTaken | KeyRefusal::NameAlike) => Refusal::LabelTaken,
        ActionError::Key(wide @ KeyRefusal::WideRange) => Refusal::Wrong("ip", wide.to_string()),
        ActionError::NoKey | ActionError::Canary | ActionError::Life(LifecycleError::Ended) => Refusal::NoKey,
        lost if lost.is_of_a_lost_right() => {
            Refusal::Held("This API key may no longer administer sub-accounts.".to_owned())
        }
        ActionError::NoSubAccount => Refusal::NoSubAccount,
        ActionError::SubAccountNameTaken => Refusal::SubAccountTaken,
        ActionError::TooManySubAccounts => Refusal::TooManySubAccounts,
        ActionError::Frozen | ActionError::Cooling | ActionError::TwoFactorOff => {
            Refusal::Held(error.for_people())
        }
        other if other.kind() == ErrorKind::Broken || other.kind() == ErrorKind::TooMuch => {
            error!(problem = other.for_the_log(), "a request about sub-accounts cannot be carried out");
            Refusal::Unavailable
        }
        other => Refusal::Rule(other.for_people()),
    }
}
