//! What pages load: one style sheet, two scripts, an icon; in the binary, named by their content.

use std::sync::LazyLock;

use axum::Router;
use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

use crate::shell::Shell;

struct Asset {
    stem: &'static str,
    ending: &'static str,
    mime: &'static str,
    bytes: &'static [u8],
}

const ASSETS: [Asset; 4] = [
    Asset {
        stem: "keyward",
        ending: "css",
        mime: "text/css; charset=utf-8",
        bytes: include_bytes!("../assets/keyward.css"),
    },
    Asset {
        stem: "keyward",
        ending: "js",
        mime: "text/javascript; charset=utf-8",
        bytes: include_bytes!("../assets/keyward.js"),
    },
    Asset {
        stem: "htmx",
        ending: "js",
        mime: "text/javascript; charset=utf-8",
        bytes: include_bytes!("../assets/htmx-4.0.1.min.js"),
    },
    Asset { stem: "icon", ending: "svg", mime: "image/svg+xml", bytes: include_bytes!("../assets/icon.svg") },
];

/// Paths of the assets as templates name them; a change of content is a change of name.
pub struct Paths {
    /// The style sheet.
    pub css: String,
    /// Our script.
    pub js: String,
    /// htmx.
    pub htmx: String,
    /// The icon.
    pub icon: String,
}

/// The paths, computed once.
pub static PATHS: LazyLock<Paths> = LazyLock::new(|| {
    let path = |stem: &str, ending: &str| {
        let asset = ASSETS.iter().find(|asset| asset.stem == stem && asset.ending == ending);
        asset.map(|asset| format!("/assets/{}", name(asset))).unwrap_or_default()
    };
    Paths {
        css: path("keyward", "css"),
        js: path("keyward", "js"),
        htmx: path("htmx", "js"),
        icon: path("icon", "svg"),
    }
});

fn name(asset: &Asset) -> String {
    let hash = blake3::hash(asset.bytes).to_hex();
    format!("{}-{}.{}", asset.stem, hash.get(..12).unwrap_or_default(), asset.ending)
}

pub fn router() -> Router<Shell> {
    Router::new().route("/assets/{name}", get(serve))
}

async fn serve(Path(asked): Path<String>) -> Response {
    let Some(asset) = ASSETS.iter().find(|asset| name(asset) == asked) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers =
        [(header::CONTENT_TYPE, asset.mime), (header::CACHE_CONTROL, "public, max-age=31536000, immutable")];
    (headers, asset.bytes).into_response()
}

#[cfg(test)]
mod tests {
    /// htmx 4.0.1 as published; another file must not slip in unnoticed.
    #[test]
    fn htmx_is_the_published_file() {
        let hash = blake3::hash(include_bytes!("../assets/htmx-4.0.1.min.js")).to_hex();
        assert_eq!(hash.as_str(), HTMX);
    }

    const HTMX: &str = "2b78dc2b44f6117680c5863fb5dd9a261c2a769feace82c358a295fe735c83e4";
}
