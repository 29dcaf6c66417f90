//! An order member by member, as programs and files get it and as a request's page lists it.

use keyward_rules::orders::{OrderLine, Orders, Side};
use serde::Serialize;
use utoipa::ToSchema;

/// One order, transfer or withdrawal of a request: what was asked for, as the request spelled it, and what the exchange
/// answered. Members without a value are left out.
#[derive(Serialize, ToSchema)]
pub struct Order {
    /// `place`, `amend`, `cancel`, `cancel_all`, `place_algo`, `amend_algo`, `cancel_algo`, `close_position`, `transfer`,
    /// `withdraw` or `cancel_withdrawal`.
    action: &'static str,
    /// The instrument, the spread, or the family of instruments.
    #[serde(skip_serializing_if = "Option::is_none")]
    instrument: Option<String>,
    /// The instrument's code (`instIdCode`), where the request names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    instrument_code: Option<String>,
    /// `buy` or `sell`.
    #[serde(skip_serializing_if = "Option::is_none")]
    side: Option<&'static str>,
    /// The type of the order.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    /// The price; of a change, the new one.
    #[serde(skip_serializing_if = "Option::is_none")]
    price: Option<String>,
    /// The size; of a change, the new one.
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<String>,
    /// The currency of a transfer or withdrawal.
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<String>,
    /// The amount of a transfer or withdrawal.
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<String>,
    /// The address of a withdrawal; the two accounts of a transfer.
    #[serde(skip_serializing_if = "Option::is_none")]
    destination: Option<String>,
    /// The client's own id.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    /// The exchange's id of the order, transfer or withdrawal.
    #[serde(skip_serializing_if = "Option::is_none")]
    exchange_id: Option<String>,
    /// `0` if the exchange accepted it, or the code with which it refused; left out where its answer is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    result_code: Option<String>,
    /// What the exchange said about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    result_text: Option<String>,
}

/// The names of a member.
pub struct Member {
    /// Its column in a file.
    pub column: &'static str,
    /// Its label on a page.
    pub label: &'static str,
}

const fn member(column: &'static str, label: &'static str) -> Member {
    Member { column, label }
}

/// The members, in the order of [`Order::values`].
pub const MEMBERS: [Member; 14] = [
    member("order_action", "Action"),
    member("instrument", "Instrument"),
    member("instrument_code", "Instrument code"),
    member("side", "Side"),
    member("type", "Type"),
    member("price", "Price"),
    member("size", "Size"),
    member("currency", "Currency"),
    member("amount", "Amount"),
    member("destination", "Destination"),
    member("client_id", "Client id"),
    member("exchange_id", "Exchange id"),
    member("result_code", "Result"),
    member("result_text", "Answer"),
];

impl Order {
    /// The values of [`MEMBERS`].
    pub fn values(&self) -> [Option<&str>; MEMBERS.len()] {
        [
            Some(self.action),
            self.instrument.as_deref(),
            self.instrument_code.as_deref(),
            self.side,
            self.kind.as_deref(),
            self.price.as_deref(),
            self.size.as_deref(),
            self.currency.as_deref(),
            self.amount.as_deref(),
            self.destination.as_deref(),
            self.client_id.as_deref(),
            self.exchange_id.as_deref(),
            self.result_code.as_deref(),
            self.result_text.as_deref(),
        ]
    }
}

impl From<OrderLine> for Order {
    fn from(line: OrderLine) -> Self {
        let (result_code, result_text) = line.result.map(|answer| (answer.code, answer.text)).unzip();
        Self {
            action: line.action.word(),
            instrument: line.instrument,
            instrument_code: line.instrument_code,
            side: line.side.map(Side::word),
            kind: line.kind,
            price: line.price,
            size: line.size,
            currency: line.currency,
            amount: line.amount,
            destination: line.destination,
            client_id: line.client_id,
            exchange_id: line.exchange_id,
            result_code,
            result_text,
        }
    }
}

/// The orders of a request one by one; none of a request that has none.
pub fn listed(orders: Option<Orders>) -> Vec<Order> {
    orders.into_iter().flat_map(|orders| orders.lines).map(Order::from).collect()
}

#[cfg(test)]
mod tests {
    use super::{MEMBERS, listed};
    use keyward_rules::orders::{Answered, OrderAction, OrderLine, Orders, Side};

    #[test]
    fn columns_and_members_are_the_same() {
        let given = |text: &str| Some(text.to_owned());
        let line = OrderLine {
            action: OrderAction::PlaceAlgo,
            instrument: given("instrument"),
            instrument_code: given("instrument_code"),
            side: Some(Side::Sell),
            kind: given("type"),
            price: given("price"),
            size: given("size"),
            currency: given("currency"),
            amount: given("amount"),
            destination: given("destination"),
            client_id: given("client_id"),
            exchange_id: given("exchange_id"),
            result: Some(Answered { code: "result_code".to_owned(), text: "result_text".to_owned() }),
        };
        let orders = listed(Some(Orders { lines: vec![line] }));
        let written = serde_json::to_value(&orders).unwrap();
        for (member, value) in MEMBERS.iter().zip(orders[0].values()) {
            let name = if member.column == "order_action" { "action" } else { member.column };
            assert_eq!(written[0][name].as_str(), value, "{name}");
            assert!(["action", "side"].contains(&name) || value == Some(name), "{name}");
        }
        assert_eq!(written[0]["action"], "place_algo");
        assert_eq!(written[0]["side"], "sell");
        assert!(listed(None).is_empty());
    }
}
