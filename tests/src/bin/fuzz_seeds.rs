//! Writes the fuzzers' first inputs, all from the good bundle: `cargo run -p tests --bin fuzz_seeds -- bundle-schema/fuzz/corpus`.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a developer's tool says what is wrong by failing")]

use std::path::Path;

use tests::forge::receipt::{ENDPOINT, GOOD};
use tests::forge::{Kit, contents, raw};

/// The documents in the order in which the target `documents` tells them apart.
const DOCUMENTS: [&str; 9] = [
    "aws/bucket.json",
    "aws/bucket-public-access-block.json",
    "aws/bucket-policy.json",
    "aws/bucket-tagging.json",
    "aws/identity-provider.json",
    "aws/roles/prod-a-storage-disk-creds.json",
    "aws/role-policies/prod-a-storage-disk-creds.json",
    "oidc/openid-configuration",
    "oidc/keys.json",
];

fn main() {
    let corpus = std::env::args().nth(1).expect("the corpus folder is the one argument");
    let corpus = Path::new(&corpus);
    let kit = Kit::new();
    let good = kit.good();
    let entries = kit.entries();
    let write = |target: &str, name: &str, bytes: &[u8]| {
        let folder = corpus.join(target);
        std::fs::create_dir_all(&folder).expect("the corpus folder can be made");
        std::fs::write(folder.join(name), bytes).expect("the seed can be written");
    };
    write("signature", "good", &good.signatures[0].1);
    write("signature", "key", kit.generator.public().as_bytes());
    write("archive", "tar", &raw::gunzip(&good.archive));
    write("archive", "gzip", &good.archive);
    write("index", "good", &entries["bundle.json"]);
    write("receipt", "failed", GOOD.as_bytes());
    write("receipt", "endpoint", ENDPOINT.as_bytes());
    for (name, private) in [
        ("endpoint", contents::endpoint()),
        ("distribution", contents::distribution()),
        ("own-host", contents::own_host()),
    ] {
        let kit = kit.of(private);
        let archive = kit.good_archive();
        write("archive", name, &raw::gunzip(&archive));
        write("index", name, &kit.entries()["bundle.json"]);
    }
    for (kind, path) in (0u8..).zip(DOCUMENTS) {
        write("documents", &format!("{kind}"), &[&[kind], entries[path].as_slice()].concat());
    }
}
