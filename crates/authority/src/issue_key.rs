//! Action: issue a key. Its three credentials leave here once and are kept nowhere.

use keyward_rules::event::Event;
use keyward_rules::grant::Action;
use keyward_rules::id::{AccountId, KeyId};
use keyward_rules::key::{HmacState, KeySpec, Owner, Passphrase, SecretKey, Sibling};
use keyward_store::KeyDraft;

use crate::{ActionError, Desk};

/// What somebody asks for.
pub struct KeyWish {
    /// Whose key.
    pub account: AccountId,
    /// What key.
    pub spec: KeySpec,
    /// Its passphrase.
    pub passphrase: Passphrase,
}

/// The one answer that shows the credentials.
pub struct Issued {
    /// The public API key.
    pub id: KeyId,
    /// The secret key; the store keeps only a state derived from it.
    pub secret: SecretKey,
    /// The passphrase, as chosen.
    pub passphrase: Passphrase,
    /// What was made.
    pub spec: KeySpec,
}

/// Makes the key, by all rules of product.md 3.1.
///
/// # Errors
/// [`ActionError::NoAccount`], [`ActionError::Key`] by rule.
pub async fn issue_key(desk: &Desk<'_>, wish: KeyWish) -> Result<Issued, ActionError> {
    let grant = desk.actor.may(Action::IssueKey)?;
    let mut tx = desk.writer.begin(grant, desk.now).await?;
    let account = tx.account(wish.account).await?.ok_or(ActionError::NoAccount)?;
    let siblings: Vec<Sibling> = tx.keys_of(account.id).await?.iter().map(|key| key.as_sibling()).collect();
    let tag = desk.passphrases.tag(account.id, wish.passphrase.expose().as_bytes());
    let owner = if account.master().is_some() { Owner::Sub } else { Owner::Master };
    wish.spec.check(&tag, &siblings, owner, desk.policy, desk.now)?;

    let id = KeyId::from_entropy(desk.random());
    let secret = SecretKey::from_entropy(desk.random());
    tx.insert_key(KeyDraft {
        id,
        account: account.id,
        master: account.master(),
        name: wish.spec.name.clone(),
        permissions: wish.spec.permissions,
        binding: wish.spec.binding.clone(),
        environment: wish.spec.environment,
        expires_at: wish.spec.expires_at,
        passphrase: tag,
        hmac: HmacState::from_key(secret.expose().as_bytes()),
    })
    .await?;
    let facts = [
        ("account", account.id.to_string()),
        ("environment", wish.spec.environment.to_string()),
        ("expires_at", wish.spec.expires_at.map_or_else(|| "never".to_owned(), |end| end.to_string())),
        ("name", wish.spec.name.to_string()),
        ("permissions", wish.spec.permissions.to_string()),
        ("where", crate::questions::reach_in_words(&wish.spec.binding)),
    ];
    let event = Event::of(tx.grant(), desk.now, &format!("key:{id}"), &facts);
    tx.commit(event).await?;
    Ok(Issued { id, secret, passphrase: wish.passphrase, spec: wish.spec })
}
