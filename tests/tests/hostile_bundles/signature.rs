//! Attacks on signatures, keys and trust.

use serde_json::json;
use tests::forge::keys::{SigningKey, add_group_order, change_signature};
use tests::forge::{Delivery, Kit};

use crate::{Attack, untrusted};

pub(crate) fn attacks(kit: &Kit) -> Vec<Attack> {
    [missing(kit), altered(kit), malformed(kit), trust_files(kit)].into_iter().flatten().collect()
}

const FILE: &str = "prod-a-7.tar.gz";
const SIGN: &str =
    "to sign: airlock-generator sign BUNDLE --signing-key KEY, or minisign -S -m BUNDLE -x BUNDLE.SIGNER.minisig";

fn missing(kit: &Kit) -> Vec<Attack> {
    let not_signed = |role: &str, key: &SigningKey, found: &str| {
        format!("role \"{role}\" has not signed: none of its keys ({}) made {found}\n  {SIGN}", key.public())
    };
    let both = format!("any of the 2 signatures beside the bundle ({FILE}.minisig, {FILE}.reviewer.minisig)");
    let stranger =
        |delivery: &mut Vec<(String, Vec<u8>)>, archive: &[u8], at: usize| delivery[at].1 = kit.stranger.sign(archive);
    vec![
        untrusted(
            "no signature",
            kit.with_signatures(|files, _| files.clear()),
            &format!(
                "role \"generator\" has not signed: there is no signature beside the bundle; one by its keys ({}) is required\n  {SIGN}",
                kit.generator.public()
            ),
        ),
        untrusted(
            "the reviewer's signature is missing",
            kit.with_signatures(|files, _| files.truncate(1)),
            &not_signed("reviewer", &kit.reviewer, &format!("the only signature beside the bundle ({FILE}.minisig)")),
        ),
        untrusted(
            "the generator's signature is missing",
            kit.with_signatures(|files, _| drop(files.remove(0))),
            &not_signed(
                "generator",
                &kit.generator,
                &format!("the only signature beside the bundle ({FILE}.reviewer.minisig)"),
            ),
        ),
        untrusted(
            "wrong key",
            kit.with_signatures(|files, archive| stranger(files, archive, 0)),
            &not_signed("generator", &kit.generator, &both),
        ),
        untrusted(
            "a stranger's signature under the reviewer's name",
            kit.with_signatures(|files, archive| stranger(files, archive, 1)),
            &not_signed("reviewer", &kit.reviewer, &both),
        ),
        untrusted(
            "the generator signs for the reviewer too",
            kit.with_signatures(|files, archive| files[1].1 = kit.generator.sign(archive)),
            &not_signed("reviewer", &kit.reviewer, &both),
        ),
    ]
}

fn does_not_fit(file: &str, key: &SigningKey) -> String {
    format!(
        "signature {FILE}{file} claims the trusted key {} but does not match the bundle: the bundle, the comment or the signature was changed\n  \
         get the bundle and its signatures again from where they were made, and compare the SHA-256",
        key.public()
    )
}

fn altered(kit: &Kit) -> Vec<Attack> {
    let first = does_not_fit(".minisig", &kit.generator);
    let altered = |name, change: &dyn Fn(&mut Vec<u8>)| {
        untrusted(
            name,
            kit.with_signatures(|files, _| files[0].1 = change_signature(&files[0].1, |bytes| change(bytes))),
            &first,
        )
    };
    let of_other_bundle = {
        let other = kit.with_contents(|contents| contents.header.serial = 8);
        kit.with_signatures(|files, _| files[0].1 = other.signatures[0].1.clone())
    };
    vec![
        untrusted(
            "one byte of the bundle changed",
            Delivery {
                archive: {
                    let mut archive = kit.good_archive();
                    let middle = archive.len() / 2;
                    archive[middle] ^= 1;
                    archive
                },
                ..kit.good()
            },
            &first,
        ),
        untrusted(
            "one byte added",
            Delivery { archive: [kit.good_archive(), b"\n".to_vec()].concat(), ..kit.good() },
            &first,
        ),
        untrusted("the bundle of another day with this signature", of_other_bundle, &first),
        untrusted(
            "edited trusted comment",
            kit.with_signatures(|files, _| {
                files[0].1 = String::from_utf8(files[0].1.clone())
                    .unwrap()
                    .replace("timestamp:179", "timestamp:199")
                    .into_bytes();
            }),
            &first,
        ),
        untrusted(
            "key ID of a trusted key on a stranger's signature",
            kit.with_signatures(|files, archive| {
                files[0].1 = change_signature(&kit.stranger.sign(archive), |bytes| {
                    bytes[2..10].copy_from_slice(&kit.generator.id())
                });
            }),
            &first,
        ),
        altered("R changed", &|bytes| bytes[10] ^= 1),
        altered("S changed", &|bytes| bytes[42] ^= 1),
        altered("S plus the group's order", &|bytes| add_group_order(&mut bytes[42..74])),
        altered("a signature of zeros", &|bytes| bytes[10..74].fill(0)),
        untrusted(
            "global signature of another signature",
            kit.with_signatures(|files, _| {
                let other = String::from_utf8(kit.generator.sign(b"other")).unwrap();
                let mine = String::from_utf8(files[0].1.clone()).unwrap();
                let lines: Vec<&str> = mine.lines().take(3).chain(other.lines().skip(3)).collect();
                files[0].1 = format!("{}\n", lines.join("\n")).into_bytes();
            }),
            &first,
        ),
        untrusted(
            "the two signatures swapped in part",
            kit.with_signatures(|files, _| {
                files[1].1 = change_signature(&files[0].1, |bytes| bytes[2..10].copy_from_slice(&kit.reviewer.id()));
            }),
            &does_not_fit(".reviewer.minisig", &kit.reviewer),
        ),
    ]
}

fn malformed(kit: &Kit) -> Vec<Attack> {
    let edited = |name, reason: &str, edit: &dyn Fn(String) -> String| {
        let delivery = kit
            .with_signatures(|files, _| files[0].1 = edit(String::from_utf8(files[0].1.clone()).unwrap()).into_bytes());
        untrusted(name, delivery, &format!("signature file {FILE}.minisig is refused: {reason}"))
    };
    let line = |text: &str, at: usize| text.lines().nth(at).unwrap().to_owned();
    vec![
        untrusted(
            "legacy signature",
            kit.with_signatures(|files, archive| files[0].1 = kit.generator.sign_legacy(archive)),
            &format!(
                "signature file {FILE}.minisig is refused: it is a legacy signature (not prehashed)\n  sign again with minisign 0.10 or later, without -l"
            ),
        ),
        edited("unknown algorithm", "it has the unknown algorithm [45, 45]", &|text| {
            String::from_utf8(change_signature(text.as_bytes(), |bytes| bytes[1] = b'E')).unwrap()
        }),
        edited("empty signature file", "expected exactly 4 lines, found 1", &|_| String::new()),
        edited("cut after two lines", "expected exactly 4 lines, found 2", &|text| {
            format!("{}\n{}\n", line(&text, 0), line(&text, 1))
        }),
        edited("a fifth line", "expected exactly 4 lines, found 5", &|text| format!("{text}extra\n")),
        edited("signature cut short", "line 2 is not 74 bytes in base64", &|text| {
            text.replacen(&line(&text, 1), &line(&text, 1)[..96], 1)
        }),
        edited("global signature cut short", "line 4 is not 64 bytes in base64", &|text| {
            text.replacen(&line(&text, 3), "AAAA", 1)
        }),
        edited("base64 with white space", "line 2 is not 74 bytes in base64", &|text| {
            text.replacen(&line(&text, 1), &format!(" {}", line(&text, 1)), 1)
        }),
        edited(
            "escape sequence in the untrusted comment",
            "line 1 has characters other than printable ASCII",
            &|text| text.replacen("untrusted comment: ", "untrusted comment: \u{1b}]0;owned\u{7}", 1),
        ),
        edited(
            "right-to-left mark in the trusted comment",
            "line 3 has characters other than printable ASCII",
            &|text| text.replacen("\ntrusted comment: ", "\ntrusted comment: \u{202e}", 1),
        ),
        edited("carriage returns", "line 1 has characters other than printable ASCII", &|text| {
            text.replace('\n', "\r\n")
        }),
        edited("comment without its beginning", "line 1 does not begin with \"untrusted comment: \"", &|text| {
            text.replacen("untrusted comment: ", "comment: ", 1)
        }),
        edited("trusted comment without its beginning", "line 3 does not begin with \"trusted comment: \"", &|text| {
            text.replacen("\ntrusted comment: ", "\ncomment: ", 1)
        }),
        untrusted(
            "a signature file of 20 KB",
            kit.with_signatures(|files, _| files[0].1 = vec![b'x'; 20_000]),
            "signature file DIR/prod-a-7.tar.gz.minisig is refused: it is larger than 10240 bytes",
        ),
        untrusted(
            "seventeen signatures",
            kit.with_signatures(|files, archive| {
                files.extend((0..15).map(|number| (format!(".s{number:02}.minisig"), kit.stranger.sign(archive))));
            }),
            "17 signatures are given for DIR/prod-a-7.tar.gz; at most 16 are read\n  name those to read with --signature FILE",
        ),
    ]
}

fn trust_files(kit: &Kit) -> Vec<Attack> {
    let (generator, reviewer) = (kit.generator.public(), kit.reviewer.public());
    let trust = |name, trust: serde_json::Value, error: &str| untrusted(name, kit.with_trust(trust), error);
    let small = |bytes: [u8; 32]| {
        use base64::Engine;
        base64::engine::general_purpose::STANDARD.encode([b"Ed".as_slice(), &[1; 8], &bytes].concat())
    };
    let refused_keys = |reason: &str| format!("trusted keys are refused\n  because: {reason}");
    let small_order = |name, bytes: [u8; 32]| {
        let key = small(bytes);
        let error = format!(
            "trusted key of role generator is refused\n  because: public key {key} is a small-order point, for which anybody can forge signatures"
        );
        trust(name, json!({ "roles": { "generator": [key] } }), &error)
    };
    let mut identity = [0; 32];
    identity[0] = 1;
    let mut minus_one = [0xff; 32];
    (minus_one[0], minus_one[31]) = (0xec, 0x7f);
    let mut minus_one_negative = minus_one;
    minus_one_negative[31] = 0xff;
    vec![
        trust(
            "no role",
            json!({ "roles": {} }),
            &refused_keys("no key is trusted\n  name at least one role with one key, or give --trusted-key"),
        ),
        trust(
            "a role without a key",
            json!({ "roles": { "generator": [generator], "reviewer": [] } }),
            &refused_keys("role \"reviewer\" has no key"),
        ),
        trust(
            "two roles by one key",
            json!({ "roles": { "generator": [generator], "reviewer": [generator] } }),
            &refused_keys(&format!(
                "key {generator} is given for \"generator\" and for \"reviewer\"; one key serves one role, once"
            )),
        ),
        trust(
            "one key under two IDs",
            json!({ "roles": { "generator": [generator], "reviewer": [kit.generator.public_with_id([7; 8])] } }),
            &refused_keys(&format!(
                "key {} is given for \"generator\" and for \"reviewer\"; one key serves one role, once",
                kit.generator.public_with_id([7; 8])
            )),
        ),
        small_order("small-order key: zero", [0; 32]),
        small_order("small-order key: the identity", identity),
        small_order("small-order key: minus one", minus_one),
        small_order("small-order key: minus one with the sign bit", minus_one_negative),
        trust(
            "a secret key as a trusted key",
            json!({ "roles": { "generator": ["RWRTY0IyAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] } }),
            "trusted key of role generator is refused\n  because: this is a minisign secret key, not a public one\n  \
             give the .pub file, and consider whether the secret key is still secret",
        ),
        trust(
            "account not allowed",
            json!({ "roles": { "generator": [generator], "reviewer": [reviewer] }, "accounts": ["210987654321"] }),
            "the trust file does not allow this bundle: 1 problem(s)\n  account 123456789012 is none of 210987654321",
        ),
        trust(
            "partition and name not allowed",
            json!({ "roles": { "generator": [generator], "reviewer": [reviewer] }, "partitions": ["aws-us-gov"], "names": ["test-*", "dev"] }),
            "the trust file does not allow this bundle: 2 problem(s)\n  partition aws is none of aws-us-gov\n  name prod-a matches none of test-*, dev",
        ),
        trust(
            "denied action granted through a wildcard",
            json!({ "roles": { "generator": [generator], "reviewer": [reviewer] }, "deniedActions": ["EC2:describeregions", "kms:*"] }),
            "the trust file does not allow this bundle: 4 problem(s)\n  \
             role prod-a-registry-bucket-creds grants ec2:Describe*, and EC2:describeregions is denied\n  \
             role prod-a-registry-bucket-creds grants kms:CreateGrant, and kms:* is denied\n  \
             role prod-a-storage-disk-creds grants ec2:Describe*, and EC2:describeregions is denied\n  \
             role prod-a-storage-disk-creds grants kms:CreateGrant, and kms:* is denied",
        ),
    ]
}
