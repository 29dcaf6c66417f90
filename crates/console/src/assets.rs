//! What pages load: one style sheet, two fonts, two scripts, the icons; in the binary, named by their content.

use std::sync::LazyLock;

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

use crate::compress::{self, takes_gzip};
use crate::shell::Shell;

const WOFF2: &str = "font/woff2";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// The fonts as the style sheet names them.
const FONTS: [(&str, &[u8]); 2] = [
    ("inter.woff2", include_bytes!("../assets/inter-latin.woff2")),
    ("plex-mono.woff2", include_bytes!("../assets/plex-mono-latin.woff2")),
];

struct Asset {
    /// The file's name with a hash of its content: a change of content is a change of name.
    name: String,
    mime: &'static str,
    bytes: Vec<u8>,
    /// The same in gzip, where that is shorter.
    packed: Option<Vec<u8>>,
}

impl Asset {
    fn new(file: &str, mime: &'static str, bytes: &[u8]) -> Self {
        let hash = blake3::hash(bytes).to_hex();
        let (stem, ending) = file.rsplit_once('.').unwrap_or((file, ""));
        let name = format!("{stem}-{}.{ending}", hash.get(..12).unwrap_or_default());
        Self { name, mime, bytes: bytes.to_vec(), packed: compress::asset(bytes) }
    }

    fn path(&self) -> String {
        format!("/assets/{}", self.name)
    }
}

/// All assets, and the paths of those that templates name.
struct Assets {
    all: Vec<Asset>,
    paths: Paths,
}

static ASSETS: LazyLock<Assets> = LazyLock::new(|| {
    let mut css = include_str!("../assets/keyward.css").to_owned();
    let mut all = Vec::new();
    for (file, bytes) in FONTS {
        let font = Asset::new(file, WOFF2, bytes);
        css = css.replace(file, &font.path());
        all.push(font);
    }
    let mut add = |file: &str, mime: &'static str, bytes: &[u8]| {
        let asset = Asset::new(file, mime, bytes);
        let path = asset.path();
        all.push(asset);
        path
    };
    let paths = Paths {
        css: add("keyward.css", "text/css; charset=utf-8", css.as_bytes()),
        js: add("keyward.js", JAVASCRIPT, include_bytes!("../assets/keyward.js")),
        htmx: add("htmx.js", JAVASCRIPT, include_bytes!("../assets/htmx-4.0.1.min.js")),
        icon: add("icon.svg", SVG, include_bytes!("../assets/icon.svg")),
        icons: add("icons.svg", SVG, include_bytes!("../assets/icons.svg")),
    };
    Assets { all, paths }
});

/// Paths of the assets as templates name them.
pub struct Paths {
    /// The style sheet.
    pub css: String,
    /// Our script.
    pub js: String,
    /// htmx.
    pub htmx: String,
    /// The icon of the site.
    pub icon: String,
    /// The icons of the pages, as symbols of one file.
    pub icons: String,
}

/// The paths, computed once.
pub fn paths() -> &'static Paths {
    &ASSETS.paths
}

/// An icon of the pages as HTML, by its id in `assets/icons.svg`. It says nothing to screen readers: text stands beside it.
pub fn icon(id: &str) -> String {
    format!(r##"<svg class="icon" aria-hidden="true"><use href="{}#{id}"/></svg>"##, paths().icons)
}

/// The ids of all icons, in the order of their file.
pub fn icon_names() -> Vec<&'static str> {
    let symbols = include_str!("../assets/icons.svg").split("<symbol id=\"").skip(1);
    symbols.filter_map(|symbol| symbol.split_once('"').map(|(id, _)| id)).collect()
}

pub fn router() -> Router<Shell> {
    Router::new().route("/assets/{name}", get(serve))
}

async fn serve(Path(asked): Path<String>, asking: HeaderMap) -> Response {
    let Some(asset) = ASSETS.all.iter().find(|asset| asset.name == asked) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers =
        [(header::CONTENT_TYPE, asset.mime), (header::CACHE_CONTROL, "public, max-age=31536000, immutable")];
    match asset.packed.as_deref() {
        None => (headers, asset.bytes.as_slice()).into_response(),
        Some(packed) => {
            let varies = [(header::VARY, "accept-encoding")];
            if takes_gzip(&asking) {
                (headers, varies, [(header::CONTENT_ENCODING, "gzip")], packed).into_response()
            } else {
                (headers, varies, asset.bytes.as_slice()).into_response()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ASSETS, FONTS};

    /// htmx 4.0.1 as published; another file must not slip in unnoticed.
    #[test]
    fn htmx_is_the_published_file() {
        let hash = blake3::hash(include_bytes!("../assets/htmx-4.0.1.min.js")).to_hex();
        assert_eq!(hash.as_str(), HTMX);
    }

    const HTMX: &str = "2b78dc2b44f6117680c5863fb5dd9a261c2a769feace82c358a295fe735c83e4";

    #[test]
    fn the_style_sheet_names_each_font_as_it_is_served() {
        let css = ASSETS.all.iter().find(|asset| asset.mime.starts_with("text/css")).unwrap();
        let css = String::from_utf8(css.bytes.clone()).unwrap();
        let served: Vec<_> = ASSETS.all.iter().filter(|asset| asset.mime == super::WOFF2).collect();
        assert_eq!(served.len(), FONTS.len());
        for font in served {
            assert_eq!(css.matches(&font.path()).count(), 1, "{}", font.name);
        }
    }

    /// Every icon that a template or a page names is in the file.
    #[test]
    fn icons_that_are_named_exist() {
        let symbols = include_str!("../assets/icons.svg");
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let (mut folders, mut named) = (vec![folder.join("templates"), folder.join("src/pages")], 0);
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
                if entry.path().is_dir() {
                    folders.push(entry.path());
                    continue;
                }
                let text = std::fs::read_to_string(entry.path()).unwrap();
                for call in text.split("icon(\"").skip(1) {
                    let id = call.split('"').next().unwrap();
                    assert!(
                        symbols.contains(&format!("<symbol id=\"{id}\"")),
                        "{}: {id}",
                        entry.path().display()
                    );
                    named += 1;
                }
            }
        }
        assert!(named > 10, "{named}");
    }
}
