//! Attacks on the meaning: documents that are well-formed, signed and listed, and do not say what the index says.

use bundle_schema::contents::Contents;
use bundle_schema::documents::Tag;
use bundle_schema::index::Previous;
use bundle_schema::key::ServiceAccountKey;
use bundle_schema::names::Sha256;
use bundle_schema::policy::{Effect, TrustStatement};
use tests::forge::contents::{P256, P384, RSA_1024, RSA_EXPONENT_3, parsed, time};
use tests::forge::{Delivery, Kit};

use crate::{Attack, expired, refused, untrusted};

const ROLE: &str = "aws/roles/prod-a-registry-bucket-creds.json";
const POLICY: &str = "aws/role-policies/prod-a-registry-bucket-creds.json";
const SECRET: &str = "manifests/registry-bucket-creds-credentials.yaml";
const AUTHENTICATION: &str = "manifests/cluster-authentication-02-config.yaml";
const KEY: &str = "serviceaccount-signer.public";
const HOST: &str = "prod-a-oidc.s3.eu-central-1.amazonaws.com";
const PROVIDER: &str = "arn:aws:iam::123456789012:oidc-provider/prod-a-oidc.s3.eu-central-1.amazonaws.com";

pub(crate) fn attacks(kit: &Kit) -> Vec<Attack> {
    [
        index(kit),
        issuer(kit),
        bucket(kit),
        provider(kit),
        trust(kit),
        roles(kit),
        manifests(kit),
        secrets(kit),
        clock(kit),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// So many problems, of which this is the first.
fn contradiction(name: &'static str, delivery: Delivery, count: usize, first: &str) -> Attack {
    refused(name, delivery, &format!("bundle contradicts itself or a service's limits in {count} place(s)\n  {first}"))
}

fn index(kit: &Kit) -> Vec<Attack> {
    let header = |name, count, first: &str, change: fn(&mut Contents)| {
        contradiction(name, kit.with_contents(change), count, &format!("bundle.json: {first}"))
    };
    vec![
        header("partition of another region", 6, "partition is \"aws-cn\"; \"aws\" is expected", |contents| {
            contents.header.partition = parsed("aws-cn");
        }),
        header("DNS suffix of another partition", 2, "dnsSuffix is \"evil.example\"; \"amazonaws.com\" is expected", |contents| {
            contents.header.dns_suffix = parsed("evil.example");
        }),
        header("foreign issuer", 8, &format!("issuerUrl is \"https://evil.example.com\"; \"https://{HOST}\" is expected"), |contents| {
            contents.header.issuer_url = parsed("https://evil.example.com");
        }),
        header("another region", 2, "issuerUrl is \"https://prod-a-oidc.s3.eu-central-1.amazonaws.com\"; \"https://prod-a-oidc.s3.eu-west-1.amazonaws.com\" is expected", |contents| {
            contents.header.region = parsed("eu-west-1");
        }),
        header("serial 0", 1, "serial is 0; serials count from 1", |contents| contents.header.serial = 0),
        header(
            "expires before it was created",
            1,
            "expires is 2026-01-01T00:00:00Z, not after created, 2026-01-10T08:00:00Z",
            |contents| contents.header.expires = time("2026-01-01T00:00:00Z"),
        ),
        header("a previous bundle of the same serial", 1, "previous.serial is 7, not below serial, 7", |contents| {
            contents.header.previous = Some(Previous { serial: 7, sha256: Sha256::of(b"") });
        }),
        header(
            "no ownership tag",
            1,
            "tag openshift.io/cloud-credential-operator/prod-a is null; \"owned\" is expected",
            |contents| set_tags(contents, &|tags| tags.retain(|tag| tag.key.as_str() == "Name")),
        ),
        header("ownership tag of another value", 1, "tag openshift.io/cloud-credential-operator/prod-a is \"shared\"; \"owned\" is expected", |contents| {
            set_tags(contents, &|tags| tags[1].value = parsed("shared"));
        }),
        header("a tag twice", 1, "tags are not sorted by key, or a key is there twice", |contents| {
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
        .caught_earlier("bundle is not a canonical archive\n  because: entry aws/role-policies/prod-a-registry-bucket-creds.json is there twice (names are compared without regard to case)"),
    ]
}

/// Changes the tags everywhere alike.
fn set_tags(contents: &mut Contents, change: &dyn Fn(&mut Vec<Tag>)) {
    let mut tags = contents.header.tags.clone();
    change(&mut tags);
    contents.header.tags.clone_from(&tags);
    contents.bucket.tagging.tagging.tag_set.clone_from(&tags);
    contents.provider.tags.clone_from(&tags);
    contents.roles.iter_mut().for_each(|role| role.create.tags.clone_from(&tags));
}

fn issuer(kit: &Kit) -> Vec<Attack> {
    let key_pem = |name, pem: &'static str, reason: &str| {
        refused(name, kit.with_text(KEY, |_| pem.to_owned()), &format!("{KEY} is refused\n  because: {reason}"))
    };
    let (jwks, discovery) = ("oidc/keys.json", "oidc/openid-configuration");
    let other_key = kit.with_contents(|contents| contents.public_key = ServiceAccountKey::from_pem(P256).unwrap());
    vec![
        contradiction(
            "JWKS with a foreign key",
            other_key,
            9,
            &format!("{discovery}: id_token_signing_alg_values_supported is [\"RS256\"]; [\"ES256\"] is expected"),
        ),
        contradiction(
            "kid that is not its key's",
            kit.with_contents(|contents| contents.jwks.keys[0].kid = "A".repeat(43)),
            1,
            &format!("{jwks}: kid is \"{}\"; \"{}\" is expected", "A".repeat(43), kit.contents.public_key.kid()),
        ),
        contradiction(
            "JWK for encryption",
            kit.with_contents(|contents| contents.jwks.keys[0].usage = "enc".to_owned()),
            1,
            &format!("{jwks}: use is \"enc\"; \"sig\" is expected"),
        ),
        contradiction(
            "JWK of another type",
            kit.with_contents(|contents| contents.jwks.keys[0].kty = "oct".to_owned()),
            1,
            &format!("{jwks}: kty is \"oct\"; \"RSA\" is expected"),
        ),
        contradiction(
            "JWK of algorithm none",
            kit.with_contents(|contents| contents.jwks.keys[0].alg = "none".to_owned()),
            1,
            &format!("{jwks}: alg is \"none\"; \"RS256\" is expected"),
        ),
        contradiction(
            "JWK with another exponent",
            kit.with_contents(|contents| contents.jwks.keys[0].e = Some("Aw".to_owned())),
            1,
            &format!("{jwks}: e is \"Aw\"; \"AQAB\" is expected"),
        ),
        contradiction(
            "JWK with a curve beside the modulus",
            kit.with_contents(|contents| contents.jwks.keys[0].crv = Some("P-256".to_owned())),
            1,
            &format!("{jwks}: crv is \"P-256\"; null is expected"),
        ),
        contradiction(
            "a second key in the JWKS",
            kit.with_contents(|contents| {
                contents.jwks.keys.push(ServiceAccountKey::from_pem(P256).unwrap().jwk().clone())
            }),
            1,
            &format!("{jwks}: keys: 2; exactly 1 is expected"),
        ),
        contradiction(
            "no key in the JWKS",
            kit.with_contents(|contents| contents.jwks.keys.clear()),
            1,
            &format!("{jwks}: keys: 0; exactly 1 is expected"),
        ),
        contradiction(
            "JWKS served from elsewhere",
            kit.with_contents(|contents| contents.discovery.jwks_uri = "https://evil.example/keys.json".to_owned()),
            1,
            &format!(
                "{discovery}: jwks_uri is \"https://evil.example/keys.json\"; \"https://{HOST}/keys.json\" is expected"
            ),
        ),
        contradiction(
            "discovery of another issuer",
            kit.with_contents(|contents| contents.discovery.issuer = parsed("https://evil.example")),
            1,
            &format!("{discovery}: issuer is \"https://evil.example\"; \"https://{HOST}\" is expected"),
        ),
        key_pem("weak RSA", RSA_1024, "the RSA key has 1024 bits; 2048 to 8192 are allowed"),
        key_pem("RSA with exponent 3", RSA_EXPONENT_3, "the RSA key's exponent is not 65537"),
        key_pem(
            "a curve that IAM does not take",
            P384,
            "the key's algorithm is 1.3.132.0.34; RSA and P-256 are supported",
        ),
        key_pem(
            "no key in the key file",
            "hello\n",
            "the public key is not one PEM block with the header PUBLIC KEY\n  give the public half, as `openssl pkey -pubout` prints it",
        ),
    ]
}

fn bucket(kit: &Kit) -> Vec<Attack> {
    let at = |name, file: &str, first: &str, change: fn(&mut Contents)| {
        contradiction(name, kit.with_contents(change), 1, &format!("aws/bucket{file}.json: {first}"))
    };
    vec![
        at("another bucket", "", "Bucket is \"evil-oidc\"; \"prod-a-oidc\" is expected", |contents| {
            contents.bucket.create.bucket = parsed("evil-oidc")
        }),
        at(
            "bucket in another region",
            "",
            "CreateBucketConfiguration is {\"LocationConstraint\":\"us-west-2\"}; {\"LocationConstraint\":\"eu-central-1\"} is expected",
            |contents| {
                contents.bucket.create.create_bucket_configuration.as_mut().unwrap().location_constraint =
                    parsed("us-west-2");
            },
        ),
        at(
            "bucket without a region",
            "",
            "CreateBucketConfiguration is null; {\"LocationConstraint\":\"eu-central-1\"} is expected",
            |contents| {
                contents.bucket.create.create_bucket_configuration = None;
            },
        ),
        at("policy on another bucket", "-policy", "Bucket is \"evil-oidc\"; \"prod-a-oidc\" is expected", |contents| {
            contents.bucket.policy.bucket = parsed("evil-oidc")
        }),
        at(
            "bucket of another account",
            "-policy",
            "ExpectedBucketOwner is \"210987654321\"; \"123456789012\" is expected",
            |contents| {
                contents.bucket.policy.expected_bucket_owner = parsed("210987654321");
            },
        ),
        at(
            "bucket policy that lets everybody write",
            "-policy",
            "Policy is {\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"AllowReadPublicAccess\",\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":[\"s3:*\"],",
            |contents| {
                contents.bucket.policy.policy.0.statement[0].action = vec!["s3:*".to_owned()];
            },
        ),
        at(
            "a second statement in the bucket policy",
            "-policy",
            "Policy is {\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"AllowReadPublicAccess\",",
            |contents| {
                let mut second = contents.bucket.policy.policy.0.statement[0].clone();
                second.action = vec!["s3:PutObject".to_owned()];
                contents.bucket.policy.policy.0.statement.push(second);
            },
        ),
        at(
            "public ACLs allowed",
            "-public-access-block",
            "PublicAccessBlockConfiguration is {\"BlockPublicAcls\":false,",
            |contents| {
                contents.bucket.public_access_block.public_access_block_configuration.block_public_acls = false;
            },
        ),
        at(
            "other tags on the bucket",
            "-tagging",
            "TagSet is [{\"Key\":\"Name\",\"Value\":\"prod-a\"}]; ",
            |contents| contents.bucket.tagging.tagging.tag_set.truncate(1),
        ),
    ]
}

fn provider(kit: &Kit) -> Vec<Attack> {
    let at = |name, first: &str, change: fn(&mut Contents)| {
        contradiction(name, kit.with_contents(change), 1, &format!("aws/identity-provider.json: {first}"))
    };
    vec![
        at(
            "provider of a foreign issuer",
            &format!("Url is \"https://evil.example\"; \"https://{HOST}\" is expected"),
            |contents| {
                contents.provider.url = parsed("https://evil.example");
            },
        ),
        at("provider without audience", "ClientIDList is empty; tokens need an audience", |contents| {
            contents.provider.client_id_list.clear()
        }),
        at("an audience twice", "ClientIDList names openshift twice", |contents| {
            contents.provider.client_id_list[1] = parsed("openshift")
        }),
        at("too many audiences", "ClientIDList: 102; at most 100 are allowed", |contents| {
            contents.provider.client_id_list.extend((0..100).map(|number| parsed(&format!("a{number}"))));
        }),
        at("too many thumbprints", "ThumbprintList: 6; at most 5 are allowed", |contents| {
            contents.provider.thumbprint_list = Some((0..6).map(|number| parsed(&format!("{number:040}"))).collect());
        }),
        at(
            "an empty thumbprint list",
            "ThumbprintList is empty; leave it out to let IAM fetch the chain",
            |contents| {
                contents.provider.thumbprint_list = Some(vec![]);
            },
        ),
        at("provider with other tags", "Tags is []; [{\"Key\":\"Name\"", |contents| contents.provider.tags.clear()),
    ]
}

fn trust(kit: &Kit) -> Vec<Attack> {
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
                "trust policy's Principal is \"{}\"; \"{PROVIDER}\" is expected",
                PROVIDER.replace("prod-a-oidc", "evil")
            ),
            |statements| {
                statements[0].principal.federated = PROVIDER.replace("prod-a-oidc", "evil");
            },
        ),
        at(
            "provider of another account",
            &format!(
                "trust policy's Principal is \"{}\"; \"{PROVIDER}\" is expected",
                PROVIDER.replace("123456789012", "210987654321")
            ),
            |statements| {
                statements[0].principal.federated = PROVIDER.replace("123456789012", "210987654321");
            },
        ),
        at(
            "wildcard principal",
            &format!("trust policy's Principal is \"*\"; \"{PROVIDER}\" is expected"),
            |statements| statements[0].principal.federated = "*".to_owned(),
        ),
        at(
            "wildcard subject",
            &format!("trust policy's subjects is [\"system:serviceaccount:*:*\"]; [\"{sub}\"] is expected"),
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
            &format!("trust policy's subjects is [\"system:serviceaccount:registry:evil\"]; [\"{sub}\"] is expected"),
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
                "trust policy's subjects is [\"{sub}\",\"system:serviceaccount:default:evil\"]; [\"{sub}\"] is expected"
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
            &format!("trust policy's StringEquals keys is []; [\"{HOST}:sub\"] is expected"),
            |statements| {
                statements[0].condition.string_equals.clear();
            },
        ),
        at(
            "audience in the place of the subject",
            &format!("trust policy's StringEquals keys is [\"{HOST}:aud\"]; [\"{HOST}:sub\"] is expected"),
            |statements| {
                statements[0].condition.string_equals = [(format!("{HOST}:aud"), vec!["openshift".to_owned()])].into();
            },
        ),
        at(
            "subject of another issuer",
            &format!("trust policy's StringEquals keys is [\"evil.example:sub\"]; [\"{HOST}:sub\"] is expected"),
            |statements| {
                let subjects = statements[0].condition.string_equals.pop_first().unwrap().1;
                statements[0].condition.string_equals = [("evil.example:sub".to_owned(), subjects)].into();
            },
        ),
        at("extra statement in a trust policy", "trust policy has 2 statements; exactly 1 is expected", |statements| {
            statements.push(statements[0].clone())
        }),
        at("no statement in a trust policy", "trust policy has 0 statements; exactly 1 is expected", Vec::clear),
        at("a trust policy that denies", "trust policy's Effect is \"Deny\"; \"Allow\" is expected", |statements| {
            statements[0].effect = Effect::Deny
        }),
        at(
            "AssumeRole in the place of AssumeRoleWithWebIdentity",
            "trust policy's Action is \"sts:AssumeRole\"; \"sts:AssumeRoleWithWebIdentity\" is expected",
            |statements| {
                statements[0].action = "sts:AssumeRole".to_owned();
            },
        ),
        at(
            "every action in a trust policy",
            "trust policy's Action is \"sts:*\"; \"sts:AssumeRoleWithWebIdentity\" is expected",
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

fn roles(kit: &Kit) -> Vec<Attack> {
    let at = |name, file: &str, first: &str, change: fn(&mut Contents)| {
        contradiction(name, kit.with_contents(change), 1, &format!("{file}: {first}"))
    };
    vec![
        at("another path", ROLE, "Path is \"/admin/\"; \"/\" is expected", |contents| {
            contents.roles[0].create.path = parsed("/admin/")
        }),
        at(
            "another description",
            ROLE,
            "Description is \"nothing to see\"; \"OpenShift role for registry/bucket-creds\" is expected",
            |contents| {
                contents.roles[0].create.description = "nothing to see".to_owned();
            },
        ),
        at(
            "boundary of another account",
            ROLE,
            "PermissionsBoundary is \"arn:aws:iam::210987654321:policy/loose\"; a policy of account 123456789012 (or aws) in partition aws is expected",
            |contents| {
                contents.roles[0].create.permissions_boundary = Some(parsed("arn:aws:iam::210987654321:policy/loose"));
            },
        ),
        at("role without the ownership tag", ROLE, "Tags is [{\"Key\":\"Name\",\"Value\":\"prod-a\"}]; ", |contents| {
            contents.roles[0].create.tags.truncate(1)
        }),
        at(
            "a policy of another name",
            POLICY,
            "PolicyName is \"second\"; \"prod-a-registry-bucket-creds\" is expected",
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
        at("a policy without statements", POLICY, "the policy has no statement", |contents| {
            contents.roles[0].policy.policy_document.0.statement.clear()
        }),
        refused(
            "a role's document for another role",
            kit.with_text(ROLE, |text| {
                text.replacen("\"prod-a-registry-bucket-creds\"", "\"OrganizationAccountAccessRole\"", 1)
            }),
            &format!(
                "bundle contradicts itself or a service's limits in 1 place(s)\n  {ROLE}: RoleName is \"OrganizationAccountAccessRole\"; \"prod-a-registry-bucket-creds\" is expected"
            ),
        ),
        refused(
            "a policy for another role",
            kit.with_text(POLICY, |text| {
                text.replacen("\"RoleName\": \"prod-a-registry-bucket-creds\"", "\"RoleName\": \"admin\"", 1)
            }),
            &format!(
                "bundle contradicts itself or a service's limits in 1 place(s)\n  {POLICY}: RoleName is \"admin\"; \"prod-a-registry-bucket-creds\" is expected"
            ),
        ),
    ]
}

fn manifests(kit: &Kit) -> Vec<Attack> {
    let text = |name, file: &str, from: &str, to: &str, first: &str| {
        contradiction(name, kit.with_text(file, |text| text.replacen(from, to, 1)), 1, &format!("{file}: {first}"))
    };
    let arn = "arn:aws:iam::123456789012:role/prod-a-registry-bucket-creds";
    let foreign = "arn:aws:iam::210987654321:role/evil";
    vec![
        text(
            "Secret with a foreign role",
            SECRET,
            arn,
            foreign,
            &format!("line 6 is \"    role_arn = {foreign}\"; \"    role_arn = {arn}\" is expected"),
        ),
        text(
            "Secret with an extra line",
            SECRET,
            "kind: Secret",
            "    aws_access_key_id = x\nkind: Secret",
            "line 8 is \"    aws_access_key_id = x\"; \"kind: Secret\" is expected",
        ),
        text(
            "Secret in another namespace",
            SECRET,
            "namespace: \"registry\"",
            "namespace: \"kube-system\"",
            "line 11 is \"  namespace: \\\"kube-system\\\"\"; \"  namespace: \\\"registry\\\"\" is expected",
        ),
        text(
            "Secret with another token",
            SECRET,
            "serviceaccount/token",
            "serviceaccount/../token",
            "line 7 is \"    web_identity_token_file = /var/run/secrets/openshift/serviceaccount/../token\"; ",
        ),
        text(
            "a second document in a Secret",
            SECRET,
            "type: Opaque\n",
            "type: Opaque\n---\nkind: Secret\n",
            "line 13 is \"---\"; null is expected",
        ),
        text("Secret cut short", SECRET, "type: Opaque\n", "", "line 12 is null; \"type: Opaque\" is expected"),
        text(
            "Authentication with a foreign issuer",
            AUTHENTICATION,
            HOST,
            "evil.example",
            &format!(
                "line 6 is \"  serviceAccountIssuer: https://evil.example\"; \"  serviceAccountIssuer: https://{HOST}\" is expected"
            ),
        ),
    ]
}

fn secrets(kit: &Kit) -> Vec<Attack> {
    let file = "credentials-requests/disk.yaml";
    let with = |name, what: &str, material: &'static str| {
        let error = format!(
            "entry {file} holds {what}; a bundle never holds private key material\n  treat that key as exposed, and make the bundle again without it"
        );
        refused(name, kit.with_text(file, |text| text + material), &error)
    };
    vec![
        with(
            "PEM private key inside",
            "a PEM private key",
            "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\n",
        ),
        with("OpenSSH private key inside", "a PEM private key", "-----BEGIN OPENSSH PRIVATE KEY-----\n"),
        with("PGP private key inside", "a PGP private key", "-----BEGIN PGP PRIVATE KEY BLOCK-----\n"),
        with("base64 of a PEM inside", "a PEM block in base64", "key: LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVktLS0tLQ==\n"),
        with("minisign secret key inside", "a minisign secret key", "RWRTY0IyAAAAAAAAAAAA\n"),
        with("age identity inside", "an age identity", "AGE-SECRET-KEY-1QQQQQQQQ\n"),
        with("AWS access key ID inside", "an AWS access key ID", "id: AKIAIOSFODNN7EXAMPLE\n"),
        with(
            "private JWK inside",
            "a private JWK",
            "{\"kty\":\"EC\",\"d\":\"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE\"}\n",
        ),
        refused(
            "private member in the JWKS",
            kit.with_text("oidc/keys.json", |text| {
                text.replacen("\"e\": \"AQAB\"", "\"e\": \"AQAB\",\n      \"d\": \"AQAB\"", 1)
            }),
            "oidc/keys.json is refused: unknown field `d`, expected one of `use`, `kty`, `kid`, `alg`, `n`, `e`, `crv`, `x`, `y` at line 10 column 9",
        ),
    ]
}

fn clock(kit: &Kit) -> Vec<Attack> {
    let (generator, reviewer) = (kit.generator.public(), kit.reviewer.public());
    let trust = serde_json::json!({ "roles": { "generator": [generator], "reviewer": [reviewer] }, "maxAgeDays": 30 });
    vec![
        expired(
            "expired",
            kit.with_contents(|contents| contents.header.expires = time("2026-02-01T00:00:00Z")),
            "the bundle expired at 2026-02-01T00:00:00Z; it is now ",
        ),
        expired(
            "from the future",
            kit.with_contents(|contents| contents.header.created = time("9998-01-01T00:00:00Z")),
            "the bundle was made at 9998-01-01T00:00:00Z, which is in the future: it is now ",
        ),
        untrusted(
            "older than the trust file allows",
            kit.with_trust(trust),
            "trust file does not allow this bundle, for 1 reason(s)\n  bundle was created 2026-01-10T08:00:00Z, ",
        ),
    ]
}
