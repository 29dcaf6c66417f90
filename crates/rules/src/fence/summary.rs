//! Limits in words for people: one sentence for each.

use std::collections::BTreeMap;

use super::decimal::Decimal;
use super::set::{Destination, Fences, Layer, TradeFences, TransferFence, WithdrawalFence};
use super::whose::Whose;
use crate::route::Class;

impl Fences {
    /// One sentence for each limit, without a full stop: `at most 500 USD an order`. Empty where there is none.
    #[must_use]
    pub fn sentences(&self) -> Vec<String> {
        let mut all = self.trade.sentences();
        all.extend(self.transfer.iter().flat_map(TransferFence::sentences));
        all.extend(self.withdrawal.iter().flat_map(WithdrawalFence::sentences));
        all.extend(self.monitor.iter().flat_map(|monitor| monitor.sentences()).map(watched));
        all
    }

    /// Those that bear on requests of one class.
    #[must_use]
    pub fn sentences_of(&self, class: Class) -> Vec<String> {
        let say = |layer: Layer<'_>| {
            let all = layer.fences.plain_sentences_of(class).into_iter();
            let all = all.map(move |text| if layer.enforced { text } else { watched(text) });
            all.map(move |text| match layer.whose {
                Whose::Key => text,
                Whose::Account => format!("{text}, over all keys of the account"),
            })
        };
        self.layers().into_iter().flat_map(say).collect()
    }

    fn plain_sentences_of(&self, class: Class) -> Vec<String> {
        match class {
            Class::Trade => self.trade.sentences(),
            Class::Funding => self.transfer.iter().flat_map(TransferFence::sentences).collect(),
            Class::Withdraw => self.withdrawal.iter().flat_map(WithdrawalFence::sentences).collect(),
            Class::Read | Class::Cancel | Class::Manage | Class::Public => Vec::new(),
        }
    }

    /// The same as one line, or `none`.
    #[must_use]
    pub fn in_words(&self) -> String {
        let all = self.sentences();
        if all.is_empty() { "none".to_owned() } else { all.join("; ") }
    }
}

fn watched(sentence: String) -> String {
    format!("watched only: {sentence}")
}

impl TradeFences {
    fn sentences(&self) -> Vec<String> {
        let mut all = Vec::new();
        let mut say = |sentence: Option<String>| all.extend(sentence);
        say(self
            .instruments
            .as_ref()
            .map(|list| format!("trades only {}", joined(list, |one| one.as_str()))));
        say(self
            .instrument_types
            .as_ref()
            .map(|list| format!("trades only instruments of type {}", joined(list, |one| one.word()))));
        say(self
            .order_types
            .as_ref()
            .map(|list| format!("only orders of type {}", joined(list, |one| one.word()))));
        say(self
            .trade_modes
            .as_ref()
            .map(|list| format!("only in trade mode {}", joined(list, |one| one.word()))));
        say(self.max_order_value.map(|most| format!("at most {} USD an order", grouped(most))));
        for (pattern, most) in &self.max_order_quantity {
            say(Some(format!("at most {} of {pattern} an order", grouped(*most))));
        }
        say(self.price_collar.map(|most| format!("prices within {most} % of the market")));
        say(self.daily_value.map(|most| format!("orders of at most {} USD a day", grouped(most))));
        say(self.daily_orders.map(|most| format!("at most {} orders a day", grouped(Decimal::of(most)))));
        say(self.message_throttle.map(|most| format!("at most {most} orders a second")));
        say(self
            .repeated_execution
            .map(|most| format!("the same order at most {} times in {} seconds", most.times, most.seconds)));
        say(self.reduce_only.then(|| "only makes positions smaller".to_owned()));
        say(self.max_leverage.map(|most| format!("leverage of at most {most}")));
        say(self.whole_position.then(|| "may close whole positions".to_owned()));
        all
    }
}

impl TransferFence {
    fn sentences(&self) -> Vec<String> {
        let to =
            self.destinations.as_ref().map(|list| format!("transfers only to {}", joined(list, |one| one)));
        to.into_iter().chain(daily("transfers", &self.daily)).collect()
    }
}

impl WithdrawalFence {
    fn sentences(&self) -> Vec<String> {
        let to = |one: &Destination| format!("{} on {} to {}", one.currency, one.chain, one.address);
        let list: Vec<String> = self.destinations.iter().map(to).collect();
        let to = format!("withdraws only {}", joined(&list, |one| one));
        std::iter::once(to).chain(daily("withdrawals", &self.daily)).collect()
    }
}

fn daily(what: &str, limits: &BTreeMap<Box<str>, Decimal>) -> Option<String> {
    let list: Vec<String> =
        limits.iter().map(|(currency, most)| format!("{} {currency}", grouped(*most))).collect();
    (!list.is_empty()).then(|| format!("{what} of at most {} a day", joined(&list, |one| one)))
}

/// A number with a comma at each thousand of its whole part.
fn grouped(number: Decimal) -> String {
    let text = number.to_string();
    let whole = text.find('.').unwrap_or(text.len());
    let comma = |at: usize| at > 0 && at < whole && (whole - at).is_multiple_of(3);
    let letters = text.chars().enumerate();
    letters.flat_map(|(at, letter)| comma(at).then_some(',').into_iter().chain([letter])).collect()
}

fn joined<T>(list: &[T], text: impl Fn(&T) -> &str) -> String {
    let texts: Vec<&str> = list.iter().map(text).collect();
    match texts.as_slice() {
        [] => "nothing".to_owned(),
        [rest @ .., last] if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        all => all.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::text::read;
    use crate::route::Class;

    #[test]
    fn limits_are_said_in_plain_words() {
        let of = |text: &str| read(text).unwrap().in_words();
        assert_eq!(of("{}"), "none");
        assert_eq!(
            of(r#"{"instruments":["BTC-USDT"],"max_order_value":"500","daily_value":"5000"}"#),
            "trades only BTC-USDT; at most 500 USD an order; orders of at most 5,000 USD a day"
        );
        assert_eq!(of(r#"{"instruments":[]}"#), "trades only nothing");
        assert_eq!(
            of(
                r#"{"daily_orders":9,"repeated_execution":{"times":5,"seconds":10},"monitor":{"max_order_value":"1000"}}"#
            ),
            "at most 9 orders a day; the same order at most 5 times in 10 seconds; watched only: at most 1,000 USD an order"
        );
        let both = read(r#"{"daily_orders":9,"transfer":{"destinations":["funding"]}}"#).unwrap();
        assert_eq!(both.sentences_of(Class::Trade), ["at most 9 orders a day"]);
        assert_eq!(both.sentences_of(Class::Funding), ["transfers only to funding"]);
        assert!(both.sentences_of(Class::Withdraw).is_empty() && both.sentences_of(Class::Cancel).is_empty());
        assert_eq!(
            of(
                r#"{"withdrawal":{"destinations":[{"ccy":"USDT","chain":"USDT-TRC20","address":"Ta"}],"daily":{"BTC":"0.25","USDT":"1234567.5"}}}"#
            ),
            "withdraws only USDT on USDT-TRC20 to Ta; withdrawals of at most 0.25 BTC and 1,234,567.5 USDT a day"
        );
    }
}
