//! What `review` says of the requests of real releases: statement by statement, and what came between two of them. Skips where
//! the reference material is not beside the workspace.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test says what is wrong by failing")]

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tests::scene::Scene;
use tests::{SetupError, crate_file, reference};

type Test = Result<(), SetupError>;

fn report(scene: &Scene, bundle: &str, more: &[&str]) -> Value {
    let outcome = scene.generator(["review", bundle, "--format", "json"]).args(more).run().exits(0);
    serde_json::from_str(&outcome.stdout).unwrap()
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect()
}

/// What a role's policy grants: effect, action, resource and condition of each.
fn grants(scene: &Scene, bundle: &str, role: &Value) -> Vec<Vec<String>> {
    let document = scene.entry(bundle, &format!("aws/role-policies/{}.json", role.as_str().unwrap()));
    let policy: Value = serde_json::from_str(document["PolicyDocument"].as_str().unwrap()).unwrap();
    let grant = |statement: &Value, action: &Value| {
        format!("{} {action} {} {}", statement["Effect"], statement["Resource"], statement["Condition"])
    };
    let of = |statement: &Value| {
        statement["Action"].as_array().unwrap().iter().map(|action| grant(statement, action)).collect()
    };
    policy["Statement"].as_array().unwrap().iter().map(of).collect()
}

/// The grants that a change is about: one action, or a whole statement.
fn grants_of(change: &Value, came: bool, statements: &[Vec<String>]) -> Vec<String> {
    let number = change["statement"].as_u64().map_or(0, |number| usize::try_from(number).unwrap());
    match change["what"].as_str().unwrap() {
        _ if change["came"] != json!(came) => Vec::new(),
        "statement" | "resource" | "condition" => statements[number - 1].clone(),
        "action" if came => {
            let action = format!(" {} ", change["value"]);
            statements[number - 1].iter().filter(|grant| grant.contains(&action)).cloned().collect()
        }
        _ => Vec::new(),
    }
}

#[test]
fn releases_differ_as_their_requests_do() -> Test {
    let releases = ["4.12", "4.16", "4.20"];
    let Some(requests) = reference("credentials-requests") else { return Ok(()) };
    let scene = Scene::with_key()?;
    let bundle = |release: &str| format!("{release}/democluster-1.tar.gz");
    for release in releases {
        let key = crate_file("samples/serviceaccount-signer.public");
        let arguments = scene.bundle_arguments_for(&requests.join(format!("release-{release}")), &key);
        scene.create_bundle_with(&arguments, &["--output-dir", release]).run().exits(0);
    }
    let mut seen = Vec::new();
    for pair in releases.windows(2) {
        let (old, new) = (bundle(pair[0]), bundle(pair[1]));
        let comparison = &report(&scene, &new, &["--against", &old])["comparison"];
        let roles = comparison["roles"].as_array().unwrap();
        let of = |bundle: &str| scene.entry(bundle, "bundle.json")["components"].as_array().unwrap().clone();
        let (before, after) = (of(&old), of(&new));
        for component in &after {
            let role = &component["roleName"];
            let compared = roles.iter().find(|compared| compared["role"] == *role);
            let is = grants(&scene, &new, role);
            let was = match before.iter().find(|other| other["roleName"] == *role) {
                Some(_) => grants(&scene, &old, role),
                None => Vec::new(),
            };
            let flat = |grants: &[Vec<String>]| grants.concat().into_iter().collect::<BTreeSet<_>>();
            let came: BTreeSet<String> = flat(&is).difference(&flat(&was)).cloned().collect();
            let went: BTreeSet<String> = flat(&was).difference(&flat(&is)).cloned().collect();
            let changes = compared.map(|role| role["changes"].as_array().unwrap().clone()).unwrap_or_default();
            let reported: BTreeSet<String> = changes.iter().flat_map(|change| grants_of(change, true, &is)).collect();
            assert_eq!(reported, came, "{new} against {old}: {role}");
            let lost: BTreeSet<String> = changes
                .iter()
                .filter(|change| change["what"] == "action" && change["came"] == json!(false))
                .map(|change| format!(" {} ", change["value"]))
                .collect();
            let found = |action: &String| went.iter().any(|grant| grant.contains(action.as_str()));
            assert!(lost.iter().all(found), "{lost:?} {went:?}");
            let whole = changes.iter().filter(|change| change["what"] == "statement" && change["came"] == json!(false));
            assert_eq!(went.is_empty(), lost.is_empty() && whole.count() == 0, "{role} {went:?}");
            for change in changes {
                let short = role.as_str().unwrap().trim_start_matches("democluster-openshift-");
                let sign = if change["came"] == json!(true) { '+' } else { '-' };
                seen.push(format!(
                    "{} {short} {sign} {} {}",
                    pair[1],
                    change["what"].as_str().unwrap(),
                    change["value"].as_str().unwrap()
                ));
            }
        }
    }
    assert_eq!(
        seen,
        [
            "4.16 cluster-csi-drivers-ebs-cloud-credentials + action ec2:DescribeAvailabilityZones",
            "4.16 cluster-csi-drivers-ebs-cloud-credentials + action ec2:EnableFastSnapshotRestores",
            "4.16 cluster-csi-drivers-ebs-cloud-credentials + action kms:ReEncrypt*",
            "4.16 ingress-operator-cloud-credentials + action sts:AssumeRole",
            "4.20 machine-api-aws-cloud-credentials + action kms:ReEncrypt*",
        ]
    );
    Ok(())
}

/// Every release, as a cluster without and with preview features has it: each statement of the report is one of the role's
/// policy, its actions stand in exactly the groups of access that AWS has them in, and its line is where the request says so.
#[test]
fn a_report_is_right_statement_by_statement() -> Test {
    let Some(requests) = reference("credentials-requests") else { return Ok(()) };
    let scene = Scene::with_key()?;
    let mut statements = 0;
    for release in ["4.12", "4.16", "4.20", "main", "main-all-clouds"] {
        for feature_set in ["Default", "TechPreviewNoUpgrade"] {
            let (directory, output) = (requests.join(format!("release-{release}")), format!("{release}-{feature_set}"));
            let key = crate_file("samples/serviceaccount-signer.public");
            let arguments = scene.bundle_arguments_for(&directory, &key);
            let more = ["--feature-set", feature_set, "--output-dir", &output];
            scene.create_bundle_with(&arguments, &more).run().exits(0);
            let bundle = format!("{output}/democluster-1.tar.gz");
            let report = report(&scene, &bundle, &["--credentials-requests-dir", directory.to_str().unwrap()]);
            let components = scene.entry(&bundle, "bundle.json")["components"].as_array().unwrap().clone();
            let roles = report["roles"].as_array().unwrap();
            assert_eq!(roles.len(), components.len());
            for (role, component) in roles.iter().zip(&components) {
                assert_eq!(role["serviceAccounts"], component["serviceAccounts"]);
                let name = role["role"].as_str().unwrap();
                let document = scene.entry(&bundle, &format!("aws/role-policies/{name}.json"));
                let policy: Value = serde_json::from_str(document["PolicyDocument"].as_str().unwrap()).unwrap();
                let source = role["source"].as_str().unwrap();
                let request = String::from_utf8(scene.entry_bytes(&bundle, source)).unwrap();
                let lines: Vec<&str> = request.lines().collect();
                let policy = policy["Statement"].as_array().unwrap();
                let shown = role["statements"].as_array().unwrap();
                assert_eq!(shown.len(), policy.len(), "{name}");
                for (shown, granted) in shown.iter().zip(policy) {
                    statements += 1;
                    for (field, element) in [
                        ("effect", "Effect"),
                        ("actions", "Action"),
                        ("resource", "Resource"),
                        ("conditions", "Condition"),
                    ] {
                        assert_eq!(shown[field], granted[element], "{name}: {field}");
                    }
                    check_access(shown);
                    let line = usize::try_from(shown["line"].as_u64().unwrap()).unwrap();
                    assert!(lines[line - 1].trim_start().starts_with("- "), "{source}:{line}: {}", lines[line - 1]);
                    let first = format!("- {}", shown["actions"][0].as_str().unwrap());
                    let near = lines[line - 1..].iter().take(4).any(|line| line.trim().replace('\'', "") == first);
                    assert!(near, "{source}:{line}: {first}");
                }
            }
        }
    }
    assert!(statements > 100, "{statements}");
    Ok(())
}

/// Each action of a statement is in the groups, by its own name, and nothing else is.
fn check_access(statement: &Value) {
    let mut grouped = BTreeSet::new();
    for service in statement["access"].as_array().unwrap() {
        let prefix = service["service"].as_str().unwrap();
        for level in service["levels"].as_array().unwrap() {
            assert_ne!(level["level"], "Unknown", "{service}");
            grouped.extend(texts(&level["actions"]).into_iter().map(|action| format!("{prefix}:{action}")));
        }
    }
    assert_eq!(grouped, texts(&statement["actions"]).into_iter().map(str::to_owned).collect());
}
