//! A key's limits: what they are, what is used of them today, and the form that changes them.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use keyward_authority::keys::{ChangeFences, KeyNamed};
use keyward_authority::questions::{KeyView, LimitsView, UsedSum, key_limits, show_living_key};
use keyward_authority::{ActionError, PendingAction};
use keyward_rules::fence::{Decimal, Fences, SumOf, Whose};
use keyward_rules::grant::ActionKind;
use keyward_rules::id::KeyId;
use keyward_rules::limits::LIMIT_NEAR_PER_CENT;

use super::confirm::{Confirmation, Halted, act, begin};
use super::layout::{capital, problem, sentence, told};
use super::note::Note;
use super::person::{Posted, SignedIn};
use crate::requests::{FormFault, LimitsForm, NUMBERS, Number, limits_of_form};
use crate::words::grouped_decimal;

/// The fields of limits, in a form of their own or in that of a new key.
#[derive(Template)]
#[template(path = "limits.html")]
pub struct LimitsFields {
    form: LimitsForm,
    choices: Vec<(&'static str, &'static str, bool)>,
    inputs: Vec<Input>,
    /// What is wrong, and with which field.
    error: String,
    at: &'static str,
    /// Whether new destinations rest: those of a new key do not.
    rests: bool,
}

/// A number of the form.
struct Input {
    name: &'static str,
    label: &'static str,
    example: &'static str,
    value: String,
}

impl LimitsFields {
    /// The fields, with what is wrong with them.
    pub fn of(form: LimitsForm, fault: Option<&FormFault>, rests: bool) -> Self {
        let input = |(number, value): (&Number, &String)| Input {
            name: number.field,
            label: number.label,
            example: number.example,
            value: value.clone(),
        };
        let (choices, inputs) = (form.choices(), NUMBERS.iter().zip(&form.numbers).map(input).collect());
        let error = fault.map(|fault| fault.cause.sentence()).unwrap_or_default();
        Self { form, choices, inputs, error, at: fault.map_or("", |fault| fault.field), rests }
    }

    /// The HTML; every text in it is escaped by the template.
    pub fn html(&self) -> String {
        self.render().unwrap_or_default()
    }
}

/// What is used today of the limits that count by day.
#[derive(Template)]
#[template(path = "used_today.html")]
pub struct UsedToday {
    used: Vec<UsedRow>,
}

impl UsedToday {
    /// Of these sums.
    pub fn of(sums: Vec<UsedSum>) -> Self {
        Self { used: sums.into_iter().map(UsedRow::of).collect() }
    }

    /// The HTML; empty where no limit counts by day.
    pub fn html(&self) -> String {
        self.render().unwrap_or_default()
    }
}

/// The limits on the key's own page.
pub struct LimitsShown {
    /// Each in words.
    pub sentences: Vec<String>,
    /// Those of the account, which hold beside them.
    pub of_account: Vec<String>,
    /// What is used of those that count by day.
    pub used: Vec<UsedRow>,
}

/// A sum of the day.
pub struct UsedRow {
    /// What is counted.
    pub what: String,
    /// What it has come to.
    pub used: String,
    /// What it may come to.
    pub limit: String,
    /// From 0 to 100.
    pub per_cent: u8,
    /// `good`, or `warn` from [`LIMIT_NEAR_PER_CENT`] on.
    pub mark: &'static str,
}

impl LimitsShown {
    /// Asks for those of a key.
    ///
    /// # Errors
    /// [`ActionError::NoKey`].
    pub async fn of(person: &SignedIn, key: KeyId) -> Result<Self, ActionError> {
        let sums = &*person.shell.settings().day_sums;
        let LimitsView { fences, used } = key_limits(&person.context(), sums, key).await?;
        let say = |fences: &Fences| -> Vec<String> {
            fences.sentences().iter().map(|text| format!("{}.", capital(text))).collect()
        };
        let of_account = fences.account.as_deref().map(say).unwrap_or_default();
        Ok(Self { sentences: say(&fences), of_account, used: used.into_iter().map(UsedRow::of).collect() })
    }
}

impl UsedRow {
    fn of(sum: UsedSum) -> Self {
        let (what, unit) = match &sum.of {
            SumOf::Value => ("Value of orders".to_owned(), " USD".to_owned()),
            SumOf::Orders => ("Orders".to_owned(), String::new()),
            SumOf::Transfer(currency) => ("Transfers".to_owned(), format!(" {currency}")),
            SumOf::Withdrawal(currency) => ("Withdrawals".to_owned(), format!(" {currency}")),
        };
        let per_cent = per_cent(sum.used, sum.limit);
        let whose = match sum.whose {
            Whose::Key => "",
            Whose::Account => ", all keys",
        };
        let watched = if sum.enforced { "" } else { ", watched only" };
        Self {
            what: format!("{what}{whose}{watched}"),
            used: grouped_decimal(&sum.used.to_string()),
            limit: format!("{}{unit}", grouped_decimal(&sum.limit.to_string())),
            per_cent,
            mark: if per_cent >= LIMIT_NEAR_PER_CENT { "warn" } else { "good" },
        }
    }
}

/// How many hundredths of the limit are used: the largest number of them that fits.
fn per_cent(used: Decimal, limit: Decimal) -> u8 {
    let fits = |hundredths: &u8| {
        limit.per_cent(Decimal::of(u32::from(*hundredths))).is_some_and(|part| part <= used)
    };
    (1..=100).rev().find(fits).unwrap_or(0)
}

fn asking(key: &KeyView, form: LimitsForm, fault: Option<&FormFault>) -> Confirmation {
    Confirmation {
        title: "Change the limits",
        action: format!("/keys/{}/limits", key.id),
        button: "Continue",
        danger: false,
        back: format!("/keys/{}", key.id),
        part: "keys",
        words: vec![
            key.name.to_string(),
            "To make limits stricter, you need one factor. For any other change, you also need a code by mail."
                .to_owned(),
        ],
        extra: LimitsFields::of(form, fault, true).html(),
    }
}

/// The form.
pub async fn show(person: SignedIn, Path(id): Path<String>) -> Response {
    match show_living_key(&person.context(), &id).await {
        Ok(key) => {
            let form = key.fences.as_deref().map(LimitsForm::showing).unwrap_or_default();
            begin(&person, &asking(&key, form, None), "")
        }
        Err(refusal) => problem(refusal),
    }
}

/// A change of limits.
pub async fn change(Path(id): Path<String>, posted: Posted) -> Response {
    let (person, fields) = (&posted.person, &posted.fields);
    let key = match show_living_key(&person.context(), &id).await {
        Ok(key) => key,
        Err(refusal) => return problem(refusal),
    };
    let again = |fault: Option<&FormFault>, error: &str| {
        begin(person, &asking(&key, LimitsForm::of(fields), fault), error)
    };
    let to = match limits_of_form(fields) {
        Ok(to) => to,
        Err(fault) => return again(Some(&fault), ""),
    };
    let which = KeyNamed { id: key.id, name: key.name.to_string() };
    let mut asked = asking(&key, LimitsForm::default(), None);
    let confirm = |pending: &PendingAction| {
        asked.extra = String::new();
        asked.button = "Change the limits";
        let stricter = pending.action == ActionKind::TightenFences;
        asked.title = if stricter { "Make the limits stricter?" } else { "Change the limits?" };
        asked.words.clone_from(&pending.words);
        asked
    };
    match act(&posted, &person.context(), ChangeFences { which, to }, confirm).await {
        Ok(_) => told(person, &format!("/keys/{}", key.id), Note::Done(ActionKind::TightenFences)).await,
        Err(Halted::Refused(refusal @ (ActionError::Unchanged | ActionError::NoMarketData))) => {
            again(None, &sentence(&refusal))
        }
        Err(halted) => halted.into(),
    }
}

#[cfg(test)]
mod tests {
    use keyward_rules::fence::Decimal;

    use super::per_cent;

    #[test]
    fn shares_are_rounded_down() {
        let of =
            |used: &str, limit: &str| per_cent(Decimal::parse(used).unwrap(), Decimal::parse(limit).unwrap());
        assert_eq!(
            [of("0", "5000"), of("3200", "5000"), of("49", "5000"), of("5000", "5000"), of("9", "5")],
            [0, 64, 0, 100, 100]
        );
    }
}
