//! Plan files that somebody made or changed: each is refused, or does nothing of its own.

use super::*;

/// A plan file that somebody wrote, what is said of it, and how the program ends.
type Hostile<'a> = (&'a str, Vec<u8>, i32, &'a str);

fn edited(plan: &Value, change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut plan = plan.clone();
    change(&mut plan);
    plan.to_string().into_bytes()
}

/// As [`edited`], with a digest that agrees.
fn forged(plan: &Value, change: impl FnOnce(&mut Value)) -> Vec<u8> {
    edited(plan, |plan| {
        change(plan);
        plan["digest"] = digest(plan);
    })
}

/// What is no plan at all.
fn broken<'a>(text: &str, plan: &Value) -> Vec<Hostile<'a>> {
    let with = |from: &str, to: &str| text.replacen(from, to, 1).into_bytes();
    let padding = |values: &str, count: usize| {
        edited(plan, |plan| plan["x"] = json!("X"))
            .into_iter()
            .map(char::from)
            .collect::<String>()
            .replacen("\"X\"", &format!("[{}0]", values.repeat(count)), 1)
            .into_bytes()
    };
    vec![
        ("empty", Vec::new(), 4, "EOF while parsing a value at line 1 column 0"),
        ("text", b"plan".to_vec(), 4, "expected value at line 1 column 1"),
        ("not UTF-8", b"{\"\xff\": 1}".to_vec(), 4, "invalid unicode code point at line 1 column "),
        ("a byte order mark", [&b"\xef\xbb\xbf"[..], text.as_bytes()].concat(), 4, "expected value at line 1 column 1"),
        ("an array", b"[]".to_vec(), 4, "it is not a JSON object"),
        ("cut off", text.as_bytes()[..text.len() / 2].to_vec(), 4, "EOF while parsing "),
        ("something behind it", format!("{text}{{}}").into_bytes(), 4, "trailing characters at line "),
        ("a repeated key", with("{", "{\"digest\":\"\","), 4, "repeated key \"digest\" at line "),
        (
            "a repeated key of an action",
            with("\"call\": ", "\"call\": \"\", \"call\": "),
            4,
            "repeated key \"call\" at line ",
        ),
        (
            "deep nesting",
            with("{", &format!("{{\"x\":{}{},", "[".repeat(13), "]".repeat(13))),
            4,
            "nested more than 12 deep at line 1 ",
        ),
        (
            "a long string",
            with("{", &format!("{{\"x\":\"{}\",", "x".repeat(131_073))),
            4,
            "a string of 131073 bytes; at most 131072 are allowed",
        ),
        ("many values", padding("0,", 500_000), 4, "more than 500000 values at line 1 "),
    ]
}

/// What is no plan of this version, or not in agreement with its own digest.
fn altered<'a>(plan: &Value) -> Vec<Hostile<'a>> {
    let digest = "its digest is ";
    vec![
        (
            "another version",
            forged(plan, |plan| plan["planVersion"] = 2.into()),
            4,
            "its planVersion is 2; this program reads 1",
        ),
        (
            "no version",
            edited(plan, |plan| drop(plan.as_object_mut().unwrap().remove("planVersion"))),
            4,
            "its planVersion is missing; ",
        ),
        (
            "a version that moves the cursor",
            edited(plan, |plan| plan["planVersion"] = "\u{1b}[2J".into()),
            4,
            "its planVersion is \"\\u001b[2J\"; ",
        ),
        ("an unknown field", edited(plan, |plan| plan["also"] = 1.into()), 4, "unknown field `also`, expected "),
        (
            "an unknown field that moves the cursor",
            edited(plan, |plan| plan["\u{9b}2J"] = 1.into()),
            4,
            "unknown field `\\u{9b}2J`, ",
        ),
        (
            "an unknown flag",
            edited(plan, |plan| plan["choices"]["force"] = true.into()),
            4,
            "unknown field `force`, expected ",
        ),
        (
            "a missing field",
            edited(plan, |plan| drop(plan.as_object_mut().unwrap().remove("choices"))),
            4,
            "missing field `choices`",
        ),
        (
            "an array for the flags",
            edited(plan, |plan| plan["choices"] = json!([false, false, false, true])),
            4,
            "it is not spelled as ",
        ),
        (
            "an account that is none",
            edited(plan, |plan| plan["accountId"] = "1\u{202e}".into()),
            4,
            "invalid account ID \"1\\u{202e}\": ",
        ),
        (
            "an action without a call",
            forged(plan, |plan| plan["actions"][0] = json!({"resource": "x"})),
            4,
            "actions 0 has no text \"call\"",
        ),
        (
            "a finding that is a text",
            forged(plan, |plan| plan["findings"] = json!(["x"])),
            4,
            "findings 0 has no text \"kind\"",
        ),
        ("another digest", edited(plan, |plan| plan["digest"] = "0".repeat(64).into()), 4, digest),
        ("a digest in capitals", edited(plan, |plan| plan["digest"] = "A".repeat(64).into()), 4, "invalid SHA-256 "),
        ("an edited action", edited(plan, |plan| plan["actions"][0]["input"]["Bucket"] = "other".into()), 4, digest),
        (
            "an added action",
            edited(plan, |plan| {
                plan["actions"].as_array_mut().unwrap().push(json!({"call": "iam:DeleteRole", "resource": "x"}));
            }),
            4,
            digest,
        ),
        ("a removed action", edited(plan, |plan| drop(plan["actions"].as_array_mut().unwrap().pop())), 4, digest),
        ("an added finding", edited(plan, |plan| plan["findings"] = json!([{"kind": "x"}])), 4, digest),
        ("edited flags", edited(plan, |plan| plan["choices"]["prune"] = true.into()), 4, digest),
        ("another operation", edited(plan, |plan| plan["operation"] = "delete".into()), 4, digest),
    ]
}

/// What is a plan of something else.
fn foreign<'a>(plan: &Value) -> Vec<Hostile<'a>> {
    vec![
        ("a deletion", forged(plan, |plan| plan["operation"] = "delete".into()), 5, "is for `delete`, not for `apply`"),
        (
            "another account",
            forged(plan, |plan| plan["accountId"] = "111111111111".into()),
            5,
            "is for account 111111111111, the bundle is for account 123456789012",
        ),
        (
            "another bundle",
            forged(plan, |plan| plan["bundle"]["sha256"] = "0".repeat(64).into()),
            5,
            "is for bundle democluster serial 1 (SHA-256 0000",
        ),
        (
            "another serial",
            forged(plan, |plan| plan["bundle"]["serial"] = 2.into()),
            5,
            "is for bundle democluster serial 2 (SHA-256 ",
        ),
        (
            "another cluster",
            forged(plan, |plan| plan["bundle"]["name"] = "dev".into()),
            5,
            "is for bundle dev serial 1 (SHA-256 ",
        ),
        (
            "other flags",
            forged(plan, |plan| {
                plan["choices"] =
                    json!({"adopt": true, "allowRollback": true, "leaveForeignPolicies": false, "prune": true});
            }),
            2,
            "was made with --adopt --allow-rollback --prune, this command is run without flags",
        ),
    ]
}

#[test]
fn hostile_plan_files_are_refused_before_aws_is_asked() -> Test {
    let approved = Approved::new()?;
    let plan = approved.plan("plan", &[]);
    let text = approved.scene.text("plan.json");
    let refused = |file: &str, code: i32, beginning: &str, name: &str| {
        let files = approved.scene.files(".");
        let outcome = approved.run("apply", &["--plan", file]).exits(code);
        assert!(outcome.stderr.starts_with(&format!("error: {beginning}")), "{name}: {}", outcome.stderr);
        assert!(outcome.stderr.len() < 2000 && !outcome.stderr.contains(['\u{1b}', '\u{9b}', '\u{202e}']), "{name}");
        assert_eq!((outcome.stdout.as_str(), approved.scene.files(".")), ("", files), "{name}");
        assert_eq!(approved.emulator.requests().len(), 0, "{name}");
    };
    let mut all = broken(&text, &plan);
    all.extend(altered(&plan));
    for (name, bytes, code, reason) in &all {
        approved.scene.write("hostile.json", bytes);
        refused("hostile.json", *code, &format!("plan file hostile.json is refused: {reason}"), name);
    }
    for (name, bytes, code, reason) in &foreign(&plan) {
        approved.scene.write("hostile.json", bytes);
        refused("hostile.json", *code, &format!("plan file hostile.json {reason}"), name);
    }
    fs::File::create(approved.scene.path("huge.json")).unwrap().set_len(32 * 1024 * 1024 + 1).unwrap();
    refused("huge.json", 4, "huge.json is larger than 33554432 bytes\n", "huge");
    approved.scene.runs(&Program::new("mkfifo").arg("fifo.json")).exits(0);
    refused("fifo.json", 2, "fifo.json is not a regular file\n", "a pipe");
    refused("out", 2, "out is not a regular file\n", "a directory");
    refused("/dev/zero", 2, "/dev/zero is not a regular file\n", "a device");
    refused("missing.json", 2, "missing.json cannot be read\n  because: No such file", "not there");
    refused("\u{1b}[2J", 2, "\\u{1b}[2J cannot be read\n", "a name that moves the cursor");
    let both = approved.run("apply", &["--plan", "plan.json", "--yes"]).exits(2).stderr;
    assert!(both.starts_with("error: the argument '--plan <FILE>' cannot be used with '--yes'"), "{both}");

    // A link is followed, as a bundle's is.
    std::os::unix::fs::symlink("plan.json", approved.scene.path("link.json")).unwrap();
    approved.run("apply", &["--plan", "link.json"]).exits(0);
    Ok(())
}

/// A forged file whose digest agrees can only take away: what is done comes from the bundle.
#[test]
fn a_forged_plan_file_does_nothing_of_its_own() -> Test {
    let approved = Approved::new()?;
    let plan = approved.plan("plan", &[]);
    let stranger = format!("arn:aws:iam::{ACCOUNT}:role/{NAME}-stranger");
    let added = |plan: &mut Value| {
        let actions = plan["actions"].as_array_mut().unwrap();
        let position = actions.iter().position(|action| action["call"] == "iam:CreateRole").unwrap();
        let mut action = actions[position].clone();
        action["resource"] = stranger.clone().into();
        action["input"]["RoleName"] = format!("{NAME}-stranger").into();
        actions.insert(0, action);
    };
    let edited = |plan: &mut Value| {
        let actions = plan["actions"].as_array_mut().unwrap();
        let create = actions.iter_mut().find(|action| action["call"] == "iam:CreateRole").unwrap();
        create["input"]["AssumeRolePolicyDocument"] = "{}".into();
    };
    let removed = |plan: &mut Value| {
        plan["actions"].as_array_mut().unwrap().retain(|action| action["call"] != "iam:PutRolePolicy");
    };
    approved.scene.write("plan.json", forged(&plan, edited));
    let refused = approved.go_on("apply", &[]).exits(5).stderr;
    assert!(refused.contains(&format!("\n- iam:CreateRole role {} is not in the file\n", ROLES[0])), "{refused}");
    approved.scene.write("plan.json", forged(&plan, removed));
    let refused = approved.go_on("apply", &[]).exits(5).stderr;
    assert!(refused.contains(&format!("\n- iam:PutRolePolicy role {} is not in the file\n", ROLES[4])), "{refused}");
    assert_eq!(approved.emulator.writes().len(), 0);
    approved.scene.write("plan.json", forged(&plan, added));
    approved.go_on("apply", &[]).exits(0);
    assert_eq!(approved.emulator.writes().len(), WRITES);
    assert!(approved.emulator.writes().iter().all(|write| !write.parameter("RoleName").ends_with("stranger")));
    Ok(())
}
