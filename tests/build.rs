//! Takes the Rust out of the documents, so that tests/docs compiles it.

use std::path::Path;
use std::{env, fs};

/// The blocks of Rust in a document.
fn blocks(name: &str) -> Vec<String> {
    let path = Path::new("..").join(name);
    println!("cargo::rerun-if-changed={}", path.display());
    let text =
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let blocks = text.split("```rust\n").skip(1);
    blocks.map(|block| block.split("```").next().unwrap_or_default().to_owned()).collect()
}

fn main() {
    let out = env::var("OUT_DIR").expect("cargo sets it");
    // Each is a program's main function.
    let programs = ["README.md", "docs/rust.md"].map(blocks).concat();
    let programs: String = programs
        .iter()
        .enumerate()
        .map(|(at, block)| {
            let is = if block.contains(".await") { "async " } else { "" };
            format!("pub {is}fn example_{at}() -> Result<(), Box<dyn std::error::Error>> {{\n{block}\nOk(())\n}}\n")
        })
        .collect();
    // Together they are one file.
    let kinds = blocks("docs/kinds.md").join("\n");
    for (name, text) in [("programs.rs", programs), ("kinds.rs", kinds)] {
        fs::write(Path::new(&out).join(name), text).expect("the directory is there");
    }
}
