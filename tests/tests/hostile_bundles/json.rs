//! Attacks on the spelling of documents: two readers that see two things.

use tests::forge::{Delivery, Kit};

use crate::{Attack, refused};

const ROLE: &str = "aws/roles/prod-a-storage-disk-creds.json";
const POLICY: &str = "aws/role-policies/prod-a-storage-disk-creds.json";
const PROVIDER: &str = "aws/identity-provider.json";

pub(crate) fn attacks(kit: &Kit) -> Vec<Attack> {
    let text =
        |path: &str, from: &str, to: &str| -> Delivery { kit.with_text(path, |text| text.replacen(from, to, 1)) };
    let embedded = |reason: &str| format!("is refused: in the embedded document: {reason}");
    let at = |path: &str, rest: &str| format!("{path} {rest}");
    vec![
        refused(
            "repeated key",
            text(ROLE, "  \"Path\": \"/\",\n", "  \"Path\": \"/\",\n  \"Path\": \"/\",\n"),
            &at(ROLE, "is refused: repeated key \"Path\" at line 3 column 13"),
        ),
        refused(
            "repeated key, escaped",
            text(ROLE, "  \"Path\": \"/\",\n", "  \"Path\": \"/\",\n  \"\\u0050ath\": \"/\",\n"),
            &at(ROLE, "is refused: repeated key \"Path\" at line 3 column 18"),
        ),
        refused(
            "repeated key in a tag",
            text(PROVIDER, "\"Key\": \"Name\",", "\"Key\": \"Name\", \"Key\": \"Name\","),
            &at(PROVIDER, "is refused: repeated key \"Key\" at line 9 column 34"),
        ),
        refused(
            "repeated key in a trust policy",
            text(ROLE, "\\\"Effect\\\":\\\"Allow\\\"", "\\\"Effect\\\":\\\"Deny\\\",\\\"Effect\\\":\\\"Allow\\\""),
            &at(ROLE, &embedded("repeated key \"Effect\" at line 1 column 70")),
        ),
        refused(
            "repeated key in a condition",
            text(
                POLICY,
                "\\\"kms:GrantIsForAWSResource\\\":true",
                "\\\"kms:GrantIsForAWSResource\\\":false,\\\"kms:GrantIsForAWSResource\\\":true",
            ),
            &at(POLICY, &embedded("repeated key \"kms:GrantIsForAWSResource\" at line 1 column 267")),
        ),
        refused(
            "array in the place of an object",
            kit.with_text(PROVIDER, |_| {
                "[\n  \"https://prod-a-oidc.s3.eu-central-1.amazonaws.com\",\n  [\"openshift\"],\n  null,\n  []\n]\n"
                    .to_owned()
            }),
            &at(PROVIDER, "is refused: an array stands at / where an object belongs"),
        ),
        refused(
            "array in the place of a tag",
            text(
                PROVIDER,
                "    {\n      \"Key\": \"Name\",\n      \"Value\": \"prod-a\"\n    }",
                "    [\n      \"Name\",\n      \"prod-a\"\n    ]",
            ),
            &at(PROVIDER, "is refused: an array stands at /Tags/0 where an object belongs"),
        ),
        refused(
            "array in the place of a statement",
            text(
                POLICY,
                r#"{\"Effect\":\"Allow\",\"Action\":[\"ec2:AttachVolume\",\"ec2:Describe*\"],\"Resource\":\"*\"}"#,
                r#"[\"Allow\",[\"ec2:AttachVolume\",\"ec2:Describe*\"],null,\"*\",null]"#,
            ),
            &at(POLICY, &embedded("an array stands at /Statement/0 where an object belongs")),
        ),
        refused(
            "unknown field in a document",
            text(ROLE, "  \"Path\"", "  \"MaxSessionDuration\": 43200,\n  \"Path\""),
            &at(
                ROLE,
                "is refused: unknown field `MaxSessionDuration`, expected one of `Path`, `RoleName`, `AssumeRolePolicyDocument`, `Description`, `PermissionsBoundary`, `Tags` at line 2 column 22",
            ),
        ),
        refused(
            "missing field",
            text(ROLE, "  \"Path\": \"/\",\n", ""),
            &at(ROLE, "is refused: missing field `Path` at line 20 column 1"),
        ),
        refused(
            "fields in another order",
            text(
                PROVIDER,
                "      \"Key\": \"Name\",\n      \"Value\": \"prod-a\"",
                "      \"Value\": \"prod-a\",\n      \"Key\": \"Name\"",
            ),
            &at(
                PROVIDER,
                "is refused: line 9 is not in canonical form (FORMAT.md: two-space indent, fields in order, nothing escaped without need)",
            ),
        ),
        refused(
            "white space",
            text(PROVIDER, "\"Url\": ", "\"Url\":  "),
            &at(
                PROVIDER,
                "is refused: line 2 is not in canonical form (FORMAT.md: two-space indent, fields in order, nothing escaped without need)",
            ),
        ),
        refused(
            "white space in a policy",
            text(ROLE, "{\\\"Version\\\":", "{ \\\"Version\\\":"),
            &at(
                ROLE,
                &embedded(
                    "line 1 is not in canonical form (FORMAT.md: two-space indent, fields in order, nothing escaped without need) at line 4 column 442",
                ),
            ),
        ),
        refused(
            "an escape without need",
            text(PROVIDER, "\"Name\"", "\"N\\u0061me\""),
            &at(
                PROVIDER,
                "is refused: line 9 is not in canonical form (FORMAT.md: two-space indent, fields in order, nothing escaped without need)",
            ),
        ),
        refused(
            "a lone surrogate",
            text(PROVIDER, "\"Name\"", "\"N\\ud800me\""),
            &at(PROVIDER, "is refused: unexpected end of hex escape at line 9 column 22"),
        ),
        refused(
            "a byte-order mark",
            kit.with_text(PROVIDER, |text| format!("\u{feff}{text}")),
            &at(PROVIDER, "is refused: expected value at line 1 column 1"),
        ),
        refused(
            "bytes that are not UTF-8",
            kit.with_bytes(PROVIDER, |mut bytes| {
                bytes[12] = 0xff;
                bytes
            }),
            &at(PROVIDER, "is refused: invalid unicode code point at line 2 column 11"),
        ),
        refused(
            "deep nesting",
            kit.with_text(PROVIDER, |_| format!("{}{}\n", "[".repeat(100_000), "]".repeat(100_000))),
            &at(PROVIDER, "is refused: nested more than 12 deep at line 1 column 13"),
        ),
        refused(
            "deep nesting in a policy",
            text(
                POLICY,
                "\\\"kms:GrantIsForAWSResource\\\":true",
                &format!("\\\"k\\\":{}{}", "[".repeat(20), "]".repeat(20)),
            ),
            &at(POLICY, &embedded("nested more than 12 deep at line 1 column 212")),
        ),
        refused(
            "a very long string",
            text(PROVIDER, "\"Name\"", &format!("\"{}\"", "x".repeat(30_000))),
            &at(PROVIDER, "is refused: a string of 30000 bytes; at most 24576 are allowed at line 9 column 30015"),
        ),
        refused(
            "a second document behind the first",
            kit.with_text(PROVIDER, |text| format!("{text}{{}}\n")),
            &at(PROVIDER, "is refused: trailing characters at line 22 column 1"),
        ),
        refused(
            "null for a string",
            text(PROVIDER, "\"Key\": \"Name\"", "\"Key\": null"),
            &at(PROVIDER, "is refused: invalid type: null, expected a string at line 9 column 17"),
        ),
        refused(
            "a control character in a tag",
            text(PROVIDER, "\"Value\": \"payments\"", "\"Value\": \"pay\\u001b[2Jments\""),
            &at(
                PROVIDER,
                "is refused: invalid tag value \"pay\\u{1b}[2Jments\": must consist of letters, digits, spaces and _.:/=+-@ at line 19 column 5",
            ),
        ),
        refused(
            "a right-to-left mark in an action",
            text(POLICY, "ec2:AttachVolume", "ec2:Attach\u{202e}Volume"),
            &at(
                POLICY,
                &embedded(
                    "invalid action \"ec2:Attach\\u{202e}Volume\": must be *, or service:Action with letters, digits, -, and the wildcards * and ? at line 1 column 87",
                ),
            ),
        ),
    ]
}
