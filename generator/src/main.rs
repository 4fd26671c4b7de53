//! `airlock-generator`: makes keys and signed bundles on a host without a network.

fn main() -> std::process::ExitCode {
    bundle_schema::exit::end_at_panics();
    generator::run()
}
