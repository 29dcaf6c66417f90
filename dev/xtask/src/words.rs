//! Words that nobody should have to look up: what the list `dev/xtask/words.txt` refuses in documents, pages and messages.
//!
//! Documents are the Markdown files of the project. Pages are the templates. Messages are the string literals of the crates,
//! without those of tests. Comments and names are left to reviews.

use std::fs;
use std::path::{Path, PathBuf};

use crate::tokens::tokens;
use crate::{Failure, place};

/// Where texts for people are, and how their files end.
const PLACES: [(&str, &str); 5] =
    [("", "md"), ("docs", "md"), ("crates", "html"), ("crates", "txt"), ("crates", "rs")];

/// A word or phrase that is refused.
#[derive(PartialEq, Eq, Debug)]
struct Refused {
    phrase: String,
    instead: String,
}

/// Checks every text.
pub fn run() -> Result<(), Failure> {
    let root = place::root();
    let list = read(&root.join("dev/xtask/words.txt")).map_err(Failure::Refused)?;
    let refused = parse(&list).map_err(Failure::Refused)?;
    let (mut found, mut files) = (Vec::new(), 0);
    for (folder, ending) in PLACES {
        for file in files_of(&root.join(folder), ending, folder.is_empty()).map_err(Failure::Refused)? {
            files += 1;
            let text = read(&file).map_err(Failure::Refused)?;
            let shown = file.strip_prefix(&root).unwrap_or(&file).display().to_string();
            let hits = match ending {
                "rs" => in_code(&text, &refused),
                "html" | "txt" => in_text(&without_code(&text), 1, &refused),
                _ => in_text(&text, 1, &refused),
            };
            found.extend(
                hits.into_iter()
                    .map(|(line, word)| format!("{shown}:{line}: “{}”: say {}", word.phrase, word.instead)),
            );
        }
    }
    if found.is_empty() {
        println!("{files} files without a refused word");
        return Ok(());
    }
    Err(Failure::Refused(format!(
        "{}\n{} refused words (dev/xtask/words.txt)",
        found.join("\n"),
        found.len()
    )))
}

/// The list: a phrase, a tab, and what to say instead.
fn parse(list: &str) -> Result<Vec<Refused>, String> {
    let lines = list.lines().map(str::trim_end).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let refused = lines.map(|line| match line.split_once('\t') {
        Some((phrase, instead)) if !phrase.is_empty() && !instead.is_empty() => {
            Ok(Refused { phrase: phrase.to_lowercase(), instead: instead.to_owned() })
        }
        Some(_) | None => Err(format!("dev/xtask/words.txt: `{line}` has no tab, or nothing beside it")),
    });
    refused.collect()
}

/// The refused words of a text whose first line has the number `first`, each with its line.
fn in_text<'r>(text: &str, first: usize, refused: &'r [Refused]) -> Vec<(usize, &'r Refused)> {
    let mut found = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.to_lowercase();
        found.extend(
            refused.iter().filter(|word| stands_in(&line, &word.phrase)).map(|word| (first + at, word)),
        );
    }
    found
}

/// A template without what stands between `{%` and `%}` or `{{` and `}}`.
fn without_code(template: &str) -> String {
    let (mut text, mut rest) = (String::new(), template);
    while let Some(at) = rest.find(['{']) {
        let (before, code) = rest.split_at(at);
        text.push_str(before);
        let end = match code.get(..2) {
            Some("{%") => code.find("%}").map(|end| end + 2),
            Some("{{") => code.find("}}").map(|end| end + 2),
            Some(_) | None => None,
        };
        let (own, behind) = code.split_at(end.unwrap_or(1));
        text.extend(own.chars().filter(|symbol| *symbol == '\n'));
        rest = behind;
    }
    text + rest
}

/// The same for the string literals of Rust code.
fn in_code<'r>(code: &str, refused: &'r [Refused]) -> Vec<(usize, &'r Refused)> {
    let literals = tokens(code).into_iter().filter(|token| token.text.contains('"'));
    literals.flat_map(|token| in_text(token.text, token.line, refused)).collect()
}

/// Whether a phrase stands in a line as whole words.
fn stands_in(line: &str, phrase: &str) -> bool {
    let is_word =
        |symbol: Option<char>| symbol.is_some_and(|symbol| symbol.is_alphanumeric() || symbol == '_');
    line.match_indices(phrase).any(|(at, _)| {
        let (before, behind) = (line.get(..at), line.get(at + phrase.len()..));
        !is_word(before.and_then(|text| text.chars().last()))
            && !is_word(behind.and_then(|text| text.chars().next()))
    })
}

/// The files below a folder, or only those in it, in order.
fn files_of(folder: &Path, ending: &str, only_here: bool) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            let is_test = ending == "rs" && path.file_name().is_some_and(|name| name == "tests");
            if !only_here && !is_test {
                found.extend(files_of(&path, ending, false)?);
            }
        } else if path.extension().is_some_and(|own| own == ending) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn read(file: &Path) -> Result<String, String> {
    fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::{in_code, in_text, parse, stands_in, without_code};

    #[test]
    fn a_phrase_is_found_as_whole_words_in_any_case() {
        for line in ["hence", "and hence.", "(hence)", "“hence”", "hence\u{a0}it"] {
            assert!(stands_in(line, "hence"), "{line}");
        }
        for line in ["", "whence", "hencefoth", "then ce", "hence_forth"] {
            assert!(!stands_in(line, "hence"), "{line}");
        }
        let refused = parse("# a comment\n\nFor want of\twithout\n").unwrap();
        let found = in_text("one\nFOR WANT OF room\n", 1, &refused);
        assert_eq!(found.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn of_code_only_the_strings_count_and_none_of_tests() {
        let refused = parse("anew\tagain").unwrap();
        let code = "// anew\nfn anew() {}\nconst A: &str = \"do it\n anew\";\n#[cfg(test)]\nmod t { const B: &str = \"anew\"; }\n";
        let found: Vec<usize> = in_code(code, &refused).into_iter().map(|(line, _)| line).collect();
        assert_eq!(found, [4]);
    }

    #[test]
    fn of_a_template_the_code_does_not_count() {
        assert_eq!(without_code("a{% if anew %}b{{ anew }}c{d"), "abcd");
        assert_eq!(without_code("{%\nx %}\ny{% z"), "\n\ny% z");
    }

    #[test]
    fn a_line_without_a_tab_is_no_entry() {
        for list in ["whoever", "whoever\t", "\twho"] {
            assert!(parse(list).is_err(), "{list}");
        }
    }
}
