//! Why a request is not done, in OKX's codes.

use keyward_api::sub_accounts::EndpointReply;
use keyward_authority::{ActionError, ErrorKind};
use keyward_rules::account::SubAccountName;
use keyward_rules::denial::Denial;
use keyward_rules::id::ApprovalId;
use keyward_rules::key::KeyRefusal;
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
                EndpointReply::waiting(&names)
            }
            Self::Action(error) => EndpointReply::refused(&of_action(&error)),
        }
    }
}

fn of_action(error: &ActionError) -> EndpointRefusal {
    use EndpointRefusal as Refusal;
    if error.is_of_a_lost_right() {
        return Refusal::Held("This API key may no longer administer sub-accounts.".to_owned());
    }
    if let ActionError::Key(refusal) = error {
        return of_key(*refusal);
    }
    match error.code() {
        "no_key" | "canary" | "key_ended" => Refusal::NoKey,
        "no_sub_account" => Refusal::NoSubAccount,
        // Of a key, it is refused above.
        "name_taken" => Refusal::SubAccountTaken,
        "too_many_sub_accounts" => Refusal::TooManySubAccounts,
        "frozen" | "cooling" | "two_factor_off" => Refusal::Held(error.for_people()),
        _ if matches!(error.kind(), ErrorKind::Broken | ErrorKind::TooMuch) => {
            error!(problem = error.for_the_log(), "a request about sub-accounts cannot be carried out");
            Refusal::Unavailable
        }
        _ => Refusal::Rule(error.for_people()),
    }
}

fn of_key(refusal: KeyRefusal) -> EndpointRefusal {
    use EndpointRefusal as Refusal;
    match refusal {
        KeyRefusal::TooMany => Refusal::TooManyKeys,
        KeyRefusal::NameTaken | KeyRefusal::NameAlike => Refusal::LabelTaken,
        KeyRefusal::WideRange => Refusal::Wrong("ip", refusal.to_string()),
        KeyRefusal::PassphraseTaken
        | KeyRefusal::WithdrawUnbound
        | KeyRefusal::ManageUnbound
        | KeyRefusal::ManageOfSub
        | KeyRefusal::BeyondCap(_)
        | KeyRefusal::CanaryRights
        | KeyRefusal::Expired => Refusal::Rule(refusal.to_string()),
    }
}
