//! A signature file and a public key, both hostile: neither may panic, and nothing may verify.

#![no_main]

use bundle_schema::bundle::SignedFiles;
use bundle_schema::signature::{MinisignPublicKey, TrustPolicy};
use libfuzzer_sys::fuzz_target;

// The key of minisign's documentation; nobody here has its secret half.
const KEY: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(key) = MinisignPublicKey::parse(text)
    {
        // What parses has one spelling.
        assert_eq!(MinisignPublicKey::parse(&key.to_base64()), Ok(key));
    }
    let policy = TrustPolicy::every_key(vec![MinisignPublicKey::parse(KEY).unwrap()]).unwrap();
    let files =
        SignedFiles::from_bytes(b"a bundle that nobody signed".to_vec(), vec![("f".to_owned(), bytes.to_vec())]);
    assert!(files.verify(&policy).is_err());
});
