//! Golden files: what the sample is in each format, compared as bytes.
//!
//! `UPDATE_GOLDEN=1 cargo test -p generator review` writes them anew; the diff then shows what readers will see change.

use std::path::Path;

/// Compares with the golden file of this name, or writes it.
pub(super) fn check(name: &str, shown: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/review/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, shown).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap();
    assert!(golden == shown, "{name} is not what it was; expected:\n{golden}\nfound:\n{shown}");
}
