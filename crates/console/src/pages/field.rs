//! One field of a form: label, input, hint, and the error beside it.

use askama::Template;

/// What kind of input it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// One line.
    Text,
    /// An address for mail.
    Email,
    /// The address at the door, where a browser offers passkeys too.
    Door,
    /// Hidden while it is typed, offered to password managers.
    Password,
    /// A new password.
    NewPassword,
    /// A code that a phone may fill in.
    Code,
    /// The six digits of an authenticator.
    Six,
    /// The eight digits of a mail.
    Eight,
    /// Several lines.
    Area,
    /// A date and a time of day.
    Moment,
}

impl Kind {
    const fn input(self) -> &'static str {
        match self {
            Self::Text | Self::Code | Self::Six | Self::Eight | Self::Area => "text",
            Self::Moment => "datetime-local",
            Self::Email | Self::Door => "email",
            Self::Password | Self::NewPassword => "password",
        }
    }

    const fn complete(self) -> &'static str {
        match self {
            Self::Text | Self::Area | Self::Moment => "off",
            Self::Email => "username",
            Self::Door => "username webauthn",
            Self::Password => "current-password",
            Self::NewPassword => "new-password",
            Self::Code | Self::Six | Self::Eight => "one-time-code",
        }
    }

    /// The classes of the input.
    const fn class(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Six => "digits six",
            Self::Eight => "digits eight",
            Self::Text
            | Self::Email
            | Self::Door
            | Self::Password
            | Self::NewPassword
            | Self::Area
            | Self::Moment => "",
        }
    }

    /// Whether a phone shows the keyboard of digits for it.
    const fn is_digits(self) -> bool {
        matches!(self, Self::Six | Self::Eight)
    }
}

/// A field.
#[derive(Clone, Template)]
#[template(path = "field.html")]
pub struct Field {
    name: &'static str,
    label: &'static str,
    kind: Kind,
    value: String,
    hint: &'static str,
    error: String,
    required: bool,
    open: bool,
    live: bool,
    focus: bool,
}

impl Field {
    /// A field that must be filled in.
    pub const fn new(name: &'static str, label: &'static str, kind: Kind) -> Self {
        Self {
            name,
            label,
            kind,
            value: String::new(),
            hint: "",
            error: String::new(),
            required: true,
            open: false,
            live: false,
            focus: false,
        }
    }

    /// With what stands in it.
    pub fn value(mut self, value: impl Into<String>) -> Self {
        self.value = value.into();
        self
    }

    /// With a line below it.
    pub const fn hint(mut self, hint: &'static str) -> Self {
        self.hint = hint;
        self
    }

    /// With what is wrong; nothing when the text is empty.
    pub fn error(mut self, error: impl Into<String>) -> Self {
        self.error = error.into();
        self
    }

    /// Left to the person.
    pub const fn optional(mut self) -> Self {
        self.required = false;
        self
    }

    /// Need not be filled in when another field or a passkey stands in for it; its label does not call it optional.
    pub const fn left_open(mut self) -> Self {
        self.open = true;
        self
    }

    /// Judged while it is typed.
    pub const fn live(mut self) -> Self {
        self.live = true;
        self
    }

    /// Ready for typing when the page opens.
    pub const fn focus(mut self) -> Self {
        self.focus = true;
        self
    }

    /// The HTML; every text in it is escaped by the template.
    pub fn html(&self) -> String {
        self.render().unwrap_or_default()
    }

    /// The slip for a summary; none when nothing is wrong.
    pub fn slip(&self) -> Option<FieldError> {
        FieldError::new(self.name, self.label, &self.error)
    }
}

/// The field of a recovery code, folded behind its title.
#[derive(Template)]
#[template(path = "recovery_field.html")]
pub struct RecoveryField {
    /// Whether it is the only way left, so that it stands open.
    pub open: bool,
}

impl RecoveryField {
    /// The HTML.
    pub fn html(&self) -> String {
        self.render().unwrap_or_default()
    }
}

/// What is wrong of one field, for the summary at the top of its form.
pub struct FieldError {
    /// The field's name; it has the id `f-` and this.
    pub field: &'static str,
    /// Its label.
    pub label: &'static str,
    /// What is wrong, as a sentence.
    pub error: String,
}

impl FieldError {
    /// The slip of a field; none when the text is empty.
    pub fn new(field: &'static str, label: &'static str, error: &str) -> Option<Self> {
        (!error.is_empty()).then(|| Self { field, label, error: error.to_owned() })
    }
}

/// The fields of a form as HTML. Where something is wrong, the first such field is the one that is ready for typing.
pub fn html_of(fields: impl Into<Vec<Field>>) -> Vec<String> {
    let mut fields = fields.into();
    if let Some(first) = fields.iter().position(|field| !field.error.is_empty()) {
        for (at, field) in fields.iter_mut().enumerate() {
            field.focus = at == first;
        }
    }
    fields.iter().map(Field::html).collect()
}

#[cfg(test)]
mod tests {
    use super::{Field, Kind, html_of};

    fn focused(fields: [Field; 3]) -> Vec<bool> {
        html_of(fields).iter().map(|html| html.contains(" autofocus")).collect()
    }

    #[test]
    fn the_first_wrong_field_is_ready_for_typing() {
        let field = |error: &str| Field::new("name", "Name", Kind::Text).error(error);
        assert_eq!(focused([field("").focus(), field(""), field("")]), [true, false, false]);
        assert_eq!(focused([field("").focus(), field("x"), field("y")]), [false, true, false]);
        assert_eq!(focused([field("x"), field("").focus(), field("y")]), [true, false, false]);
        assert_eq!(focused([field(""), field(""), field("")]), [false, false, false]);
    }

    #[test]
    fn a_field_of_several_lines_is_one_too() {
        let area = Field::new("why", "Why", Kind::Area).error("Say <why>.").focus().html();
        assert!(
            area.contains(" autofocus") && area.contains("aria-invalid") && !area.contains("<why>"),
            "{area}"
        );
    }
}
