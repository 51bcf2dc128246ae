//! Circles among the imports of a crate's files: none is allowed, so that each file can be read with only
//! those below it in mind.
//!
//! A file imports another one when it names something in it by a path from `crate`, `super`, `self` or a
//! module of its own, in a `use` or elsewhere. The crate's root counts: a file that imports what the root
//! re-exports imports the root. Code under `#[cfg(test)]` does not count.
//!
//! # Non-goals
//! Paths that macros make.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use slipstream_harness::project;

/// A module's path from the crate's root, which itself is empty.
type Module = Vec<String>;

/// Fails when the files of a crate import each other in a circle, and names them.
pub(crate) fn check() -> Result<()> {
    let mut found = Vec::new();
    let crates = project::root().join("crates");
    let entries = fs::read_dir(&crates).context("could not read crates/")?;
    for entry in entries {
        let dir = entry.context("could not read crates/")?.path();
        let name = dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
        for circle in circles(&imports(&modules(&dir.join("src"))?)) {
            let files: Vec<_> = circle.iter().map(|module| shown(module)).collect();
            found.push(format!("{name}: {} import each other in a circle", files.join(", ")));
        }
    }
    if found.is_empty() {
        eprintln!("no files of a crate import each other in a circle");
        return Ok(());
    }
    bail!("{}; move what they share to a file below them", found.join("\n"))
}

fn shown(module: &Module) -> String {
    if module.is_empty() { "the root".to_owned() } else { module.join("/") }
}

/// The code of each module, without comments, texts and tests.
fn modules(src: &Path) -> Result<BTreeMap<Module, String>> {
    let mut all = BTreeMap::new();
    let mut tests = BTreeSet::new();
    let mut left = vec![src.to_owned()];
    while let Some(path) = left.pop() {
        if path.is_dir() {
            for entry in fs::read_dir(&path).with_context(|| path.display().to_string())? {
                left.push(entry?.path());
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            let module = module_of(path.strip_prefix(src)?);
            let (code, test_files) = without_tests(&bare(&text));
            tests.extend(test_files.into_iter().map(|name| [module.clone(), vec![name]].concat()));
            all.insert(module, code);
        }
    }
    all.retain(|module, _| (0..=module.len()).all(|end| !tests.contains(&module[..end])));
    Ok(all)
}

/// The module of a file, by its path below `src`.
fn module_of(path: &Path) -> Module {
    let path: PathBuf = path.with_extension("");
    let mut module: Module = path.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if module.last().is_some_and(|last| ["lib", "main", "mod"].contains(&&**last)) {
        module.pop();
    }
    module
}

/// Code without comments, and with empty texts.
fn bare(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let raw = rest.strip_prefix('r').map(|raw| raw.bytes().take_while(|b| *b == b'#').count());
        let in_word = code.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let skipped = if rest.starts_with("//") {
            rest.find('\n')
        } else if let (Some(hashes), false) = (raw, in_word)
            && rest[1 + hashes..].starts_with('"')
        {
            let end = format!("\"{}", "#".repeat(hashes));
            rest[2 + hashes..].find(&end).map(|at| 2 + hashes + at + end.len())
        } else if c == '"' {
            let mut escaped = false;
            let end = rest[1..].find(|c| {
                let ends = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                ends
            });
            end.map(|at| at + 2)
        } else if rest.starts_with("'\"'") {
            Some(3)
        } else if rest.starts_with("'\\") {
            rest[3..].find('\'').map(|at| at + 4)
        } else {
            code.push(c);
            rest = &rest[c.len_utf8()..];
            continue;
        };
        rest = skipped.map_or("", |end| &rest[end..]);
    }
    code
}

/// Formatted code without what is only there for tests, and the modules of its own that are.
fn without_tests(code: &str) -> (String, Vec<String>) {
    let (mut kept, mut modules) = (String::new(), Vec::new());
    let mut lines = code.lines();
    while let Some(line) = lines.next() {
        let marked = line.trim_start();
        if !marked.starts_with("#[cfg(test)]") {
            kept += line;
            kept.push('\n');
            continue;
        }
        let indent = &line[..line.len() - marked.len()];
        let mut item = lines.by_ref().skip_while(|line| line.trim_start().starts_with('#'));
        let Some(first) = item.next() else { break };
        if let (Some((_, name)), true) = (first.split_once("mod "), first.ends_with(';')) {
            modules.push(name.trim_end_matches(';').to_owned());
        } else if !first.ends_with(';') && !first.ends_with('}') && !first.ends_with(',') {
            let ends = [format!("{indent}}}"), format!("{indent}}};"), format!("{indent});")];
            let _ = item.find(|line| ends.iter().any(|end| end == line));
        }
    }
    (kept, modules)
}

/// Which modules each one imports.
fn imports(modules: &BTreeMap<Module, String>) -> BTreeMap<&Module, BTreeSet<&Module>> {
    let imported = |module: &Module, code: &str| {
        let paths = paths(code).into_iter().filter_map(|path| absolute(module, &path, modules));
        let known = paths.filter_map(|path| {
            let ends = (0..=path.len()).rev();
            ends.filter_map(|end| modules.get_key_value(&path[..end])).next()
        });
        known.map(|(other, _)| other).filter(|other| *other != module).collect()
    };
    modules.iter().map(|(module, code)| (module, imported(module, code))).collect()
}

/// A path from the crate's root; none if it leads out of the crate, or is not a module's.
fn absolute(module: &Module, path: &[String], all: &BTreeMap<Module, String>) -> Option<Module> {
    let (first, rest) = path.split_first()?;
    let ups = path.iter().take_while(|part| *part == "super").count();
    let own = || [module.clone(), vec![first.clone()]].concat();
    match &**first {
        "crate" => Some(rest.to_vec()),
        "self" => Some([module.clone(), rest.to_vec()].concat()),
        "super" => {
            let above = module.len().checked_sub(ups)?;
            Some([&module[..above], &path[ups..]].concat())
        }
        _ if all.contains_key(&own()) => Some([module.clone(), path.to_vec()].concat()),
        _ => None,
    }
}

/// All paths in a piece of code, those of a `use` each on its own.
fn paths(code: &str) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let mut rest = code;
    while let Some(at) = rest.find(is_name) {
        rest = &rest[at..];
        let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
        match rest[end..].starts_with("::") {
            true => rest = tree(rest, &[], &mut all),
            false => rest = &rest[end..],
        }
    }
    all
}

/// The paths of a tree such as `a::{b, c::d}`, each behind `before`. What follows the tree.
fn tree<'a>(code: &'a str, before: &[String], all: &mut Vec<Vec<String>>) -> &'a str {
    let mut path = before.to_vec();
    let mut rest = code;
    loop {
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        if end > 0 {
            path.push(rest[..end].to_owned());
        }
        let Some(next) = rest[end..].strip_prefix("::") else {
            all.push(path);
            return &rest[end..];
        };
        let Some(mut members) = next.strip_prefix('{') else {
            rest = next;
            continue;
        };
        loop {
            members = members.trim_start();
            if let Some(after) = members.strip_prefix('}') {
                return after;
            }
            let after = tree(members, &path, all);
            let Some(end) = after.find([',', '}']) else { return "" };
            members = after[end..].strip_prefix(',').unwrap_or(&after[end..]);
        }
    }
}

/// The sets of modules of which each reaches each.
fn circles<'a>(imports: &BTreeMap<&'a Module, BTreeSet<&'a Module>>) -> Vec<Vec<&'a Module>> {
    let reached = |from: &'a Module| {
        let (mut reached, mut left) = (BTreeSet::new(), vec![from]);
        while let Some(module) = left.pop() {
            left.extend(imports[module].iter().copied().filter(|next| reached.insert(*next)));
        }
        reached
    };
    let all: BTreeMap<_, _> = imports.keys().map(|module| (*module, reached(module))).collect();
    let mut circles: Vec<Vec<_>> = Vec::new();
    for (module, reaches) in &all {
        if !reaches.contains(module) || circles.iter().any(|circle| circle.contains(module)) {
            continue;
        }
        circles.push(reaches.iter().copied().filter(|it| all[it].contains(module)).collect());
    }
    circles
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)]) -> Vec<Vec<String>> {
        let modules: BTreeMap<_, _> = files
            .iter()
            .map(|(path, text)| (module_of(Path::new(path)), without_tests(&bare(text)).0))
            .collect();
        let circles = circles(&imports(&modules));
        circles.iter().map(|circle| circle.iter().map(|module| shown(module)).collect()).collect()
    }

    #[test]
    fn files_that_import_each_other_are_found_however_they_name_each_other() {
        for (one, other) in [
            ("use crate::b::B;", "use crate::a::A;"),
            ("use super::b::{self, B};", "fn f() -> crate::a::A {}"),
            ("use crate::{c, b::{B, D}};", "pub(crate) use super::a;"),
            ("fn f() { crate::b::f() }", "use crate::{\n    a::{A, A2},\n    c,\n};"),
        ] {
            let files = [("lib.rs", "mod a;"), ("a.rs", one), ("b.rs", other), ("c.rs", "")];
            assert_eq!(found(&files), [["a", "b"]], "{one} {other}");
        }
    }

    #[test]
    fn the_root_and_a_parent_count() {
        let root = [("lib.rs", "pub use a::A;"), ("a.rs", "use crate::Thing;")];
        assert_eq!(found(&root), [["the root", "a"]]);
        let parent = [("a.rs", "use self::b::B;"), ("a/b.rs", "use super::A;"), ("main.rs", "")];
        assert_eq!(found(&parent), [["a", "a/b"]]);
        let three = [
            ("a/mod.rs", "use crate::b::B;"),
            ("b.rs", "use crate::c::C;"),
            ("c.rs", "use crate::a::A;"),
            ("d.rs", "use crate::a::A;"),
            ("lib.rs", ""),
        ];
        assert_eq!(found(&three), [["a", "b", "c"]]);
    }

    #[test]
    fn comments_texts_and_tests_do_not_count() {
        for other in [
            "// use crate::a::A;",
            "/// [`crate::a::A`]",
            "const A: &str = \"use crate::a::A;\";",
            "const A: &str = r#\"\" use crate::a::A;\"#;",
            "const A: char = '\"'; // \" crate::a::A",
            "#[cfg(test)]\nmod tests {\n    use crate::a::A;\n}",
            "#[cfg(test)]\nuse crate::a::A;",
            "use std::a::A;",
        ] {
            let files = [("lib.rs", ""), ("a.rs", "use crate::b::B;"), ("b.rs", other)];
            assert!(found(&files).is_empty(), "{other}");
            let here = format!("{other}\nuse crate::a::A;\n");
            let files = [("lib.rs", ""), ("a.rs", "use crate::b::B;"), ("b.rs", &here)];
            assert_eq!(found(&files).len(), 1, "{here}");
        }
    }
}
