//! The ids of channels and messages: random, one spelling each.

use std::fmt;
use std::str::FromStr;

use crate::id::NotAnId;

/// Declares an id of 128 random bits: a prefix and 32 hexadecimal digits in lower case.
macro_rules! random_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u128);

        impl $name {
            /// Makes an id of random bytes.
            #[must_use]
            pub const fn from_entropy(entropy: [u8; 16]) -> Self {
                Self(u128::from_be_bytes(entropy))
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                let digits = text.strip_prefix($prefix).ok_or(NotAnId)?;
                let plain = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
                let good = digits.len() == 32 && digits.bytes().all(plain);
                u128::from_str_radix(digits, 16).ok().filter(|_| good).map(Self).ok_or(NotAnId)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(out, concat!($prefix, "{:032x}"), self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(out, concat!(stringify!($name), "({})"), self)
            }
        }
    };
}

pub(crate) use random_id;

random_id!(
    /// An alert channel.
    ChannelId,
    "ch_"
);
random_id!(
    /// A message to a receiver; the same over all tries, so that a receiver can tell a repetition.
    MessageId,
    "msg_"
);

#[cfg(test)]
mod tests {
    use super::{ChannelId, MessageId};

    #[test]
    fn one_spelling_each() {
        let message = MessageId::from_entropy([0xa7; 16]);
        assert_eq!(message.to_string(), format!("msg_{}", "a7".repeat(16)));
        assert_eq!(message.to_string().parse(), Ok(message));
        let channel = ChannelId::from_entropy([1; 16]);
        assert_eq!(channel.to_string().parse(), Ok(channel));
        assert!(channel.to_string().parse::<MessageId>().is_err());
        for odd in ["msg_", "msg_+7", &"a7".repeat(16), &format!("msg_{}", "A7".repeat(16))] {
            assert!(odd.parse::<MessageId>().is_err(), "{odd}");
        }
    }
}
