//! Where Keyward differs from OKX's table on purpose (product.md 6.1 and 5).

use super::{Access, Class, Destination};
use crate::permission::Permission;

/// What an override says of a path.
pub(super) struct Override {
    pub(super) path: &'static str,
    pub(super) method: &'static str,
    pub(super) access: Access,
    pub(super) class: Class,
    pub(super) destination: Destination,
}

const fn funding(path: &'static str) -> Override {
    Override {
        path,
        method: "POST",
        access: Access::Private(Permission::Funding),
        class: Class::Funding,
        destination: Destination::Upstream,
    }
}

const fn manage(path: &'static str) -> Override {
    Override {
        path,
        method: "POST",
        access: Access::Private(Permission::Manage),
        class: Class::Manage,
        destination: Destination::SubAccounts,
    }
}

const fn listing(path: &'static str) -> Override {
    Override {
        path,
        method: "GET",
        access: Access::Private(Permission::Read),
        class: Class::Read,
        destination: Destination::SubAccounts,
    }
}

/// Where a client asks for the state of a transfer's approval (product.md 5).
pub(super) const APPROVALS: &str = "/api/v5/users/approvals";

/// Moving funds needs `funding`; administering sub-accounts and keys needs `manage` and is never forwarded.
pub(super) const OVERRIDES: [Override; 13] = [
    funding("/api/v5/asset/transfer"),
    funding("/api/v5/asset/subaccount/transfer"),
    manage("/api/v5/users/subaccount/create-subaccount"),
    manage("/api/v5/users/subaccount/apikey"),
    manage("/api/v5/users/subaccount/modify-apikey"),
    manage("/api/v5/users/subaccount/delete-apikey"),
    manage("/api/v5/users/subaccount/set-transfer-out"),
    listing("/api/v5/users/subaccount/list"),
    listing("/api/v5/users/subaccount/apikey"),
    listing("/api/v5/users/entrust-subaccount-list"),
    Override { destination: Destination::Closed, ..manage("/api/v5/broker/dma/subaccount/apikey") },
    Override { destination: Destination::Closed, ..listing("/api/v5/broker/dma/subaccount/apikey") },
    Override { destination: Destination::Approvals, ..listing(APPROVALS) },
];

/// Rows that OKX's table does not have, in its form: what Keyward alone answers.
pub(super) const OWN: &str =
    "GET\t/api/v5/users/approvals\tread\t20\t2\trequests\tuser\tGet the state of an approval";
