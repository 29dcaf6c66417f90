//! Exact decimal numbers, as orders and limits write them: no sign, no exponent, no rounding that nobody sees.

use std::fmt;

/// Digits behind the point that are kept.
const FRACTION_DIGITS: usize = 18;
/// Digits before the point.
const WHOLE_DIGITS: usize = 18;
/// How many of the smallest units make 1.
const ONE: u128 = 1_000_000_000_000_000_000;
/// 10^18 in smallest units: every number is below it.
const TOO_LARGE: u128 = ONE * ONE;

/// A number of at least 0 and less than 10^18, with up to 18 digits behind the point.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Decimal(u128);

impl Decimal {
    /// 0.
    pub const ZERO: Self = Self(0);
    /// 1.
    pub const ONE: Self = Self(ONE);
    /// The largest.
    pub const MOST: Self = Self(TOO_LARGE - 1);

    /// Reads plain digits with at most one point among them. `None` for signs, exponents, blanks, leading zeros, a point without
    /// digits at both sides, and more than 18 digits before or behind it: other readers might take such texts otherwise.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let is_plain = |part: &str, most: usize| {
            (1..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
        };
        let leading_zero = whole.len() > 1 && whole.starts_with('0');
        if !is_plain(whole, WHOLE_DIGITS) || !is_plain(fraction, FRACTION_DIGITS) || leading_zero {
            return None;
        }
        let scale = 10_u128.pow(u32::try_from(FRACTION_DIGITS - fraction.len()).ok()?);
        let (whole, fraction): (u128, u128) = (whole.parse().ok()?, fraction.parse().ok()?);
        Some(Self(whole * ONE + fraction * scale))
    }

    /// A whole number.
    #[must_use]
    pub const fn of(whole: u32) -> Self {
        Self(whole as u128 * ONE)
    }

    /// Whether it is 0.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The sum; `None` where it is too large.
    #[must_use]
    pub fn plus(self, other: Self) -> Option<Self> {
        Self::within(self.0.checked_add(other.0)?)
    }

    /// The difference, or 0 where `other` is larger.
    #[must_use]
    pub const fn less(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// The product, rounded up in the 18th digit behind the point; `None` where it is too large.
    #[must_use]
    pub fn times(self, other: Self) -> Option<Self> {
        let (a, b) = ((self.0 / ONE, self.0 % ONE), (other.0 / ONE, other.0 % ONE));
        let whole = a.0 * b.0;
        if whole >= ONE {
            return None;
        }
        // Each of the four is below 10^36.
        let product = whole * ONE + a.0 * b.1 + a.1 * b.0 + (a.1 * b.1).div_ceil(ONE);
        Self::within(product)
    }

    /// This many hundredths of it, rounded up; `None` where that is too large.
    #[must_use]
    pub fn per_cent(self, per_cent: Self) -> Option<Self> {
        self.times(Self(per_cent.0.div_ceil(100)))
    }

    const fn within(units: u128) -> Option<Self> {
        if units < TOO_LARGE { Some(Self(units)) } else { None }
    }
}

impl fmt::Display for Decimal {
    /// The shortest text that [`Decimal::parse`] reads as the same.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = (self.0 / ONE, self.0 % ONE);
        if fraction == 0 {
            return write!(f, "{whole}");
        }
        let digits = format!("{fraction:018}");
        write!(f, "{whole}.{}", digits.trim_end_matches('0'))
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Decimal, ONE};

    fn of(text: &str) -> Decimal {
        Decimal::parse(text).unwrap()
    }

    #[test]
    fn plain_digits_only() {
        for text in [
            "",
            " ",
            ".",
            "1.",
            ".5",
            "+1",
            "-1",
            "-0",
            "1e3",
            "1E3",
            "0x10",
            " 1",
            "1 ",
            "1,5",
            "1_000",
            "NaN",
            "Infinity",
            "00",
            "01",
            "00.1",
            "1.2.3",
            "１",
            "٣",
            "1\u{0}",
            "1234567890123456789",
            "0.1234567890123456789",
        ] {
            assert_eq!(Decimal::parse(text), None, "{text:?}");
        }
        assert_eq!(Decimal::parse(&"1".repeat(40)), None);
        for (text, shown) in [
            ("0", "0"),
            ("0.0", "0"),
            ("1.50", "1.5"),
            ("30000", "30000"),
            ("0.000000000000000001", "0.000000000000000001"),
            ("999999999999999999.999999999999999999", "999999999999999999.999999999999999999"),
        ] {
            assert_eq!(of(text).to_string(), shown);
        }
    }

    #[test]
    fn products_are_exact_or_rounded_up() {
        assert_eq!(of("0.01").times(of("50000")), Some(of("500")));
        assert_eq!(of("0.1").times(of("0.1")), Some(of("0.01")));
        let least = of("0.000000000000000001");
        assert_eq!(least.times(least), Some(least), "never rounded to nothing");
        assert_eq!(of("3").times(of("0.333333333333333333")), Some(of("0.999999999999999999")));
        assert_eq!(of("999999999999999999").times(of("2")), None);
        assert_eq!(of("1000000000").times(of("1000000000")), None);
        assert_eq!(of("999999999").times(of("999999999")), Some(of("999999998000000001")));
        assert_eq!(of("30000").per_cent(of("5")), Some(of("1500")));
        assert_eq!(of("30000").per_cent(of("0.5")), Some(of("150")));
    }

    #[test]
    fn sums_are_bounded() {
        let most = of("999999999999999999.999999999999999999");
        assert_eq!(most.plus(of("0.000000000000000001")), None);
        assert_eq!(of("1.5").plus(of("2.75")), Some(of("4.25")));
        assert_eq!((of("1").less(of("2")), of("2").less(of("0.5"))), (Decimal::ZERO, of("1.5")));
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_as_the_same(units in 0_u128..ONE * ONE) {
            let number = Decimal(units);
            prop_assert_eq!(Decimal::parse(&number.to_string()), Some(number));
        }

        #[test]
        fn a_product_is_that_of_the_units(a in 0_u64..u64::MAX, b in 0_u64..u64::MAX) {
            let (left, right) = (Decimal(u128::from(a)), Decimal(u128::from(b)));
            let exact = (u128::from(a) * u128::from(b)).div_ceil(ONE);
            prop_assert_eq!(left.times(right), Some(Decimal(exact)));
        }

        #[test]
        fn a_larger_factor_never_gives_a_smaller_product(a in 0_u128..ONE * 1_000, b in 0_u128..ONE * 1_000, more in 0_u128..ONE) {
            let (a, b) = (Decimal(a), Decimal(b));
            prop_assert!(a.times(b) <= a.times(Decimal(b.0 + more)));
        }
    }
}
