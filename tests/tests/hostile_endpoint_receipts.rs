//! Receipts that `create-bundle --endpoint-receipt` must not take, one attack each, with its exact error and exit code. Whoever could
//! change the domain in one of them could make AWS trust their keys. Nothing is written.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test says what is wrong by failing")]

use std::collections::BTreeSet;

use tests::forge::Kit;
use tests::forge::keys::{SigningKey, add_group_order, change_signature};
use tests::forge::receipt::ENDPOINT;
use tests::program::Outcome;
use tests::scene::Scene;

/// How a receipt is signed.
#[derive(Clone, Copy)]
enum Signed {
    /// By the operator, as it should be.
    Well,
    /// By nobody.
    Not,
    /// By somebody whom nobody trusts.
    ByStranger,
    /// By the operator, for the receipt before it was changed.
    Before,
    /// By the operator, with a legacy signature.
    Legacy,
    /// By a stranger, under the operator's key ID.
    UnderOperatorsId,
    /// By the operator, and S is another spelling of the same number.
    Malleable,
}

struct Attack {
    name: &'static str,
    receipt: Vec<u8>,
    signed: Signed,
    /// Besides what every run has.
    more: &'static [&'static str],
    exit: i32,
    /// How the error begins, from `error: ` on.
    error: String,
}

/// The good receipt with one text replaced everywhere.
#[track_caller]
fn changed(from: &str, to: &str) -> String {
    let text = ENDPOINT.replace(from, to);
    assert_ne!(text, ENDPOINT, "{from} is not there");
    text
}

fn unused(name: &'static str, receipt: impl Into<Vec<u8>>, reason: &str) -> Attack {
    let error = format!("receipt.json cannot be used\n  because: {reason}");
    Attack { name, receipt: receipt.into(), signed: Signed::Well, more: &[], exit: 4, error }
}

fn refused(name: &'static str, receipt: impl Into<Vec<u8>>, reason: &str) -> Attack {
    unused(name, receipt, &format!("receipt is refused: {reason}"))
}

/// Another cluster's receipt for the settings at hand.
fn not_of(name: &'static str, receipt: String, more: &'static [&'static str], found: &str) -> Attack {
    let setting = more[0];
    let error = format!(
        "{setting} is {}; the receipt of --endpoint-receipt has {found}\n  leave {setting} out, or give the receipt of the cluster's own \
         endpoint",
        more[1]
    );
    Attack { name, receipt: receipt.into(), signed: Signed::Well, more, exit: 2, error }
}

/// A receipt of an apply without actions: other outcomes contradict nothing.
fn of_nothing(text: &str) -> String {
    let (head, rest) = text.split_once("  \"actions\": [").unwrap();
    let (_, tail) = rest.split_once("\n  ],\n").unwrap();
    format!("{head}  \"actions\": [],\n{tail}").replacen("\"by\": \"plan-digest\"", "\"by\": \"nothing-to-do\"", 1)
}

fn without(text: &str, from: &str, to: &str) -> String {
    let (head, rest) = text.split_once(from).unwrap();
    let (_, tail) = rest.split_once(to).unwrap();
    format!("{head}{tail}")
}

/// Not signed by whoever must have, or changed after that.
fn of_signatures(operator: &SigningKey) -> Vec<Attack> {
    let key = operator.public();
    let attack =
        |name, receipt: String, signed, reason: String| Attack { signed, exit: 3, ..unused(name, receipt, &reason) };
    let altered = || changed("d111111abcdef8", "d222222abcdef8");
    let none_of_them = format!(
        "role \"trusted key 1\" has not signed: none of its keys ({key}) made the only signature beside the receipt (receipt.json.minisig)"
    );
    let does_not_match = format!(
        "signature receipt.json.minisig claims the trusted key {key} but does not match the receipt: the receipt, the comment or the \
         signature was changed"
    );
    vec![
        attack(
            "unsigned",
            ENDPOINT.to_owned(),
            Signed::Not,
            format!(
                "role \"trusted key 1\" has not signed: there is no signature beside the receipt; one by its keys ({key}) is required"
            ),
        ),
        attack("signed by a stranger", ENDPOINT.to_owned(), Signed::ByStranger, none_of_them),
        attack("another domain, put in after it was signed", altered(), Signed::Before, does_not_match.clone()),
        attack(
            "another ID, put in after it was signed",
            changed("EDFDVBD6EXAMPLE", "EEVILVBD6EXAMPLE"),
            Signed::Before,
            does_not_match.clone(),
        ),
        attack(
            "signed by a stranger under the operator's key ID",
            altered(),
            Signed::UnderOperatorsId,
            does_not_match.clone(),
        ),
        attack("a signature in another spelling", ENDPOINT.to_owned(), Signed::Malleable, does_not_match),
        attack(
            "a legacy signature",
            ENDPOINT.to_owned(),
            Signed::Legacy,
            "signature file receipt.json.minisig is refused: it is a legacy signature (not prehashed)".to_owned(),
        ),
    ]
}

/// Well signed, and not in the form.
fn of_form() -> Vec<Attack> {
    vec![
        refused(
            "two domains",
            changed("    \"domain\":", "    \"domain\": \"d222222abcdef8.cloudfront.net\",\n    \"domain\":"),
            "repeated key \"domain\" at line 57 column ",
        ),
        refused(
            "two distributions",
            changed("  \"deployment\":", "  \"distribution\": {},\n  \"deployment\":"),
            "repeated key \"distribution\" at line 57 column ",
        ),
        refused(
            "an unknown field",
            changed("    \"domain\":", "    \"alias\": \"oidc.example.com\",\n    \"domain\":"),
            "unknown field `alias`, expected one of `id`, `arn`, `domain` at line 55 column ",
        ),
        refused("compact JSON", ENDPOINT.replace("\n  ", " "), "line 1 is not in canonical form"),
        refused("something behind it", format!("{ENDPOINT}{{}}\n"), "trailing characters at line "),
        refused("white space behind it", format!("{ENDPOINT}\n"), "line 61 is not in canonical form"),
        refused("cut off", ENDPOINT.split_at(900).0, "EOF while parsing "),
        refused(
            "a domain spelled with an escape",
            changed("\"d111111abcdef8.cloudfront", "\"\\u0064111111abcdef8.cloudfront"),
            "line 55 is not in canonical form",
        ),
        unused(
            "another version",
            changed("\"receiptVersion\": 1", "\"receiptVersion\": 2"),
            "receipt has version 2; this program reads version 1",
        ),
        unused(
            "too large",
            format!("{ENDPOINT}{}", " ".repeat(9 * 1024 * 1024)),
            &format!("receipt has {} bytes; at most 8388608 are allowed", ENDPOINT.len() + 9 * 1024 * 1024),
        ),
    ]
}

/// Well signed, and the distribution is none of this account and of CloudFront.
fn of_distribution() -> Vec<Attack> {
    const ARN: &str = "\"arn:aws:cloudfront::123456789012:distribution/EDFDVBD6EXAMPLE\",\n    \"domain\"";
    let arn = |to: &str| changed(ARN, &format!("\"{to}\",\n    \"domain\""));
    let own = "arn:aws:cloudfront::123456789012:distribution/EDFDVBD6EXAMPLE";
    let domain = |name, to: &str| {
        refused(
            name,
            changed("d111111abcdef8.cloudfront.net", to),
            &format!(
                "invalid distribution domain \"{to}\": must be a label of lower-case letters and digits, and then cloudfront and "
            ),
        )
    };
    vec![
        domain("a domain that is not of CloudFront", "oidc.evil.example"),
        domain("a domain that ends as one of CloudFront's begins", "d111111abcdef8.cloudfront.net.evil.example"),
        domain("a domain that begins as one of CloudFront's ends", "d1.evil.cloudfront.net"),
        domain("a domain with a path", "d111111abcdef8.cloudfront.net/evil"),
        domain("a domain with a port", "d111111abcdef8.cloudfront.net:8443"),
        refused(
            "a domain with a character that cannot be seen",
            changed("d111111abcdef8.", "d111111abcdef8\u{200b}."),
            "invalid distribution domain \"d111111abcdef8\\u{200b}.cloudfront.net\": must be ",
        ),
        refused(
            "a domain of another partition",
            changed("abcdef8.cloudfront.net", "abcdef8.cloudfront.cn"),
            "distribution: its domain is d111111abcdef8.cloudfront.cn, which is not of CloudFront in partition aws",
        ),
        refused(
            "another account's ARN",
            arn("arn:aws:cloudfront::210987654321:distribution/EDFDVBD6EXAMPLE"),
            &format!(
                "distribution: its ARN is \"arn:aws:cloudfront::210987654321:distribution/EDFDVBD6EXAMPLE\", expected {own}"
            ),
        ),
        refused(
            "an ARN with another ID",
            arn("arn:aws:cloudfront::123456789012:distribution/EEVILVBD6EXAMPLE"),
            &format!(
                "distribution: its ARN is \"arn:aws:cloudfront::123456789012:distribution/EEVILVBD6EXAMPLE\", expected {own}"
            ),
        ),
        refused(
            "an ID that is none",
            changed("\"id\": \"EDFDVBD6EXAMPLE\"", "\"id\": \"../EDFDVBD6EXAMPLE\""),
            "invalid distribution ID \"../EDFDVBD6EXAMPLE\": must be E and 6 to 31 capital letters and digits at line ",
        ),
        refused(
            "no distribution",
            without(ENDPOINT, "  \"distribution\": {", "  },\n"),
            "deployment: it is done, and there is no distribution",
        ),
    ]
}

/// Well signed, and of a run that does not leave an endpoint that serves.
fn of_run() -> Vec<Attack> {
    let again = "\n  apply the bundle again, and give the receipt of that run";
    let ended = |ending: &str, outcome: &str| {
        changed("\"ending\": \"done\"", &format!("\"ending\": \"{ending}\""))
            .replace("\"deployment\": {\n    \"outcome\": \"done\"", &format!("\"deployment\": {{\n    {outcome}"))
    };
    let deletion = without(&of_nothing(ENDPOINT), "  \"distribution\": {", "  },\n")
        .replace("\"operation\": \"apply\"", "\"operation\": \"delete\"")
        .replace(",\n  \"deployment\": {\n    \"outcome\": \"done\"\n  }\n", "\n");
    let cluster = changed("\"kind\": \"endpoint\"", "\"kind\": \"cluster\"").replace(
        "\"outcome\": \"done\"\n  }\n}",
        "\"outcome\": \"done\"\n  },\n  \"issuerCheck\": {\n    \"outcome\": \"done\"\n  }\n}",
    );
    vec![
        unused(
            "a deletion",
            deletion,
            "the receipt is of the operation delete, expected apply\n  give the receipt of the endpoint's apply",
        ),
        unused(
            "a cluster's receipt",
            cluster,
            "the receipt is of a bundle of kind cluster, expected endpoint\n  give the receipt of the bundle that create-bundle \
             --create-private-s3-bucket made",
        ),
        refused(
            "roles with a distribution",
            changed("\"kind\": \"endpoint\"", "\"kind\": \"roles\""),
            "distribution: a bundle of kind roles has none",
        ),
        unused(
            "a deployment that failed",
            ended("failed", "\"outcome\": \"failed\",\n    \"error\": \"it takes longer than 30 minutes\""),
            &format!("the receipt's deployment has failed: CloudFront may not serve the distribution yet{again}"),
        ),
        unused(
            "a run that was stopped while it waited",
            ended("interrupted", "\"outcome\": \"not-reached\""),
            &format!("the receipt's deployment was not reached: CloudFront may not serve the distribution yet{again}"),
        ),
        refused(
            "a failure that is hidden",
            changed(
                "\"outcome\": \"done\",\n      \"began\"",
                "\"outcome\": \"failed\",\n      \"error\": \"x\",\n      \"began\"",
            ),
            "deployment: it is done, and an action is not",
        ),
        refused(
            "a run that never waited",
            without(ENDPOINT, ",\n  \"deployment\": {\n", "\n  }"),
            "deployment: it is not there",
        ),
        unused(
            "a region of another partition",
            changed("us-east-2", "cn-north-1"),
            "the receipt is of region cn-north-1 in partition aws; that region is in partition aws-cn",
        ),
    ]
}

/// Well signed, and of another cluster than the settings.
fn of_settings() -> Vec<Attack> {
    let partition = changed("\"partition\": \"aws\"", "\"partition\": \"aws-eusc\"")
        .replace("arn:aws:", "arn:aws-eusc:")
        .replace("us-east-2", "eusc-de-east-1");
    let bucket = changed("\"serial\": 1,", "\"bucketName\": \"evil-oidc\",\n    \"serial\": 1,");
    let of_serial = |name, serial: &str, more, error: &str| {
        let receipt = changed("\"serial\": 1,", &format!("\"serial\": {serial},")).into_bytes();
        Attack { name, receipt, signed: Signed::Well, more, exit: 2, error: error.to_owned() }
    };
    let account = changed("123456789012", "210987654321");
    vec![
        not_of("another account", account, &["--account-id", "123456789012"], "210987654321"),
        not_of("another cluster", changed("\"democluster\"", "\"prod-b\""), &["--name", "democluster"], "prod-b"),
        not_of("another partition", partition, &["--partition", "aws"], "aws-eusc"),
        not_of("another region", changed("us-east-2", "eu-west-1"), &["--region", "us-east-2"], "eu-west-1"),
        not_of("another bucket", bucket, &["--bucket-name", "democluster-oidc"], "evil-oidc"),
        of_serial(
            "a serial after which there is none",
            "999999999",
            &[],
            "the endpoint's bundle has serial 999999999, the highest there is, so none can follow it",
        ),
        of_serial(
            "a serial above that of the cluster's bundle",
            "7",
            &["--serial", "2"],
            "--serial is 2; the endpoint's bundle has 7, and the applier refuses to go back\n  leave --serial out: the next one is 8",
        ),
    ]
}

/// A folder with a receipt, its signatures, the operator's public key and the generator's key.
struct Case {
    scene: Scene,
    operator: SigningKey,
    stranger: SigningKey,
}

impl Case {
    fn new() -> Self {
        let case = Self {
            scene: Scene::with_key().unwrap(),
            operator: SigningKey::generate(),
            stranger: SigningKey::generate(),
        };
        case.scene.write("operator.pub", format!("untrusted comment: operator\n{}\n", case.operator.public()));
        case
    }

    fn write(&self, receipt: &[u8], signed: Signed) {
        self.scene.write("receipt.json", receipt);
        let signature = match signed {
            Signed::Not => return self.scene.remove("receipt.json.minisig"),
            Signed::Well => self.operator.sign(receipt),
            Signed::ByStranger => self.stranger.sign(receipt),
            Signed::Before => self.operator.sign(ENDPOINT.as_bytes()),
            Signed::Legacy => self.operator.sign_legacy(receipt),
            Signed::UnderOperatorsId => change_signature(&self.stranger.sign(receipt), |bytes| {
                bytes[2..10].copy_from_slice(&self.operator.id());
            }),
            Signed::Malleable => {
                change_signature(&self.operator.sign(receipt), |bytes| add_group_order(&mut bytes[42..74]))
            }
        };
        self.scene.write("receipt.json.minisig", signature);
    }

    fn run(&self, more: &[&str]) -> Outcome {
        let requests = tests::crate_file("samples/credentials-requests");
        self.scene
            .generator(["create-bundle", "--no-password", "--endpoint-receipt", "receipt.json", "--key-type", "p256"])
            .args(["--signing-key", "minisign.key", "--output-dir", "out", "--credentials-requests-dir"])
            .arg(requests)
            .args(more)
            .run()
    }

    /// Runs one attack; what is wrong with the refusal, if anything.
    fn attempt(&self, attack: &Attack) -> Option<String> {
        self.write(&attack.receipt, attack.signed);
        let Outcome { code, stdout, stderr, .. } =
            self.run(&[&["--receipt-key", "operator.pub"], attack.more].concat());
        let expected = format!("error: {}", attack.error);
        let nothing = !self.scene.path("out").exists();
        let is_refused = code == Some(attack.exit) && stderr.starts_with(&expected) && stdout.is_empty() && nothing;
        (!is_refused).then(|| {
            format!(
                "--- {}\nexpected exit {}, got {code:?}; nothing written: {nothing}\nexpected: {expected}\n     got: {stderr}stdout: {stdout}",
                attack.name, attack.exit
            )
        })
    }
}

#[test]
fn every_hostile_receipt_is_refused_with_its_own_error_and_nothing_is_written() {
    let case = Case::new();
    let lists = [of_signatures(&case.operator), of_form(), of_distribution(), of_run(), of_settings()];
    let attacks: Vec<Attack> = lists.into_iter().flatten().collect();
    let names: BTreeSet<&str> = attacks.iter().map(|attack| attack.name).collect();
    assert_eq!(names.len(), attacks.len(), "every attack has a name of its own");
    assert!(attacks.len() >= 25, "there are {} attacks", attacks.len());
    let failures: Vec<String> = attacks.iter().filter_map(|attack| case.attempt(attack)).collect();
    assert!(failures.is_empty(), "{} of {} attacks:\n{}", failures.len(), attacks.len(), failures.join("\n"));
    println!("{} hostile receipts refused", attacks.len());
    // The good one is what they start from.
    case.write(ENDPOINT.as_bytes(), Signed::Well);
    case.run(&["--receipt-key", "operator.pub"]).exits(0);
    assert_eq!(
        case.scene.entry("out/democluster-2.tar.gz", "bundle.json")["issuerUrl"],
        "https://d111111abcdef8.cloudfront.net"
    );
}

#[test]
fn a_receipt_without_action_is_one_too() {
    let case = Case::new();
    case.write(of_nothing(ENDPOINT).as_bytes(), Signed::Well);
    case.run(&["--receipt-key", "operator.pub"]).exits(0);
}

#[test]
fn every_key_that_is_given_has_signed() {
    let case = Case::new();
    case.write(ENDPOINT.as_bytes(), Signed::Well);
    assert_eq!(
        case.run(&[]).exits(2).stderr,
        "error: --endpoint-receipt does not say who must have signed receipt.json\n  give --receipt-key KEY with the public half of \
         each key that signed it\n"
    );
    let (own, other) = (case.operator.public(), case.stranger.public());
    let found = case.run(&["--receipt-key", &own, "--receipt-key", &other]).exits(3).stderr;
    let missing =
        "error: receipt.json cannot be used\n  because: role \"trusted key 2\" has not signed: none of its keys";
    assert!(found.starts_with(missing), "{found}");
    case.scene.write("receipt.json.auditor.minisig", case.stranger.sign(ENDPOINT.as_bytes()));
    case.run(&["--receipt-key", &own, "--receipt-key", &other]).exits(0);
}

#[test]
fn a_receipt_is_a_regular_file_and_no_bundle() {
    let case = Case::new();
    let refused = |error: &str| {
        let found = case.run(&["--receipt-key", "operator.pub"]);
        assert!(found.stderr.starts_with(&format!("error: {error}")), "{}", found.stderr);
        assert!(!case.scene.path("out").exists());
        found.code
    };
    case.write(&Kit::new().good_archive(), Signed::Well);
    assert_eq!(
        refused("receipt.json does not begin as a receipt does\n  give the JSON that airlock-applier apply wrote"),
        Some(4)
    );
    case.scene.remove("receipt.json");
    let made = std::process::Command::new("mkfifo").arg(case.scene.path("pipe")).status().unwrap();
    assert!(made.success());
    std::os::unix::fs::symlink("pipe", case.scene.path("receipt.json")).unwrap();
    assert_eq!(refused("receipt.json is not a regular file\n"), Some(1));
    case.scene.remove("receipt.json");
    std::fs::create_dir(case.scene.path("receipt.json")).unwrap();
    assert_eq!(refused("receipt.json is not a regular file\n"), Some(1));
}
