//! An account that slows its users down, as IAM does.

use tests::SetupError;
use tests::request::Request;

use crate::Bench;
use crate::figures::{Figure, as_number};
use crate::offline::megabytes;

/// What each service takes, in requests a second.
const RATE: u32 = 20;

/// A thousand roles for an account that throttles what is beyond [`RATE`]: one run, which takes minutes and must end well.
pub(crate) fn thousand_roles(bench: &Bench) -> Result<(), SetupError> {
    let (account, bundle) = (bench.account()?, bench.bundle(1000));
    account.emulator.reset();
    account.emulator.throttles(RATE);
    let usage = bench.scene.applies(&account.emulator, "apply", &bundle, &["--yes"]).usage();
    let requests = account.emulator.requests();
    account.emulator.reset();

    let is_throttled = |request: &&Request| request.fault.as_deref() == Some("throttled");
    let throttled = requests.iter().filter(is_throttled).count();
    let to_iam = requests.iter().filter(|request| request.service == "iam" && !is_throttled(request)).count();
    let allowed = as_number(to_iam) / f64::from(RATE);
    bench.add(
        format!("apply, 1,000 roles, new account, {RATE} requests a second"),
        [
            Figure::number("seconds", usage.seconds, 1),
            Figure::number("seconds that the rate allows IAM's", allowed, 1),
            Figure::number("ratio to what the rate allows", usage.seconds / allowed, 2).at_most(1.3),
            Figure::count("requests", requests.len()),
            Figure::count("requests, iam, answered", to_iam),
            Figure::count("requests, throttled", throttled),
            megabytes("peak memory, MB", usage),
        ],
    );
    Ok(())
}
