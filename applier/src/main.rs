//! `airlock-applier`: see the library.

use clap::Parser;

fn main() -> std::process::ExitCode {
    applier::run(&applier::cli::Cli::parse()).into()
}
