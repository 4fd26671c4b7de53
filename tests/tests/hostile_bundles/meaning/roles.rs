//! The roles: who may assume them, and what they may do.

use bundle_schema::documents::contents::Contents;
use bundle_schema::documents::policy::{Effect, TrustStatement};
use tests::forge::Kit;
use tests::forge::contents::parsed;

use super::contradiction;
use crate::{Attack, refused};

const ROLE: &str = "aws/roles/prod-a-registry-bucket-creds.json";
const POLICY: &str = "aws/role-policies/prod-a-registry-bucket-creds.json";
const HOST: &str = "prod-a-oidc.s3.eu-central-1.amazonaws.com";
const PROVIDER: &str = "arn:aws:iam::123456789012:oidc-provider/prod-a-oidc.s3.eu-central-1.amazonaws.com";

pub(super) fn trust(kit: &Kit) -> Vec<Attack> {
    let at = |name, first: &str, change: fn(&mut Vec<TrustStatement>)| {
        let delivery =
            kit.with_contents(|contents| change(&mut contents.roles[0].create.assume_role_policy_document.0.statement));
        contradiction(name, delivery, 1, &format!("{ROLE}: {first}"))
    };
    let text = |name, from: &str, to: &str, reason: &str| {
        let delivery =
            kit.with_text(ROLE, |text| text.replacen(&from.replace('"', "\\\""), &to.replace('"', "\\\""), 1));
        refused(name, delivery, &format!("{ROLE} is refused: in the embedded document: {reason}"))
    };
    let sub = "system:serviceaccount:registry:registry";
    vec![
        at(
            "foreign provider in a trust policy",
            &format!(
                "trust policy's Principal: expected \"{PROVIDER}\", found \"{}\"",
                PROVIDER.replace("prod-a-oidc", "evil")
            ),
            |statements| {
                statements[0].principal.federated = PROVIDER.replace("prod-a-oidc", "evil");
            },
        ),
        at(
            "provider of another account",
            &format!(
                "trust policy's Principal: expected \"{PROVIDER}\", found \"{}\"",
                PROVIDER.replace("123456789012", "210987654321")
            ),
            |statements| {
                statements[0].principal.federated = PROVIDER.replace("123456789012", "210987654321");
            },
        ),
        at(
            "wildcard principal",
            &format!("trust policy's Principal: expected \"{PROVIDER}\", found \"*\""),
            |statements| statements[0].principal.federated = "*".to_owned(),
        ),
        at(
            "wildcard subject",
            &format!("trust policy's subjects: expected [\"{sub}\"], found [\"system:serviceaccount:*:*\"]"),
            |statements| {
                statements[0]
                    .condition
                    .string_equals
                    .values_mut()
                    .for_each(|subjects| *subjects = vec!["system:serviceaccount:*:*".to_owned()]);
            },
        ),
        at(
            "subject of another service account",
            &format!("trust policy's subjects: expected [\"{sub}\"], found [\"system:serviceaccount:registry:evil\"]"),
            |statements| {
                statements[0]
                    .condition
                    .string_equals
                    .values_mut()
                    .for_each(|subjects| *subjects = vec!["system:serviceaccount:registry:evil".to_owned()]);
            },
        ),
        at(
            "one subject more",
            &format!(
                "trust policy's subjects: expected [\"{sub}\"], found [\"{sub}\",\"system:serviceaccount:default:evil\"]"
            ),
            |statements| {
                statements[0]
                    .condition
                    .string_equals
                    .values_mut()
                    .for_each(|subjects| subjects.push("system:serviceaccount:default:evil".to_owned()));
            },
        ),
        at(
            "missing subject",
            &format!("trust policy's StringEquals keys: expected [\"{HOST}:sub\"], found []"),
            |statements| {
                statements[0].condition.string_equals.clear();
            },
        ),
        at(
            "audience in the place of the subject",
            &format!("trust policy's StringEquals keys: expected [\"{HOST}:sub\"], found [\"{HOST}:aud\"]"),
            |statements| {
                statements[0].condition.string_equals = [(format!("{HOST}:aud"), vec!["openshift".to_owned()])].into();
            },
        ),
        at(
            "subject of another issuer",
            &format!("trust policy's StringEquals keys: expected [\"{HOST}:sub\"], found [\"evil.example:sub\"]"),
            |statements| {
                let subjects = statements[0].condition.string_equals.pop_first().unwrap().1;
                statements[0].condition.string_equals = [("evil.example:sub".to_owned(), subjects)].into();
            },
        ),
        at("extra statement in a trust policy", "trust policy: expected exactly 1 statement, found 2", |statements| {
            statements.push(statements[0].clone())
        }),
        at("no statement in a trust policy", "trust policy: expected exactly 1 statement, found 0", Vec::clear),
        at("a trust policy that denies", "trust policy's Effect: expected \"Allow\", found \"Deny\"", |statements| {
            statements[0].effect = Effect::Deny
        }),
        at(
            "AssumeRole in the place of AssumeRoleWithWebIdentity",
            "trust policy's Action: expected \"sts:AssumeRoleWithWebIdentity\", found \"sts:AssumeRole\"",
            |statements| {
                statements[0].action = "sts:AssumeRole".to_owned();
            },
        ),
        at(
            "every action in a trust policy",
            "trust policy's Action: expected \"sts:AssumeRoleWithWebIdentity\", found \"sts:*\"",
            |statements| {
                statements[0].action = "sts:*".to_owned();
            },
        ),
        text(
            "StringLike",
            "\"StringEquals\"",
            "\"StringLike\"",
            "unknown field `StringLike`, expected `StringEquals` at line 1 column 231",
        ),
        text(
            "a second condition",
            "\"StringEquals\":",
            "\"StringLike\":{\"a\":\"b\"},\"StringEquals\":",
            "unknown field `StringLike`, expected `StringEquals` at line 1 column 231",
        ),
        text(
            "NotAction in a trust policy",
            "\"Action\"",
            "\"NotAction\"",
            "unknown field `NotAction`, expected one of `Effect`, `Principal`, `Action`, `Condition` at line 1 column 176",
        ),
        text(
            "NotPrincipal",
            "\"Principal\"",
            "\"NotPrincipal\"",
            "unknown field `NotPrincipal`, expected one of `Effect`, `Principal`, `Action`, `Condition` at line 1 column 69",
        ),
        text(
            "an AWS account beside the provider",
            "{\"Federated\":",
            "{\"AWS\":\"*\",\"Federated\":",
            "unknown field `AWS`, expected `Federated` at line 1 column 73",
        ),
        text(
            "an ID on a statement",
            "{\"Effect\"",
            "{\"Sid\":\"x\",\"Effect\"",
            "unknown field `Sid`, expected one of `Effect`, `Principal`, `Action`, `Condition` at line 1 column 43",
        ),
    ]
}

pub(super) fn roles(kit: &Kit) -> Vec<Attack> {
    let at = |name, file: &str, first: &str, change: fn(&mut Contents)| {
        contradiction(name, kit.with_contents(change), 1, &format!("{file}: {first}"))
    };
    vec![
        at("another path", ROLE, "Path: expected \"/\", found \"/admin/\"", |contents| {
            contents.roles[0].create.path = parsed("/admin/")
        }),
        at(
            "another description",
            ROLE,
            "Description: expected \"OpenShift role for registry/bucket-creds\", found \"nothing to see\"",
            |contents| {
                contents.roles[0].create.description = "nothing to see".to_owned();
            },
        ),
        at(
            "boundary of another account",
            ROLE,
            "PermissionsBoundary: expected a policy of account 123456789012 (or aws) in partition aws, found \"arn:aws:iam::210987654321:policy/loose\"",
            |contents| {
                contents.roles[0].create.permissions_boundary = Some(parsed("arn:aws:iam::210987654321:policy/loose"));
            },
        ),
        at(
            "role without the ownership tag",
            ROLE,
            "Tags: expected [{\"Key\":\"Name\",\"Value\":\"prod-a\"},{\"Key\":\"openshift.io/cloud-credential-operator/prod-a\",\"Value\":\"owned\"},{\"Key\":\"team\",\"Value\":\"payments\"}], found [{\"Key\":\"Name\",\"Value\":\"prod-a\"}]",
            |contents| contents.roles[0].create.tags.truncate(1),
        ),
        at(
            "a policy of another name",
            POLICY,
            "PolicyName: expected \"prod-a-registry-bucket-creds\", found \"second\"",
            |contents| {
                contents.roles[0].policy.policy_name = parsed("second");
            },
        ),
        at(
            "a policy too large for IAM",
            POLICY,
            "characters of the policy: 11602; at most 10240 are allowed",
            |contents| {
                let statement = &mut contents.roles[0].policy.policy_document.0.statement[0];
                statement.action = Some((0..600).map(|number| parsed(&format!("ec2:Action{number:06}"))).collect());
                statement.condition = None;
            },
        ),
        at(
            "a statement that grants nothing",
            POLICY,
            "statement 1 needs actions, in exactly one of Action and NotAction",
            |contents| {
                contents.roles[0].policy.policy_document.0.statement[0].action = Some(vec![]);
            },
        ),
        at(
            "a statement with Action and NotAction",
            POLICY,
            "statement 1 needs actions, in exactly one of Action and NotAction",
            |contents| {
                contents.roles[0].policy.policy_document.0.statement[0].not_action = Some(vec![parsed("iam:*")]);
            },
        ),
        at(
            "a resource of another partition",
            POLICY,
            "statement 1 is about \"arn:aws-cn:s3:::bucket\", which is not in partition aws",
            |contents| {
                let statement = &mut contents.roles[0].policy.policy_document.0.statement[0];
                statement.resource = parsed("arn:aws-cn:s3:::bucket");
            },
        ),
        at("a policy without statements", POLICY, "the policy has no statement", |contents| {
            contents.roles[0].policy.policy_document.0.statement.clear()
        }),
        refused(
            "a role's document for another role",
            kit.with_text(ROLE, |text| {
                text.replacen("\"prod-a-registry-bucket-creds\"", "\"OrganizationAccountAccessRole\"", 1)
            }),
            &format!(
                "invalid bundle: 1 problem(s)\n  {ROLE}: RoleName: expected \"prod-a-registry-bucket-creds\", found \"OrganizationAccountAccessRole\""
            ),
        ),
        refused(
            "a policy for another role",
            kit.with_text(POLICY, |text| {
                text.replacen("\"RoleName\": \"prod-a-registry-bucket-creds\"", "\"RoleName\": \"admin\"", 1)
            }),
            &format!(
                "invalid bundle: 1 problem(s)\n  {POLICY}: RoleName: expected \"prod-a-registry-bucket-creds\", found \"admin\""
            ),
        ),
    ]
}
