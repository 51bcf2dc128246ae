//! Arguments for the linker: src/kinds/late.rs says why calls of `curl_global_init` are led there,
//! and [`link_unwinder`] why the unwinder is a part of the program.

use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-link-arg=-Wl,--wrap=curl_global_init");
    link_unwinder();
}

/// Makes the unwinder a part of the program: loading `libgcc_s.so` takes a tenth of a millisecond,
/// which every stored request would pay. `-static-libgcc` would not do it, for rustc names the
/// library itself; but what is linked before it leaves it nothing to do, and so it is left out.
///
/// Where there is no such archive nothing changes.
fn link_unwinder() {
    if let Some(dir) = unwinder() {
        println!("cargo:rustc-link-search=native={}", dir.display());
        println!("cargo:rustc-link-lib=static:+whole-archive=gcc_eh");
    }
}

/// Where the compiler that links this keeps the unwinder, if it has it.
fn unwinder() -> Option<PathBuf> {
    let var = |name| std::env::var(name).ok();
    let gnu = var("CARGO_CFG_TARGET_OS")? == "linux" && var("CARGO_CFG_TARGET_ENV")? == "gnu";
    let linker =
        var("RUSTC_LINKER").or_else(|| (var("HOST") == var("TARGET")).then(|| "cc".into()));
    if !gnu {
        return None;
    }
    let asked = Command::new(linker?).arg("-print-file-name=libgcc_eh.a").output().ok()?;
    let path = String::from_utf8(asked.stdout).ok()?;
    // A compiler that does not know the file answers with the name alone.
    let path = Path::new(path.trim_end()).canonicalize().ok()?;
    Some(path.parent()?.to_owned())
}
