//! Cells of CSV (RFC 4180) that no spreadsheet takes for a formula.

/// A line: each cell in quotes, line ends as spreadsheets write them.
pub fn line<'c>(cells: impl IntoIterator<Item = &'c str>) -> String {
    let quoted: Vec<String> = cells.into_iter().map(cell).collect();
    format!("{}\r\n", quoted.join(","))
}

/// What begins like a formula gets an apostrophe before it, which spreadsheets show as text.
fn cell(text: &str) -> String {
    let formula =
        text.trim_start().starts_with(['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'])
            || text.starts_with(['\t', '\r', '\n']);
    format!("\"{}{}\"", if formula { "'" } else { "" }, text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn cells_are_quoted_and_never_formulas() {
        assert_eq!(line(["a", "b,c", "d\"e", ""]), "\"a\",\"b,c\",\"d\"\"e\",\"\"\r\n");
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\u{ff1d}1"] {
            assert_eq!(line([formula]), format!("\"'{formula}\"\r\n"), "{formula:?}");
        }
    }
}
