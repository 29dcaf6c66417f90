//! Answers in gzip for browsers that take it: pages as they are served, assets once at the start.
//!
//! A page that holds a secret beside text that another site chose would tell the secret by its length (BREACH). So answers to
//! forms, which may show secrets, stay as they are; and the token of a page's forms is masked anew for each page.

use std::io::Write as _;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use http_body::Body as _;

/// Shorter pages stay as they are.
const WORTH_IT: u64 = 1_024;
/// Longer ones too: none of ours is, and compressing is work.
const TOO_LONG: u64 = 2 * 1_024 * 1_024;
/// How hard a page is compressed: lightly, because it is done for each answer.
const PAGE_LEVEL: u32 = 4;
/// How hard an asset is, once.
const ASSET_LEVEL: u32 = 9;

/// The bytes in gzip; `None` where that is not shorter.
pub fn asset(bytes: &[u8]) -> Option<Vec<u8>> {
    gzip(bytes, ASSET_LEVEL).filter(|packed| packed.len() < bytes.len())
}

fn gzip(bytes: &[u8], level: u32) -> Option<Vec<u8>> {
    let mut packer = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::new(level));
    packer.write_all(bytes).ok()?;
    packer.finish().ok()
}

/// Whether the client takes gzip (RFC 9110 12.5.3): it is named, and not with a weight of 0.
pub fn takes_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|one| {
        let (coding, weight) = one.split_once(';').unwrap_or((one, ""));
        let weight = weight.trim().strip_prefix("q=").and_then(|number| number.parse::<f32>().ok());
        coding.trim().eq_ignore_ascii_case("gzip") && weight.is_none_or(|weight| weight > 0.0)
    })
}

/// Compresses pages that are asked for by GET.
pub async fn pages(request: Request, next: Next) -> Response {
    let asked = request.method() == Method::GET && takes_gzip(request.headers());
    let mut answer = next.run(request).await;
    if !is_page(&answer) {
        return answer;
    }
    answer.headers_mut().append(header::VARY, HeaderValue::from_static("accept-encoding"));
    let length = answer.body().size_hint().exact();
    if !asked || !length.is_some_and(|length| (WORTH_IT..=TOO_LONG).contains(&length)) {
        return answer;
    }
    let (mut head, body) = answer.into_parts();
    let limit = usize::try_from(TOO_LONG).unwrap_or(usize::MAX);
    let Ok(bytes) = to_bytes(body, limit).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let Some(packed) = gzip(&bytes, PAGE_LEVEL) else {
        return Response::from_parts(head, Body::from(bytes));
    };
    head.headers.remove(header::CONTENT_LENGTH);
    head.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    Response::from_parts(head, Body::from(packed))
}

fn is_page(answer: &Response) -> bool {
    let kind = answer.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("text/html"))
        && !answer.headers().contains_key(header::CONTENT_ENCODING)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use axum::http::{HeaderMap, HeaderValue, header};
    use flate2::read::GzDecoder;

    use super::{asset, takes_gzip};

    #[test]
    fn an_asset_is_the_same_after_unpacking_and_only_packed_where_it_gains() {
        let text = "body { margin: 0 }\n".repeat(100);
        let packed = asset(text.as_bytes()).unwrap();
        let mut back = String::new();
        GzDecoder::new(packed.as_slice()).read_to_string(&mut back).unwrap();
        assert_eq!(back, text);
        assert!(packed.len() * 4 < text.len());
        assert!(asset(b"x").is_none());
    }

    #[test]
    fn gzip_is_taken_where_it_is_named_and_not_weighed_nothing() {
        for (value, taken) in [
            ("gzip", true),
            ("gzip, deflate, br, zstd", true),
            ("br;q=1.0, GZIP;q=0.8", true),
            ("deflate,gzip ; q=0.001", true),
            ("gzip;q=nonsense", true),
            ("gzip;q=0", false),
            ("gzip; q=0.0", false),
            ("br", false),
            ("x-gzip", false),
            ("identity", false),
            ("*", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_str(value).unwrap());
            assert_eq!(takes_gzip(&headers), taken, "{value}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }
}
