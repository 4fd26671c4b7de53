//! An index in an otherwise empty archive: no panic, and nothing without its entries is a bundle.

#![no_main]

use bundle_schema::archive::{BUNDLE_MODE, pack};
use bundle_schema::bundle::Inspection;
use bundle_schema::names::EntryPath;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|index: &[u8]| {
    let path = EntryPath::new("bundle.json").unwrap();
    if let Ok(archive) = pack([(&path, index)], BUNDLE_MODE) {
        assert!(Inspection::read(archive).is_err());
    }
});
