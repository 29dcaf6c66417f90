//! `cargo xtask test`: makes sure of what the tests need, then runs every check and counts them.
//!
//! Needs no terminal and no standard input. One failed check does not keep the others from running; the last
//! line says how many passed.

mod checks;
mod clients;
mod deny;
mod machine;
mod report;

use std::path::Path;

use crate::{Failure, place};
use report::Report;

/// How much to run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Depth {
    /// Format, lints, layering, unit tests.
    Quick,
    /// Everything.
    Full,
    /// Everything, with more cases and longer fuzzing.
    Soak,
}

/// The command line, read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Options {
    depth: Depth,
}

impl Options {
    /// Reads `[--quick] [--soak]`.
    pub fn read(arguments: &[String]) -> Result<Self, Failure> {
        let depth = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            [] => Depth::Full,
            ["--quick"] => Depth::Quick,
            ["--soak"] => Depth::Soak,
            other => {
                return Err(Failure::Usage(format!(
                    "`test` takes one of --quick and --soak, not `{}`",
                    other.join(" ")
                )));
            }
        };
        Ok(Self { depth })
    }
}

/// `cargo xtask clients`: only the real clients, against a fresh release build.
pub fn run_clients(arguments: &[String]) -> Result<(), Failure> {
    if let Some(argument) = arguments.first() {
        return Err(Failure::Usage(format!("`clients` takes no argument, not even `{argument}`")));
    }
    let mut report = Report::default();
    if report.step("what the tests need", machine::ensure).is_some() {
        let program = report.step("release build", checks::release);
        real_clients(&mut report, program.as_deref());
    }
    report.finish()
}

/// `cargo xtask screenshots [DIR]`: every page as a picture, against a fresh release build.
pub fn run_screenshots(arguments: &[String]) -> Result<(), Failure> {
    let folder = match arguments {
        [] => place::root().join("docs").join("screenshots"),
        [folder] => std::path::PathBuf::from(folder),
        _ => return Err(Failure::Usage("`screenshots` takes one folder at most".to_owned())),
    };
    let mut report = Report::default();
    if report.step("what the tests need", machine::ensure).is_some() {
        let program = report.step("release build", checks::release);
        if let (Some(ready), Some(program)) =
            (report.step("real clients, installed", clients::install), program)
        {
            report.step("screenshots", || clients::screenshots(&ready, &program, &folder));
        }
    }
    report.finish()
}

/// Runs the checks.
pub fn run(options: Options) -> Result<(), Failure> {
    let mut report = Report::default();
    match options.depth {
        Depth::Quick => quick(&mut report),
        Depth::Full => full(&mut report, Depth::Full)?,
        Depth::Soak => full(&mut report, Depth::Soak)?,
    }
    report.finish()
}

fn quick(report: &mut Report) {
    report.step("format", checks::format);
    report.step("lints", checks::lints);
    report.step("layering", checks::layering);
    report.step("words", checks::words);
    report.step("unit tests", checks::unit_tests);
}

fn full(report: &mut Report, depth: Depth) -> Result<(), Failure> {
    // Nothing below can be trusted on a machine that lacks something, so this one step ends the run.
    let Some(postgres) = report.step("what the tests need", machine::ensure) else {
        return report.finish();
    };
    report.step("format", checks::format);
    report.step("lints", checks::lints);
    report.step("layering", checks::layering);
    report.step("words", checks::words);
    let program = report.step("release build", checks::release);
    report.step("tests", || checks::tests(program.as_deref(), &postgres, depth));
    if depth == Depth::Soak {
        report.step("faults that take long", || checks::long_faults(program.as_deref(), &postgres));
    }
    report.step("real source addresses", || checks::source_addresses(program.as_deref()));
    report.step("refusals take one time", checks::refusal_times);
    report.step("documentation", checks::documentation);
    real_clients(report, program.as_deref());
    report.step("fuzzing", || checks::fuzzing(depth));
    match deny::find_or_build() {
        Ok(deny) => {
            report.step("licences, bans, sources", || checks::supply_chain(&deny));
        }
        Err(reason) => report.skip("licences, bans, sources", &reason),
    }
    Ok(())
}

fn real_clients(report: &mut Report, program: Option<&Path>) {
    let ready = report.step("real clients, installed", clients::install);
    report.step("real clients, trading", || clients::trade(ready.as_ref(), program));
    report.step("the README, block by block", || clients::readme(ready.as_ref(), program));
    report.step("the console in Chromium", || clients::browse(ready.as_ref(), program));
    report.step("the API against its document", || clients::conform(ready.as_ref(), program));
    report.step("behind real proxies", || clients::proxies(ready.as_ref(), program));
    report.step("identity, verified by others", || clients::identity(ready.as_ref(), program));
    report.step("strangers", || clients::strangers(ready.as_ref(), program));
    report.step("crowds", || clients::crowds(ready.as_ref(), program));
    report.step("mail over SMTP", || clients::mail(ready.as_ref(), program));
    report.step("webhooks verified by others", || clients::webhooks(ready.as_ref(), program));
}

#[cfg(test)]
mod tests {
    use super::{Depth, Options};

    #[test]
    fn reads_its_arguments() {
        let read = |words: &[&str]| {
            let arguments: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
            Options::read(&arguments).ok().map(|options| options.depth)
        };
        assert_eq!(read(&[]), Some(Depth::Full));
        assert_eq!(read(&["--quick"]), Some(Depth::Quick));
        assert_eq!(read(&["--soak"]), Some(Depth::Soak));
        assert_eq!(read(&["--quick", "--soak"]), None);
        assert_eq!(read(&["fast"]), None);
    }
}
