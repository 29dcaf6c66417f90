//! Which keys stop once a change of password, factor or e-mail address is confirmed, and until when, in a sentence.

use keyward_authority::accounts::Left;
use keyward_authority::questions::keys_that_rest;
use keyward_authority::{ActionError, PendingAction};
use keyward_rules::key::KeyName;
use keyward_rules::limits::COOLING_MS;
use keyward_rules::time::Moment;

use super::person::SignedIn;
use crate::words::When;

/// The sentence for a change that leaves `left` of the second factor.
pub async fn stops(person: &SignedIn, left: Left) -> Result<String, ActionError> {
    let names = keys_that_rest(&person.own_context(), person.id(), left).await?;
    Ok(match left {
        Left::Nothing => sentence(&names, "two-factor sign-in is on again"),
        Left::Another => stops_now(&names, person.shell.now()),
    })
}

/// The words of a plan, and the sentence about what it stops.
pub fn with_stops(pending: &PendingAction, stops: String) -> Vec<String> {
    pending.words.iter().cloned().chain([stops]).collect()
}

/// The sentence for keys that stop for as long as a change of password, factor or address holds them.
pub fn stops_now(names: &[KeyName], now: Moment) -> String {
    let until = When::of(now.plus_ms(COOLING_MS)).utc;
    sentence(names, &format!("{until}, if you confirm now"))
}

fn sentence(names: &[KeyName], until: &str) -> String {
    let list: Vec<String> = names.iter().map(|name| format!("“{name}”")).collect();
    match list.len() {
        0 => "None of your active keys stops.".to_owned(),
        1 => format!("One active key stops until {until}: {}.", list.join(", ")),
        count => format!("{count} active keys stop until {until}: {}.", list.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::sentence;
    use keyward_rules::key::KeyName;

    #[test]
    fn the_keys_are_named() {
        let name = |text: &str| KeyName::parse(text).unwrap();
        assert_eq!(sentence(&[], "then"), "None of your active keys stops.");
        assert_eq!(sentence(&[name("a")], "then"), "One active key stops until then: “a”.");
        assert_eq!(sentence(&[name("a"), name("b")], "then"), "2 active keys stop until then: “a”, “b”.");
    }
}
