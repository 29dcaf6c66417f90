//! What the exchange is told of a sub-account, and what its answer means (docs/operating/sub-accounts.md).
//!
//! Owns: the notice and its one spelling, the identity that it is signed with, the reading of an answer.
//! Leaves to others: what is told when (`authority`), keeping and sending it (`store`, `notify`).

use serde_json::{Value, json};

use crate::account::SubAccountName;
use crate::id::AccountId;
use crate::identity::Identity;
use crate::time::Moment;

/// The route in a notice's identity. No route of a client's request is spelled like this.
pub const NOTICE_ROUTE: &str = "NOTICE sub-account";

/// The method of a notice.
pub const NOTICE_METHOD: &str = "POST";

/// How long the exchange may act on one try of a notice, and how long the gateway waits for the answer.
pub const NOTICE_DEADLINE_MS: u64 = 10_000;

/// Bytes of an answer that are read at most.
pub const ANSWER_BYTES: usize = 16 * 1024;

/// What happened to a sub-account.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoticeKind {
    /// It is there.
    Created,
    /// Its master froze it.
    Frozen,
    /// Its master lifted the freeze.
    Unfrozen,
    /// Its master wants it closed: the exchange closes it, or refuses.
    Closing,
}

impl NoticeKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Created, Self::Frozen, Self::Unfrozen, Self::Closing];

    /// The word in the body and in the store.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Frozen => "frozen",
            Self::Unfrozen => "unfrozen",
            Self::Closing => "closing",
        }
    }

    /// The kind of a word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// One notice. Those of a master account have rising numbers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExchangeNotice {
    /// Its number among those of the master account.
    pub number: u64,
    /// The master account.
    pub account: AccountId,
    /// The sub-account.
    pub sub_account: AccountId,
    /// The sub-account's name, which never changes.
    pub name: SubAccountName,
    /// What happened.
    pub kind: NoticeKind,
    /// When.
    pub at: Moment,
}

impl ExchangeNotice {
    /// Its id: the same at each try, and no other notice has it. A store that was put back to a backup gives numbers again, and the
    /// moment tells those apart.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}-{}-{}", self.account, self.number, self.at.unix_ms())
    }

    /// The body: the same at each try.
    #[must_use]
    pub fn body(&self) -> String {
        json!({
            "id": self.id(),
            "number": self.number,
            "account": self.account.to_string(),
            "sub_account": self.sub_account.to_string(),
            "name": self.name.as_str(),
            "kind": self.kind.word(),
            "at_ms": self.at.unix_ms(),
        })
        .to_string()
    }

    /// Reads a body, for who takes notices; `None` for anything else than one notice.
    #[must_use]
    pub fn read(body: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(body).ok()?;
        let text = |name: &str| value.get(name).and_then(Value::as_str);
        let number = |name: &str| value.get(name).and_then(Value::as_u64);
        let read = Self {
            number: number("number")?,
            account: text("account")?.parse().ok()?,
            sub_account: text("sub_account")?.parse().ok()?,
            name: SubAccountName::parse(text("name")?).ok()?,
            kind: NoticeKind::from_word(text("kind")?)?,
            at: Moment::from_unix_ms(number("at_ms")?),
        };
        (text("id")? == read.id()).then_some(read)
    }
}

/// The parts of a notice's identity that are text: numbers in decimal, and the id of this try.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NoticeIdentity {
    account: String,
    sub_account: String,
    request_id: String,
    deadline_ms: u64,
}

impl NoticeIdentity {
    /// That of one try, which `request_id` names, at `now`.
    #[must_use]
    pub fn of(notice: &ExchangeNotice, request_id: String, now: Moment) -> Self {
        Self {
            account: notice.account.to_string(),
            sub_account: notice.sub_account.to_string(),
            request_id,
            deadline_ms: now.plus_ms(NOTICE_DEADLINE_MS).unix_ms(),
        }
    }

    /// The identity. No key and no client stands behind it, so it has no permissions.
    #[must_use]
    pub fn identity(&self) -> Identity<'_> {
        Identity {
            account: Some(&self.account),
            sub_account: Some(&self.sub_account),
            environment: "live",
            route: NOTICE_ROUTE,
            request_id: &self.request_id,
            deadline_ms: self.deadline_ms,
            client_address: "0.0.0.0",
            ..Identity::default()
        }
    }
}

/// What the exchange answers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ExchangeAnswer {
    /// Taken; a sub-account that was being closed is closed.
    Taken,
    /// It closes no sub-account that still has balances (OKX's 59606).
    HasBalances,
    /// Anything else: it is told again.
    NotTaken(String),
}

/// Characters of an answer's code that a log shows.
const CODE_CHARS: usize = 20;

impl ExchangeAnswer {
    /// Reads an answer to a notice of `kind`.
    #[must_use]
    pub fn read(kind: NoticeKind, status: u16, body: &[u8]) -> Self {
        let value: Value = serde_json::from_slice(body).unwrap_or_default();
        let code = value.get("code").and_then(Value::as_str).unwrap_or_default();
        match (status, code, kind) {
            (200, "0", _) => Self::Taken,
            (200, "59606", NoticeKind::Closing) => Self::HasBalances,
            (_, _, NoticeKind::Created | NoticeKind::Frozen | NoticeKind::Unfrozen | NoticeKind::Closing) => {
                let plain = code.chars().filter(char::is_ascii_alphanumeric).take(CODE_CHARS);
                Self::NotTaken(format!("status {status}, code “{}”", plain.collect::<String>()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::{ExchangeAnswer, ExchangeNotice, NOTICE_METHOD, NOTICE_ROUTE, NoticeIdentity, NoticeKind};
    use crate::account::SubAccountName;
    use crate::id::AccountId;
    use crate::identity::IdentityKey;
    use crate::time::Moment;

    fn notice(kind: NoticeKind) -> ExchangeNotice {
        ExchangeNotice {
            number: 7,
            account: AccountId::from_entropy([1; 8]),
            sub_account: AccountId::from_entropy([2; 8]),
            name: SubAccountName::parse("alpha01").unwrap(),
            kind,
            at: Moment::from_unix_ms(1_767_225_600_000),
        }
    }

    #[test]
    fn bodies_are_read_as_they_were_written() {
        for kind in NoticeKind::ALL {
            let notice = notice(kind);
            assert_eq!(ExchangeNotice::read(notice.body().as_bytes()), Some(notice));
        }
        let body = notice(NoticeKind::Closing).body();
        for (from, to) in [
            ("closing", "gone"),
            ("\"number\":7", "\"number\":\"7\""),
            ("\"number\":7", "\"number\":-7"),
            ("alpha01", "a b"),
            ("\"account\":\"", "\"account\":\"x"),
            ("at_ms", "at"),
            ("\"id\":\"", "\"id\":\"x"),
        ] {
            assert!(body.contains(from), "{from}");
            assert_eq!(ExchangeNotice::read(body.replacen(from, to, 1).as_bytes()), None, "{to}");
        }
        assert_eq!(ExchangeNotice::read(b"[]"), None);
    }

    #[test]
    fn an_answer_is_zero_or_balances_or_try_again() {
        let read = |kind, status, body: &str| ExchangeAnswer::read(kind, status, body.as_bytes());
        for kind in NoticeKind::ALL {
            assert_eq!(read(kind, 200, r#"{"code":"0"}"#), ExchangeAnswer::Taken);
            for (status, odd) in [
                (200, ""),
                (200, "[]"),
                (200, r#"{"code":0}"#),
                (200, r#"{"code":"00"}"#),
                (200, r#"{"code":"1"}"#),
                (500, r#"{"code":"0"}"#),
                (302, r#"{"code":"0"}"#),
                (201, r#"{"code":"0"}"#),
                (500, r#"{"code":"59606"}"#),
            ] {
                let answer = read(kind, status, odd);
                assert!(matches!(answer, ExchangeAnswer::NotTaken(_)), "{odd}: {answer:?}");
            }
        }
        let balances = r#"{"code":"59606","msg":"…"}"#;
        assert_eq!(read(NoticeKind::Closing, 200, balances), ExchangeAnswer::HasBalances);
        assert!(matches!(read(NoticeKind::Frozen, 200, balances), ExchangeAnswer::NotTaken(_)));
        let long = format!(r#"{{"code":"5\n{}"}}"#, "9".repeat(500));
        let ExchangeAnswer::NotTaken(told) = read(NoticeKind::Frozen, 200, &long) else { panic!("{long}") };
        assert!(told.len() < 60 && !told.contains('\n'), "{told}");
    }

    /// What docs/operating/sub-accounts.md shows is one of the vectors, and is spelled as we send it.
    #[test]
    fn the_documented_example_verifies() {
        let file: Value = serde_json::from_str(include_str!("../testdata/identity.json")).unwrap();
        let vectors = file["vectors"].as_array().unwrap();
        let vector = vectors.iter().find(|one| one["route"] == NOTICE_ROUTE).unwrap();
        let (body, header) = (vector["body"].as_str().unwrap(), vector["header"].as_str().unwrap());
        let notice = ExchangeNotice::read(body.as_bytes()).unwrap();
        assert_eq!(notice.body(), body);
        let told = NoticeIdentity::of(&notice, vector["request_id"].as_str().unwrap().to_owned(), notice.at);
        assert_eq!(vector["deadline_ms"], told.identity().deadline_ms);
        let key = IdentityKey::new(7, std::array::from_fn(|at| u8::try_from(at).unwrap()));
        let target = vector["target"].as_str().unwrap().as_bytes();
        assert_eq!(key.verify(&told.identity(), NOTICE_METHOD, target, body.as_bytes(), header), Ok(()));
        let page = include_str!("../../../docs/operating/sub-accounts.md");
        assert!(page.contains(body) && page.contains(&format!("Keyward-Identity: {header}")), "{header}");
    }

    #[test]
    fn the_identity_is_of_this_notice_alone() {
        let (key, notice) = (IdentityKey::new(1, [9; 32]), notice(NoticeKind::Frozen));
        let told = NoticeIdentity::of(&notice, "0a".repeat(16), Moment::from_unix_ms(5));
        let (identity, body) = (told.identity(), notice.body());
        assert_eq!((identity.route, identity.deadline_ms), (NOTICE_ROUTE, 10_005));
        assert_eq!((identity.key, identity.permissions), (None, ""));
        let signed = key.sign(&identity, "POST", b"/k", body.as_bytes());
        assert_eq!(key.verify(&identity, "POST", b"/k", body.as_bytes(), &signed), Ok(()));
        let other = ExchangeNotice { kind: NoticeKind::Closing, ..notice.clone() }.body();
        assert!(key.verify(&identity, "POST", b"/k", other.as_bytes(), &signed).is_err());
        assert!(key.verify(&identity, "POST", b"/other", body.as_bytes(), &signed).is_err());
    }
}
