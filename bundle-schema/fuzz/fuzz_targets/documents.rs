//! Every kind of document, read from hostile bytes: no panic, and what parses is its own canonical form.

#![no_main]

use bundle_schema::documents::key::ServiceAccountKey;
use bundle_schema::documents::{
    CreateBucket, CreateDistributionWithTags, CreateOpenIdConnectProvider, CreateOriginAccessControl, CreateRole,
    Discovery, Jwks, PutBucketPolicy, PutBucketTagging, PutPublicAccessBlock, PutRolePolicy,
};
use bundle_schema::escape::Escaped;
use bundle_schema::json;
use bundle_schema::names::Pattern;
use libfuzzer_sys::fuzz_target;

fn read<T: serde::Serialize + serde::de::DeserializeOwned>(bytes: &[u8]) {
    match json::parse::<T>(bytes) {
        Ok(document) => assert_eq!(json::to_bytes(&document), bytes),
        Err(error) => assert!(!error.to_string().contains('\u{1b}')),
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, document)) = bytes.split_first() else { return };
    match kind % 14 {
        0 => read::<CreateBucket>(document),
        1 => read::<PutPublicAccessBlock>(document),
        2 => read::<PutBucketPolicy>(document),
        3 => read::<PutBucketTagging>(document),
        4 => read::<CreateOpenIdConnectProvider>(document),
        5 => read::<CreateRole>(document),
        6 => read::<PutRolePolicy>(document),
        7 => read::<Discovery>(document),
        8 => read::<Jwks>(document),
        9 => read::<CreateOriginAccessControl>(document),
        10 => read::<CreateDistributionWithTags>(document),
        11 => drop(json::parse_value(document)),
        12 => {
            if let Ok(key) = ServiceAccountKey::from_spki_der(document) {
                assert_eq!(ServiceAccountKey::from_pem(&key.to_pem()), Ok(key));
            }
        }
        _ => {
            let text = String::from_utf8_lossy(document);
            assert!(!Escaped(&text).to_string().chars().any(char::is_control));
            if let Some((a, b)) = text.split_once('\n')
                && let Ok(pattern) = Pattern::new(a)
            {
                assert!(pattern.overlaps(b) || !(pattern.covers(b) || pattern.is_covered_by(b)));
            }
        }
    }
});
