//! The counts of one piece of a chart, as one text of a row.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};

/// Counts of one subject in one span of time, by kind and word.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Tallies {
    /// By method and route.
    pub(crate) route: Tally,
    /// By address, [`SOURCES`] of them apart and the others together.
    pub(crate) source: Tally,
    /// By code.
    pub(crate) verdict: Tally,
    /// By bound.
    pub(crate) latency: Tally,
}

/// Addresses that are counted apart in one piece; the others together.
pub(crate) const SOURCES: usize = 64;
/// Their word.
pub(crate) const OTHERS: &str = "others";

/// How often each of a few words was counted.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(from = "BTreeMap<String, u64>")]
pub(crate) struct Tally(Vec<(Cow<'static, str>, u64)>);

impl Tallies {
    /// What a row holds; `None` for a text that is no counts.
    pub(crate) fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The text of a row.
    pub(crate) fn text(&self) -> String {
        // Maps of texts to numbers serialise without fail; an empty text would be found when it is read.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Adds the counts of another piece.
    pub(crate) fn add_all(&mut self, other: &Self) {
        self.route.add_all(&other.route);
        self.verdict.add_all(&other.verdict);
        self.latency.add_all(&other.latency);
        for (word, count) in &other.source.0 {
            let known = self.source.0.iter().any(|(one, _)| one == word);
            let apart = known || self.source.0.len() < SOURCES || word == OTHERS;
            self.source.add(if apart { word.clone() } else { Cow::Borrowed(OTHERS) }, *count);
        }
    }
}

impl Tally {
    /// Counts a word.
    pub(crate) fn add(&mut self, word: Cow<'static, str>, count: u64) {
        match self.0.iter_mut().find(|(one, _)| *one == word) {
            Some((_, so_far)) => *so_far = so_far.saturating_add(count),
            None => self.0.push((word, count)),
        }
    }

    /// Adds the counts of another.
    pub(crate) fn add_all(&mut self, other: &Self) {
        for (word, count) in &other.0 {
            self.add(word.clone(), *count);
        }
    }

    /// Its words with their counts, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(word, count)| (word.as_ref(), *count))
    }
}

impl From<BTreeMap<String, u64>> for Tally {
    fn from(counts: BTreeMap<String, u64>) -> Self {
        Self(counts.into_iter().map(|(word, count)| (Cow::Owned(word), count)).collect())
    }
}

impl Serialize for Tally {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::{SOURCES, Tallies};

    #[test]
    fn what_is_written_is_read_again() {
        let mut tallies = Tallies::default();
        for (word, count) in [("0", 3), ("50110", 1), ("0", 4)] {
            tallies.verdict.add(word.into(), count);
        }
        tallies.route.add("GET /a\"b".into(), 8);
        assert_eq!(Tallies::read(&tallies.text()).unwrap().text(), tallies.text());
        assert!(tallies.text().contains(r#""verdict":{"0":7,"50110":1}"#), "{}", tallies.text());
        assert_eq!(Tallies::read("{}"), Some(Tallies::default()));
        for wrong in ["", "[1]", r#"{"verdict":{"0":-1}}"#, r#"{"verdicts":{}}"#] {
            assert_eq!(Tallies::read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_crowd_of_addresses_is_counted_together() {
        let mut sum = Tallies::default();
        for number in 0..1_000 {
            let mut one = Tallies::default();
            one.source.add(format!("192.0.{}.{}", number / 250, number % 250).into(), 2);
            sum.add_all(&one);
            sum.add_all(&one);
        }
        let counts: Vec<(&str, u64)> = sum.source.iter().collect();
        assert_eq!(counts.len(), SOURCES + 1);
        assert_eq!(counts.iter().map(|(_, count)| count).sum::<u64>(), 4_000);
        assert!(counts.contains(&("others", 4_000 - 4 * u64::try_from(SOURCES).unwrap())));
    }
}
