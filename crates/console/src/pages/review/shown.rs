//! The parts of a review as pages show them.

use keyward_authority::ReviewRecord;
use keyward_authority::questions::{ReviewView, ReviewedKey};
use keyward_rules::id::KeyId;
use keyward_rules::key::Environment;
use keyward_rules::limits::DAY_MS;
use keyward_rules::review::{Finding, NextStep, Question, Remedy, Score, Severity};
use keyward_rules::time::Moment;

use super::answers::{Answers, FIELD};
use crate::words::When;

/// Recorded reviews on a page; the API gives all.
const PAST: usize = 12;

/// One key.
pub struct KeyBlock {
    pub id: String,
    pub name: String,
    pub demo: bool,
    pub state: &'static str,
    pub state_in_words: &'static str,
    pub permissions: String,
    pub findings: Vec<FindingLine>,
    pub questions: Vec<Question>,
    /// The name of the field.
    pub field: String,
    pub choices: Vec<Choice>,
}

/// One finding.
pub struct FindingLine {
    pub title: &'static str,
    pub severity: &'static str,
    /// The class of its badge.
    pub badge: &'static str,
    pub evidence: String,
    /// What is suggested, where the review does it.
    pub suggested: String,
    /// The page that does it, where the review does not.
    pub link: Option<(String, &'static str)>,
}

/// One answer that can be chosen.
pub struct Choice {
    pub value: String,
    pub label: String,
    pub chosen: bool,
}

/// One line of the score.
pub struct DeductionLine {
    pub title: &'static str,
    pub severity: &'static str,
    pub keys: u32,
    pub each: u32,
    pub most: u32,
    pub points: u32,
}

/// One review that was finished.
pub struct PastLine {
    pub at: When,
    pub score: u8,
    pub keys: usize,
    pub changed: usize,
}

/// The keys in three groups: those that wait for an answer, those that could be better, and those without a finding.
pub fn blocks(view: &ReviewView, chosen: &Answers) -> (Vec<KeyBlock>, Vec<KeyBlock>, Vec<KeyBlock>) {
    let (mut open, mut advised, mut fine) = (Vec::new(), Vec::new(), Vec::new());
    for key in &view.keys {
        let worst = key.findings.iter().map(|finding| finding.kind.severity()).max();
        let (group, default) = match worst {
            None => (&mut fine, Some(Remedy::Keep)),
            Some(Severity::Advice) => (&mut advised, Some(Remedy::Keep)),
            Some(Severity::Warning | Severity::Serious) => (&mut open, None),
        };
        group.push(block(key, chosen.get(key.key.id).cloned().or(default)));
    }
    (open, advised, fine)
}

fn block(reviewed: &ReviewedKey, chosen: Option<Remedy>) -> KeyBlock {
    let ReviewedKey { key, questions, findings, offers } = reviewed;
    let choice = |remedy: &Remedy| Choice {
        value: remedy.to_string(),
        label: remedy.label(),
        chosen: chosen.as_ref() == Some(remedy),
    };
    KeyBlock {
        id: key.id.to_string(),
        name: key.name.to_string(),
        demo: key.environment == Environment::Demo,
        state: key.state,
        state_in_words: key.state_in_words(),
        permissions: key.permissions.to_string().replace(',', ", "),
        findings: findings.iter().map(|finding| line(finding, key.id)).collect(),
        questions: questions.clone(),
        field: format!("{FIELD}{}", key.id),
        choices: offers.iter().map(choice).collect(),
    }
}

const fn badge(severity: Severity) -> &'static str {
    match severity {
        Severity::Serious => "deleted",
        Severity::Warning => "held",
        Severity::Advice => "cancelled",
    }
}

fn line(finding: &Finding, key: KeyId) -> FindingLine {
    let (suggested, link) = match &finding.next {
        NextStep::Apply(remedy) => (remedy.label(), None),
        NextStep::Successor => {
            (String::new(), Some((format!("/keys/new?from={key}"), "Make a stricter successor")))
        }
        NextStep::Rotate => (String::new(), Some((format!("/keys/{key}/rotate"), "Rotate the key"))),
        NextStep::Limits => (String::new(), Some((format!("/keys/{key}/limits"), "Set limits"))),
        NextStep::Addresses => {
            (String::new(), Some((format!("/keys/{key}/addresses"), "Bind it to addresses")))
        }
    };
    let severity = finding.kind.severity();
    FindingLine {
        title: finding.kind.title(),
        severity: severity.word(),
        badge: badge(severity),
        evidence: finding.evidence.clone(),
        suggested,
        link,
    }
}

/// The lines that explain a score.
pub fn deductions(score: &Score) -> Vec<DeductionLine> {
    let line = |one: &keyward_rules::review::Deduction| DeductionLine {
        title: one.kind.title(),
        severity: one.kind.severity().word(),
        keys: one.keys,
        each: one.kind.points(),
        most: one.kind.most_points(),
        points: one.points,
    };
    score.deductions.iter().map(line).collect()
}

/// The newest reviews that were finished.
pub fn past(records: &[ReviewRecord]) -> Vec<PastLine> {
    let line = |one: &ReviewRecord| PastLine {
        at: When::of(one.at),
        score: one.score,
        keys: one.keys,
        changed: one.answers.iter().filter(|answer| answer.done != "keep").count(),
    };
    records.iter().take(PAST).map(line).collect()
}

/// When the next review is due, in words, and whether it is overdue; empty without a key.
pub fn due_in_words(due: Option<Moment>, now: Moment) -> (String, bool) {
    let Some(due) = due else { return (String::new(), false) };
    let counted = |ms: u64| match ms / DAY_MS {
        1 => "1 day".to_owned(),
        count => format!("{count} days"),
    };
    if due > now {
        return (format!("due in {}", counted(due.ms_since(now))), false);
    }
    match now.ms_since(due) / DAY_MS {
        0 => ("due today".to_owned(), true),
        _ => (format!("overdue by {}", counted(now.ms_since(due))), true),
    }
}

/// The same as a figure, and what it counts.
pub fn due_as_figure(due: Option<Moment>, now: Moment) -> (String, &'static str) {
    let Some(due) = due else { return ("–".to_owned(), "no key yet") };
    let ahead = due > now;
    let days = if ahead { due.ms_since(now) } else { now.ms_since(due) } / DAY_MS;
    match (ahead, days) {
        (true, 1) => ("1".to_owned(), "day until it is due"),
        (true, _) => (days.to_string(), "days until it is due"),
        (false, 0) => ("today".to_owned(), "it is due"),
        (false, 1) => ("1".to_owned(), "day overdue"),
        (false, _) => (days.to_string(), "days overdue"),
    }
}

#[cfg(test)]
mod tests {
    use super::{due_as_figure, due_in_words};
    use keyward_rules::limits::DAY_MS;
    use keyward_rules::time::Moment;

    #[test]
    fn a_due_date_reads_well() {
        let at = |days: u64| Moment::from_unix_ms(days * DAY_MS);
        let words = |due, now| due_in_words(Some(at(due)), at(now));
        assert_eq!(words(40, 10), ("due in 30 days".to_owned(), false));
        assert_eq!(words(40, 39), ("due in 1 day".to_owned(), false));
        assert_eq!(words(40, 40), ("due today".to_owned(), true));
        assert_eq!(words(40, 41), ("overdue by 1 day".to_owned(), true));
        assert_eq!(due_in_words(None, at(1)), (String::new(), false));
        let figure = |due, now| due_as_figure(Some(at(due)), at(now));
        assert_eq!(figure(40, 10), ("30".to_owned(), "days until it is due"));
        assert_eq!(figure(40, 40), ("today".to_owned(), "it is due"));
        assert_eq!(figure(40, 41), ("1".to_owned(), "day overdue"));
    }
}
