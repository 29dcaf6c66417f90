//! A route is found for exactly its own method and path, byte for byte.
#![no_main]

use std::sync::LazyLock;

use keyward_rules::route::{Found, Method, RouteTable};
use libfuzzer_sys::fuzz_target;

static TABLE: LazyLock<RouteTable> = LazyLock::new(|| match RouteTable::okx_v5(1) {
    Ok(table) => table,
    Err(error) => panic!("{error}"),
});

fuzz_target!(|bytes: &[u8]| {
    // The first byte picks a route to start from, so that near misses of real paths are met at once.
    let Some((pick, rest)) = bytes.split_first() else { return };
    let routes = TABLE.routes();
    let near = routes.get(usize::from(*pick) % routes.len()).map(|route| route.path.as_bytes());
    for path in [rest.to_vec(), [near.unwrap_or_default(), rest].concat()] {
        for method in [Method::Get, Method::Post] {
            match TABLE.find(method, &path) {
                Found::Route(route) => {
                    assert_eq!(route.path.as_bytes(), path);
                    assert_eq!(route.method, method);
                }
                Found::WrongMethod => assert!(routes.iter().any(|route| route.path.as_bytes() == path)),
                Found::Unknown => assert!(routes.iter().all(|route| route.path.as_bytes() != path)),
            }
        }
    }
});
