//! What was asked for and what the exchange answered, as a sentence.

use keyward_rules::orders::{Answered, OrderAction, OrderLine, Orders, Side};

use super::outcome::is_accepted;
use crate::words::grouped_decimal;

/// Characters of a withdrawal's address up to which it is shown whole; a longer one shows both ends.
const ADDRESS: usize = 20;
/// Characters of each end.
const ADDRESS_END: usize = 6;
/// The price with which an algo order is placed at market.
const AT_MARKET: &str = "-1";

/// Who answered to the orders of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AnswersOf {
    /// The exchange.
    Exchange,
    /// Keyward itself: the key's limits refused them.
    Keyward,
}

impl AnswersOf {
    /// By the code that is recorded of the request.
    pub fn recorded(code: &str) -> Self {
        if code == "0" { Self::Exchange } else { Self::Keyward }
    }
}

/// The first order of a request as a sentence, and how many more there are; `None` where there are none.
pub fn summary(orders: &Orders, answers: AnswersOf) -> Option<String> {
    let (first, more) = orders.lines.split_first()?;
    let first = sentence(first, answers);
    Some(if more.is_empty() { first } else { format!("{first} · and {} more", more.len()) })
}

/// `Buy 0.001 BTC-USDT at 30,000 · accepted, id 1234`; without the second part where the answer is not known.
pub fn sentence(line: &OrderLine, answers: AnswersOf) -> String {
    let asked = asked(line);
    match &line.result {
        // The words say who refuses it.
        Some(answer) if answers == AnswersOf::Keyward => format!("{asked} · {}", answer.text),
        Some(answer) => format!("{asked} · {}", answered(line, answer)),
        None => asked,
    }
}

fn asked(line: &OrderLine) -> String {
    match line.action {
        OrderAction::Place => placed(line) + &manner(line),
        OrderAction::PlaceAlgo => placed(line) + &algo(line),
        OrderAction::Amend => changed("order", line),
        OrderAction::AmendAlgo => changed("algo order", line),
        OrderAction::Cancel => format!("Cancel {}", named("order", line)),
        OrderAction::CancelAlgo => format!("Cancel {}", named("algo order", line)),
        OrderAction::CancelAll => format!("Cancel all orders{}", after("of", instrument(line))),
        OrderAction::ClosePosition => format!("Close the position{}", after("in", instrument(line))),
        OrderAction::Transfer => format!("Transfer {}{}", sum(line), between(line)),
        OrderAction::Withdraw => {
            let address = given(line.destination.as_deref()).map(shortened);
            format!("Withdraw {}{}", sum(line), after("to", address))
        }
        OrderAction::CancelWithdrawal => format!("Cancel {}", named("withdrawal", line)),
    }
}

fn answered(line: &OrderLine, answer: &Answered) -> String {
    if !is_accepted(answer) {
        let said = format!("refused by the exchange: {} {}", answer.code, answer.text);
        return said.trim_end().to_owned();
    }
    // The others name the id in what they ask for.
    let fresh = matches!(line.action, OrderAction::Place | OrderAction::PlaceAlgo);
    match given(line.exchange_id.as_deref()).filter(|_| fresh) {
        Some(id) => format!("accepted, id {id}"),
        None => "accepted".to_owned(),
    }
}

/// `Buy 0.001 BTC-USDT at 30,000`.
fn placed(line: &OrderLine) -> String {
    let side = match line.side {
        Some(Side::Buy) => "Buy",
        Some(Side::Sell) => "Sell",
        None => "Order",
    };
    let parts = [Some(side.to_owned()), number(line.size.as_deref()), instrument(line)];
    parts.into_iter().flatten().collect::<Vec<String>>().join(" ") + &price(line)
}

fn price(line: &OrderLine) -> String {
    // A market order may carry a price; the exchange does not look at it.
    if matches!(given(line.kind.as_deref()), Some("market" | "optimal_limit_ioc")) {
        return " at market".to_owned();
    }
    after("at", limit(line))
}

/// The price in words; that of an algo order may be the market's.
fn limit(line: &OrderLine) -> Option<String> {
    let of_algo = matches!(line.action, OrderAction::PlaceAlgo | OrderAction::AmendAlgo);
    match given(line.price.as_deref()) {
        Some(AT_MARKET) if of_algo => Some("market".to_owned()),
        Some(price) => Some(grouped_decimal(price)),
        None => None,
    }
}

/// What the type of an order says beside its price.
fn manner(line: &OrderLine) -> String {
    match given(line.kind.as_deref()) {
        None | Some("limit" | "market") => String::new(),
        Some("fok") => ", fill or kill".to_owned(),
        Some("ioc" | "optimal_limit_ioc") => ", immediate or cancel".to_owned(),
        Some(kind) => format!(", {}", kind.replace('_', " ")),
    }
}

fn algo(line: &OrderLine) -> String {
    match given(line.kind.as_deref()) {
        None => ", algo order".to_owned(),
        Some("oco") => ", algo order (one cancels the other)".to_owned(),
        Some("move_order_stop") => ", algo order (trailing stop)".to_owned(),
        Some(kind) => format!(", algo order ({})", kind.replace('_', " ")),
    }
}

/// `Change order 1234 of BTC-USDT: price 30,100, size 0.002`.
fn changed(what: &str, line: &OrderLine) -> String {
    let price = limit(line).map(|price| format!("price {price}"));
    let size = number(line.size.as_deref()).map(|size| format!("size {size}"));
    let changes: Vec<String> = [price, size].into_iter().flatten().collect();
    let colon = if changes.is_empty() { "" } else { ": " };
    format!("Change {}{colon}{}", named(what, line), changes.join(", "))
}

/// `order 1234 of BTC-USDT`, by the client's own id where the exchange's is not known.
fn named(what: &str, line: &OrderLine) -> String {
    let name = match (given(line.exchange_id.as_deref()), given(line.client_id.as_deref())) {
        (Some(id), _) => format!("{what} {id}"),
        (None, Some(id)) => format!("{what} with client id {id}"),
        (None, None) => what.to_owned(),
    };
    name + &after("of", instrument(line))
}

/// `10 USDT`.
fn sum(line: &OrderLine) -> String {
    let currency = given(line.currency.as_deref()).map(str::to_owned);
    let parts: Vec<String> = [number(line.amount.as_deref()), currency].into_iter().flatten().collect();
    if parts.is_empty() { "funds".to_owned() } else { parts.join(" ") }
}

/// ` from funding to trading`: the accounts of a transfer.
fn between(line: &OrderLine) -> String {
    let accounts = given(line.destination.as_deref()).and_then(|text| text.split_once('→'));
    accounts.map(|(from, to)| format!(" from {} to {}", from.trim(), to.trim())).unwrap_or_default()
}

fn instrument(line: &OrderLine) -> Option<String> {
    match (given(line.instrument.as_deref()), given(line.instrument_code.as_deref())) {
        (Some(name), _) => Some(name.to_owned()),
        (None, Some(code)) => Some(format!("instrument code {code}")),
        (None, None) => None,
    }
}

/// A text that says something.
fn given(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

fn number(text: Option<&str>) -> Option<String> {
    given(text).map(grouped_decimal)
}

fn after(word: &str, text: Option<String>) -> String {
    text.map(|text| format!(" {word} {text}")).unwrap_or_default()
}

/// Both ends of a long address. The whole address stands among the values of the request's page.
fn shortened(address: &str) -> String {
    let count = address.chars().count();
    if count <= ADDRESS {
        return address.to_owned();
    }
    let start: String = address.chars().take(ADDRESS_END).collect();
    let end: String = address.chars().skip(count - ADDRESS_END).collect();
    format!("{start}…{end}")
}

#[cfg(test)]
mod tests {
    use super::AnswersOf::Exchange;
    use super::{sentence, summary};
    use keyward_rules::orders::{Answered, OrderAction, OrderLine, Orders, Side};

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    fn answer(code: &str, text: &str) -> Option<Answered> {
        Some(Answered { code: code.to_owned(), text: text.to_owned() })
    }

    fn limit() -> OrderLine {
        OrderLine {
            instrument: some("BTC-USDT"),
            side: Some(Side::Buy),
            kind: some("limit"),
            price: some("30000"),
            size: some("0.001"),
            ..OrderLine::new(OrderAction::Place)
        }
    }

    #[test]
    fn an_order_is_said_with_its_answer() {
        assert_eq!(sentence(&limit(), Exchange), "Buy 0.001 BTC-USDT at 30,000");
        let taken = OrderLine { exchange_id: some("1234"), result: answer("0", ""), ..limit() };
        assert_eq!(sentence(&taken, Exchange), "Buy 0.001 BTC-USDT at 30,000 · accepted, id 1234");
        let market = OrderLine {
            instrument: some("ETH-USDT"),
            side: Some(Side::Sell),
            kind: some("market"),
            price: some("1"),
            size: some("2"),
            result: answer("51008", "Insufficient balance"),
            ..OrderLine::new(OrderAction::Place)
        };
        let said = "Sell 2 ETH-USDT at market · refused by the exchange: 51008 Insufficient balance";
        assert_eq!(sentence(&market, Exchange), said);
        let silent = OrderLine { result: answer("51000", ""), ..limit() };
        assert_eq!(
            sentence(&silent, Exchange),
            "Buy 0.001 BTC-USDT at 30,000 · refused by the exchange: 51000"
        );
        let coded = OrderLine {
            instrument: some(""),
            instrument_code: some("10459"),
            kind: some("post_only"),
            ..limit()
        };
        assert_eq!(sentence(&coded, Exchange), "Buy 0.001 instrument code 10459 at 30,000, post only");
        assert_eq!(sentence(&OrderLine::new(OrderAction::Place), Exchange), "Order");
    }

    #[test]
    fn changes_and_cancellations_name_their_order() {
        let cancel = OrderLine {
            instrument: some("BTC-USDT"),
            exchange_id: some("1234"),
            client_id: some("b15"),
            result: answer("0", ""),
            ..OrderLine::new(OrderAction::Cancel)
        };
        assert_eq!(sentence(&cancel, Exchange), "Cancel order 1234 of BTC-USDT · accepted");
        let own = OrderLine { exchange_id: None, result: None, ..cancel };
        assert_eq!(sentence(&own, Exchange), "Cancel order with client id b15 of BTC-USDT");
        let both = OrderLine {
            price: some("30100"),
            size: some("0.002"),
            exchange_id: some("1234"),
            ..OrderLine::new(OrderAction::Amend)
        };
        assert_eq!(sentence(&both, Exchange), "Change order 1234: price 30,100, size 0.002");
        let neither = OrderLine { instrument: some("BTC-USDT"), ..OrderLine::new(OrderAction::AmendAlgo) };
        assert_eq!(sentence(&neither, Exchange), "Change algo order of BTC-USDT");
        let all = OrderLine { result: answer("0", ""), ..OrderLine::new(OrderAction::CancelAll) };
        assert_eq!(sentence(&all, Exchange), "Cancel all orders · accepted");
        let closed =
            OrderLine { instrument: some("BTC-USDT-SWAP"), ..OrderLine::new(OrderAction::ClosePosition) };
        assert_eq!(sentence(&closed, Exchange), "Close the position in BTC-USDT-SWAP");
    }

    #[test]
    fn algo_orders_say_their_type() {
        let trailing = OrderLine {
            kind: some("move_order_stop"),
            price: some("-1"),
            exchange_id: some("77"),
            result: answer("0", ""),
            action: OrderAction::PlaceAlgo,
            ..limit()
        };
        let said = "Buy 0.001 BTC-USDT at market, algo order (trailing stop) · accepted, id 77";
        assert_eq!(sentence(&trailing, Exchange), said);
        let amended = OrderLine {
            exchange_id: some("77"),
            price: some("-1"),
            ..OrderLine::new(OrderAction::AmendAlgo)
        };
        assert_eq!(sentence(&amended, Exchange), "Change algo order 77: price market");
        // A spread may be placed at a price below zero.
        let spread = OrderLine { price: some("-1"), ..limit() };
        assert_eq!(sentence(&spread, Exchange), "Buy 0.001 BTC-USDT at -1");
    }

    #[test]
    fn funds_are_said_with_where_they_go() {
        let transfer = OrderLine {
            currency: some("USDT"),
            amount: some("10"),
            exchange_id: some("754147"),
            result: answer("0", ""),
            ..OrderLine::new(OrderAction::Transfer)
        };
        assert_eq!(sentence(&transfer, Exchange), "Transfer 10 USDT · accepted");
        let between =
            OrderLine { destination: some("funding→trading of mini"), amount: some("12500.5"), ..transfer };
        assert_eq!(
            sentence(&between, Exchange),
            "Transfer 12,500.5 USDT from funding to trading of mini · accepted"
        );
        let withdrawal = OrderLine {
            currency: some("BTC"),
            amount: some("0.1"),
            destination: some("bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"),
            result: answer("0", ""),
            ..OrderLine::new(OrderAction::Withdraw)
        };
        assert_eq!(sentence(&withdrawal, Exchange), "Withdraw 0.1 BTC to bc1qar…wf5mdq · accepted");
        let phone = OrderLine { destination: some("86-13800000000"), ..withdrawal };
        assert_eq!(sentence(&phone, Exchange), "Withdraw 0.1 BTC to 86-13800000000 · accepted");
        let back = OrderLine { exchange_id: some("67485"), ..OrderLine::new(OrderAction::CancelWithdrawal) };
        assert_eq!(sentence(&back, Exchange), "Cancel withdrawal 67485");
        assert_eq!(sentence(&OrderLine::new(OrderAction::Transfer), Exchange), "Transfer funds");
    }

    #[test]
    fn a_batch_says_its_first_and_how_many_more() {
        let orders = |count: usize| Orders { lines: (0..count).map(|_| limit()).collect() };
        assert_eq!(summary(&orders(0), Exchange), None);
        assert_eq!(summary(&orders(1), Exchange).unwrap(), "Buy 0.001 BTC-USDT at 30,000");
        assert_eq!(summary(&orders(5), Exchange).unwrap(), "Buy 0.001 BTC-USDT at 30,000 · and 4 more");
    }
}
