//! Receipts that `verify` must not take, one attack each, with its exact error and exit code; and that `sign` does not sign
//! what `verify` would refuse for its form.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test says what is wrong by failing")]

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::json;
use tests::binaries::binaries;
use tests::forge::keys::SigningKey;
use tests::forge::receipt::GOOD;
use tests::program::{Outcome, Program};
use tests::scene::Scene;

/// Where the parser's position is of no interest: the error begins like this.
struct Attack {
    name: &'static str,
    receipt: Vec<u8>,
    exit: i32,
    error: String,
}

/// The good receipt with one text replaced once.
#[track_caller]
fn changed(from: &str, to: &str) -> String {
    let text = GOOD.replacen(from, to, 1);
    assert_ne!(text, GOOD, "{from} is not there");
    text
}

fn refused(name: &'static str, receipt: impl Into<Vec<u8>>, error: &str) -> Attack {
    Attack { name, receipt: receipt.into(), exit: 4, error: format!("receipt is refused: {error}") }
}

/// Well signed, and not in the form.
fn of_form() -> Vec<Attack> {
    let line = |number| format!("line {number} is not in canonical form");
    vec![
        refused(
            "an unknown field",
            changed("  \"ending\"", "  \"end\": 1,\n  \"ending\""),
            "unknown field `end`, expected one of ",
        ),
        refused(
            "an unknown field of an action",
            changed("\"attempts\": 1", "\"attempt\": 1"),
            "unknown field `attempt`, expected ",
        ),
        refused(
            "a repeated field",
            changed("  \"ending\": \"failed\",", "  \"ending\": \"done\",\n  \"ending\": \"failed\","),
            "repeated key \"ending\" at line 6 column ",
        ),
        refused(
            "a repeated field of an action",
            changed("\"outcome\": \"done\",", "\"outcome\": \"failed\",\n      \"outcome\": \"done\","),
            "repeated key \"outcome\" at line 43 column ",
        ),
        refused("a missing field", changed("  \"region\": \"us-east-2\",\n", ""), "missing field `region` at line "),
        refused(
            "a field without a value",
            changed("\"attempts\": 1", "\"attempts\": null"),
            "an action that was reached has ",
        ),
        refused(
            "fields in another order",
            changed(
                "    \"prune\": true,\n    \"leaveForeignPolicies\": false",
                "    \"leaveForeignPolicies\": false,\n    \"prune\": true",
            ),
            &line(32),
        ),
        refused(
            "an array in the place of an action",
            changed("\"actions\": [", "\"actions\": [[],"),
            "invalid length 0, expected an action at line ",
        ),
        refused("something behind it", format!("{GOOD}{{}}\n"), "trailing characters at line "),
        refused("white space behind it", format!("{GOOD}\n"), &line(94)),
        refused("compact JSON", GOOD.replace("\n  ", " "), &line(1)),
        refused("a letter spelled as an escape", changed("\"generator\"", "\"\\u0067enerator\""), &line(15)),
        refused(
            "a number in another spelling",
            changed("\"serial\": 7", "\"serial\": 7.0"),
            "invalid type: floating point `7.0`, expected u64 ",
        ),
        refused("cut off", GOOD.split_at(700).0, "EOF while parsing "),
        refused(
            "not UTF-8",
            [b"{\"".as_slice(), &[0xff, 0xfe], b"\": 1}"].concat(),
            "invalid unicode code point at line 1 column ",
        ),
        refused(
            "nested too deep",
            format!("{{\"a\":{}1{}}}", "[".repeat(20), "]".repeat(20)),
            "nested more than 12 deep at line 1 column ",
        ),
        refused(
            "an endless string",
            changed("applier/ann", &"a".repeat(30_000)),
            "a string of 30039 bytes; at most 24576 are allowed at line ",
        ),
        Attack {
            name: "too large",
            receipt: format!("{GOOD}{}", " ".repeat(9 * 1024 * 1024)).into(),
            exit: 4,
            error: format!("receipt has {} bytes; at most 8388608 are allowed", GOOD.len() + 9 * 1024 * 1024),
        },
        Attack {
            name: "another version",
            receipt: changed("\"receiptVersion\": 1", "\"receiptVersion\": 2").into(),
            exit: 4,
            error:
                "receipt has version 2; this program reads version 1\n  use the release of STS Airlock that wrote it"
                    .to_owned(),
        },
    ]
}

/// Well signed JSON with a value that no receipt has.
fn of_values() -> Vec<Attack> {
    vec![
        refused(
            "an unknown call",
            changed("iam:UpdateRole\"", "iam:PassRole\""),
            "unknown variant `iam:PassRole`, expected one of ",
        ),
        refused(
            "an unknown outcome",
            changed("\"not-reached\"\n    }", "\"maybe\"\n    }"),
            "unknown variant `maybe`, expected one of ",
        ),
        refused(
            "an unknown approval",
            changed("\"plan-digest\"", "\"everybody\""),
            "unknown variant `everybody`, expected one of ",
        ),
        refused(
            "a time in another spelling",
            changed("10:00:09Z", "10:00:09+00:00"),
            "invalid time \"2026-10-01T10:00:09+00:00\"",
        ),
        refused(
            "an account that is none",
            changed("\"123456789012\"", "\"12345678901\""),
            "invalid account ID \"12345678901\"",
        ),
        refused("a digest that is none", changed("\"dddd", "\"DDDD"), "invalid SHA-256 \"DDDDddd"),
        refused(
            "a line break in a request ID",
            changed("\"r-1\"", "\"r-1\\n\""),
            "invalid request ID \"r-1\\u{a}\": must have ",
        ),
        refused(
            "more request IDs than calls",
            changed("\"attempts\": 3", "\"attempts\": 1"),
            "an action has 2 request IDs of 1 attempts at line ",
        ),
        refused(
            "a done action that was never begun",
            changed("\"not-reached\"\n    }", "\"done\"\n    }"),
            "an action that was reached has \"began\", \"ended\", \"attempts\" and \"requestIds\"; one that was not has none at line ",
        ),
        refused(
            "an error of what is done",
            changed("\"failed\",\n      \"error\"", "\"done\",\n      \"error\""),
            "an action has an \"error\" exactly if it failed at line ",
        ),
    ]
}

/// Well signed and in the form, and it contradicts itself.
fn of_content() -> Vec<Attack> {
    vec![
        refused(
            "a failure that is hidden",
            changed("\"ending\": \"failed\"", "\"ending\": \"done\""),
            "ending: found \"done\", but the actions amount to \"failed\"",
        ),
        refused(
            "another account's role",
            changed("123456789012:role/", "210987654321:role/"),
            "actions[1]: the resource of iam:UpdateRole is \"arn:aws:iam::210987654321:role/prod-a-storage-disk-creds\", expected arn:aws:iam::123456789012:role/...",
        ),
        refused(
            "another partition's role",
            changed("arn:aws:iam", "arn:aws-cn:iam"),
            "actions[1]: the resource of iam:UpdateRole is \"arn:aws-cn:iam::123456789012:role/",
        ),
        refused(
            "another cluster's bucket",
            changed("prod-a-oidc/", "prod-b-oidc/"),
            "actions[0]: the resource of s3:PutObject is \"arn:aws:s3:::prod-b-oidc/sts-airlock/record.json\", expected arn:aws:s3:::prod-a-oidc...",
        ),
        refused(
            "a call on another kind of resource",
            changed("\"iam:UpdateRole\"", "\"iam:DeleteOpenIDConnectProvider\""),
            "actions[1]: the resource of iam:DeleteOpenIDConnectProvider is \"arn:aws:iam::123456789012:role/",
        ),
        refused(
            "another account's caller",
            changed("sts::123456789012", "sts::210987654321"),
            "caller: \"arn:aws:sts::210987654321:assumed-role/applier/ann\" is no ARN of account 123456789012 in partition aws",
        ),
        refused(
            "escape sequences in an error",
            changed("Rate exceeded", "\\u001b[2J"),
            "actions[1]: its error has characters that cannot be seen",
        ),
        refused(
            "text turned around in a role's name",
            changed("\"generator\"", "\"gen\u{202e}rotare\""),
            "signers[0]: its role has characters that cannot be seen",
        ),
        refused(
            "nobody signed the bundle",
            changed(
                "\"signers\": [\n    {\n      \"role\": \"generator\",\n      \"key\": \"RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3\",\n      \"trustedComment\": \"timestamp:1790000000\\tfile:prod-a-7.tar.gz\\thashed\"\n    }\n  ]",
                "\"signers\": []",
            ),
            "signers: found 0, expected 1 to 16",
        ),
        refused(
            "a signer's key that is none",
            changed("RWQf6LRCGA9i", "AAAA"),
            "signers[0]: \"AAAA53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3\" is not a minisign public key",
        ),
        refused(
            "a plan that nobody approved",
            changed(
                "\"by\": \"plan-digest\",\n    \"planDigest\": \"dddd",
                "\"by\": \"plan-digest\",\n    \"planDigest\": \"eeee",
            ),
            "approval: plan eeeedddd",
        ),
    ]
}

/// Well signed, and times, issuer or record contradict the rest.
fn of_times_and_record() -> Vec<Attack> {
    vec![
        refused(
            "changes that needed no approval",
            changed("\"plan-digest\"", "\"nothing-to-do\""),
            "approval: it is by \"nothing-to-do\" exactly if there are no actions",
        ),
        refused(
            "an action before the run",
            changed("\"started\": \"2026-10-01T10:00:00Z\"", "\"started\": \"2026-10-01T10:00:01Z\""),
            "actions[0]: it took from 2026-10-01T10:00:00Z to 2026-10-01T10:00:01Z, the run from 2026-10-01T10:00:01Z to 2026-10-01T10:00:09Z",
        ),
        refused(
            "an end before the beginning",
            changed("\"finished\": \"2026-10-01T10:00:09Z\"", "\"finished\": \"2026-10-01T09:00:00Z\""),
            "finished: 2026-10-01T09:00:00Z is before 2026-10-01T10:00:00Z, when the run started",
        ),
        refused(
            "an issuer that nobody can have looked at",
            changed(
                "\"issuerCheck\": {\n    \"outcome\": \"not-reached\"",
                "\"issuerCheck\": {\n    \"outcome\": \"done\"",
            ),
            "issuerCheck: it is made exactly if every action is done",
        ),
        refused(
            "a serial that no bundle has",
            GOOD.replace("\"serial\": 7", "\"serial\": 0"),
            "bundle: its serial is 0; it must be from 1 to 999999999",
        ),
        refused(
            "another bundle's record",
            changed(
                "\"serial\": 7,\n    \"sha256\": \"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\",\n    \"time\"",
                "\"serial\": 8,\n    \"sha256\": \"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\",\n    \"time\"",
            ),
            "record: it is of serial 8, SHA-256 bbbb",
        ),
        refused(
            "another cluster's record",
            changed(
                "\"recordVersion\": 1,\n    \"name\": \"prod-a\"",
                "\"recordVersion\": 1,\n    \"name\": \"prod-b\"",
            ),
            "record: it is of cluster prod-b",
        ),
        refused(
            "somebody else's record",
            changed("applier/ann\",\n    \"run\"", "applier/bob\",\n    \"run\""),
            "record: it is by arn:aws:sts::123456789012:assumed-role/applier/bob, the receipt by arn:aws:sts::123456789012:assumed-role/applier/ann",
        ),
        refused(
            "a record of a deletion",
            changed("\"state\": \"stopped\"", "\"state\": \"deleting\""),
            "record: it is being deleted, which is not of the operation \"apply\"",
        ),
        refused(
            "a role ID that is none",
            changed("AROAEXAMPLE0PRODDISK", "AROA"),
            "a role ID must have 16 to 128 letters, digits and _ at line ",
        ),
    ]
}

/// A folder with a receipt, its signatures and the operator's trust file.
struct Case {
    folder: tempfile::TempDir,
    operator: SigningKey,
}

impl Case {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), operator: SigningKey::generate() }
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.folder.path().join(name), bytes).unwrap();
    }

    fn signed(&self, receipt: &[u8]) {
        self.write("receipt.json", receipt);
        self.write("receipt.json.minisig", self.operator.sign(receipt));
        self.trust(&json!({}));
    }

    fn trust(&self, more: &serde_json::Value) {
        let mut trust = json!({"roles": {"operator": [self.operator.public()]}});
        for (field, value) in more.as_object().unwrap() {
            trust[field] = value.clone();
        }
        self.write("trust.json", trust.to_string());
    }

    fn verify(&self) -> Outcome {
        run(self.folder.path(), &["verify", "receipt.json", "--trust", "trust.json"])
    }
}

fn run(folder: &Path, arguments: &[&str]) -> Outcome {
    Program::new(&binaries().unwrap().applier).args(arguments).in_folder(folder).run()
}

#[test]
fn the_good_receipt_is_what_the_attacks_start_from() {
    let case = Case::new();
    case.signed(GOOD.as_bytes());
    let said = case.verify().exits(0).stdout;
    assert!(said.starts_with("Receipt   apply of prod-a serial 7: failed\n"), "{said}");
}

#[test]
fn every_hostile_receipt_is_refused_with_its_own_error() {
    let attacks: Vec<Attack> =
        [of_form(), of_values(), of_content(), of_times_and_record()].into_iter().flatten().collect();
    let names: BTreeSet<&str> = attacks.iter().map(|attack| attack.name).collect();
    assert_eq!(names.len(), attacks.len(), "every attack has a name of its own");
    let case = Case::new();
    let failures: Vec<String> = attacks.iter().filter_map(|attack| attempt(&case, attack)).collect();
    assert!(failures.is_empty(), "{} of {} attacks:\n{}", failures.len(), attacks.len(), failures.join("\n"));
    println!("{} hostile receipts refused", attacks.len());
}

/// Runs one attack; what is wrong with the refusal, if anything.
fn attempt(case: &Case, attack: &Attack) -> Option<String> {
    case.signed(&attack.receipt);
    let Outcome { code, stdout, stderr, .. } = case.verify();
    let expected = format!("error: {}", attack.error);
    let is_refused = code == Some(attack.exit) && stderr.starts_with(&expected) && stdout.is_empty();
    (!is_refused).then(|| {
        format!(
            "--- {}\nexpected exit {}, got {code:?}\nexpected: {expected}\n     got: {stderr}stdout: {stdout}",
            attack.name, attack.exit
        )
    })
}

#[test]
fn what_is_not_signed_is_not_read() {
    let case = Case::new();
    case.signed(GOOD.as_bytes());
    case.write("receipt.json", "{\"not\": \"read\"}");
    let key = case.operator.public();
    case.verify().exits(3).says(&format!(
        "error: signature receipt.json.minisig claims the trusted key {key} but does not match the receipt: the receipt, the comment or \
         the signature was changed\n  get the receipt and its signatures again from where they were made, and compare the SHA-256",
    ));

    std::fs::remove_file(case.folder.path().join("receipt.json.minisig")).unwrap();
    case.verify().exits(3).says(&format!(
        "error: role \"operator\" has not signed: there is no signature beside the receipt; one by its keys ({key}) is required\n  to \
         sign: airlock-generator sign RECEIPT --signing-key KEY, or minisign -S -m RECEIPT -x RECEIPT.SIGNER.minisig",
    ));

    case.signed(GOOD.as_bytes());
    case.write("receipt.json.minisig", SigningKey::generate().sign(GOOD.as_bytes()));
    case.verify().exits(3).says(&format!(
        "error: role \"operator\" has not signed: none of its keys ({key}) made the only signature beside the receipt \
         (receipt.json.minisig)\n  to sign: airlock-generator sign RECEIPT --signing-key KEY, or minisign -S -m RECEIPT -x \
         RECEIPT.SIGNER.minisig",
    ));
}

#[test]
fn the_trust_files_limits_hold() {
    let case = Case::new();
    case.signed(GOOD.as_bytes());
    case.trust(&json!({"accounts": ["210987654321"], "partitions": ["aws-cn"], "names": ["dev-*"]}));
    case.verify().exits(3).says(
        "error: the trust file does not allow this receipt: 3 problem(s)\n  account 123456789012 is none of 210987654321\n  partition aws \
         is none of aws-cn\n  name prod-a matches none of dev-*",
    );
    // What a bundle may grant, and how old it may be, is no matter of a receipt.
    case.trust(
        &json!({"accounts": ["123456789012"], "deniedActions": ["*"], "maxAgeDays": 1, "minimumSerial": {"prod-a": 9}}),
    );
    case.verify().exits(0);
}

/// A bundle's signature is none for a receipt, and neither is taken for the other.
#[test]
fn a_receipt_is_told_from_a_bundle_by_its_content() {
    let case = Case::new();
    case.signed(GOOD.as_bytes());
    std::fs::rename(case.folder.path().join("receipt.json"), case.folder.path().join("b-1.tar.gz")).unwrap();
    std::fs::rename(case.folder.path().join("receipt.json.minisig"), case.folder.path().join("b-1.tar.gz.minisig"))
        .unwrap();
    let said = run(case.folder.path(), &["verify", "b-1.tar.gz", "--trust", "trust.json"]).exits(0).stdout;
    assert!(said.starts_with("Receipt   "), "{said}");
    let refused = run(case.folder.path(), &["plan", "b-1.tar.gz", "--trust", "trust.json"]).exits(4).stderr;
    assert!(refused.starts_with("error: bundle is not a canonical archive\n"), "{refused}");
}

#[test]
fn sign_refuses_what_verify_would_refuse_for_its_form() {
    let scene = Scene::with_key().unwrap();
    let sign = |text: &str| {
        scene.write("receipt.json", text);
        scene.sign("receipt.json", ".", &[]).run()
    };
    let hidden = changed("\"ending\": \"failed\"", "\"ending\": \"done\"");
    sign(&hidden).exits(4).says(
        "error: receipt.json cannot be used\n  because: receipt is refused: ending: found \"done\", but the actions amount to \"failed\"",
    );
    let other = "error: receipt.json cannot be used\n  because: receipt is refused: missing field `receiptVersion` at line 1 column 2";
    sign("{}").exits(4).says(other);
    sign("[]").exits(4).says("error: receipt.json is neither a bundle nor a receipt");
    assert_eq!(scene.files("."), ["minisign.key", "minisign.pub", "receipt.json"]);
}
