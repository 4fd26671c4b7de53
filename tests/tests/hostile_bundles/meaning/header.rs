//! The index contradicts itself, the documents, or the clock.

use bundle_schema::documents::contents::Contents;
use bundle_schema::documents::index::Previous;
use bundle_schema::names::{Sha256, Tag};
use tests::forge::Kit;
use tests::forge::contents::{bucket, created, issuer, parsed, time};

use super::contradiction;
use crate::{Attack, expired, untrusted};

const HOST: &str = "prod-a-oidc.s3.eu-central-1.amazonaws.com";

pub(super) fn index(kit: &Kit) -> Vec<Attack> {
    let header = |name, count, first: &str, change: fn(&mut Contents)| {
        contradiction(name, kit.with_contents(change), count, &format!("bundle.json: {first}"))
    };
    vec![
        header("partition of another region", 6, "partition: expected \"aws\", found \"aws-cn\"", |contents| {
            contents.header.partition = parsed("aws-cn");
        }),
        header("DNS suffix of another partition", 2, "dnsSuffix: expected \"amazonaws.com\", found \"evil.example\"", |contents| {
            contents.header.dns_suffix = parsed("evil.example");
        }),
        header("foreign issuer", 8, &format!("issuerUrl: expected \"https://{HOST}\", found \"https://evil.example.com\""), |contents| {
            contents.header.issuer_url = Some(parsed("https://evil.example.com"));
        }),
        header("another region", 2, "issuerUrl: expected \"https://prod-a-oidc.s3.eu-west-1.amazonaws.com\", found \"https://prod-a-oidc.s3.eu-central-1.amazonaws.com\"", |contents| {
            contents.header.region = parsed("eu-west-1");
        }),
        header("serial 0", 1, "serial is 0; serials count from 1 to 999999999", |contents| contents.header.serial = 0),
        header(
            "expires before it was created",
            1,
            &format!("expires is 2026-01-01T00:00:00Z, not after created, {}", created()),
            |contents| contents.header.expires = time("2026-01-01T00:00:00Z"),
        ),
        header(
            "valid for ever",
            1,
            &format!("expires is 9999-01-01T00:00:00Z, more than 400 days after created, {}", created()),
            |contents| contents.header.expires = time("9999-01-01T00:00:00Z"),
        ),
        header(
            "a serial that leaves no room for the next",
            1,
            "serial is 1000000000; serials count from 1 to 999999999",
            |contents| contents.header.serial = 1_000_000_000,
        ),
        header(
            "a serial that readers of JSON round",
            1,
            "serial is 9007199254740993; serials count from 1 to 999999999",
            |contents| contents.header.serial = 9_007_199_254_740_993,
        ),
        header("a previous serial of 0", 1, "previous.serial is 0; serials count from 1 to 999999999", |contents| {
            contents.header.previous = Some(Previous { serial: 0, sha256: Sha256::of(b"") });
        }),
        header(
            "a skipped document that is none",
            1,
            "skipped document of credentials-requests/disk.yaml is 0; documents count from 1",
            |contents| contents.header.skipped[0].document = 0,
        ),
        header("tag keys that differ in case alone", 1, "tag name occurs twice (keys are compared without regard to case)", |contents| {
            set_tags(contents, &|tags| {
                tags.push(tag("name", "x"));
                tags.sort();
            });
        }),
        header(
            "another cluster's ownership tag",
            1,
            "tag openshift.io/cloud-credential-operator/prod-b marks resources of another cluster; only \
             openshift.io/cloud-credential-operator/prod-a is allowed",
            |contents| {
                set_tags(contents, &|tags| {
                    tags.push(tag("openshift.io/cloud-credential-operator/prod-b", "owned"));
                    tags.sort();
                });
            },
        ),
        header(
            "another cluster's role",
            1,
            "roleName of registry/bucket-creds: expected \"prod-a-registry-bucket-creds\", found \"prod-b-registry-bucket-creds\"",
            |contents| rename(contents, "prod-b-registry-bucket-creds"),
        ),
        header(
            "a role that is no cluster's",
            1,
            "roleName of registry/bucket-creds: expected \"prod-a-registry-bucket-creds\", found \"Administrator\"",
            |contents| rename(contents, "Administrator"),
        ),
        header("a previous bundle of the same serial", 1, "previous.serial is 7, not below serial, 7", |contents| {
            contents.header.previous = Some(Previous { serial: 7, sha256: Sha256::of(b"") });
        }),
        header(
            "no ownership tag",
            1,
            "tag openshift.io/cloud-credential-operator/prod-a: expected \"owned\", found null",
            |contents| set_tags(contents, &|tags| tags.retain(|tag| tag.key.as_str() == "Name")),
        ),
        header("ownership tag of another value", 1, "tag openshift.io/cloud-credential-operator/prod-a: expected \"owned\", found \"shared\"", |contents| {
            set_tags(contents, &|tags| tags[1].value = parsed("shared"));
        }),
        header("a tag twice", 1, "tag team occurs twice (keys are compared without regard to case)", |contents| {
            set_tags(contents, &|tags| tags.push(Tag { key: parsed("team"), value: parsed("other") }));
        }),
        header("too many tags", 1, "tags: 51; at most 48 are allowed", |contents| {
            set_tags(contents, &|tags| {
                tags.extend((0..48).map(|number| Tag { key: parsed(&format!("x{number:02}")), value: parsed("y") }));
            });
        }),
        header("no role at all", 1, "components is empty; a bundle makes at least one role", |contents| {
            contents.header.components.clear();
            contents.roles.clear();
        }),
        header("a component without service accounts", 2, "component prod-a-registry-bucket-creds has no service account", |contents| {
            contents.header.components[0].service_accounts.clear();
        }),
        header("a service account twice", 2, "component prod-a-storage-disk-creds names the service account disk-node twice", |contents| {
            let accounts = &mut contents.header.components[1].service_accounts;
            accounts[0] = accounts[1].clone();
        }),
        header("a component from a file that is not there", 1, "source credentials-requests/none.yaml is not in the bundle", |contents| {
            contents.header.components[0].source = parsed("credentials-requests/none.yaml");
        }),
        header("components out of order", 1, "components are not sorted by roleName", |contents| {
            contents.header.components.reverse();
            contents.roles.reverse();
        }),
        header(
            "two roles that differ in case alone",
            1,
            "two components have the role name prod-a-registry-bucket-creds (without regard to case)",
            |contents| {
                let mut component = contents.header.components[0].clone();
                let mut role = contents.roles[0].clone();
                component.role_name = parsed("prod-a-Registry-bucket-creds");
                component.secret_name = parsed("other-creds");
                role.create.role_name = component.role_name.clone();
                role.create.description = component.role_description();
                role.policy.role_name = component.role_name.clone();
                role.policy.policy_name = component.role_name.clone();
                contents.header.components.insert(0, component);
                contents.roles.insert(0, role);
            },
        )
        .caught_earlier("bundle is not a canonical archive\n  because: entry aws/role-policies/prod-a-registry-bucket-creds.json occurs twice (names are compared without regard to case)"),
    ]
}

/// Changes the tags everywhere alike.
fn set_tags(contents: &mut Contents, change: &dyn Fn(&mut Vec<Tag>)) {
    let mut tags = contents.header.tags.clone();
    change(&mut tags);
    contents.header.tags.clone_from(&tags);
    bucket(contents).tagging.tagging.tag_set.clone_from(&tags);
    issuer(contents).provider.tags.clone_from(&tags);
    contents.roles.iter_mut().for_each(|role| role.create.tags.clone_from(&tags));
}

/// Gives the first role another name, everywhere.
fn rename(contents: &mut Contents, name: &str) {
    contents.header.components[0].role_name = parsed(name);
    let role = &mut contents.roles[0];
    (role.create.role_name, role.policy.role_name, role.policy.policy_name) =
        (parsed(name), parsed(name), parsed(name));
    contents.header.components.sort_by(|a, b| a.role_name.cmp(&b.role_name));
    contents.roles.sort_by(|a, b| a.create.role_name.cmp(&b.create.role_name));
}

fn tag(key: &str, value: &str) -> Tag {
    Tag { key: parsed(key), value: parsed(value) }
}

pub(super) fn clock(kit: &Kit) -> Vec<Attack> {
    let (generator, reviewer) = (kit.generator.public(), kit.reviewer.public());
    let trust = serde_json::json!({ "roles": { "generator": [generator], "reviewer": [reviewer] }, "maxAgeDays": 30 });
    vec![
        expired(
            "expired",
            kit.with_contents(|contents| contents.header.expires = created().plus_days(100)),
            &format!("the bundle expired at {}; it is now ", created().plus_days(100)),
        ),
        expired(
            "from the future",
            kit.with_contents(|contents| {
                contents.header.created = time("9998-01-01T00:00:00Z");
                contents.header.expires = time("9998-12-01T00:00:00Z");
            }),
            "the bundle was made at 9998-01-01T00:00:00Z, which is in the future: it is now ",
        ),
        untrusted(
            "older than the trust file allows",
            kit.with_trust(trust),
            &format!("the trust file does not allow this bundle: 1 problem(s)\n  bundle was created {}, ", created()),
        ),
    ]
}
