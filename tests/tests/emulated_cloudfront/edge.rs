//! What the edge serves: over TLS, through the proxy, as the last deployed configuration and the bucket's policy say.

use serde_json::{Value, json};
use tests::emulator::Served;
use tests::issuer_server::{ALIAS, IssuerServer};
use tests::scene::Scene;

use crate::Test;
use crate::account::{Account, BUCKET, add_alias};

const KEY: &str = "keys.json";

fn object(body: &str) -> Served {
    Served { status: 200, content_type: "application/json".to_owned(), body: body.to_owned() }
}

fn policy(principal: &Value, condition: &Value) -> String {
    let statement = json!({
        "Effect": "Allow", "Principal": principal, "Action": "s3:GetObject", "Resource": format!("arn:aws:s3:::{BUCKET}/*"),
        "Condition": condition,
    });
    json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
}

/// For CloudFront, on behalf of this distribution.
fn policy_for(arn: &str) -> String {
    policy(&json!({"Service": "cloudfront.amazonaws.com"}), &json!({"StringEquals": {"AWS:SourceArn": arn}}))
}

impl Account {
    fn s3(&self, operation: &str, mut parameters: Value) {
        parameters["Bucket"] = BUCKET.into();
        self.emulator.call("s3", operation, parameters);
    }

    /// A bucket with all four blocks on and one object.
    fn with_bucket(self) -> Self {
        self.s3("create_bucket", json!({"CreateBucketConfiguration": {"LocationConstraint": "us-east-2"}}));
        self.block(true);
        self.s3("put_object", json!({"Key": KEY, "Body": "{}", "ContentType": "application/json"}));
        self
    }

    /// Turns all four blocks on or off.
    fn block(&self, on: bool) {
        let all = json!({
            "BlockPublicAcls": on, "IgnorePublicAcls": on, "BlockPublicPolicy": on, "RestrictPublicBuckets": on,
        });
        self.s3("put_public_access_block", json!({"PublicAccessBlockConfiguration": all}));
    }

    /// A deployed distribution: its ID, ARN and domain.
    fn deployed(&self, reference: &str) -> [String; 3] {
        let made = self.create(reference, &self.control(reference).id);
        let [id, arn, domain] =
            ["Id", "ARN", "DomainName"].map(|name| made["Distribution"][name].as_str().unwrap().to_owned());
        assert_eq!([self.status(&id), self.status(&id)], ["InProgress", "Deployed"]);
        [id, arn, domain]
    }

    fn served(&self, domain: &str) -> u16 {
        self.emulator.edge(domain, &format!("/{KEY}")).status
    }

    /// The bucket's policy, put by a client that S3's refusals are for.
    fn puts_policy(&self, policy: &str) -> bool {
        let put = self.emulator.aws(&["s3api", "put-bucket-policy", "--bucket", BUCKET, "--policy", policy]);
        assert!(put.code == Some(0) || put.stderr.contains("BlockPublicPolicy is on"), "{}", put.stderr);
        put.code == Some(0)
    }
}

#[test]
fn a_distribution_is_served_over_tls_from_its_deployment_to_its_end() -> Test {
    let (scene, account) = (Scene::empty()?, Account::new()?.with_bucket());
    let Some(server) = IssuerServer::start(&scene, &account.emulator)? else { return Ok(()) };
    account.emulator.deploys_after(None);
    let made = account.create("served", &account.control("demo").id);
    let [id, arn, domain] = ["Id", "ARN", "DomainName"].map(|name| made["Distribution"][name].as_str().unwrap());
    assert!(account.puts_policy(&policy_for(arn)));
    let url = format!("https://{domain}/{KEY}");
    assert_eq!(server.get(&url).status, 421, "it is not deployed");
    account.emulator.deploys_after(Some(1));
    assert_eq!([account.status(id), account.status(id)], ["InProgress", "Deployed"]);
    assert_eq!(server.get(&url), object("{}"));
    account.s3("put_object", json!({"Key": KEY, "Body": "{\"keys\": []}", "ContentType": "application/json"}));
    assert_eq!(server.get(&url), object("{\"keys\": []}"), "nothing is cached");
    assert_eq!(server.get(&format!("https://{domain}/other.json")).status, 403, "the policy does not let it list keys");

    // An alias is served once it is deployed, to whom DNS leads there.
    let alias = format!("https://{ALIAS}/{KEY}");
    let unknown = |url: &str| assert!(server.fetch(url).exits(1).stderr.contains("502"), "{url}");
    unknown(&alias);
    unknown("https://delsewhere12345.cloudfront.net/keys.json");
    server.point(&scene, ALIAS, "delsewhere12345.cloudfront.net");
    unknown(&alias);
    server.point(&scene, ALIAS, domain);
    assert_eq!(server.get(&alias).status, 421, "it has no such alias");
    account.change(id, |config| add_alias(config, ALIAS));
    assert_eq!(server.get(&alias).status, 421, "the alias is not deployed");
    assert_eq!(server.get(&url).status, 200, "what was deployed before is");
    assert_eq!([account.status(id), account.status(id)], ["InProgress", "Deployed"]);
    assert_eq!(server.get(&alias), object("{\"keys\": []}"));

    let etag = account.change(id, |config| config["Enabled"] = false.into());
    assert_eq!(server.get(&url).status, 200, "it is being disabled");
    assert_eq!([account.status(id), account.status(id)], ["InProgress", "Deployed"]);
    assert_eq!([server.get(&url).status, server.get(&alias).status], [421, 421]);
    account.call("delete_distribution", json!({"Id": id, "IfMatch": etag}));
    unknown(&url);
    let log = scene.text("log");
    assert!(log.contains(&format!("\nGET {ALIAS}/{KEY}\n")) && !log.contains("credentials"), "{log}");
    Ok(())
}

#[test]
fn the_edge_reads_what_the_policy_allows_this_distribution() -> Test {
    let account = Account::new()?.with_bucket();
    let [_, own, domain] = account.deployed("own");
    let [_, other, _] = account.deployed("other");
    assert_eq!(account.served(&domain), 403, "there is no policy");
    for (arn, status) in [(&other, 403), (&own, 200)] {
        assert!(account.puts_policy(&policy_for(arn)));
        assert_eq!(account.served(&domain), status, "{arn}");
    }
    let cloudfront = json!({"Service": "cloudfront.amazonaws.com"});
    let own_account = "arn:aws:cloudfront::123456789012:distribution/*";
    for (principal, condition, status) in [
        (&cloudfront, json!({"ArnLike": {"aws:SourceArn": own_account}}), 200),
        (&cloudfront, json!({"StringLike": {"aws:SourceArn": own_account}}), 200),
        (&cloudfront, json!({"StringEquals": {"aws:SourceArn": own_account}}), 403),
        (&cloudfront, json!({"StringEquals": {"aws:SourceArn": own, "aws:SourceAccount": "111122223333"}}), 403),
        (&json!({"Service": "s3.amazonaws.com"}), json!({"StringEquals": {"aws:SourceArn": own}}), 403),
        (&json!({"AWS": "arn:aws:iam::123456789012:root"}), json!({}), 403),
    ] {
        let policy = policy(principal, &condition);
        assert!(account.puts_policy(&policy), "{policy}");
        assert_eq!(account.served(&domain), status, "{policy}");
    }
    assert!(account.puts_policy(&policy_for(&own)));
    let statement = |policy: String| serde_json::from_str::<Value>(&policy).unwrap()["Statement"][0].clone();
    let mut denied = statement(policy(&json!("*"), &json!({"Bool": {"aws:SecureTransport": "true"}})));
    denied["Effect"] = "Deny".into();
    let both = json!({"Version": "2012-10-17", "Statement": [statement(policy_for(&own)), denied]});
    assert!(account.puts_policy(&both.to_string()));
    assert_eq!(account.served(&domain), 403, "a denial is above what is allowed");

    assert!(account.puts_policy(&policy_for(&own)));
    assert_eq!(account.served(&domain), 200);
    account.s3("put_object", json!({"Key": KEY, "Body": "{}", "ServerSideEncryption": "aws:kms"}));
    assert_eq!(account.served(&domain), 403, "the key does not let CloudFront decrypt it");
    Ok(())
}

#[test]
fn without_a_signature_it_is_the_public() -> Test {
    let account = Account::new()?.with_bucket();
    let [id, arn, domain] = account.deployed("own");
    assert!(account.puts_policy(&policy_for(&arn)));
    account.change(&id, |config| config["Origins"]["Items"][0]["OriginAccessControlId"] = "".into());
    account.status(&id);
    assert_eq!(account.served(&domain), 200, "the change is not deployed");
    assert_eq!(account.status(&id), "Deployed");
    assert_eq!(account.served(&domain), 403);
    Ok(())
}

/// Also where no block is on, the public is not CloudFront.
#[test]
fn a_policy_for_one_distribution_is_not_public() -> Test {
    let account = Account::new()?.with_bucket();
    let cloudfront = json!({"Service": "cloudfront.amazonaws.com"});
    let like = |arn: &str| json!({"ArnLike": {"AWS:SourceArn": arn}});
    for (principal, condition, is_taken) in [
        (&cloudfront, like("arn:aws:cloudfront::123456789012:distribution/E1"), true),
        (&cloudfront, like("arn:aws:cloudfront::123456789012:distribution/*"), true),
        (&cloudfront, like("arn:aws:cloudfront::*:distribution/E1"), false),
        (&cloudfront, like("arn:aws:cloudfront::12345678901?:distribution/E1"), false),
        (&cloudfront, like("*"), false),
        (&cloudfront, json!({}), false),
        (
            &cloudfront,
            json!({"StringNotEquals": {"AWS:SourceArn": "arn:aws:cloudfront::123456789012:distribution/E1"}}),
            false,
        ),
        (&json!("*"), json!({}), false),
        (&json!({"AWS": "*"}), json!({}), false),
        (&json!({"AWS": "arn:aws:iam::123456789012:root"}), json!({}), true),
    ] {
        let policy = policy(principal, &condition);
        assert_eq!(account.puts_policy(&policy), is_taken, "{policy}");
    }
    assert!(account.puts_policy(&policy_for("arn:aws:cloudfront::123456789012:distribution/E1")));
    let anonymous = || {
        let arguments = ["s3api", "get-object", "--bucket", BUCKET, "--key", KEY, "--no-sign-request", "/dev/null"];
        account.emulator.aws(&arguments)
    };
    assert!(anonymous().exits(255).stderr.contains("(AccessDenied)"));
    account.block(false);
    assert!(anonymous().exits(255).stderr.contains("(AccessDenied)"));
    assert!(account.puts_policy(&policy(&json!("*"), &json!({}))));
    anonymous().exits(0);
    Ok(())
}
