//! `--extra-keys N`: many ordinary keys over many accounts, for tests of scale.

use std::io::{BufRead as _, BufReader, IsTerminal as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use keyward_authority::Settings;
use keyward_rules::address::Binding;
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Actor, Proof};
use keyward_rules::id::{AccountId, KeyId};
use keyward_rules::key::{Environment, HmacState, KeyName, SecretKey};
use keyward_rules::limits::KEYS_PER_ACCOUNT;
use keyward_store::{AccountKind, AccountRecord, KeyDraft, Store};
use serde_json::json;

use super::passphrase::passphrase;
use crate::{ambient, node, output};

/// Keys in one transaction.
const BATCH: u64 = 20_000;

/// Makes keys until there are `wanted`, counted by the lines beside the credentials file.
pub async fn top_up(store: &Store, wanted: u64, credentials: Option<&Path>) -> Result<()> {
    let Some(credentials) = credentials.filter(|_| wanted > 0) else { return Ok(()) };
    let file = PathBuf::from(format!("{}.extra.jsonl", credentials.display()));
    let present = match std::fs::File::open(&file) {
        Ok(open) => BufReader::new(open).lines().count() as u64,
        Err(_) => 0,
    };
    let mut options = std::fs::OpenOptions::new();
    let mut lines = std::io::BufWriter::new(options.append(true).create(true).mode(0o600).open(&file)?);
    let mut made = present;
    while made < wanted {
        let count = BATCH.min(wanted - made);
        batch(store, count, &mut lines).await?;
        made += count;
        if std::io::stderr().is_terminal() {
            output::progress(format_args!("\rmaking extra keys: {made} of {wanted}"));
        }
    }
    if present < wanted && std::io::stderr().is_terminal() {
        output::note("");
    }
    lines.flush().context("the extra keys' file cannot be written")
}

async fn batch(store: &Store, count: u64, lines: &mut impl std::io::Write) -> Result<()> {
    let authority = node::authority(store, Settings::default());
    let context = authority.context(Actor::System("sandbox"), ambient::now());
    let (entropy, passphrases) = (ambient::entropy(), &authority.secrets.passphrases);
    let (mut accounts, mut drafts) = (Vec::new(), Vec::new());
    let mut owner = AccountId::from_entropy(ambient::random_u64().to_be_bytes());
    for number in 0..count {
        if number.is_multiple_of(KEYS_PER_ACCOUNT as u64) {
            owner = AccountId::from_entropy(ambient::random_u64().to_be_bytes());
            let email = keyward_rules::account::Email::parse(&format!("extra-{owner}@keyward.example"))?;
            let kind = AccountKind::Master(email);
            accounts.push(AccountRecord { id: owner, kind, created_at: context.now });
        }
        let (mut id, mut secret) = ([0; 16], [0; 32]);
        entropy(&mut id);
        entropy(&mut secret);
        let (id, secret, phrase) = (KeyId::from_entropy(id), SecretKey::from_entropy(secret), passphrase()?);
        drafts.push(KeyDraft {
            id,
            account: owner,
            master: None,
            name: KeyName::parse(&format!("extra {number}"))?,
            permissions: "read,trade".parse()?,
            binding: Binding::Anywhere,
            environment: Environment::Live,
            expires_at: None,
            new_device_until: None,
            rate_cap: None,
            fences: None,
            passphrase: passphrases.tag(owner, phrase.expose().as_bytes()),
            hmac: HmacState::from_key(secret.expose().as_bytes()),
        });
        let line = json!({"api_key": id.to_string(), "secret": secret.expose(), "passphrase": phrase.expose(),
            "account": owner.to_string()});
        writeln!(lines, "{line}")?;
    }
    let grant = context.actor.may(ActionKind::SeedSandbox, Proof::None)?;
    let event = Event::of(&grant, context.now, "keys", &[("extra", count.to_string())]);
    Ok(authority.access.writer.insert_many((grant, context.now), accounts, drafts, event).await?)
}
