//! Whether the modules of a crate use each other in a circle: an arrow goes from the file that uses a name to the file
//! that defines it.
//!
//! Owns: circles, and how they are shown. Leaves to `tokens`, `tree` and `names`: which file uses which.
//!
//! A declaration `mod name;` is no arrow, and a re-export is none: who uses it uses what it leads to. What is compiled for
//! tests only is not looked at. Methods and fields are not seen, because that would take types: only the name of a type,
//! function, constant or macro makes an arrow. A name that a macro defines belongs to the module through which it is
//! named; globs do not find it.

mod names;
mod tree;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::path::Path;

use names::{Arrows, Use, arrows};
use tree::Tree;

/// Fails with the shortest circle of each tangle of files, in any of the crates in these folders; gives how many files
/// there are.
pub fn check(root: &Path, folders: &[String]) -> Result<usize, String> {
    let (mut files, mut wrong) = (0, Vec::new());
    for folder in folders {
        let tree = read(root, folder)?;
        files += tree.files.len();
        wrong.extend(found(&tree, &format!("{folder}/src/")));
    }
    if wrong.is_empty() { Ok(files) } else { Err(wrong.join("\nerror: ")) }
}

/// Every arrow of the crate in this folder, a line each, with the names and where they first stand.
pub fn show(root: &Path, folder: &str) -> Result<Vec<String>, String> {
    let tree = read(root, folder)?;
    let name = |file: &usize| tree.files.get(*file).map_or("", String::as_str);
    let line = |((from, to), uses): (&(usize, usize), &Vec<Use>)| {
        let mut seen = BTreeSet::new();
        let first = uses.iter().filter(|one| seen.insert(&one.path));
        let names: Vec<String> = first.map(|one| format!("{}:{}", one.line, one.path)).collect();
        format!("{} → {}  {}", name(from), name(to), names.join(" "))
    };
    Ok(arrows(&tree).iter().map(line).collect())
}

fn read(root: &Path, folder: &str) -> Result<Tree, String> {
    let src = root.join(folder).join("src");
    Tree::read(&|file| fs::read_to_string(src.join(file)).ok())
        .map_err(|problem| format!("{folder}: {problem}"))
}

/// The shortest circle of each tangle, in words.
fn found(tree: &Tree, prefix: &str) -> Vec<String> {
    let arrows = arrows(tree);
    let said = |tangle: &BTreeSet<usize>| {
        let circle = shortest(&arrows, tangle);
        let next = circle.iter().skip(1).chain(circle.first());
        let steps = circle.iter().zip(next).filter_map(|(from, to)| {
            let (file, first) = (tree.files.get(*from)?, arrows.get(&(*from, *to))?.first()?);
            Some(format!("\n  {prefix}{file}:{} uses {}", first.line, first.path))
        });
        let steps: String = steps.collect();
        format!("{prefix} has a circle, among {} files that use each other:{steps}", tangle.len())
    };
    tangles(&arrows).iter().map(said).collect()
}

/// The groups of files that all reach each other.
fn tangles(arrows: &Arrows) -> Vec<BTreeSet<usize>> {
    let reached: BTreeMap<usize, BTreeSet<usize>> =
        arrows.keys().map(|(from, _)| (*from, steps(arrows, *from).into_keys().collect())).collect();
    let reaches = |from: usize, to: usize| reached.get(&from).is_some_and(|all| all.contains(&to));
    let together = |file: usize| -> BTreeSet<usize> {
        reached.keys().copied().filter(|other| reaches(file, *other) && reaches(*other, file)).collect()
    };
    let all: BTreeSet<BTreeSet<usize>> =
        reached.keys().map(|file| together(*file)).filter(|tangle| !tangle.is_empty()).collect();
    all.into_iter().collect()
}

/// The files that are reached from one, itself only by a circle, each with the file before it on a shortest way.
fn steps(arrows: &Arrows, start: usize) -> BTreeMap<usize, usize> {
    let mut before = BTreeMap::new();
    let mut waiting = VecDeque::from([start]);
    while let Some(file) = waiting.pop_front() {
        for (_, to) in arrows.range((file, 0)..=(file, usize::MAX)).map(|(arrow, _)| arrow) {
            if !before.contains_key(to) {
                before.insert(*to, file);
                waiting.push_back(*to);
            }
        }
    }
    before
}

/// The shortest circle through any file of a tangle.
fn shortest(arrows: &Arrows, tangle: &BTreeSet<usize>) -> Vec<usize> {
    let through = |start: usize| {
        let before = steps(arrows, start);
        let mut circle = vec![start];
        let mut file = *before.get(&start)?;
        while file != start {
            circle.push(file);
            file = *before.get(&file)?;
        }
        circle.get_mut(1..)?.reverse();
        Some(circle)
    };
    tangle.iter().filter_map(|file| through(*file)).min_by_key(Vec::len).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::names::arrows;
    use super::tree::Tree;

    type Files<'f> = &'f [(&'f str, &'f str)];

    fn tree(files: Files<'_>) -> Tree {
        let read =
            |name: &str| files.iter().find(|(file, _)| *file == name).map(|(_, text)| (*text).to_owned());
        Tree::read(&read).unwrap()
    }

    fn circles(files: Files<'_>) -> Vec<String> {
        super::found(&tree(files), "")
    }

    /// `from → to` of each arrow, in order.
    fn drawn(files: Files<'_>) -> Vec<String> {
        let tree = tree(files);
        let names = arrows(&tree).into_keys();
        let mut names: Vec<_> =
            names.map(|(from, to)| format!("{} → {}", tree.files[from], tree.files[to])).collect();
        names.sort();
        names
    }

    #[test]
    fn a_circle_of_two() {
        let found = circles(&[
            ("lib.rs", "mod a;\nmod b;"),
            ("a.rs", "use crate::b::B;\npub struct A(B);"),
            ("b.rs", "pub struct B;\n\nfn f() -> crate::a::A { todo!() }"),
        ]);
        let told = " has a circle, among 2 files that use each other:\n  a.rs:1 uses crate::b::B\n  b.rs:3 uses crate::a::A";
        assert_eq!(found, [told]);
    }

    #[test]
    fn a_circle_of_three_and_no_shorter_one() {
        let found = circles(&[
            ("main.rs", "mod a; mod b; mod c; fn main() { a::run() }"),
            ("a.rs", "use crate::{b::{self, B as Other}, c}; pub fn run() { b::go(); } pub const A: u8 = 1;"),
            ("b.rs", "pub struct B; pub fn go() { super::c::go() }"),
            ("c.rs", "pub fn go() { let _ = super::a::A; }"),
        ]);
        let steps = "\n  a.rs:1 uses b::go\n  b.rs:1 uses super::c::go\n  c.rs:1 uses super::a::A";
        assert_eq!(found, [format!(" has a circle, among 3 files that use each other:{steps}")]);
    }

    #[test]
    fn two_tangles_are_told_apart() {
        let files: Files<'_> = &[
            ("lib.rs", "mod a; mod b; mod c; mod d;"),
            ("a.rs", "pub fn a() { crate::b::b() }"),
            ("b.rs", "pub fn b() { crate::a::a() ; crate::c::c() }"),
            ("c.rs", "pub fn c() { crate::d::d() }"),
            ("d.rs", "pub fn d() { crate::c::c() }"),
        ];
        assert_eq!(circles(files).len(), 2);
    }

    #[test]
    fn a_circle_through_re_exports() {
        for facade in [
            "pub use leaf::Leaf;",
            "pub use leaf::Leaf as Other; pub(crate) use Other as Leaf;",
            "pub use leaf::*;",
        ] {
            let found = drawn(&[
                ("lib.rs", "mod part; mod user; pub use part::Leaf as Shown;"),
                ("part/mod.rs", &format!("mod leaf; {facade}")),
                ("part/leaf.rs", "pub struct Leaf(crate::user::User);"),
                ("user.rs", "use crate::Shown; pub struct User; type Two = (Shown, super::part::Leaf);"),
            ]);
            assert_eq!(found, ["part/leaf.rs → user.rs", "user.rs → part/leaf.rs"], "{facade}");
        }
    }

    #[test]
    fn a_circle_through_super() {
        let found = circles(&[
            ("lib.rs", "mod a;"),
            ("a/mod.rs", "mod b; pub struct Up; fn f() { b::down(); }"),
            ("a/b.rs", "pub fn down() { let _ = super::Up; }"),
        ]);
        assert_eq!(found.len(), 1);
    }

    #[test]
    fn a_facade_is_no_arrow() {
        let files: Files<'_> = &[
            (
                "lib.rs",
                "//! `crate::a::A`\nmod a;\npub mod b;\npub use a::{A, inner::{*, C as D}};\npub(crate) use b::B;",
            ),
            ("a.rs", "pub mod inner; pub struct A(inner::C); // use crate::b::B;"),
            ("a/inner.rs", "pub struct C; const TEXT: &str = \"crate::b::B\"; /* crate::b::B */"),
            ("b.rs", "use crate::{A, C}; pub struct B(A, crate::D);"),
        ];
        assert_eq!(circles(files), [""; 0]);
        assert_eq!(drawn(files), ["a.rs → a/inner.rs", "b.rs → a.rs", "b.rs → a/inner.rs"]);
    }

    #[test]
    fn a_facade_that_uses_what_it_re_exports_has_an_arrow() {
        let user = ("a/b.rs", "pub fn b() { super::a() } pub struct B;");
        for text in
            ["mod b; pub use b::B; fn a() -> B { B }", "mod b; pub use b::b; pub fn a() { [1].map(b) ; b() }"]
        {
            assert_eq!(circles(&[("lib.rs", "mod a;"), ("a/mod.rs", text), user]).len(), 1, "{text}");
        }
        let quiet = "mod b; pub use b::b; pub fn a(b: u8) { let x = X { b: 1 }; x.b; c(b) }";
        assert_eq!(circles(&[("lib.rs", "mod a;"), ("a/mod.rs", quiet), user]), [""; 0]);
    }

    #[test]
    fn tests_are_left_out() {
        let files: Files<'_> = &[
            ("lib.rs", "mod a; mod b; #[cfg(test)] mod tests;"),
            (
                "a.rs",
                "pub fn a() {} #[cfg(test)] mod tests { use super::a; use crate::b::b; #[test] fn t() { b() } }",
            ),
            (
                "b.rs",
                "pub fn b() { crate::a::a() } #[cfg(test)] use crate::a::C; #[test] fn t() { crate::a::a() }",
            ),
        ];
        assert_eq!(drawn(files), ["b.rs → a.rs"]);
    }

    #[test]
    fn names_of_blocks_and_of_modules_are_told_apart() {
        let files: Files<'_> = &[
            ("lib.rs", "mod strength; mod user; mod other; pub use strength::{Strength, strength};"),
            ("strength.rs", "pub struct Strength; pub fn strength() {}"),
            (
                "other.rs",
                "pub fn open() {} pub const A: u8 = 1; pub mod deep { pub struct Deep(super::super::Strength); }",
            ),
            (
                "user.rs",
                "mod own { pub fn open() {} } fn f() { use crate::other::A; fn open() {} open(); A } fn g() { own::open(); std::fs::open() } \
                 impl From<[u8; 4]> for X { fn deep() {} } fn h() { crate::strength(); }",
            ),
        ];
        let wanted = ["other.rs → strength.rs", "user.rs → other.rs", "user.rs → strength.rs"];
        assert_eq!(drawn(files), wanted);
    }

    #[test]
    fn macros_are_read_like_other_code() {
        let files: Files<'_> = &[
            ("lib.rs", "mod id; mod user; mod made;"),
            (
                "id.rs",
                "macro_rules! ids { ($($name:ident),+) => { $(pub struct $name($crate::made::Made);)+ }; } ids! { KeyId }",
            ),
            ("made.rs", "pub struct Made;"),
            (
                "user.rs",
                "fn f() { assert!(crate::id::KeyId == 1, \"{}\", crate::made::Made) } #[crate::made::attribute] fn g() {}",
            ),
        ];
        assert_eq!(drawn(files), ["id.rs → made.rs", "user.rs → id.rs", "user.rs → made.rs"]);
    }

    #[test]
    fn a_re_export_in_a_circle_ends() {
        let files: Files<'_> = &[
            ("lib.rs", "mod a; mod b; use a::*;"),
            ("a.rs", "pub use crate::b::*; pub use crate::b::Lost; pub use serde::serde;"),
            (
                "b.rs",
                "pub use crate::a::*; pub use crate::a::Lost; fn f() { Lost::new(); serde::go(); crate::Nothing }",
            ),
        ];
        assert_eq!(circles(files), [""; 0]);
    }
}
