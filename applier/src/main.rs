//! `airlock-applier`: see the library.

use clap::Parser;

fn main() -> std::process::ExitCode {
    bundle_schema::exit::end_at_panics();
    applier::run(&applier::cli::Cli::parse()).into()
}
