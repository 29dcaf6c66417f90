//! `cargo xtask help`.

use crate::Failure;

/// What every command does, in one screen.
pub const TEXT: &str = "\
Usage: cargo xtask COMMAND

Commands:
  test [--quick] [--soak]            install what the tests need, then run every check
                                     --quick: format, lints, layering, unit tests; installs nothing
                                     --soak: many more property cases, faults that take a minute, ten minutes per fuzz target
  clients                            only the real OKX clients, against a release build
  screenshots [DIR]                  every page of the console as a picture, into docs/screenshots unless said
  graph [--modules CRATE]            print the layering; fail on an arrow that is not allowed, or a circle among files
                                     --modules: print which file of a crate uses which
  words                              fail on a word of dev/xtask/words.txt in documents, pages or messages
  fuzz [--seconds N] [TARGET]        fuzz one target, or all of them for N seconds each (default 60)
  bench ...                          run the benchmarks; arguments go to them
  help                               this text

Exit codes: 0 done, 1 refused or failed, 2 wrong usage.";

/// Prints the text.
pub fn run() -> Result<(), Failure> {
    println!("{TEXT}");
    Ok(())
}
