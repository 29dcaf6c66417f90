//! `keyward doctor`: all findings, worst at a glance.

use std::io::IsTerminal as _;

use anyhow::{Result, bail};
use rustix::termios::tcgetwinsize;

use crate::arguments::Doctor;
use crate::doctor::{Finding, Level, examine, send_test, untested, without_config};
use crate::{ambient, config, output};

/// Columns that sentences need beside the names; where there are fewer, they stand below.
const BESIDE: usize = 48;
/// The widest word for a level.
const WORD: usize = 7;
/// Between columns.
const GAP: &str = "  ";

/// Prints the findings; fails when one of them is refused.
pub async fn run(options: &Doctor) -> Result<()> {
    let found = match config::read(&options.config) {
        Ok(config) => {
            let mut found = examine(&config, &options.config).await;
            if let Some(to) = &options.send_test {
                found.push(send_test(&config, to).await);
            }
            found
        }
        Err(problem) => {
            let mut found = without_config(&problem).await;
            found.extend(options.send_test.is_some().then(untested));
            found
        }
    };
    output::data(if options.output.json {
        serde_json::to_string(&found)?
    } else {
        written(&found, &Look::of_terminal())
    })?;
    match found.iter().filter(|one| one.level == Level::Refused).count() {
        0 => Ok(()),
        1 => bail!("one finding must be fixed first"),
        count => bail!("{count} findings must be fixed first"),
    }
}

/// How findings are shown.
struct Look {
    coloured: bool,
    /// Columns of the terminal; without one, every sentence is one line, for programs that search lines.
    columns: Option<usize>,
}

impl Look {
    /// As standard output and whoever asks want it.
    fn of_terminal() -> Self {
        let out = std::io::stdout();
        if !out.is_terminal() {
            return Self { coloured: false, columns: None };
        }
        let size = tcgetwinsize(&out).ok().map(|size| usize::from(size.ws_col));
        Self { coloured: ambient::colours(), columns: size.filter(|columns| *columns > 0) }
    }
}

fn written(found: &[Finding], look: &Look) -> String {
    let wide = found.iter().map(|one| one.name.len()).max().unwrap_or_default();
    let beside = WORD + wide + 2 * GAP.len();
    let below = look.columns.is_some_and(|columns| columns < beside + BESIDE);
    let indent = if below { WORD + GAP.len() } else { beside };
    let room = look.columns.map_or(usize::MAX, |columns| columns.saturating_sub(indent));
    let mut out = String::new();
    for one in found {
        let sentences = wrapped(&one.means, room).into_iter().chain(wrapped(one.advice, room));
        let mut lines: Vec<String> = sentences.collect();
        let first = if below || lines.is_empty() { String::new() } else { lines.remove(0) };
        let head = format!("{}{GAP}{:<wide$}{GAP}{first}", word(one.level, look.coloured), one.name);
        out.push_str(head.trim_end());
        out.push('\n');
        for line in lines {
            out.push_str(&format!("{:indent$}{line}\n", ""));
        }
    }
    out
}

fn word(level: Level, coloured: bool) -> String {
    let (word, colour) = match level {
        Level::Ok => ("ok", "32"),
        Level::Note => ("note", "36"),
        Level::Warning => ("warning", "33"),
        Level::Refused => ("refused", "31"),
    };
    let word = format!("{word:<WORD$}");
    if coloured { format!("\x1b[{colour}m{word}\x1b[0m") } else { word }
}

/// A text in lines of at most `room` characters, broken between words; a word that is longer has a line of its own.
fn wrapped(text: &str, room: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count().saturating_add(1 + word.chars().count()) <= room => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) | None => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::{Look, wrapped, written};
    use crate::doctor::Finding;

    fn found() -> Vec<Finding> {
        vec![
            Finding::good("doctor.a", "All is well."),
            Finding::refused("doctor.longer", "It is not safe to run like that.", "Do something about it."),
        ]
    }

    #[test]
    fn a_file_gets_one_line_for_each_sentence() {
        let text = written(&found(), &Look { coloured: false, columns: None });
        assert_eq!(
            text,
            "ok       doctor.a       All is well.\n\
             refused  doctor.longer  It is not safe to run like that.\n\
             \u{20}                       Do something about it.\n"
        );
    }

    #[test]
    fn a_terminal_gets_what_fits() {
        let text = written(&found(), &Look { coloured: false, columns: Some(72) });
        assert!(text.contains("doctor.longer  It is not safe"), "{text}");
        let narrow = written(&found(), &Look { coloured: false, columns: Some(30) });
        assert!(narrow.lines().all(|line| line.len() <= 30), "{narrow}");
        assert!(narrow.contains("refused  doctor.longer\n         It is not safe to run\n"), "{narrow}");
        let coloured = written(&found(), &Look { coloured: true, columns: Some(72) });
        assert!(coloured.contains("\u{1b}[31mrefused\u{1b}[0m  doctor.longer"), "{coloured}");
    }

    #[test]
    fn words_stay_whole() {
        assert_eq!(wrapped("a bb ccc", 4), ["a bb", "ccc"]);
        assert_eq!(wrapped("/a/long/path is here", 7), ["/a/long/path", "is here"]);
        assert!(wrapped("", 7).is_empty());
    }
}
