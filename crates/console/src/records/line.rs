//! A record as a line: who did what to what, in a sentence, and the parts that stand behind it.

use keyward_authority::Names;
use keyward_authority::questions::TrailView;
use keyward_rules::channel::ChannelId;
use keyward_rules::id::{AccountId, AppId, KeyId};
use keyward_rules::trail::{Entry, RecordKind};

use super::deed::deed;
use super::fact::{Fact, facts_in_words};
use crate::assets::icon;
use crate::words::{When, record_title};

/// Who reads the records.
#[derive(Clone, Copy)]
pub enum Audience {
    /// The holder of this account, their own ones.
    Holder(AccountId),
    /// Operators and auditors, all of them.
    Staff,
}

/// What a record is about.
pub struct Subject {
    /// Its name, or its kind and id where there is no name to show.
    pub text: String,
    /// Its page; empty where the reader has none.
    pub page: String,
    /// The beginning of a key's id, which tells keys of one name apart; empty for everything else.
    pub short: String,
    /// Whether the text is an id and no name.
    pub raw: bool,
}

/// A record of a list.
pub struct Line {
    /// Its number.
    pub n: u64,
    /// When.
    pub at: When,
    /// The icon of its kind, as HTML.
    pub icon: String,
    /// Who did it, as the beginning of the sentence; empty where the title stands instead of a sentence.
    pub who: String,
    /// The page of who did it; empty without one.
    pub who_page: String,
    /// What stands between who and what.
    pub before: String,
    /// To what, where the sentence names it.
    pub subject: Option<Subject>,
    /// What stands after it.
    pub after: &'static str,
    /// Who did it, where the sentence does not begin with them.
    pub by: String,
    /// From which address.
    pub from: String,
    /// With what browser or program.
    pub device: String,
    /// On what proof, in words.
    pub factors: String,
    /// The title of the action.
    pub title: String,
    /// The action's word.
    pub action: String,
    /// Who did it, as the record says it; for staff alone.
    pub actor: String,
    /// To what, as the record says it.
    pub about: String,
    /// The facts.
    pub facts: Vec<Fact>,
    /// Whether a checkpoint covers it, so that it has a proof.
    pub signed: bool,
}

/// Who did something.
struct Who {
    /// How they are called in the middle of a sentence.
    text: String,
    /// Whether that is words and no name, so that a sentence which begins with them gets a capital letter.
    words: bool,
    /// Their page; empty without one.
    page: String,
    /// Whether a sentence can begin with them: of a visitor the title says enough.
    begins: bool,
}

impl Who {
    fn words(text: &str) -> Self {
        Self { text: text.to_owned(), words: true, page: String::new(), begins: true }
    }

    fn name(text: &str) -> Self {
        Self { words: false, ..Self::words(text) }
    }

    /// The beginning of a sentence.
    fn start(&self) -> String {
        let mut letters = self.text.chars();
        match letters.next().filter(|_| self.words) {
            Some(first) => first.to_uppercase().chain(letters).collect(),
            None => self.text.clone(),
        }
    }
}

/// A record as its reader sees it. The first `signed` records have a proof.
pub fn line(audience: Audience, names: &Names, signed: u64, view: TrailView) -> Line {
    let TrailView { n, entry } = view;
    let (who, subject, title) =
        (who(audience, names, &entry.actor), subject(audience, names, &entry), record_title(&entry.action));
    let sentence = deed(&entry.action).filter(|_| who.begins);
    let (before, subject, after) = match sentence.map(|deed| deed.split_once("{}").ok_or(deed)) {
        Some(Ok((before, after))) => (format!(" {before}"), Some(said_once(before, subject)), after),
        Some(Err(deed)) => (format!(" {deed}"), None, ""),
        None if is_said(audience, &entry) => (title.clone(), None, ""),
        None => (format!("{title}: "), Some(subject), ""),
    };
    Line {
        n,
        at: When::read(&entry.at),
        icon: icon(icon_of(&entry.action)),
        who: if sentence.is_some() { who.start() } else { String::new() },
        who_page: if sentence.is_some() { who.page } else { String::new() },
        before,
        subject,
        after,
        by: if sentence.is_some() || is_own_proof(audience, &entry) { String::new() } else { who.text },
        from: entry.from,
        device: entry.device,
        factors: factors_in_words(&entry.factors),
        title,
        action: entry.action,
        actor: match audience {
            Audience::Holder(_) => String::new(),
            Audience::Staff => entry.actor,
        },
        about: entry.subject,
        facts: facts_in_words(&entry.facts, names, audience.account()),
        signed: n <= signed,
    }
}

impl Audience {
    /// The reader's own account, where it is called `you`.
    const fn account(self) -> Option<AccountId> {
        match self {
            Self::Holder(account) => Some(account),
            Self::Staff => None,
        }
    }

    /// The page of something below its own folder or that of operations.
    fn page(self, folder: &str, id: &str) -> String {
        match self {
            Self::Holder(_) => format!("/{folder}/{id}"),
            Self::Staff => format!("/operations/{folder}/{id}"),
        }
    }
}

fn who(audience: Audience, names: &Names, actor: &str) -> Who {
    match actor.split_once(':') {
        Some(("account", id)) => person(audience, names, id, "").unwrap_or_else(|| Who::name(actor)),
        Some((role @ ("operator" | "auditor"), id)) => {
            person(audience, names, id, role).unwrap_or_else(|| Who::name(actor))
        }
        Some(("host", name)) => Who::words(&format!("an operator ({name})")),
        Some(("system", _)) => Who::name("Keyward"),
        Some(("key", id)) => program(audience, names, id),
        None if actor == "operator" => Who::words("an operator"),
        None if actor == "auditor" => Who::words("an auditor"),
        None if actor == "visitor" => Who { begins: false, ..Who::words("a visitor with a valid proof") },
        Some((_, _)) | None => Who::name(actor),
    }
}

/// A key that acts by itself.
fn program(audience: Audience, names: &Names, id: &str) -> Who {
    match key(audience, names, id) {
        Some(known) => Who { page: known.page, ..Who::words(&format!("the API key {}", known.text)) },
        None => Who::words(&format!("the API key {}…", beginning(id))),
    }
}

/// Somebody with an account, perhaps in a role.
fn person(audience: Audience, names: &Names, id: &str, role: &str) -> Option<Who> {
    let known: AccountId = id.parse().ok()?;
    if audience.account() == Some(known) {
        return Some(if role.is_empty() {
            Who::words("you")
        } else {
            Who::words(&format!("you (as an {role})"))
        });
    }
    let name = names.accounts.get(&known)?;
    let text = if role.is_empty() { name.clone() } else { format!("{name} ({role})") };
    Some(Who { page: audience.page("accounts", id), ..Who::name(&text) })
}

/// Whether the title says it all: what happened to the reader's own account, or to nothing in particular.
fn is_said(audience: Audience, entry: &Entry) -> bool {
    let own = audience.account().map(|account| format!("account:{account}"));
    !entry.subject.contains(':') || own.is_some_and(|own| own == entry.subject)
}

/// Whether a visitor's proof was about the reader's own account. A holder who signed in knows that it was them, or that it
/// was not: address and device say more than "a visitor".
fn is_own_proof(audience: Audience, entry: &Entry) -> bool {
    entry.actor == "visitor" && audience.account().is_some() && is_said(audience, entry)
}

fn subject(audience: Audience, names: &Names, entry: &Entry) -> Subject {
    let raw = |text: &str| Subject { raw: true, ..words(text) };
    let Some((kind, id)) = entry.subject.split_once(':') else {
        return match entry.subject.as_str() {
            "keys" => words("API keys"),
            "accounts" | "channels" | "roles" => words(&entry.subject),
            "store" => words("the store"),
            other => raw(other),
        };
    };
    let found = match kind {
        "key" => key(audience, names, id),
        "account" => account(audience, names, id),
        "app" => app(audience, names, id),
        "channel" => channel(audience, names, id, entry),
        "proposal" => Some(proposal(audience, id)),
        "policy" => Some(words(&id.replace('_', " "))),
        _ => None,
    };
    found.unwrap_or_else(|| match kind {
        "key" => raw(&format!("key {}…", beginning(id))),
        "account" | "app" | "channel" => raw(&format!("{kind} {id}")),
        _ => raw(&entry.subject),
    })
}

/// The beginning of a key's id.
fn beginning(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}

/// What has no name is called by its kind and id. The sentence may have said the kind already.
fn said_once(before: &str, subject: Subject) -> Subject {
    let said = |kind: &str| subject.raw && before.trim_end().ends_with(kind);
    let id = subject.text.split_once(' ').filter(|(kind, _)| said(kind)).map(|(_, id)| id.to_owned());
    match id {
        Some(text) => Subject { text, ..subject },
        None => subject,
    }
}

fn words(text: &str) -> Subject {
    Subject { text: text.to_owned(), page: String::new(), short: String::new(), raw: false }
}

fn key(audience: Audience, names: &Names, id: &str) -> Option<Subject> {
    let name = names.keys.get(&id.parse::<KeyId>().ok()?)?;
    Some(Subject { page: audience.page("keys", id), short: beginning(id).to_owned(), ..words(name) })
}

fn account(audience: Audience, names: &Names, id: &str) -> Option<Subject> {
    let known: AccountId = id.parse().ok()?;
    if audience.account() == Some(known) {
        return Some(words("your account"));
    }
    Some(Subject { page: audience.page("accounts", id), ..words(names.accounts.get(&known)?) })
}

/// A broker's own app and others are not told apart here, and the page of an app is its broker's: only staff get a link.
fn app(audience: Audience, names: &Names, id: &str) -> Option<Subject> {
    let name = names.apps.get(&id.parse::<AppId>().ok()?)?;
    let page = match audience {
        Audience::Holder(_) => String::new(),
        Audience::Staff => audience.page("apps", id),
    };
    Some(Subject { page, ..words(name) })
}

/// A channel that is there, or the name that the record itself gives to one that was removed. Staff have no page of it.
fn channel(audience: Audience, names: &Names, id: &str, entry: &Entry) -> Option<Subject> {
    let there = id.parse::<ChannelId>().ok().and_then(|id| names.channels.get(&id));
    match (there, audience) {
        (Some(name), Audience::Holder(_)) => {
            Some(Subject { page: audience.page("alerts/channels", id), ..words(name) })
        }
        (Some(name), Audience::Staff) => Some(words(name)),
        (None, _) => entry.facts.get("name").map(|name| words(name)),
    }
}

fn proposal(audience: Audience, id: &str) -> Subject {
    let page = match audience {
        Audience::Holder(_) => String::new(),
        Audience::Staff => audience.page("proposals", id),
    };
    Subject { page, ..words(&format!("proposal {id}")) }
}

fn icon_of(action: &str) -> &'static str {
    if action.starts_with("alert.") {
        return "alerts";
    }
    match RecordKind::of(action) {
        RecordKind::Keys => "keys",
        RecordKind::SignIn => "account",
        RecordKind::Security => "security",
        RecordKind::Apps => "apps",
        RecordKind::Operators => "operations",
    }
}

/// `totp, mail` as people say it.
fn factors_in_words(factors: &str) -> String {
    let word = |factor| match factor {
        "totp" => "an authenticator code",
        "mail" | "mailbox" => "a code by mail",
        "password" => "the password",
        "passkey" => "a passkey",
        "recovery code" => "a recovery code",
        "mail (at registration)" => "a code by mail (at registration)",
        "link" => "the link of an alert",
        other => other,
    };
    let all: Vec<&str> = factors.split(", ").map(word).collect();
    all.join(" and ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use keyward_authority::Names;
    use keyward_authority::questions::TrailView;
    use keyward_rules::trail::Entry;

    use super::{Audience, Line, line};

    const KEY: &str = "0b7c2f1e-8a43-4d0f-9b2a-3c5d6e7f8091";

    fn shown(audience: Audience, actor: &str, action: &str, subject: &str, facts: &[(&str, &str)]) -> Line {
        let mut names = Names::default();
        names.keys.insert(KEY.parse().unwrap(), "TradingBot".to_owned());
        names.accounts.insert("7".parse().unwrap(), "a@keyward.example".to_owned());
        let facts: BTreeMap<String, String> =
            facts.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let entry = Entry {
            at: "2026-11-28T08:15:07.123Z".to_owned(),
            action: action.to_owned(),
            actor: actor.to_owned(),
            subject: subject.to_owned(),
            facts,
            ..Entry::default()
        };
        line(audience, &names, 5, TrailView { n: 5, entry })
    }

    fn sentence(line: &Line) -> String {
        let subject = line.subject.as_ref().map_or("", |subject| subject.text.as_str());
        format!("{}{}{subject}{}", line.who, line.before, line.after)
    }

    #[test]
    fn a_holder_reads_sentences() {
        let holder = Audience::Holder("7".parse().unwrap());
        let (key, other) = (format!("key:{KEY}"), format!("key:1{}", KEY.get(1..).unwrap()));
        let (key, other) = (key.as_str(), other.as_str());
        let made = format!("An operator (ops) created the API key {}…", other.get(4..12).unwrap());
        let removed = format!("The API key {}… deleted TradingBot", other.get(4..12).unwrap());
        for (actor, action, subject, words) in [
            ("account:7", "key.disable", key, "You disabled TradingBot"),
            ("account:7", "key.leaked", key, "You reported TradingBot as leaked"),
            ("operator", "key.freeze", key, "An operator froze TradingBot"),
            ("host:ops", "key.issue", other, made.as_str()),
            ("operator", "account.freeze", "account:7", "An operator froze your account"),
            ("account:8", "account.create", "account:8", "account:8 created account 8"),
            ("account:7", "sub_account.create", "account:8", "You created the sub-account 8"),
            (
                "system:sweep",
                "key.sweep",
                "keys",
                "Keyward ended API keys that were unused or past their date",
            ),
            ("visitor", "session.begin", "account:7", "Signed in"),
            ("visitor", "account.register", "account:9", "Account registered: account 9"),
            ("operator:7", "proposal.make", "proposal:3", "You (as an operator) made proposal 3"),
            (key, "sub_account.create", "account:8", "The API key TradingBot created the sub-account 8"),
            (other, "key.delete", key, removed.as_str()),
            ("account:7", "a.new.action", key, "a.new.action: TradingBot"),
        ] {
            assert_eq!(sentence(&shown(holder, actor, action, subject, &[])), words);
        }
        let line = shown(holder, "account:7", "key.disable", key, &[]);
        let subject = line.subject.as_ref().unwrap();
        assert_eq!((subject.page.as_str(), subject.short.as_str()), (&*format!("/keys/{KEY}"), "0b7c2f1e"));
        assert!(line.actor.is_empty() && line.signed && !subject.raw);
        assert_eq!(shown(holder, "visitor", "session.begin", "account:7", &[]).by, "");
        assert_eq!(
            shown(holder, "visitor", "account.register", "account:9", &[]).by,
            "a visitor with a valid proof"
        );
        let removed = shown(holder, "account:7", "channel.remove", "channel:ch_1", &[("name", "Ops")]);
        assert_eq!(sentence(&removed), "You removed the alert channel Ops");
    }

    #[test]
    fn staff_read_addresses() {
        let key = format!("key:{KEY}");
        let line = shown(Audience::Staff, "account:7", "key.disable", &key, &[]);
        assert_eq!(sentence(&line), "a@keyward.example disabled TradingBot");
        assert_eq!((line.who_page.as_str(), line.actor.as_str()), ("/operations/accounts/7", "account:7"));
        assert_eq!(line.subject.unwrap().page, format!("/operations/keys/{KEY}"));
        let unknown = shown(Audience::Staff, "visitor", "session.begin", "account:7", &[]);
        assert_eq!(sentence(&unknown), "Signed in: a@keyward.example");
        assert_eq!(unknown.by, "a visitor with a valid proof");
    }
}
