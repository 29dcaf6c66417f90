//! What a recorded review says of each key: what was found, and what was done.

use super::finding::FindingKind;
use super::remedy::Remedy;
use crate::id::KeyId;
use crate::limits::KEYS_PER_ACTION;

/// The words that stand for a remedy in a record: the audit log has addresses and days.
const DONE: [&str; 7] = ["keep", "narrow", "expire", "stop_trading", "read_only", "disable", "delete"];

/// The answer to one key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReviewAnswer {
    /// Which key.
    pub key: KeyId,
    /// What was done: the word of a remedy.
    pub done: &'static str,
    /// What was found.
    pub found: Vec<FindingKind>,
}

impl ReviewAnswer {
    /// The answer `remedy` to a key of which this was found.
    #[must_use]
    pub fn of(key: KeyId, remedy: &Remedy, found: Vec<FindingKind>) -> Self {
        Self { key, done: remedy.word(), found }
    }
}

/// A text that [`answers_text`] did not write.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not the answers of a review")]
pub struct NotAnswers;

/// A line for each key: its id, what was done, and what was found. At most [`KEYS_PER_ACTION`] lines of 250 bytes.
#[must_use]
pub fn answers_text(answers: &[ReviewAnswer]) -> String {
    let line = |answer: &ReviewAnswer| {
        let found: Vec<&str> = answer.found.iter().map(|kind| kind.word()).collect();
        format!("{} {} {}\n", answer.key, answer.done, found.join(","))
    };
    answers.iter().take(KEYS_PER_ACTION).map(line).collect()
}

/// Reads what [`answers_text`] wrote.
///
/// # Errors
/// [`NotAnswers`].
pub fn read_answers(text: &str) -> Result<Vec<ReviewAnswer>, NotAnswers> {
    let read = |line: &str| {
        let [key, done, found] = line.split(' ').collect::<Vec<_>>().try_into().ok()?;
        let found: Result<Vec<FindingKind>, _> =
            found.split(',').filter(|word| !word.is_empty()).map(str::parse).collect();
        let done = DONE.into_iter().find(|word| *word == done)?;
        Some(ReviewAnswer { key: key.parse().ok()?, done, found: found.ok()? })
    };
    let all: Option<Vec<ReviewAnswer>> = text.lines().map(read).collect();
    all.filter(|answers| answers.len() <= KEYS_PER_ACTION).ok_or(NotAnswers)
}

#[cfg(test)]
mod tests {
    use super::{DONE, ReviewAnswer, answers_text, read_answers};
    use crate::address::{AddressSet, HostBits};
    use crate::id::KeyId;
    use crate::limits::KEYS_PER_ACTION;
    use crate::review::{FindingKind, Remedy};

    #[test]
    fn answers_read_back_and_are_bounded() {
        let set = AddressSet::parse("192.0.2.1,2001:db8::/48", HostBits::Refuse).unwrap();
        let remedies = [
            Remedy::Keep,
            Remedy::Narrow(set),
            Remedy::Expire { days: 90 },
            Remedy::StopTrading,
            Remedy::ReadOnly,
            Remedy::Disable,
            Remedy::Delete,
        ];
        assert_eq!(remedies.each_ref().map(Remedy::word), DONE);
        for remedy in &remedies {
            assert_eq!(remedy.to_string().parse(), Ok(remedy.clone()));
        }
        for wrong in
            ["", "keep ", "keep it", "expire", "expire 0", "expire 4000", "narrow", "narrow x", "Delete"]
        {
            assert!(wrong.parse::<Remedy>().is_err(), "{wrong:?}");
        }
        let id = |at: u8| KeyId::from_entropy([at; 16]);
        let answers: Vec<ReviewAnswer> = (0..=u8::try_from(KEYS_PER_ACTION).unwrap())
            .map(|at| ReviewAnswer::of(id(at), &remedies[usize::from(at) % 7], FindingKind::ALL.to_vec()))
            .collect();
        let text = answers_text(&answers);
        assert_eq!(read_answers(&text).unwrap(), answers[..KEYS_PER_ACTION]);
        assert!(text.lines().all(|line| line.len() <= 250), "{}", text.lines().next().unwrap().len());
        assert_eq!(read_answers(""), Ok(Vec::new()));
        for spoilt in ["x keep ", "\n", &format!("{} burn ", id(1)), &format!("{} keep x", id(1))] {
            assert!(read_answers(spoilt).is_err(), "{spoilt:?}");
        }
    }
}
