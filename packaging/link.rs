//! How the programs are linked: the build script of both.

use std::env;

fn main() {
    println!("cargo:rerun-if-changed=../packaging/link.rs");
    println!("cargo:rerun-if-changed=../packaging/no-unwind-tables.ld");
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|found| found == value);
    // Nothing is unwound, and what is installed shows no backtrace: nobody reads the tables for that, an eighth of the applier.
    if is("PROFILE", "release") && is("CARGO_CFG_TARGET_OS", "linux") {
        let folder = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
        println!("cargo:rustc-link-arg-bins=-Wl,-T,{folder}/../packaging/no-unwind-tables.ld");
    }
}
