//! What came of a try, in words: all that a receiver's answer ever becomes for its holder.

/// Declares the outcomes with their stored word and sentence.
macro_rules! outcomes {
    ($($(#[$doc:meta])* $name:ident, $word:literal, $sentence:literal;)+) => {
        /// What came of a try.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Outcome {
            $($(#[$doc])* $name,)+
        }

        impl Outcome {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The stored word, stable.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)+ }
            }

            /// A sentence for the holder.
            #[must_use]
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$name => $sentence,)+ }
            }
        }
    };
}

outcomes! {
    /// 2xx.
    Taken, "taken", "The receiver accepted it.";
    /// 3xx.
    Redirected, "redirected", "The receiver answered with a redirect, which is not followed.";
    /// Any other status.
    Refused, "refused", "The receiver rejected it.";
    /// The URL is one that this deployment does not use.
    NotAdmitted, "not_admitted", "The operator does not allow this receiver.";
    /// No address.
    NotResolved, "not_resolved", "The receiver's name has no address.";
    /// One of its addresses is not public.
    NotPublic, "not_public", "The receiver's name has an address that is not public.";
    /// Nobody listens.
    NoConnection, "no_connection", "No connection to the receiver was possible.";
    /// No TLS, or a certificate for something else.
    NoTls, "no_tls", "The receiver has no valid certificate for its name.";
    /// No answer in time.
    TooSlow, "too_slow", "The receiver did not answer within 10 seconds.";
    /// Something that is no HTTP.
    NoHttp, "no_http", "The receiver did not answer as a web server does.";
    /// The stored row was altered.
    Altered, "altered", "The stored message was altered outside the program.";
    /// It waited when the channel was paused.
    Paused, "paused", "The channel was paused before it could be sent.";
}

impl Outcome {
    /// The outcome that a stored word names.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|outcome| outcome.word() == word)
    }

    /// What an HTTP status means.
    #[must_use]
    pub const fn of_status(status: u16) -> Self {
        match status {
            200..=299 => Self::Taken,
            300..=399 => Self::Redirected,
            _ => Self::Refused,
        }
    }

    /// Whether it is about that one message, and the next may still get through.
    #[must_use]
    pub const fn is_of_the_message(self, status: Option<u16>) -> bool {
        matches!((self, status), (Self::Refused, Some(400 | 413 | 422)) | (Self::Altered, _))
    }
}

#[cfg(test)]
mod tests {
    use super::Outcome;

    #[test]
    fn words_name_one_outcome_each() {
        for outcome in Outcome::ALL {
            assert_eq!(Outcome::from_word(outcome.word()), Some(*outcome));
            assert!(outcome.sentence().ends_with('.'));
        }
    }

    #[test]
    fn only_2xx_is_taken() {
        for status in 100..600 {
            assert_eq!(Outcome::of_status(status) == Outcome::Taken, (200..300).contains(&status));
        }
        assert!(
            Outcome::Refused.is_of_the_message(Some(400)) && !Outcome::Refused.is_of_the_message(Some(404))
        );
        assert!(!Outcome::Redirected.is_of_the_message(Some(302)));
    }
}
