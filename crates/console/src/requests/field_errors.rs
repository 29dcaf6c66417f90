//! The errors of a request by field: pages show each beside its field, and the API answers with the first.

use std::fmt::Display;

use axum::http::StatusCode;
use keyward_authority::ActionError;

use crate::api::Problem;
use crate::pages::field::FieldError;
use crate::pages::layout::{capital, sentence};

/// Why a field is refused.
pub enum Cause {
    /// An error of the authority, which has its own status and code.
    Action(Box<ActionError>),
    /// A rule of this request alone; its status is 422.
    Rule {
        /// The stable word for programs.
        code: &'static str,
        /// In words: lower case, one line, no full stop.
        text: String,
    },
}

impl Cause {
    /// A rule that the field breaks.
    pub fn rule(code: &'static str, why: impl Display) -> Self {
        Self::Rule { code, text: why.to_string() }
    }

    /// The words as a page shows them.
    pub fn sentence(&self) -> String {
        match self {
            Self::Action(error) => sentence(error),
            Self::Rule { text, .. } => format!("{}.", capital(text)),
        }
    }
}

impl<E: Into<ActionError>> From<E> for Cause {
    fn from(error: E) -> Self {
        Self::Action(Box::new(error.into()))
    }
}

impl From<Cause> for Problem {
    fn from(cause: Cause) -> Self {
        match cause {
            Cause::Action(error) => Self::from(*error),
            Cause::Rule { code, text } => Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, text),
        }
    }
}

/// All errors of a request, in the order in which its fields are judged. Fields have the names of the form.
#[derive(Default)]
pub struct FieldErrors(Vec<(&'static str, Cause)>);

impl FieldErrors {
    /// The name for an error of the whole request.
    pub const WHOLE: &'static str = "whole";

    /// One error.
    pub fn one(field: &'static str, cause: impl Into<Cause>) -> Self {
        Self(vec![(field, cause.into())])
    }

    /// Adds an error.
    pub fn add(&mut self, field: &'static str, cause: impl Into<Cause>) {
        self.0.push((field, cause.into()));
    }

    /// The value of a field. If there is an error instead, it is added.
    pub fn keep<T>(&mut self, field: &'static str, read: Result<T, impl Into<Cause>>) -> Option<T> {
        read.map_err(|cause| self.add(field, cause)).ok()
    }

    /// The same for a rule of this request alone, with its code.
    pub fn keep_rule<T>(
        &mut self,
        field: &'static str,
        code: &'static str,
        read: Result<T, impl Display>,
    ) -> Option<T> {
        self.keep(field, read.map_err(|why| Cause::rule(code, why)))
    }

    /// Whether a field has an error.
    pub fn has(&self, field: &str) -> bool {
        self.0.iter().any(|(name, _)| *name == field)
    }

    /// The first error of a field as a sentence; empty if there is none.
    pub fn text(&self, field: &str) -> String {
        let found = self.0.iter().find(|(name, _)| *name == field);
        found.map(|(_, cause)| cause.sentence()).unwrap_or_default()
    }

    /// The summary at the top of a form, from the fields and their labels in the order of the page.
    pub fn summary(&self, labels: impl IntoIterator<Item = (&'static str, &'static str)>) -> Vec<FieldError> {
        let slips = labels.into_iter().map(|(field, label)| FieldError::new(field, label, &self.text(field)));
        slips.flatten().collect()
    }

    /// The answer of the API: the first error.
    pub fn first_problem(self) -> Problem {
        let first = self.0.into_iter().next().map(|(_, cause)| Problem::from(cause));
        // Nobody makes an empty list. If somebody does, the request is still refused.
        first.unwrap_or_else(|| Cause::rule("bad_body", "a field is not acceptable").into())
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use axum::response::IntoResponse as _;
    use keyward_authority::ActionError;

    use super::{Cause, FieldErrors};

    #[test]
    fn pages_see_every_error_and_programs_the_first() {
        let mut errors = FieldErrors::default();
        assert_eq!(errors.keep("cap", Ok::<_, Cause>(1)), Some(1));
        assert_eq!(errors.keep("key", Err::<(), _>(ActionError::NoKey)), None);
        errors.add("end", Cause::rule("bad_end", "a key ends after 1 to 3650 days"));
        assert_eq!(errors.text("cap"), "");
        assert_eq!(errors.text("key"), "This key is not in your account.");
        assert_eq!(errors.text("end"), "A key ends after 1 to 3650 days.");
        let summary = errors.summary([("end", "End"), ("cap", "Cap"), ("key", "Key")]);
        assert_eq!(summary.iter().map(|slip| slip.field).collect::<Vec<_>>(), ["end", "key"]);
        assert_eq!(errors.first_problem().into_response().status(), StatusCode::NOT_FOUND);
    }
}
