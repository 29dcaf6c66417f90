//! The modules of a crate as its files declare them: what each defines, brings into scope and mentions.

use std::collections::{BTreeMap, BTreeSet};

use crate::tokens::{Kind, Token, closing, tokens};

/// Gives the text of a file by its path below `src`; `None` when it is not there.
pub type Files<'f> = &'f dyn Fn(&str) -> Option<String>;

/// A crate.
#[derive(Default)]
pub struct Tree {
    /// Its files, by their paths below `src`; the root is the first.
    pub files: Vec<String>,
    /// Its modules; the root is the first.
    pub modules: Vec<Module>,
}

/// A module: a file, or a block `mod name { … }` in one.
#[derive(Default)]
pub struct Module {
    /// The place of its file.
    pub file: usize,
    /// The place of the module around it.
    pub parent: Option<usize>,
    /// Its child modules, by name.
    pub children: BTreeMap<String, usize>,
    /// What it defines.
    pub items: Vec<Item>,
    /// What it brings into scope.
    pub imports: Vec<Import>,
    /// Names and paths in its code.
    pub mentions: Vec<Mention>,
    /// Names of variables, parameters and fields: by itself such a name need not be an item's.
    pub variables: BTreeSet<String>,
}

/// Something that is defined.
pub struct Item {
    /// Its name.
    pub name: String,
    /// Where it can be named.
    pub scope: Scope,
}

/// One leaf of a `use`.
pub struct Import {
    /// What it is called here; `*` for everything.
    pub name: String,
    /// What is imported. A path that begins with `::` has an empty first part.
    pub path: Vec<String>,
    /// Whether others may see it here: then it is a re-export.
    pub is_public: bool,
    /// Where it holds.
    pub scope: Scope,
    /// Its line.
    pub line: usize,
}

/// A name or a path in code.
pub struct Mention {
    /// Its parts.
    pub path: Vec<String>,
    /// Its place among the tokens, for the scopes around it.
    pub at: usize,
    /// Its line.
    pub line: usize,
}

/// A stretch of tokens.
#[derive(Clone, Copy)]
pub struct Scope {
    /// What kind of block it is.
    pub block: Block,
    /// Its first token.
    pub from: usize,
    /// Its last.
    pub to: usize,
}

/// What names a block can define.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Block {
    /// Those of a module.
    Module,
    /// Those of an `impl` or a trait, which nobody can name by themselves.
    Associated,
    /// Those of a function's body.
    Local,
}

impl Tree {
    /// Reads a crate, from `lib.rs` or `main.rs` on.
    pub fn read(files: Files<'_>) -> Result<Self, String> {
        let root = ["lib.rs", "main.rs"].into_iter().find(|root| files(root).is_some());
        let mut tree = Self::default();
        tree.add_file(root.ok_or("there is neither lib.rs nor main.rs")?, "", None, files)?;
        Ok(tree)
    }

    fn add_file(
        &mut self,
        file: &str,
        folder: &str,
        parent: Option<usize>,
        files: Files<'_>,
    ) -> Result<usize, String> {
        let text = files(file).ok_or_else(|| format!("{file} cannot be read"))?;
        self.files.push(file.to_owned());
        let own = Module { file: self.files.len() - 1, parent, ..Module::default() };
        let tokens = tokens(&text);
        self.add(own, (&tokens, files), folder, (0, tokens.len()))
    }

    /// Adds the module that stands in these tokens, before its children; gives its place.
    fn add(
        &mut self,
        own: Module,
        (tokens, files): (&[Token<'_>], Files<'_>),
        folder: &str,
        range: (usize, usize),
    ) -> Result<usize, String> {
        let place = self.modules.len();
        self.modules.push(Module::default());
        let mut walk = Walk { tree: self, tokens, files, folder, place, own };
        walk.walk(range)?;
        let own = walk.own;
        if let Some(reserved) = self.modules.get_mut(place) {
            *reserved = own;
        }
        Ok(place)
    }
}

/// A walk through the tokens of one module.
struct Walk<'w> {
    tree: &'w mut Tree,
    tokens: &'w [Token<'w>],
    files: Files<'w>,
    /// Where the files of its children lie: empty, or ending with `/`.
    folder: &'w str,
    /// Its place.
    place: usize,
    own: Module,
}

impl Walk<'_> {
    fn walk(&mut self, (from, to): (usize, usize)) -> Result<(), String> {
        let mut scopes = vec![Scope { block: Block::Module, from, to }];
        let mut associated = None;
        let mut at = from;
        while at < to {
            let scope = scopes.last().copied().unwrap_or(Scope { block: Block::Module, from, to });
            match self.text(at) {
                "#" if matches!(self.text(at + 1), "[" | "!") => at = self.attribute(at),
                "{" => {
                    let block = if associated == Some(at) { Block::Associated } else { Block::Local };
                    scopes.push(Scope { block, from: at, to: closing(self.tokens, at) });
                    at += 1;
                }
                "}" => {
                    scopes.pop();
                    at += 1;
                }
                "impl" if self.begins_item(at) => (associated, at) = (Some(self.body(at)), at + 1),
                "mod" if self.begins_item(at) && self.name(at + 1).is_some() => at = self.child(at)?,
                "use" if self.begins_item(at) && self.text(at + 1) != "<" => at = self.import(at, scope),
                word => {
                    let (defined, behind) = self.definition(word, at);
                    if word == "trait" && defined.is_some() {
                        associated = Some(self.body(at));
                    }
                    match defined {
                        Some(_) if scope.block == Block::Associated => {}
                        Some(name) => self.own.items.push(Item { name, scope }),
                        None => {}
                    }
                    at = if behind > at { behind } else { self.mention(at) };
                }
            }
        }
        Ok(())
    }

    fn text(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| token.text)
    }

    fn name(&self, at: usize) -> Option<&str> {
        self.tokens.get(at).filter(|token| token.kind == Kind::Name).map(|token| token.text)
    }

    fn line(&self, at: usize) -> usize {
        self.tokens.get(at).map_or(0, |token| token.line)
    }

    fn before(&self, at: usize) -> &str {
        at.checked_sub(1).map_or(";", |at| self.text(at))
    }

    /// Whether an item may begin with this word here; elsewhere `impl` is a type.
    fn begins_item(&self, at: usize) -> bool {
        matches!(self.before(at), ";" | "{" | "}" | "]" | ")" | "pub" | "unsafe")
    }

    /// Where the body of the item at `at` begins.
    fn body(&self, mut at: usize) -> usize {
        while at < self.tokens.len() && self.text(at) != "{" {
            at = if matches!(self.text(at), "(" | "[") { closing(self.tokens, at) } else { at } + 1;
        }
        at
    }

    /// The name that is defined here, and the place behind it.
    fn definition(&self, word: &str, at: usize) -> (Option<String>, usize) {
        let named = |at: usize| (self.name(at).map(str::to_owned), at + 1);
        match word {
            "macro_rules" if self.text(at + 1) == "!" => named(at + 2),
            "static" if self.text(at + 1) == "mut" => named(at + 2),
            // `const fn`, `*const T` and `<const N: usize>` define no constant.
            "const" if matches!(self.text(at + 1), "fn" | "unsafe" | "async" | "extern") => (None, at + 1),
            "const" if matches!(self.before(at), "*" | "<" | ",") => (None, at + 1),
            "struct" | "enum" | "trait" | "type" | "fn" | "static" | "const"
                if self.name(at + 1).is_some() =>
            {
                named(at + 1)
            }
            _ => (None, at),
        }
    }

    /// `mod name;` or `mod name { … }`.
    fn child(&mut self, at: usize) -> Result<usize, String> {
        let name = self.text(at + 1).to_owned();
        let folder = format!("{}{name}/", self.folder);
        let behind = closing(self.tokens, at + 2) + 1;
        let child = match self.text(at + 2) {
            ";" => {
                let places = [format!("{}{name}.rs", self.folder), format!("{folder}mod.rs")];
                let file = places.into_iter().find(|file| (self.files)(file).is_some());
                let file = file.ok_or_else(|| format!("there is no file of the module {folder}"))?;
                self.tree.add_file(&file, &folder, Some(self.place), self.files)?
            }
            "{" => {
                let own = Module { file: self.own.file, parent: Some(self.place), ..Module::default() };
                self.tree.add(own, (self.tokens, self.files), &folder, (at + 3, behind - 1))?
            }
            _ => return Ok(at + 1),
        };
        self.own.children.insert(name, child);
        Ok(behind)
    }

    fn import(&mut self, at: usize, scope: Scope) -> usize {
        let is_public = matches!(self.before(at), "pub" | ")");
        let (mut leaves, mut place) = (Vec::new(), at + 1);
        self.leaves(&mut place, &[], &mut leaves);
        let imports =
            leaves.into_iter().map(|(name, path, line)| Import { name, path, is_public, scope, line });
        let imports: Vec<Import> = imports.collect();
        self.own.imports.extend(imports);
        place
    }

    /// The leaves of the `use` tree at `at`, which then stands behind it.
    fn leaves(&self, at: &mut usize, prefix: &[String], all: &mut Vec<(String, Vec<String>, usize)>) {
        let mut path = prefix.to_vec();
        if self.text(*at) == "::" {
            path.push(String::new());
            *at += 1;
        }
        loop {
            let line = self.line(*at);
            match self.text(*at) {
                "{" => {
                    let end = closing(self.tokens, *at);
                    *at += 1;
                    while *at < end {
                        self.leaves(at, &path, all);
                        *at += usize::from(self.text(*at) == ",");
                    }
                    *at = end + 1;
                    return;
                }
                "*" => {
                    *at += 1;
                    return all.push(("*".to_owned(), path, line));
                }
                "$" => *at += 1,
                part => {
                    path.push(part.to_owned());
                    *at += 1;
                    if self.text(*at) == "::" {
                        *at += 1;
                        continue;
                    }
                    if path.len() > 1 && part == "self" {
                        path.pop();
                    }
                    let mut name = path.last().cloned().unwrap_or_default();
                    if self.text(*at) == "as" {
                        name = self.text(*at + 1).to_owned();
                        *at += 2;
                    }
                    return all.push((name, path, line));
                }
            }
        }
    }

    /// Paths in an attribute, such as that of a macro; its bare words are no names of ours.
    fn attribute(&mut self, at: usize) -> usize {
        let open = at + 1 + usize::from(self.text(at + 1) == "!");
        let end = closing(self.tokens, open);
        let mut place = open + 1;
        while place < end {
            let (path, behind) = self.path(place);
            if path.len() > 1 && !matches!(self.before(place), "." | "::") {
                let line = self.line(place);
                self.own.mentions.push(Mention { path, at, line });
            }
            place = behind.max(place + 1);
        }
        end + 1
    }

    /// The path that begins here, and the place behind it; it ends where something else than a name follows `::`.
    fn path(&self, at: usize) -> (Vec<String>, usize) {
        let (mut path, mut behind) = (Vec::new(), at);
        while let Some(name) = self.name(behind) {
            path.push(name.to_owned());
            behind += 1;
            if self.text(behind) != "::" || self.name(behind + 1).is_none() {
                break;
            }
            behind += 1;
        }
        (path, behind)
    }

    /// Takes in the name or path that begins here; gives the place behind it.
    fn mention(&mut self, at: usize) -> usize {
        let (path, behind) = self.path(at);
        let Some(first) = path.first().cloned() else { return at + 1 };
        let (before, after) = (self.before(at).to_owned(), self.text(behind));
        let is_member = before == "." && self.before(at.saturating_sub(1)) != ".";
        let is_of_macro = before == "$" && first != "crate";
        if is_member || is_of_macro || before == "::" {
            return behind;
        }
        let is_small = first.starts_with(|symbol: char| symbol.is_lowercase() || symbol == '_');
        if path.len() == 1 && is_small {
            let binds = matches!(before.as_str(), "let" | "mut" | "ref" | "for" | "|");
            if binds || matches!(after, ":" | "|") {
                self.own.variables.insert(first);
                return behind;
            }
            // A function is called or handed on; anything else is a variable or a keyword.
            let handed_on = matches!(before.as_str(), "(" | ",") && matches!(after, ")" | ",");
            if !handed_on && !matches!(after, "(" | "::" | "!") {
                return behind;
            }
        }
        let line = self.line(at);
        self.own.mentions.push(Mention { path, at, line });
        behind
    }
}
