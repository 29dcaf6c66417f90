//! PROXY headers: never a panic, never a byte read beyond the header, and the same answer however the bytes come.
#![no_main]

use keyward_edge::{ClientAddressForm, Peer, Proxies};
use libfuzzer_sys::fuzz_target;
use tokio::io::AsyncReadExt as _;

fuzz_target!(|bytes: &[u8]| {
    let proxies = Proxies::new(&["10.0.0.0/8".to_owned()], ClientAddressForm::ProxyProtocol).unwrap();
    let proxy = Peer::Proxy([10, 0, 0, 1].into());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut stream = bytes;
        let told = proxies.introduce(&mut stream, proxy).await;
        let header = bytes.len() - stream.len();
        if let Ok(peer) = told {
            assert!((15..=4_096).contains(&header));
            let (first, rest) = bytes.split_at(header);
            let mut again = first;
            assert_eq!(proxies.introduce(&mut again, proxy).await.ok(), Some(peer));
            let mut left = Vec::new();
            stream.read_to_end(&mut left).await.unwrap();
            assert_eq!(left, rest);
        }
    });
});
