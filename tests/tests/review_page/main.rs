//! The page of a review in Chromium: what it says runs and loads nothing, and everybody can use it. `support/review_page.py`
//! has the checks. Without Chromium the test says that it skips.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what is wrong by failing")]

mod reviews;

use std::io::Write;

use generator::review::html::page;
use tests::program::{Program, tool};
use tests::venv::Venv;
use tests::{SetupError, crate_file};

/// The limit for 30 roles of realistic size, in bytes.
const MAX_PAGE: usize = 300_000;

#[test]
fn thirty_roles_fit_into_a_small_page() {
    let size = page(&reviews::review(30)).len();
    assert!(size < MAX_PAGE, "{size} bytes");
}

#[test]
fn the_page_is_safe_and_usable_in_a_browser() -> Result<(), SetupError> {
    let Some(chromium) = tool("chromium") else { return Ok(()) };
    let axe = Venv::axe()?;
    let folder = tempfile::tempdir().unwrap();
    for (name, review) in [
        ("small", reviews::review(6)),
        ("calm", reviews::calm()),
        ("hostile", reviews::hostile()),
        ("large", reviews::review(1000)),
    ] {
        std::fs::write(folder.path().join(format!("{name}.html")), page(&review)).unwrap();
    }
    let script = crate_file("support/review_page.py");
    let checks = Program::new("python3").arg("-B").arg(script).arg(chromium.file()).arg(axe).arg(folder.path());
    let measured = checks.run().exits(0).stdout;
    // Past the test runner, which keeps to itself what a test that passes prints.
    write!(std::io::stderr(), "{measured}").unwrap();
    Ok(())
}
