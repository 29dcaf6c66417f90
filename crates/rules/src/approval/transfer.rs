//! What a transfer means: the same for every form in which a client can write it.

use std::fmt;

use super::hash::ApprovalHash;
use crate::fence::Decimal;
use crate::id::AccountId;
use crate::key::Environment;
use crate::limits::TRANSFER_NAME_CHARS;

/// One of an account's own wallets (OKX contract 5.5).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Wallet {
    /// `6`.
    Funding,
    /// `18`.
    Trading,
}

impl Wallet {
    /// The number on the wire.
    #[must_use]
    pub const fn number(self) -> &'static str {
        match self {
            Self::Funding => "6",
            Self::Trading => "18",
        }
    }

    /// The wallet of a number on the wire.
    #[must_use]
    pub fn of_number(number: &str) -> Option<Self> {
        [Self::Funding, Self::Trading].into_iter().find(|wallet| wallet.number() == number)
    }

    /// In words.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Funding => "funding",
            Self::Trading => "trading",
        }
    }
}

/// Where a sub-account's key can move funds to (OKX contract 5.5, the types that are not the master's).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Direction {
    /// `0`: between the sub-account's own wallets.
    Within,
    /// `3`: to the master account.
    ToMaster,
    /// `4`: to another sub-account of the same master, by its name.
    ToSubAccount(Box<str>),
}

impl Direction {
    /// The number on the wire.
    #[must_use]
    pub const fn number(&self) -> &'static str {
        match self {
            Self::Within => "0",
            Self::ToMaster => "3",
            Self::ToSubAccount(_) => "4",
        }
    }
}

/// A transfer by a sub-account's key: everything of it that bears on what happens. The client's own id does not.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Transfer {
    /// The currency, as it was written.
    pub currency: Box<str>,
    /// The exact amount, more than 0.
    pub amount: Decimal,
    /// The wallet that it leaves.
    pub from: Wallet,
    /// The wallet that it reaches.
    pub to: Wallet,
    /// Whose wallet that is.
    pub direction: Direction,
    /// Whether borrowed funds may go with it (`loanTrans`).
    pub borrowed: bool,
    /// Whether the risk of open positions is ignored (`omitPosRisk`).
    pub ignores_risk: bool,
}

impl Transfer {
    /// Reads the text that it displays as.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(' ');
        let currency = parts.next().filter(|name| is_name(name))?.into();
        let amount = Decimal::parse(parts.next()?).filter(|amount| !amount.is_zero())?;
        let (from, to) = (Wallet::of_number(parts.next()?)?, Wallet::of_number(parts.next()?)?);
        let direction = match (parts.next()?, parts.next()?) {
            ("0", "-") => Direction::Within,
            ("3", "-") => Direction::ToMaster,
            ("4", name) if is_name(name) => Direction::ToSubAccount(name.into()),
            (_, _) => return None,
        };
        let mut flag = |yes: &str| match parts.next()? {
            "-" => Some(false),
            word if word == yes => Some(true),
            _ => None,
        };
        let (borrowed, ignores_risk) = (flag("loan")?, flag("risk")?);
        let read = Self { currency, amount, from, to, direction, borrowed, ignores_risk };
        (read.to_string() == text).then_some(read)
    }

    /// What an approval of it is bound to, for a key of `account`.
    #[must_use]
    pub fn hash(&self, environment: Environment, account: AccountId) -> ApprovalHash {
        let text = format!("keyward transfer 1\n{environment} {account}\n{self}");
        ApprovalHash::from_bytes(*blake3::hash(text.as_bytes()).as_bytes())
    }

    /// How much of what.
    #[must_use]
    pub fn amount_in_words(&self) -> String {
        format!("{} {}", self.amount, self.currency)
    }

    /// From where to where, for the sub-account of this name: `from probeSub01 (funding) to the master account (trading)`.
    #[must_use]
    pub fn direction_in_words(&self, sub_account: &str) -> String {
        let to = match &self.direction {
            Direction::Within => format!("the same sub-account ({})", self.to.word()),
            Direction::ToMaster => format!("the master account ({})", self.to.word()),
            Direction::ToSubAccount(name) => format!("the sub-account {name} ({})", self.to.word()),
        };
        let borrowed = if self.borrowed { ", borrowed funds included" } else { "" };
        let risk = if self.ignores_risk { ", without regard to open positions" } else { "" };
        format!("from {sub_account} ({}) to {to}{borrowed}{risk}", self.from.word())
    }
}

impl fmt::Display for Transfer {
    /// One text for one meaning: what is hashed and stored.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let to = match &self.direction {
            Direction::Within | Direction::ToMaster => "-",
            Direction::ToSubAccount(name) => name,
        };
        let flag = |set: bool, word| if set { word } else { "-" };
        write!(
            out,
            "{} {} {} {} {} {to} {} {}",
            self.currency,
            self.amount,
            self.from.number(),
            self.to.number(),
            self.direction.number(),
            flag(self.borrowed, "loan"),
            flag(self.ignores_risk, "risk")
        )
    }
}

/// Whether a text can be a currency or a sub-account: people read it in mails, and a space would end it in the stored text.
pub(super) fn is_name(text: &str) -> bool {
    let of_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=TRANSFER_NAME_CHARS).contains(&text.len()) && text.bytes().all(of_name) && text != "-"
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Direction, Transfer, Wallet};
    use crate::fence::Decimal;
    use crate::id::AccountId;
    use crate::key::Environment;

    fn any_transfer() -> impl Strategy<Value = Transfer> {
        let wallet = || prop::sample::select(vec![Wallet::Funding, Wallet::Trading]);
        let direction = prop_oneof![
            Just(Direction::Within),
            Just(Direction::ToMaster),
            "[A-Za-z0-9_.]{1,32}".prop_map(|name| Direction::ToSubAccount(name.into())),
        ];
        let amount = "[1-9][0-9]{0,17}(\\.[0-9]{1,18})?";
        ("[A-Z0-9]{1,10}", amount, wallet(), wallet(), direction, any::<bool>(), any::<bool>()).prop_map(
            |(currency, amount, from, to, direction, borrowed, ignores_risk)| Transfer {
                currency: currency.into(),
                amount: Decimal::parse(&amount).unwrap(),
                from,
                to,
                direction,
                borrowed,
                ignores_risk,
            },
        )
    }

    proptest! {
        #[test]
        fn a_text_names_one_transfer(transfer in any_transfer()) {
            prop_assert_eq!(Transfer::parse(&transfer.to_string()), Some(transfer));
        }

        #[test]
        fn another_meaning_has_another_hash(one in any_transfer(), other in any_transfer()) {
            let account = AccountId::from_u64(7).unwrap();
            let hash = |transfer: &Transfer| transfer.hash(Environment::Live, account);
            prop_assert_eq!(hash(&one) == hash(&other), one == other);
            prop_assert!(hash(&one) != one.hash(Environment::Demo, account));
            prop_assert!(hash(&one) != one.hash(Environment::Live, AccountId::from_u64(8).unwrap()));
        }

        #[test]
        fn odd_texts_are_no_transfers(text in "[ A-Z0-9.-]{0,40}") {
            if let Some(read) = Transfer::parse(&text) {
                prop_assert_eq!(read.to_string(), text);
            }
        }
    }

    #[test]
    fn a_transfer_has_words() {
        let transfer = Transfer::parse("USDT 12.5 6 18 3 - - risk").unwrap();
        assert_eq!(transfer.amount_in_words(), "12.5 USDT");
        assert_eq!(
            transfer.direction_in_words("probeSub01"),
            "from probeSub01 (funding) to the master account (trading), without regard to open positions"
        );
    }
}
