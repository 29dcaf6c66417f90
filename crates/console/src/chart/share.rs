//! The bar beside a line of a list.

/// One bar of a list: its share of the largest, 0 to 100.
pub fn share(count: u64, largest: u64) -> String {
    let wide = count * 100 / largest.max(1);
    format!(
        r#"<svg class="share" viewBox="0 0 100 8" width="100" height="8" aria-hidden="true" preserveAspectRatio="none"><rect width="{}" height="8"/></svg>"#,
        wide.max(1)
    )
}
