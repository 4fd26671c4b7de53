//! A receipt: no panic, no error that moves a cursor, and what the reader takes is what the writer writes.

#![no_main]

use bundle_schema::receipt::Receipt;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| match Receipt::parse(bytes) {
    Ok(receipt) => {
        assert_eq!(receipt.to_bytes(), bytes);
        let counts = receipt.counts();
        assert_eq!(counts.done + counts.failed + counts.not_reached, receipt.actions.len());
    }
    Err(error) => assert!(!error.to_string().replace('\n', "").chars().any(char::is_control)),
});
