//! Amounts of money, prices and sizes: fixed point with twelve decimals, so that sums are exact.
//!
//! Input is held to [`Amount::MOST`], and only products and quotients of inputs are ever formed; these are checked.

use std::fmt;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};

/// Decimals of an amount; a lot times a tick of every pair needs at most eleven.
const DECIMALS: usize = 12;
/// One, in units.
const ONE: i128 = 1_000_000_000_000;

/// A decimal number in units of 10⁻¹².
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub(crate) struct Amount(i128);

impl Amount {
    /// Nothing.
    pub(crate) const ZERO: Self = Self(0);
    /// The largest amount that is read from a client.
    pub(crate) const MOST: Self = Self(1_000_000_000_000 * ONE);

    /// `digits` with the last `decimals` of them behind the point; for constants.
    pub(crate) const fn new(digits: i128, decimals: u32) -> Self {
        Self(digits * ONE / 10_i128.pow(decimals))
    }

    /// Reads a plain decimal: digits, perhaps a point and up to twelve more digits. No sign, no exponent.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
        let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !plain(whole) || !plain(decimals) || whole.len() > 16 || decimals.len() > DECIMALS {
            return None;
        }
        let whole: i128 = whole.parse().ok()?;
        let decimals: i128 = format!("{decimals:0<DECIMALS$}").parse().ok()?;
        Some(Self(whole * ONE + decimals)).filter(|amount| *amount <= Self::MOST)
    }

    pub(crate) const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The product, rounded down; `None` past the range.
    pub(crate) const fn times(self, other: Self) -> Option<Self> {
        match self.0.checked_mul(other.0) {
            Some(product) => Some(Self(product.div_euclid(ONE))),
            None => None,
        }
    }

    /// The quotient, rounded down; `None` past the range or by zero.
    pub(crate) const fn over(self, other: Self) -> Option<Self> {
        match self.0.checked_mul(ONE) {
            Some(product) => match product.checked_div_euclid(other.0) {
                Some(quotient) => Some(Self(quotient)),
                None => None,
            },
            None => None,
        }
    }

    /// The largest multiple of `step` that is not larger.
    pub(crate) const fn floor_to(self, step: Self) -> Self {
        match self.0.checked_rem_euclid(step.0) {
            Some(rest) => Self(self.0 - rest),
            None => self,
        }
    }

    /// Whether it is a whole number of `step`s.
    pub(crate) fn is_multiple_of(self, step: Self) -> bool {
        self.floor_to(step) == self
    }
}

impl Add for Amount {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Amount {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl AddAssign for Amount {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for Amount {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl Neg for Amount {
    type Output = Self;

    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl std::iter::Sum for Amount {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::ZERO, Add::add)
    }
}

/// Without trailing zeros, as OKX writes numbers.
impl fmt::Display for Amount {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, decimals) =
            (self.0.unsigned_abs() / ONE.unsigned_abs(), self.0.unsigned_abs() % ONE.unsigned_abs());
        let sign = if self.0 < 0 { "-" } else { "" };
        let decimals = format!("{decimals:0>DECIMALS$}");
        match decimals.trim_end_matches('0') {
            "" => write!(out, "{sign}{whole}"),
            decimals => write!(out, "{sign}{whole}.{decimals}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Amount;

    #[test]
    fn reads_and_writes_plain_decimals() {
        for text in ["0", "1", "0.1", "60000.5", "0.000000000001", "1000000000000"] {
            assert_eq!(Amount::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Amount::parse("007.50").unwrap().to_string(), "7.5");
        assert_eq!((-Amount::new(15, 1)).to_string(), "-1.5");
        let odd = [
            "",
            ".",
            "1.",
            ".5",
            "-1",
            "+1",
            "1e5",
            " 1",
            "1,5",
            "0x1",
            "0.0000000000001",
            "1000000000000.1",
        ];
        for text in odd {
            assert_eq!(Amount::parse(text), None, "{text}");
        }
        assert_eq!(Amount::parse(&"9".repeat(400)), None);
    }

    #[test]
    fn products_and_quotients_are_exact_or_nothing() {
        let (price, size) = (Amount::new(600_001, 1), Amount::new(1, 8));
        assert_eq!(price.times(size).unwrap().to_string(), "0.000600001");
        assert_eq!(Amount::MOST.times(Amount::MOST), None);
        assert_eq!(price.over(Amount::ZERO), None);
        assert_eq!(Amount::new(1, 0).over(Amount::new(3, 0)).unwrap().to_string(), "0.333333333333");
        assert_eq!(Amount::new(17, 1).floor_to(Amount::new(5, 1)), Amount::new(15, 1));
        assert!(Amount::new(15, 1).is_multiple_of(Amount::new(5, 1)));
    }
}
