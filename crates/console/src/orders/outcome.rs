//! What the exchange answered to all orders of a request together.

use askama::Template;
use keyward_rules::orders::{Answered, Orders};

/// The code of what the exchange accepted.
const ACCEPTED: &str = "0";

/// Whether the exchange accepted it.
pub fn is_accepted(answer: &Answered) -> bool {
    answer.code == ACCEPTED
}

/// Accepted, refused, or some of each: as a badge, with the reasons behind it.
#[derive(Template)]
#[template(path = "order_verdict.html")]
pub struct Outcome {
    /// The class of the badge.
    pub state: &'static str,
    /// Its word.
    pub word: &'static str,
    /// How many of several were accepted; empty where all had one answer.
    pub counted: String,
    /// Code and text of what was refused, each once.
    pub reasons: Vec<(String, String)>,
}

impl Outcome {
    /// `None` where an answer that it depends on is not known.
    pub fn of(orders: &Orders) -> Option<Self> {
        let all = orders.lines.len();
        let answers = || orders.lines.iter().filter_map(|line| line.result.as_ref());
        let accepted = answers().filter(|answer| is_accepted(answer)).count();
        let refused = answers().count() - accepted;
        let (state, word) = match (accepted, refused) {
            (0, 0) => return None,
            (_, 0) if accepted == all => ("active", "accepted"),
            (0, _) if refused == all => ("deleted", "refused by the exchange"),
            (0, _) | (_, 0) => return None,
            (_, _) => ("held", "partly accepted"),
        };
        let mut reasons: Vec<(String, String)> = Vec::new();
        for answer in answers().filter(|answer| !is_accepted(answer)) {
            let reason = (answer.code.clone(), answer.text.clone());
            if !reasons.contains(&reason) {
                reasons.push(reason);
            }
        }
        let mixed = accepted > 0 && refused > 0;
        let counted = if mixed { format!("{accepted} of {all} accepted") } else { String::new() };
        Some(Self { state, word, counted, reasons })
    }

    /// The badge as HTML.
    pub fn html(&self) -> String {
        self.render().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::Outcome;
    use keyward_rules::orders::{Answered, OrderAction, OrderLine, Orders};

    /// Orders with these answers; an empty code is an answer that is not known.
    fn answered(codes: &[&str]) -> Option<Outcome> {
        let answer = |code: &str| Answered { code: code.to_owned(), text: format!("text of <{code}>") };
        let line = |code: &&str| OrderLine {
            result: (!code.is_empty()).then(|| answer(code)),
            ..OrderLine::new(OrderAction::Place)
        };
        Outcome::of(&Orders { lines: codes.iter().map(line).collect() })
    }

    #[test]
    fn a_word_needs_the_answers_that_it_depends_on() {
        let word = |codes: &[&str]| answered(codes).map(|outcome| outcome.word);
        assert_eq!(word(&["0"]), Some("accepted"));
        assert_eq!(word(&["0", "0"]), Some("accepted"));
        assert_eq!(word(&["51008"]), Some("refused by the exchange"));
        assert_eq!(word(&["51008", "51000"]), Some("refused by the exchange"));
        assert_eq!(word(&["0", "51008"]), Some("partly accepted"));
        assert_eq!(word(&["0", "", "51008"]), Some("partly accepted"));
        let unknown: [&[&str]; 4] = [&[], &[""], &["", "0"], &["51008", ""]];
        for codes in unknown {
            assert_eq!(word(codes), None, "{codes:?}");
        }
    }

    #[test]
    fn the_reasons_stand_behind_the_word_once() {
        let outcome = answered(&["51008", "0", "51008", "51000"]).unwrap();
        let codes: Vec<&str> = outcome.reasons.iter().map(|(code, _)| code.as_str()).collect();
        assert_eq!((codes, outcome.counted.as_str()), (vec!["51008", "51000"], "1 of 4 accepted"));
        let html = outcome.html();
        assert!(html.contains("class=\"state held\">partly accepted<"), "{html}");
        assert!(html.contains("<code>51008</code> text of &#60;51008&#62;"), "{html}");
        let accepted = answered(&["0"]).unwrap().html();
        assert_eq!(accepted, "<span class=\"state active\">accepted</span>");
    }
}
