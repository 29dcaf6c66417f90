//! What the key that a form describes will be able to do, in sentences, while the form is filled in.

use askama::Template;
use keyward_authority::questions::AppCard;
use keyward_rules::address::{AddressSet, HostBits, Width};
use keyward_rules::permission::Permission;

use crate::fields::Fields;
use crate::requests::{entries, limits_of_form};

/// Addresses that are named; the others are counted.
const NAMED: usize = 3;

/// The sentences, each with its mark: what the key can do, cannot do, and what to beware of.
#[derive(Template)]
#[template(path = "key_summary.html")]
pub struct Summary {
    lines: Vec<(&'static str, String)>,
}

/// What each permission lets a key do, and the words for a key without it.
const SENTENCES: [(Permission, &str, &str); 3] = [
    (Permission::Read, "It can see balances, orders and history.", "It cannot read anything."),
    (Permission::Trade, "It can place, change and cancel orders.", "It cannot trade."),
    (Permission::Withdraw, "It can send funds out of the exchange.", "It cannot withdraw."),
];

impl Summary {
    /// The summary of a form, complete or not.
    pub fn of(fields: &Fields, app: Option<&AppCard>) -> Self {
        if fields.get("purpose") == "canary" {
            return Self::of_canary(fields);
        }
        let has = |right: Permission| fields.all("permission").any(|word| word == right.word());
        let mut lines = Vec::new();
        for (right, can, cannot) in SENTENCES {
            match (has(right), right) {
                (true, Permission::Withdraw) => lines.push(("warn", can.to_owned())),
                (true, _) => lines.push(("good", can.to_owned())),
                (false, _) => lines.push(("bad", cannot.to_owned())),
            }
        }
        if has(Permission::Funding) {
            lines.push(("good", "It can move funds between your own accounts.".to_owned()));
        }
        if has(Permission::Manage) {
            lines.push(("warn", "It can administer sub-accounts and their keys.".to_owned()));
        }
        let (mark, reach, bound) = reach(fields, app);
        lines.push((mark, reach));
        lines.push(end(fields, bound));
        if let Ok(cap) = fields.get("cap").trim().parse::<u32>() {
            let plural = if cap == 1 { "" } else { "s" };
            lines.push(("good", format!("It can send at most {cap} request{plural} a second.")));
        }
        match limits_of_form(fields) {
            Ok(limits) => {
                let said = limits.sentences().into_iter().map(|text| ("good", format!("Limit: {text}.")));
                lines.extend(said);
            }
            Err(_) => lines.push(("warn", "Correct its limits.".to_owned())),
        }
        if fields.has("demo") {
            lines.push(("good", "It works in demo trading only.".to_owned()));
        }
        Self { lines }
    }

    /// The same of a canary, which has no rights and no addresses to tell of.
    fn of_canary(fields: &Fields) -> Self {
        let lines = [
            ("bad", "It admits no request, from no address."),
            (
                "good",
                "When somebody uses it, you get an alert at once, with the address that the request came from.",
            ),
            ("good", "A person who finds it cannot tell it from a key that is bound to other addresses."),
        ];
        let mut lines: Vec<(&'static str, String)> =
            lines.into_iter().map(|(mark, line)| (mark, line.to_owned())).collect();
        lines.push(match fields.get("expires").trim() {
            "" => ("good", "It stays until you delete it.".to_owned()),
            _ => end(fields, Some(true)),
        });
        Self { lines }
    }

    /// The HTML; every text in it is escaped by the template.
    pub fn html(&self) -> String {
        self.render().unwrap_or_default()
    }
}

/// From where, and whether the key counts as bound; `None` as long as nobody can tell.
fn reach(fields: &Fields, app: Option<&AppCard>) -> (&'static str, String, Option<bool>) {
    if let Some(app) = app {
        return ("good", format!("It works from the servers of {} only.", app.name), Some(true));
    }
    if fields.get("reach") == "anywhere" {
        let text = "It works from any address: anyone with the secret can use it.".to_owned();
        return ("warn", text, Some(false));
    }
    let typed = fields.get("addresses");
    if entries(typed).next().is_none() {
        return ("warn", "Enter the addresses that it works from.".to_owned(), None);
    }
    let list = entries(typed).collect::<Vec<_>>().join(",");
    let Ok(set) = AddressSet::parse(&list, HostBits::Clear) else {
        return ("warn", "Correct the addresses that it works from.".to_owned(), None);
    };
    if set.width() == Width::Wide {
        let text = "It works from so many addresses that it counts as unbound.".to_owned();
        return ("warn", text, Some(false));
    }
    let all: Vec<String> = set.networks().iter().map(ToString::to_string).collect();
    let named = all.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    let others = all.len().saturating_sub(NAMED);
    let more = if others == 0 { String::new() } else { format!(" and {others} more") };
    ("good", format!("It works only from {named}{more}."), Some(true))
}

/// When the key ends.
fn end(fields: &Fields, bound: Option<bool>) -> (&'static str, String) {
    let idle = bound == Some(false);
    match fields.get("expires").trim().parse::<u64>() {
        Ok(1) => ("good", "It ends after 1 day.".to_owned()),
        Ok(days) => ("good", format!("It ends after {days} days.")),
        Err(_) if idle => ("warn", "It is deleted after 30 days without use.".to_owned()),
        Err(_) => ("good", "It works until you delete it.".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::Summary;
    use crate::fields::Fields;

    fn lines(pairs: &[(&str, &str)]) -> String {
        let fields = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let summary = Summary::of(&Fields(fields), None);
        summary.lines.iter().map(|(mark, line)| format!("{mark}: {line}\n")).collect()
    }

    #[test]
    fn a_form_is_told_in_sentences() {
        let bot = lines(&[
            ("permission", "read"),
            ("permission", "trade"),
            ("reach", "addresses"),
            ("addresses", "203.0.113.7, 203.0.113.8/31 198.51.100.0/24\n2001:db8::1"),
            ("cap", "5"),
            ("expires", "30"),
        ]);
        for line in [
            "good: It can see balances, orders and history.",
            "good: It can place, change and cancel orders.",
            "bad: It cannot withdraw.",
            " and 1 more.",
            "good: It ends after 30 days.",
            "good: It can send at most 5 requests a second.",
        ] {
            assert!(bot.contains(line), "{line}\n{bot}");
        }
        let open = lines(&[("permission", "withdraw"), ("reach", "anywhere"), ("demo", "yes")]);
        for line in [
            "bad: It cannot read anything.",
            "warn: It can send funds out of the exchange.",
            "warn: It works from any address: anyone with the secret can use it.",
            "warn: It is deleted after 30 days without use.",
            "good: It works in demo trading only.",
        ] {
            assert!(open.contains(line), "{line}\n{open}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_not_claimed() {
        for (typed, said) in [
            ("", "warn: Enter the addresses"),
            (" , ,", "warn: Enter the addresses"),
            ("203.0.113.300", "warn: Correct the addresses"),
            ("0.0.0.0/0", "warn: It works from so many addresses"),
            ("10.0.0.0/7", "warn: It works from so many addresses"),
        ] {
            let told = lines(&[("reach", "addresses"), ("addresses", typed), ("cap", "x"), ("expires", "-")]);
            assert!(told.contains(said), "{typed}: {told}");
            assert!(!told.contains("It works only from") && !told.contains("at most"), "{typed}: {told}");
        }
    }
}
