//! Programs of cargo's that chores use: installed once, into the target directory, at one version.

use std::path::PathBuf;

use anyhow::{Context, Result};

use slipstream_harness::project::{self, cargo, target};

/// A program of crates.io.
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    /// How it is built, beside what holds for all.
    pub(crate) options: &'static [&'static str],
}

impl Tool {
    /// Its path, once it is installed.
    pub(crate) fn path(&self) -> Result<PathBuf> {
        let root = target().join("tools");
        let program = root.join("bin").join(self.name);
        if !program.exists() {
            let package = format!("{}@{}", self.name, self.version);
            eprintln!("installing {package} into {}", root.display());
            let words = ["install", "--quiet", "--locked", "--no-default-features", &package];
            let mut install = cargo(&words);
            install.args(self.options).arg("--root").arg(&root);
            project::run(install.env_remove("CARGO_TARGET_DIR"))?;
        }
        program.canonicalize().with_context(|| format!("could not find {}", self.name))
    }
}
