//! What a path means: the file that defines what it names, through imports, re-exports and globs.

use std::collections::BTreeMap;

use super::tree::{Block, Import, Module, Scope, Tree};

/// One use of a name that another file defines.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Use {
    /// The line.
    pub line: usize,
    /// The path as it stands there.
    pub path: String,
}

/// From which file to which, by their places in [`Tree::files`]; and where, in order.
pub type Arrows = BTreeMap<(usize, usize), Vec<Use>>;

/// All arrows of a crate. A re-export makes none: the one who uses it uses what it leads to.
pub fn arrows(tree: &Tree) -> Arrows {
    let mut all = Arrows::new();
    for (place, module) in tree.modules.iter().enumerate() {
        let mut note = |path: &[String], line: usize, found: Option<Found>| {
            if let Some(Found::Item(file)) = found
                && file != module.file
            {
                all.entry((module.file, file)).or_default().push(Use { line, path: path.join("::") });
            }
        };
        for import in module.imports.iter().filter(|import| !import.is_public) {
            let wanted = if import.name == "*" { Wanted::Module } else { Wanted::Item };
            let from = Place { module: place, at: None };
            note(&import.path, import.line, find(tree, from, &import.path, wanted, &mut Vec::new()));
        }
        for mention in &module.mentions {
            let is_variable = mention.path.len() == 1
                && mention.path.first().is_some_and(|name| module.variables.contains(name));
            if !is_variable {
                let from = Place { module: place, at: Some(mention.at) };
                let found = find(tree, from, &mention.path, Wanted::Item, &mut Vec::new());
                note(&mention.path, mention.line, found);
            }
        }
    }
    all.values_mut().for_each(|uses| uses.sort());
    all
}

/// What a name led to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    /// Something that this file defines.
    Item(usize),
    /// A module.
    Module(usize),
    /// Something of another crate.
    Outside,
}

/// A name may mean a module and an item at the same time.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Item,
    Module,
}

/// From where one looks: a module, and a place among its file's tokens, if blocks around it count.
#[derive(Clone, Copy)]
struct Place {
    module: usize,
    at: Option<usize>,
}

/// The names that are being looked for: a re-export may lead round in a circle.
type Trail<'t> = Vec<(usize, &'t str, Wanted)>;

fn find<'t>(
    tree: &'t Tree,
    from: Place,
    path: &'t [String],
    wanted: Wanted,
    trail: &mut Trail<'t>,
) -> Option<Found> {
    let (first, mut rest) = path.split_first()?;
    let wants = |rest: &[String]| if rest.is_empty() { wanted } else { Wanted::Module };
    let mut found = match first.as_str() {
        "" => Found::Outside,
        "crate" => Found::Module(0),
        "self" => Found::Module(from.module),
        "super" => Found::Module(tree.modules.get(from.module)?.parent?),
        name => in_scope(tree, from, name, wants(rest), trail)?,
    };
    while let (Found::Module(place), Some((name, behind))) = (found, rest.split_first()) {
        let module = tree.modules.get(place)?;
        let step = (place, name.as_str(), wants(behind));
        found = match name.as_str() {
            "self" => Found::Module(place),
            "super" => Found::Module(module.parent?),
            _ if trail.contains(&step) => return None,
            // A name that is nowhere was defined by a macro of that module.
            name => member(tree, place, name, wants(behind), trail).unwrap_or(Found::Item(module.file)),
        };
        rest = behind;
    }
    Some(found)
}

/// What a name means by itself: blocks first, from the inside, then the module.
fn in_scope<'t>(
    tree: &'t Tree,
    from: Place,
    name: &'t str,
    wanted: Wanted,
    trail: &mut Trail<'t>,
) -> Option<Found> {
    let module = tree.modules.get(from.module)?;
    let around = |scope: &Scope| {
        scope.block == Block::Local && from.at.is_some_and(|at| scope.from < at && at < scope.to)
    };
    let items = module.items.iter().filter(|item| item.name == name && around(&item.scope));
    let imports = module.imports.iter().filter(|import| import.name == name && around(&import.scope));
    let item = items.map(|item| item.scope.from).max();
    let import = imports.max_by_key(|import| import.scope.from);
    match (item, import) {
        (Some(inner), import) if import.is_none_or(|import| inner >= import.scope.from) => {
            Some(Found::Item(module.file))
        }
        (_, Some(import)) => {
            let outer = Place { at: None, ..from };
            find(tree, outer, &import.path, wanted, trail).or(Some(Found::Outside))
        }
        (_, None) => member(tree, from.module, name, wanted, trail),
    }
}

/// What a module calls so; `None` when it says nothing of the name.
fn member<'t>(
    tree: &'t Tree,
    place: usize,
    name: &'t str,
    wanted: Wanted,
    trail: &mut Trail<'t>,
) -> Option<Found> {
    let step = (place, name, wanted);
    if trail.contains(&step) {
        return None;
    }
    let module = tree.modules.get(place)?;
    trail.push(step);
    let found = looked_up(tree, (place, module), name, wanted, trail);
    trail.pop();
    found
}

fn looked_up<'t>(
    tree: &'t Tree,
    (place, module): (usize, &'t Module),
    name: &'t str,
    wanted: Wanted,
    trail: &mut Trail<'t>,
) -> Option<Found> {
    let child = module.children.get(name).map(|child| Found::Module(*child));
    let own = module.items.iter().any(|item| item.name == name && item.scope.block == Block::Module);
    let own = own.then_some(Found::Item(module.file));
    match wanted {
        Wanted::Item if own.is_some() => return own,
        Wanted::Module if child.is_some() => return child,
        Wanted::Item | Wanted::Module => {}
    }
    let here = Place { module: place, at: None };
    let at_the_top = |import: &&Import| import.scope.block == Block::Module;
    let mut imported = None;
    for import in module.imports.iter().filter(at_the_top).filter(|import| import.name == name) {
        let found = find(tree, here, &import.path, wanted, trail).unwrap_or(Found::Outside);
        let fits = matches!(found, Found::Module(_)) == (wanted == Wanted::Module);
        if fits {
            return Some(found);
        }
        imported = imported.or(Some(found));
    }
    imported.or(child).or(own).or_else(|| {
        let mut globs = module.imports.iter().filter(at_the_top).filter(|import| import.name == "*");
        globs.find_map(|glob| match find(tree, here, &glob.path, Wanted::Module, trail)? {
            Found::Module(target) => member(tree, target, name, wanted, trail),
            Found::Item(_) | Found::Outside => None,
        })
    })
}
