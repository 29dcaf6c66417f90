//! How much a master's sub-accounts may transfer in a UTC day before anybody is asked.

use std::collections::BTreeMap;

use super::transfer::{Transfer, is_name};
use crate::fence::Decimal;
use crate::limits::{FENCE_ENTRIES, THRESHOLDS_TEXT_BYTES};

/// A sum for each currency, over all sub-accounts of a master together. A currency that is not listed has none: every transfer
/// of it is asked for.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Thresholds(BTreeMap<Box<str>, Decimal>);

/// Why a text is no list of thresholds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotThresholds {
    /// An entry is not an amount and a currency.
    #[error("write each threshold as an amount and a currency, such as 100 USDT, with commas between them")]
    Form,
    /// A threshold of nothing.
    #[error("a threshold is more than 0; leave a currency out to be asked about every transfer of it")]
    Zero,
    /// A currency twice.
    #[error("a currency is named twice; name it once")]
    Twice,
    /// Too many.
    #[error("at most {FENCE_ENTRIES} currencies can have a threshold; leave some out")]
    TooMany,
}

impl Thresholds {
    /// The list of these entries.
    ///
    /// # Errors
    /// [`NotThresholds`].
    pub fn new<'t>(entries: impl IntoIterator<Item = (&'t str, &'t str)>) -> Result<Self, NotThresholds> {
        let mut all = BTreeMap::new();
        for (currency, amount) in entries {
            let amount = Decimal::parse(amount).filter(|_| is_name(currency)).ok_or(NotThresholds::Form)?;
            if amount.is_zero() {
                return Err(NotThresholds::Zero);
            }
            if all.insert(currency.into(), amount).is_some() {
                return Err(NotThresholds::Twice);
            }
            if all.len() > FENCE_ENTRIES {
                return Err(NotThresholds::TooMany);
            }
        }
        Ok(Self(all))
    }

    /// Reads what a person types: `100 USDT, 0.5 BTC`. Nothing is an empty list.
    ///
    /// # Errors
    /// [`NotThresholds`].
    pub fn parse(text: &str) -> Result<Self, NotThresholds> {
        if text.len() > THRESHOLDS_TEXT_BYTES {
            return Err(NotThresholds::TooMany);
        }
        let entries = text.split([',', '\n']).map(str::trim).filter(|entry| !entry.is_empty());
        let pair = |entry: &'_ str| -> Result<(String, String), NotThresholds> {
            let (amount, currency) = entry.split_once(' ').ok_or(NotThresholds::Form)?;
            Ok((currency.trim().to_owned(), amount.to_owned()))
        };
        let pairs = entries.map(pair).collect::<Result<Vec<_>, _>>()?;
        Self::new(pairs.iter().map(|(currency, amount)| (currency.as_str(), amount.as_str())))
    }

    /// The currencies with their sums, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Decimal)> {
        self.0.iter().map(|(currency, amount)| (&**currency, *amount))
    }

    /// Whether every transfer is asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether everything that passes under these thresholds passes under `other`.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        self.0.iter().all(|(currency, amount)| other.0.get(currency).is_some_and(|most| amount <= most))
    }

    /// What the day's sum of its currency comes to with this transfer, if nobody need be asked. One that may take borrowed
    /// funds along, or that ignores the risk of open positions, is always asked for.
    #[must_use]
    pub fn sum_with(&self, transfer: &Transfer, used: Decimal) -> Option<Decimal> {
        let most = self.0.get(&transfer.currency)?;
        let sum = used.plus(transfer.amount)?;
        (sum <= *most && !transfer.borrowed && !transfer.ignores_risk).then_some(sum)
    }

    /// In words.
    #[must_use]
    pub fn in_words(&self) -> String {
        if self.is_empty() {
            return "none: every transfer is asked for".to_owned();
        }
        let entries: Vec<String> =
            self.iter().map(|(currency, amount)| format!("{amount} {currency}")).collect();
        entries.join(", ")
    }

    /// The text that is stored, which [`Thresholds::parse`] reads as the same.
    #[must_use]
    pub fn to_text(&self) -> String {
        if self.is_empty() { String::new() } else { self.in_words() }
    }
}

#[cfg(test)]
mod tests {
    use super::{NotThresholds, Thresholds};
    use crate::approval::Transfer;
    use crate::fence::Decimal;

    fn of(text: &str) -> Thresholds {
        Thresholds::parse(text).unwrap()
    }

    fn decimal(text: &str) -> Decimal {
        Decimal::parse(text).unwrap()
    }

    #[test]
    fn what_people_type_is_read_or_refused() {
        for text in ["", "100 USDT", "0.5 BTC, 100 USDT"] {
            assert_eq!(of(text).to_text(), text);
            assert_eq!(of(&of(text).to_text()), of(text));
        }
        assert_eq!(of(" 100.50  USDT ,\n0.5 BTC").to_text(), "0.5 BTC, 100.5 USDT");
        for (text, why) in [
            ("0 USDT", NotThresholds::Zero),
            ("0.0 USDT", NotThresholds::Zero),
            ("1 USDT, 2 USDT", NotThresholds::Twice),
            ("USDT", NotThresholds::Form),
            ("USDT 1", NotThresholds::Form),
            ("-1 USDT", NotThresholds::Form),
            ("1e3 USDT", NotThresholds::Form),
            ("1 US DT", NotThresholds::Form),
        ] {
            assert_eq!(Thresholds::parse(text), Err(why), "{text}");
        }
        let many: Vec<String> = (0..101).map(|at| format!("1 C{at}")).collect();
        assert_eq!(Thresholds::parse(&many.join(",")), Err(NotThresholds::TooMany));
    }

    #[test]
    fn a_transfer_passes_until_the_sum_is_used_up() {
        let transfer = |text: &str| Transfer::parse(text).unwrap();
        let small = transfer("USDT 40 6 18 3 - - -");
        let thresholds = of("100 USDT");
        assert_eq!(thresholds.sum_with(&small, decimal("0")), Some(decimal("40")));
        assert_eq!(thresholds.sum_with(&small, decimal("60")), Some(decimal("100")));
        assert_eq!(thresholds.sum_with(&small, decimal("60.000000000000000001")), None);
        assert_eq!(thresholds.sum_with(&transfer("BTC 40 6 18 3 - - -"), decimal("0")), None);
        assert_eq!(thresholds.sum_with(&transfer("USDT 40 6 18 3 - loan -"), decimal("0")), None);
        assert_eq!(thresholds.sum_with(&transfer("USDT 40 6 18 3 - - risk"), decimal("0")), None);
        assert_eq!(Thresholds::default().sum_with(&small, decimal("0")), None);
    }

    #[test]
    fn fewer_and_smaller_thresholds_are_stricter() {
        for (one, other, within) in [
            ("", "", true),
            ("", "1 USDT", true),
            ("1 USDT", "1 USDT", true),
            ("1 USDT", "2 USDT, 1 BTC", true),
            ("2 USDT", "1 USDT", false),
            ("1 USDT, 1 BTC", "1 USDT", false),
            ("1 BTC", "", false),
        ] {
            assert_eq!(of(one).is_within(&of(other)), within, "{one} in {other}");
        }
    }
}
