//! The security score: 100 points, from which each kind of finding takes what its row in the table says.

use std::collections::BTreeMap;

use super::finding::FindingKind;

/// What one kind of finding takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Deduction {
    /// Which kind.
    pub kind: FindingKind,
    /// How many keys have it.
    pub keys: u32,
    /// Points that it takes: those of each key, up to the most that the kind takes.
    pub points: u32,
}

/// The score of an account's keys.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Score {
    /// 0 to 100.
    pub points: u8,
    /// What was taken, in the order of [`FindingKind::ALL`]. Together they may take more than there is.
    pub deductions: Vec<Deduction>,
}

impl Score {
    /// The score of keys with these findings, one for each key and kind.
    #[must_use]
    pub fn of(found: impl IntoIterator<Item = FindingKind>) -> Self {
        let mut keys: BTreeMap<FindingKind, u32> = BTreeMap::new();
        for kind in found {
            let count = keys.entry(kind).or_default();
            *count = count.saturating_add(1);
        }
        let taken = |(kind, keys): (FindingKind, u32)| {
            let points = kind.points().saturating_mul(keys).min(kind.most_points());
            Deduction { kind, keys, points }
        };
        let deductions: Vec<Deduction> = keys.into_iter().map(taken).collect();
        let lost: u32 = deductions.iter().map(|one| one.points).sum();
        let points = u8::try_from(100_u32.saturating_sub(lost)).unwrap_or(0);
        Self { points, deductions }
    }

    /// What the number says, in one word: `good` from 90 on, `fair` from 70 on, `poor` below.
    #[must_use]
    pub const fn grade(&self) -> &'static str {
        grade_of(self.points)
    }
}

/// The word of a number of points.
#[must_use]
pub const fn grade_of(points: u8) -> &'static str {
    match points {
        90.. => "good",
        70..=89 => "fair",
        _ => "poor",
    }
}

#[cfg(test)]
mod tests {
    use super::Score;
    use crate::review::FindingKind;

    /// The same numbers in every run.
    struct Dice(u64);

    impl Dice {
        fn below(&mut self, most: usize) -> usize {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(self.0 >> 33).unwrap() % most
        }
    }

    #[test]
    fn nothing_found_is_a_hundred() {
        assert_eq!(Score::of([]), Score { points: 100, deductions: Vec::new() });
        assert_eq!(Score::of([]).grade(), "good");
    }

    #[test]
    fn a_finding_more_never_raises_the_score_and_order_does_not_matter() {
        let mut dice = Dice(3);
        for _ in 0..500 {
            let mut found = Vec::new();
            let mut before = 100;
            for _ in 0..40 {
                found.push(FindingKind::ALL[dice.below(FindingKind::ALL.len())]);
                let score = Score::of(found.iter().copied());
                assert!(score.points <= before, "{found:?}");
                before = score.points;
                let turned = Score::of(found.iter().rev().copied());
                assert_eq!(score, turned);
            }
        }
    }

    #[test]
    fn the_lines_explain_the_number() {
        for kind in FindingKind::ALL {
            let one = Score::of([*kind]);
            assert!(one.points < 100, "{kind}");
            assert_eq!(u32::from(one.points), 100 - kind.points(), "{kind}");
            let many = Score::of(vec![*kind; 100]);
            assert_eq!(many.deductions[0].points, kind.most_points(), "{kind}");
            assert!(kind.points() <= kind.most_points(), "{kind}");
        }
        let all = Score::of(FindingKind::ALL.iter().copied());
        let lost: u32 = all.deductions.iter().map(|one| one.points).sum();
        assert_eq!(u32::from(all.points), 100_u32.saturating_sub(lost));
    }

    /// What is more serious takes at least as much.
    #[test]
    fn the_table_is_in_order() {
        for (first, second) in FindingKind::ALL.iter().zip(&FindingKind::ALL[1..]) {
            assert!(first.severity() >= second.severity(), "{first} {second}");
            assert!(first.points() >= second.points(), "{first} {second}");
        }
    }
}
