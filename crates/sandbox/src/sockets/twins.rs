//! Operations and their twins by HTTP: both go through the same functions.

use serde_json::Value;

/// Whether an operation takes one object, or some.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Takes {
    One,
    Some,
}

/// An operation.
#[derive(Debug)]
pub(super) struct Twin {
    op: &'static str,
    /// The path of the twin, which is a POST.
    pub(super) path: &'static str,
    takes: Takes,
}

const fn one(op: &'static str, path: &'static str) -> Twin {
    Twin { op, path, takes: Takes::One }
}

const fn some(op: &'static str, path: &'static str) -> Twin {
    Twin { op, path, takes: Takes::Some }
}

static TWINS: [Twin; 7] = [
    one("order", "/api/v5/trade/order"),
    some("batch-orders", "/api/v5/trade/batch-orders"),
    one("amend-order", "/api/v5/trade/amend-order"),
    some("batch-amend-orders", "/api/v5/trade/amend-batch-orders"),
    one("cancel-order", "/api/v5/trade/cancel-order"),
    some("batch-cancel-orders", "/api/v5/trade/cancel-batch-orders"),
    one("mass-cancel", "/api/v5/trade/mass-cancel"),
];

/// The operation with this name.
pub(super) fn twin(op: &str) -> Option<&'static Twin> {
    TWINS.iter().find(|twin| twin.op == op)
}

impl Twin {
    /// The body that the twin would have; none for arguments that it does not take.
    pub(super) fn body(&self, args: &[Value]) -> Option<Value> {
        let plain = !args.is_empty() && args.iter().all(Value::is_object);
        match (self.takes, args) {
            (Takes::One, [only]) if plain => Some(only.clone()),
            (Takes::Some, some) if plain => Some(Value::Array(some.to_vec())),
            (Takes::One | Takes::Some, _) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use keyward_rules::route::RouteTable;
    use keyward_rules::socket::{Endpoint, SocketTable};
    use serde_json::json;

    use super::{TWINS, twin};

    #[test]
    fn the_twins_are_those_by_which_the_gateway_judges() {
        let routes = RouteTable::okx_v5(1).unwrap();
        let table = SocketTable::okx_v5(&routes).unwrap();
        let mut judged: Vec<(&str, &str)> = table
            .operations()
            .filter(|operation| operation.endpoint == Endpoint::Private)
            .map(|operation| (operation.name, routes.of_number(operation.twin).unwrap().path))
            .collect();
        let mut ours: Vec<(&str, &str)> = TWINS.iter().map(|twin| (twin.op, twin.path)).collect();
        judged.sort_unstable();
        ours.sort_unstable();
        assert_eq!(judged, ours);
    }

    #[test]
    fn arguments_become_the_twins_body() {
        let (single, batch) = (twin("order").unwrap(), twin("batch-orders").unwrap());
        assert_eq!(single.body(&[json!({"a": 1})]), Some(json!({"a": 1})));
        assert_eq!(batch.body(&[json!({}), json!({"a": 1})]), Some(json!([{}, {"a": 1}])));
        assert_eq!(single.body(&[json!({}), json!({})]), None);
        for args in [vec![], vec![json!("x")], vec![json!([])], vec![json!({}), json!(1)]] {
            assert!(single.body(&args).is_none() && batch.body(&args).is_none(), "{args:?}");
        }
        assert!(twin("Order").is_none() && twin("").is_none());
    }
}
