//! Range sets as brokers type them: judged entry by entry, each refusal with its reason.

use super::special::{Block, Special};
use crate::address::{AddressSet, HostBits, Network, NotANetwork};
use crate::limits::{RANGE_ENTRIES, RANGE_TEXT_BYTES, RANGE_V4_PREFIX, RANGE_V6_PREFIX, RANGES_PER_APP};

/// Whether private ranges are taken: a setting for tests and private deployments.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum PrivateRanges {
    /// Public ranges and documentation only.
    #[default]
    Refuse,
    /// Private, loopback and carrier-grade NAT ranges too.
    Admit,
}

/// Why an entry is no range of an app.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotARange {
    /// No address or block.
    #[error(transparent)]
    Network(#[from] NotANetwork),
    /// In a special-purpose block.
    #[error("{} address range ({}): only public addresses are taken", .0.special.with_article(), .0.name)]
    Special(&'static Block),
    /// In a special-purpose block that is admitted here, and too wide.
    #[error(
        "{} address range ({}), and wider than /{RANGE_V4_PREFIX} (IPv4) or /{RANGE_V6_PREFIX} (IPv6)",
        .0.special.with_article(), .0.name
    )]
    SpecialTooWide(&'static Block),
    /// Too wide.
    #[error("wider than /{RANGE_V4_PREFIX} (IPv4) or /{RANGE_V6_PREFIX} (IPv6)")]
    TooWide,
}

/// One entry with its judgement.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// In which line it stands, from 1.
    pub line: usize,
    /// What was typed.
    pub text: String,
    /// What it is, or why it is nothing.
    pub judged: Result<Network, NotARange>,
}

/// Why a text is no range set.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RangeSetError {
    /// Nothing in it: an empty set is never taken to mean "everywhere".
    #[error("the list has no range; the keys of an app without ranges do not work")]
    Empty,
    /// Some entries are wrong.
    #[error("{count} of the entries are not valid; the first one is in line {line}: {why}")]
    Entries {
        /// How many.
        count: usize,
        /// The first one's line.
        line: usize,
        /// Its reason.
        why: NotARange,
    },
    /// Neighbours that make a range which is too wide.
    #[error(
        "neighbouring ranges together are wider than /{RANGE_V4_PREFIX} (IPv4) or /{RANGE_V6_PREFIX} (IPv6)"
    )]
    TooWide,
    /// Too many.
    #[error("more than {RANGES_PER_APP} ranges after joining neighbours")]
    TooMany,
    /// Too much text.
    #[error("more than {RANGE_ENTRIES} entries or {RANGE_TEXT_BYTES} bytes")]
    TooLong,
}

/// Reads entries that are separated by commas, white space or line ends; `#` begins a comment up to the line's end. At
/// most [`RANGE_ENTRIES`] are read.
#[must_use]
pub fn read_entries(text: &str, private: PrivateRanges) -> Vec<Entry> {
    let entries = text.lines().enumerate().flat_map(|(at, line)| {
        let plain = line.split_once('#').map_or(line, |(before, _)| before);
        let words = plain.split([',', ' ', '\t', '\r']).filter(|word| !word.is_empty());
        words.map(move |word| (at + 1, word))
    });
    let judged =
        |(line, word): (usize, &str)| Entry { line, text: word.to_owned(), judged: judge(word, private) };
    entries.take(RANGE_ENTRIES + 1).map(judged).collect()
}

/// One entry's judgement.
fn judge(text: &str, private: PrivateRanges) -> Result<Network, NotARange> {
    let range = Network::parse(text, HostBits::Refuse)?;
    let taken = |special: Special| match private {
        PrivateRanges::Refuse => special.is_taken(),
        PrivateRanges::Admit => special.is_taken_privately(),
    };
    match (Block::deciding(range, taken), is_too_wide(range)) {
        (Some(block), _) if !taken(block.special) => Err(NotARange::Special(block)),
        (Some(block), true) => Err(NotARange::SpecialTooWide(block)),
        (None, true) => Err(NotARange::TooWide),
        (Some(_) | None, false) => Ok(range),
    }
}

const fn is_too_wide(range: Network) -> bool {
    match range {
        Network::V4(_, prefix) => prefix < RANGE_V4_PREFIX,
        Network::V6(_, prefix) => prefix < RANGE_V6_PREFIX,
    }
}

impl RangeSetError {
    /// The set that a text stands for, if every entry of it can be taken.
    ///
    /// # Errors
    /// [`RangeSetError`]: empty, blank and comment-only texts are refused and never "no restriction".
    pub fn read(text: &str, private: PrivateRanges) -> Result<AddressSet, Self> {
        if text.len() > RANGE_TEXT_BYTES {
            return Err(Self::TooLong);
        }
        let entries = read_entries(text, private);
        if entries.len() > RANGE_ENTRIES {
            return Err(Self::TooLong);
        }
        let mut wrong = entries.iter().filter_map(|entry| Some((entry.line, entry.judged.err()?)));
        if let Some((line, why)) = wrong.next() {
            return Err(Self::Entries { count: 1 + wrong.count(), line, why });
        }
        let networks: Vec<Network> = entries.iter().filter_map(|entry| entry.judged.ok()).collect();
        if networks.is_empty() {
            return Err(Self::Empty);
        }
        let set = AddressSet::of_app(networks).map_err(|_| Self::TooMany)?;
        // Neighbours that are as wide as one may be are too wide together.
        match set.networks().iter().any(|range| is_too_wide(*range)) {
            true => Err(Self::TooWide),
            false => Ok(set),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{PrivateRanges, RangeSetError, read_entries};

    fn reason(text: &str) -> String {
        reason_where(text, PrivateRanges::Refuse)
    }

    fn reason_where(text: &str, private: PrivateRanges) -> String {
        match RangeSetError::read(text, private) {
            Ok(set) => format!("taken: {set}"),
            Err(problem) => problem.to_string(),
        }
    }

    #[test]
    fn every_class_of_entry_is_refused_with_its_own_reason() {
        for (entry, words) in [
            ("10.0.0.0/8", "private address range"),
            ("172.16.0.0/12", "private address range"),
            ("192.168.1.0/24", "private address range"),
            ("fd00:1::/48", "private address range"),
            ("127.0.0.1", "loopback address range"),
            ("::1", "loopback address range"),
            ("169.254.169.254", "link-local address range"),
            ("fe80::/64", "link-local address range"),
            ("100.64.0.0/16", "carrier-grade NAT address range"),
            ("224.0.0.1", "multicast address range"),
            ("ff02::1", "multicast address range"),
            ("0.0.0.0", "unspecified address range"),
            ("::", "unspecified address range"),
            ("240.0.0.1", "reserved address range"),
            ("255.255.255.255", "reserved address range"),
            ("198.18.0.0/16", "reserved address range"),
            ("2002:c000:201::/48", "reserved address range"),
            ("5.0.0.0/15", "wider than /16"),
            ("2600::/31", "wider than"),
            ("8.8.8.8/24", "bits behind the prefix"),
            ("2606:4700::1/48", "bits behind the prefix"),
            ("0.0.0.0/0", "unspecified"),
            ("::/0", "unspecified"),
            ("8.8.8", "plain spelling"),
            ("8.8.8.08", "plain spelling"),
            ("example.com", "plain spelling"),
            ("8.8.8.8:443", "plain spelling"),
            ("8.8.8.0/24-", "prefix length"),
            ("8.8.8.0/33", "prefix length"),
            ("*", "plain spelling"),
        ] {
            let told = reason(entry);
            assert!(told.contains(words), "{entry}: {told}");
            assert!(told.contains("line 1"), "{entry}: {told}");
        }
    }

    #[test]
    fn documentation_and_public_ranges_are_taken() {
        for (text, set) in [
            ("203.0.113.0/24", "203.0.113.0/24"),
            ("2001:db8::/32", "2001:db8::/32"),
            ("203.0.113.7", "203.0.113.7"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
            ("5.0.0.0/17\n5.0.128.0/17 # two\n", "5.0.0.0/16"),
            ("8.8.8.8, 8.8.8.8\r\n8.8.8.9", "8.8.8.8/31"),
        ] {
            assert_eq!(reason(text), format!("taken: {set}"));
        }
    }

    #[test]
    fn nothing_is_never_everything() {
        for text in ["", " ", "\n\n", ",", ",,,", "# 8.8.8.8", "\t\r\n # all of it"] {
            assert_eq!(
                RangeSetError::read(text, PrivateRanges::Refuse),
                Err(RangeSetError::Empty),
                "{text:?}"
            );
            assert_eq!(
                RangeSetError::read(text, PrivateRanges::Admit),
                Err(RangeSetError::Empty),
                "{text:?}"
            );
        }
        assert!(reason("8.8.8.8\n10.0.0.1\n\u{a0}8.8.4.4").contains("2 of the entries"), "none is skipped");
    }

    #[test]
    fn private_deployments_take_private_ranges_and_no_more() {
        for (text, taken) in [
            ("10.0.0.0/16", true),
            ("127.0.0.1", true),
            ("::1", true),
            ("fd00::/32", true),
            ("100.64.0.0/16", true),
            ("203.0.113.0/24", true),
            ("10.0.0.0/8", false),
            ("169.254.0.0/16", false),
            ("224.0.0.1", false),
            ("0.0.0.0", false),
            ("fe80::1", false),
        ] {
            assert_eq!(RangeSetError::read(text, PrivateRanges::Admit).is_ok(), taken, "{text}");
        }
    }

    #[test]
    fn what_is_private_and_too_wide_is_told_as_both() {
        let wide = ", and wider than /16 (IPv4) or /32 (IPv6)";
        let both = |what: &str| format!("{what}{wide}");
        let admit = PrivateRanges::Admit;
        for (range, words) in [
            ("10.0.0.0/8", both("a private address range (private use)")),
            ("10.128.0.0/9", both("a private address range (private use)")),
            ("10.4.0.0/14", both("a private address range (private use)")),
            ("172.16.0.0/12", both("a private address range (private use)")),
            ("127.0.0.0/8", both("a loopback address range (loopback)")),
            ("127.0.0.0/15", both("a loopback address range (loopback)")),
            ("100.64.0.0/10", both("a carrier-grade NAT address range (shared address space)")),
            ("100.96.0.0/11", both("a carrier-grade NAT address range (shared address space)")),
            ("fc00::/7", both("a private address range (unique local)")),
            ("fd00::/8", both("a private address range (unique local)")),
            ("fec0::/10", both("a private address range (site-local, taken back)")),
            ("0.0.0.0/8", "an unspecified address range (this network): only public".to_owned()),
            ("::", "an unspecified address range (unspecified address): only public".to_owned()),
            ("169.254.0.0/16", "a link-local address range (link local): only public".to_owned()),
            ("224.0.0.0/4", "a multicast address range (multicast): only public".to_owned()),
            ("240.0.0.0/4", "a reserved address range (reserved for future use and broadcast)".to_owned()),
        ] {
            let told = reason_where(range, admit);
            assert!(told.contains(&words), "{range}: {told}");
        }
        // Without the setting they are private first of all, and what is public stays just too wide.
        for range in ["10.0.0.0/8", "127.0.0.0/8", "100.64.0.0/10", "fc00::/7", "172.16.0.0/12"] {
            let told = reason(range);
            assert!(told.contains("only public addresses are taken") && !told.contains("wider"), "{told}");
        }
        for range in ["5.0.0.0/15", "8.0.0.0/7", "2600::/31"] {
            let told = reason_where(range, admit);
            assert!(told.ends_with("in line 1: wider than /16 (IPv4) or /32 (IPv6)"), "{told}");
        }
        for range in ["10.0.0.0/16", "127.0.0.0/16", "100.64.0.0/16", "fd00::/32", "203.0.113.0/24"] {
            assert_eq!(reason_where(range, admit), format!("taken: {range}"));
        }
    }

    #[test]
    fn neighbours_are_not_wider_together() {
        for text in ["5.0.0.0/16 5.1.0.0/16", "2600::/32,2600:1::/32"] {
            assert_eq!(
                RangeSetError::read(text, PrivateRanges::Refuse),
                Err(RangeSetError::TooWide),
                "{text}"
            );
        }
        assert!(RangeSetError::read("5.1.0.0/16 5.2.0.0/16", PrivateRanges::Refuse).is_ok(), "apart");
    }

    #[test]
    fn a_thousand_and_no_more() {
        let of = |count: u32| {
            (0..count).map(|at| format!("5.{}.{}.0/25\n", at / 256, at % 256)).collect::<String>()
        };
        assert!(RangeSetError::read(&of(1_000), PrivateRanges::Refuse).is_ok());
        assert_eq!(RangeSetError::read(&of(1_001), PrivateRanges::Refuse), Err(RangeSetError::TooMany));
        assert_eq!(RangeSetError::read(&of(5_001), PrivateRanges::Refuse), Err(RangeSetError::TooLong));
        assert_eq!(
            RangeSetError::read(&" ".repeat(300_000), PrivateRanges::Refuse),
            Err(RangeSetError::TooLong)
        );
    }

    proptest! {
        #[test]
        fn any_text_is_judged(text in "[0-9a-f:./, #\\n]{0,200}") {
            for private in [PrivateRanges::Refuse, PrivateRanges::Admit] {
                let wrong = read_entries(&text, private).iter().any(|entry| entry.judged.is_err());
                let read = RangeSetError::read(&text, private);
                prop_assert!(!(wrong && read.is_ok()), "nothing wrong is left out silently");
                if let Ok(set) = read {
                    prop_assert_eq!(RangeSetError::read(&set.to_string(), private).unwrap_or(set.clone()), set);
                }
            }
        }
    }
}
