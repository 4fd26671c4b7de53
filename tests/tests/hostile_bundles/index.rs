//! Attacks on `bundle.json` and on what it lists.

use bundle_schema::names::Sha256;
use tests::forge::{Delivery, Kit};

use crate::{Attack, refused};

const EXTRA: &str = "aws/roles/zz-extra.json";

pub(crate) fn attacks(kit: &Kit) -> Vec<Attack> {
    let index = |from: &str, to: &str| -> Delivery { kit.with_text("bundle.json", |text| text.replacen(from, to, 1)) };
    let created = tests::forge::contents::created().to_string();
    let digest_of = |path: &str| Sha256::of(&kit.entries()[path]);
    let policy = digest_of("aws/bucket-policy.json");
    let changed = |entries: &mut std::collections::BTreeMap<String, Vec<u8>>| {
        entries.get_mut("aws/bucket-policy.json").unwrap()[0] = b'[';
    };
    let mut other = kit.entries()["aws/bucket-policy.json"].clone();
    other[0] = b'[';
    vec![
        refused(
            "an entry removed behind the index's back",
            kit.with_entries_unlisted(|entries| drop(entries.remove("aws/bucket-policy.json"))),
            "bundle.json lists aws/bucket-policy.json, which the archive does not have",
        ),
        refused(
            "the last entry removed behind the index's back",
            kit.with_entries_unlisted(|entries| drop(entries.remove("serviceaccount-signer.public"))),
            "bundle.json lists serviceaccount-signer.public, which the archive does not have",
        ),
        refused(
            "an entry added behind the index's back",
            kit.with_entries_unlisted(|entries| drop(entries.insert(EXTRA.to_owned(), b"{}".to_vec()))),
            &format!("entry {EXTRA} is not listed in bundle.json"),
        ),
        refused(
            "an entry changed behind the index's back",
            kit.with_entries_unlisted(changed),
            &format!("entry aws/bucket-policy.json has SHA-256 {}; bundle.json says {policy}", Sha256::of(&other)),
        ),
        refused(
            "an entry lengthened behind the index's back",
            kit.with_entries_unlisted(|entries| entries.get_mut("aws/bucket-policy.json").unwrap().push(b'\n')),
            &format!("entry aws/bucket-policy.json has {} bytes; bundle.json says {}", other.len() + 1, other.len()),
        ),
        refused(
            "a listed entry that the format does not know",
            kit.with_entries(|entries| drop(entries.insert(EXTRA.to_owned(), b"{}".to_vec()))),
            &format!("entry {EXTRA} is not part of the format"),
        ),
        refused(
            "a request in a folder",
            kit.with_entries(|entries| drop(entries.insert("credentials-requests/a/b.yaml".to_owned(), b"x".to_vec()))),
            "entry credentials-requests/a/b.yaml is not part of the format",
        ),
        refused(
            "a document missing and not listed",
            kit.with_entries(|entries| drop(entries.remove("aws/bucket-policy.json"))),
            "bundle has no aws/bucket-policy.json",
        ),
        refused(
            "a role's policy missing",
            kit.with_entries(|entries| drop(entries.remove("aws/role-policies/prod-a-storage-disk-creds.json"))),
            "bundle has no aws/role-policies/prod-a-storage-disk-creds.json",
        ),
        refused("unknown version", index("\"schemaVersion\": 1", "\"schemaVersion\": 2"), &version("2")),
        refused("version as text", index("\"schemaVersion\": 1", "\"schemaVersion\": \"1\""), &version("\"1\"")),
        refused("no version", index("  \"schemaVersion\": 1,\n", ""), &version("null")),
        refused(
            "unknown kind",
            index("\"kind\": \"cluster\"", "\"kind\": \"backdoor\""),
            "bundle.json is refused: unknown variant `backdoor`, expected one of `cluster`, `endpoint`, `roles` at line 3 column 20",
        ),
        refused(
            "unknown field",
            index("  \"kind\"", "  \"admin\": true,\n  \"kind\""),
            "bundle.json is refused: unknown field `admin`, expected one of `schemaVersion`, `kind`, `name`, `serial`, `created`, \
             `expires`, `generatorVersion`, `partition`, `dnsSuffix`, `region`, `accountId`, `issuerUrl`, `endpoint`, `b... (168 more characters)",
        ),
        refused(
            "a name that no cluster has",
            index("\"name\": \"prod-a\"", "\"name\": \"prod/../a\""),
            "bundle.json is refused: invalid name \"prod/../a\": must consist of a-z, 0-9 and -, as a bucket's name is at line 4 column 21",
        ),
        refused(
            "a time that is none",
            index(&created, &created.replace('Z', "+00:00")),
            &format!(
                "bundle.json is refused: invalid time \"{}\": must have the form 2026-01-31T12:00:00Z at line 6 column 40",
                created.replace('Z', "+00:00")
            ),
        ),
        refused(
            "a negative serial",
            index("\"serial\": 7", "\"serial\": -7"),
            "bundle.json is refused: invalid value: integer `-7`, expected u64 at line 5 column 14",
        ),
        refused(
            "a size that is a float",
            index("\"size\": ", "\"size\": 1.5e2, \"size\": "),
            "bundle.json is refused: repeated key \"size\" at line 72 column 32",
        ),
        refused(
            "a listed path that leads out",
            index("\"path\": \"aws/bucket-policy.json\"", "\"path\": \"../bucket-policy.json\""),
            "bundle.json is refused: invalid entry path \"../bucket-policy.json\": must have no part . or .. at line 71 column 37",
        ),
        refused(
            "an index that is no JSON",
            kit.with_text("bundle.json", |_| "hello\n".to_owned()),
            "bundle.json is refused: expected value at line 1 column 1",
        ),
        refused(
            "an empty index",
            kit.with_text("bundle.json", |_| String::new()),
            "bundle.json is refused: EOF while parsing a value at line 1 column 0",
        ),
    ]
}

fn version(found: &str) -> String {
    format!(
        "bundle has schema version {found}; this program reads version 1\n  use the release of STS Airlock that made the bundle"
    )
}
