//! Action: choose the phrase that marks our mails, so that a forged one stands out.

use async_trait::async_trait;
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::id::AccountId;

use crate::{Action, ActionContext, ActionError, PendingAction};

const COLOURS: [&str; 16] = [
    "amber", "azure", "coral", "cobalt", "crimson", "emerald", "golden", "indigo", "ivory", "jade", "lilac",
    "olive", "pearl", "ruby", "silver", "violet",
];
const THINGS: [&str; 16] = [
    "anchor", "bridge", "candle", "compass", "falcon", "garden", "harbour", "kite", "lantern", "meadow",
    "orchard", "piano", "river", "sparrow", "thistle", "willow",
];

/// A phrase to begin with: it only has to differ from account to account.
pub(crate) fn suggest(entropy: [u8; 4]) -> String {
    let [colour, thing, high, low] = entropy;
    let word =
        |list: &[&'static str; 16], at: u8| list.get(usize::from(at % 16)).copied().unwrap_or_default();
    let number = u16::from_be_bytes([high, low]) % 900 + 100;
    format!("{} {} {number}", word(&COLOURS, colour), word(&THINGS, thing))
}

/// Choose the phrase that marks our mails.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChangePhrase {
    /// Of which account.
    pub account: AccountId,
    /// The phrase, as typed.
    pub phrase: String,
}

#[async_trait]
impl Action for ChangePhrase {
    type Reply = ();

    async fn plan(&self, _: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        let phrase = self.phrase.trim();
        Ok(PendingAction {
            action: ActionKind::ChangePhrase,
            facts: vec![("phrase", phrase.to_owned())],
            words: vec![format!("Mark our mails with “{phrase}”")],
        })
    }

    /// # Errors
    /// [`ActionError::Phrase`] unless it has 4 to 60 letters, digits, spaces and hyphens: no link and no number to call.
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let Self { account, phrase } = self;
        let phrase = phrase.trim();
        let plain = |symbol: char| symbol.is_alphanumeric() || symbol == ' ' || symbol == '-';
        let digits = phrase.chars().filter(|symbol| symbol.is_numeric()).count();
        let good = (4..=60).contains(&phrase.chars().count()) && phrase.chars().all(plain) && digits <= 4;
        if !good {
            return Err(ActionError::Phrase);
        }
        let grant = context.actor.may(ActionKind::ChangePhrase, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        tx.set_phrase(account, phrase).await?;
        let event = Event::of(tx.grant(), context.now, &format!("account:{account}"), &[]);
        tx.commit(event).await?;
        Ok(())
    }
}
