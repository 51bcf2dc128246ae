//! Leads calls of `curl_global_init` to src/late.rs, which says why.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-link-arg=-Wl,--wrap=curl_global_init");
}
