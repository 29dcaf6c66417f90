//! Forwarded headers: a client is an address of the headers or none, and what stands left of the entry that counts never
//! changes it.
#![no_main]

use http::{HeaderMap, HeaderValue};
use keyward_edge::{ClientAddressForm, Peer, Proxies};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (Vec<Vec<u8>>, Vec<u8>, Vec<u8>)| {
    let (lines, forwarded, left) = input;
    let proxies = Proxies::new(&["10.0.0.0/8".to_owned()], ClientAddressForm::Forwarded).unwrap();
    let proxy = Peer::Proxy([10, 0, 0, 1].into());
    let ask = |first: Option<&[u8]>| {
        let mut headers = HeaderMap::new();
        let all = first.into_iter().chain(lines.iter().map(Vec::as_slice));
        for line in all.filter_map(|line| HeaderValue::from_bytes(line).ok()) {
            headers.append("x-forwarded-for", line);
        }
        if let Ok(value) = HeaderValue::from_bytes(&forwarded) {
            headers.append("forwarded", value);
        }
        proxies.client(proxy, &headers)
    };
    let told = ask(None);
    if let (Ok(client), Ok(other)) = (told, ask(Some(&left))) {
        // A proxy's own address as the leftmost entry is the only one that more entries may push aside.
        assert!(client == other || proxies.trust(client) || lines.is_empty());
    }
    assert_eq!(
        proxies.client(Peer::Client([192, 0, 2, 1].into()), &HeaderMap::new()).ok(),
        Some([192, 0, 2, 1].into())
    );
});
