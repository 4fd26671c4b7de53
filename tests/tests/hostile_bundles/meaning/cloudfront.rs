//! Private buckets behind CloudFront: whoever changes what serves the documents decides about every role.

use bundle_schema::documents::contents::{BucketDocuments, Contents, public_keys};
use bundle_schema::documents::index::{Certificate, Endpoint};
use bundle_schema::documents::policy::BucketPolicy;
use bundle_schema::documents::settings::FeatureName;
use bundle_schema::documents::{DefaultCacheBehavior, DistributionConfig, DistributionDocuments, PublicAccessBlock};
use tests::forge::Kit;
use tests::forge::contents::{
    CERTIFICATE, P256, bucket as bucket_of, distribution, distribution_documents, endpoint, good, own_host, parsed,
};

use super::{contradiction, with_entry};
use crate::{Attack, refused};

const INDEX: &str = "bundle.json";
const ACCESS_CONTROL: &str = "aws/cloudfront-origin-access-control.json";
const DISTRIBUTION: &str = "aws/cloudfront-distribution.json";
const POLICY: &str = "aws/bucket-policy.json";

fn config(contents: &mut Contents) -> &mut DistributionConfig {
    &mut distribution_documents(contents).create.distribution_config_with_tags.distribution_config
}

fn behaviour(contents: &mut Contents) -> &mut DefaultCacheBehavior {
    &mut config(contents).default_cache_behavior
}

fn policy(contents: &mut Contents) -> &mut BucketPolicy {
    &mut bucket_of(contents).policy.as_mut().unwrap().policy.0
}

/// What would make the distribution of any of the three serve something else, or to somebody else.
pub(super) fn documents(kit: &Kit) -> Vec<Attack> {
    let kit = &kit.of(distribution());
    let at = |name, entry: &str, first: &str, change: fn(&mut Contents)| {
        contradiction(name, kit.with_contents(change), 1, &format!("{entry}: {first}"))
    };
    let text = |name, from: &'static str, to: &'static str, first: &str| {
        let delivery = kit.with_text(DISTRIBUTION, |text| text.replacen(from, to, 1));
        refused(name, delivery, &format!("{DISTRIBUTION} is refused: {first}"))
    };
    vec![
        at(
            "an access control of another bucket",
            ACCESS_CONTROL,
            "OriginAccessControlConfig: expected {\"Name\":\"prod-a-oidc\",",
            |contents| {
                distribution_documents(contents).access_control.origin_access_control_config.name = "evil".to_owned();
            },
        ),
        refused(
            "an access control that signs nothing",
            kit.with_text(ACCESS_CONTROL, |text| text.replace("\"always\"", "\"never\"")),
            &format!("{ACCESS_CONTROL} is refused: unknown variant `never`, expected `always` at line 6 column "),
        ),
        at(
            "an origin elsewhere",
            DISTRIBUTION,
            "Origins: expected {\"Quantity\":1,\"Items\":[{\"Id\":\"prod-a-oidc\",\"DomainName\":\"prod-a-oidc.s3.eu-central-1.amazonaws.com\",",
            |contents| {
                config(contents).origins.items[0].domain_name = "evil-oidc.s3.eu-central-1.amazonaws.com".to_owned()
            },
        ),
        at("a second origin", DISTRIBUTION, "Origins: expected {\"Quantity\":1,", |contents| {
            let origins = &mut config(contents).origins;
            let mut evil = origins.items[0].clone();
            evil.id = "evil".to_owned();
            origins.items.push(evil);
            origins.quantity = 2;
        }),
        at("an origin access identity", DISTRIBUTION, "Origins: expected {\"Quantity\":1,", |contents| {
            config(contents).origins.items[0].s3_origin_config.origin_access_identity =
                "origin-access-identity/cloudfront/EEVIL".to_owned();
        }),
        text(
            "documents over http",
            "\"https-only\"",
            "\"allow-all\"",
            "unknown variant `allow-all`, expected `https-only` at line ",
        ),
        text("a method that writes", "\"HEAD\"", "\"PUT\"", "unknown variant `PUT`, expected `GET` or `HEAD` at line "),
        text(
            "a second behaviour",
            "      \"Comment\"",
            "      \"CacheBehaviors\": {\n        \"Quantity\": 0\n      },\n      \"Comment\"",
            "unknown field `CacheBehaviors`, expected one of `CallerReference`, ",
        ),
        text(
            "a function on the way",
            "        \"CachePolicyId\"",
            "        \"FunctionAssociations\": {\n          \"Quantity\": 0\n        },\n        \"CachePolicyId\"",
            "unknown field `FunctionAssociations`, expected one of `TargetOriginId`, ",
        ),
        text(
            "a page in the place of an error",
            "      \"Comment\"",
            "      \"CustomErrorResponses\": {\n        \"Quantity\": 0\n      },\n      \"Comment\"",
            "unknown field `CustomErrorResponses`, expected one of `CallerReference`, ",
        ),
        at(
            "documents that stay at the edge",
            DISTRIBUTION,
            "DefaultCacheBehavior: expected {\"TargetOriginId\":\"prod-a-oidc\",",
            |contents| behaviour(contents).cache_policy_id = "658327ea-f89d-4fab-a63d-7e88639e58f6".to_owned(),
        ),
        at(
            "an alias at the distribution's own name",
            DISTRIBUTION,
            "Aliases: expected {\"Quantity\":0,\"Items\":[]}, found {\"Quantity\":1,\"Items\":[\"oidc.evil.example\"]}",
            |contents| {
                let aliases = &mut config(contents).aliases;
                (aliases.quantity, aliases.items) = (1, vec!["oidc.evil.example".to_owned()]);
            },
        ),
        at(
            "the reference of another bundle's caller",
            DISTRIBUTION,
            "CallerReference: expected \"sts-airlock/prod-a/7/",
            |contents| config(contents).caller_reference = "sts-airlock/prod-b/7/2026-01-01T00:00:00Z".to_owned(),
        ),
        at("a distribution that serves nobody", DISTRIBUTION, "Enabled: expected true, found false", |contents| {
            config(contents).enabled = false;
        }),
        at(
            "a distribution with other tags",
            DISTRIBUTION,
            "Tags: expected {\"Items\":[{\"Key\":\"Name\",",
            |contents| {
                distribution_documents(contents).create.distribution_config_with_tags.tags.items.clear();
            },
        ),
        refused(
            "a private bucket without a distribution",
            kit.with_entries(|entries| drop(entries.remove(DISTRIBUTION))),
            &format!("bundle has no {DISTRIBUTION}"),
        ),
        refused(
            "a private bucket without an access control",
            kit.with_entries(|entries| drop(entries.remove(ACCESS_CONTROL))),
            &format!("bundle has no {ACCESS_CONTROL}"),
        ),
    ]
}

/// The bucket of a cluster behind a distribution.
pub(super) fn bucket(kit: &Kit) -> Vec<Attack> {
    let kit = &kit.of(distribution());
    let expected =
        "Policy: expected {\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"AllowCloudFrontServicePrincipal\",";
    let of_policy = |name, change: fn(&mut Contents)| {
        contradiction(name, kit.with_contents(change), 1, &format!("{POLICY}: {expected}"))
    };
    vec![
        of_policy("a private bucket for another distribution", |contents| {
            let header = contents.header.clone();
            let keys = public_keys(&header);
            *policy(contents) = BucketPolicy::for_distribution(&header, Some(&parsed("EEVILVBD6EXAMPLE")), &keys);
        }),
        of_policy("a private bucket for every distribution of the account", |contents| {
            let header = contents.header.clone();
            *policy(contents) = BucketPolicy::for_distribution(&header, None, &public_keys(&header));
        }),
        of_policy("a private bucket for everybody", |contents| {
            let header = contents.header.clone();
            let keys = ["keys.json"];
            *policy(contents) = BucketPolicy::public_read(&header.partition, &header.bucket(), &keys);
        }),
        of_policy("a private bucket for CloudFront without a condition", |contents| {
            policy(contents).statement[0].condition = None;
        }),
        contradiction(
            "a private bucket that may be made public",
            kit.with_contents(|contents| {
                bucket_of(contents).public_access_block.public_access_block_configuration =
                    PublicAccessBlock::PUBLIC_ISSUER;
            }),
            1,
            "aws/bucket-public-access-block.json: PublicAccessBlockConfiguration: expected \
             {\"BlockPublicAcls\":true,\"IgnorePublicAcls\":true,\"BlockPublicPolicy\":true,\"RestrictPublicBuckets\":true}, found ",
        ),
        refused(
            "a private bucket without a policy",
            kit.with_entries(|entries| drop(entries.remove(POLICY))),
            &format!("bundle has no {POLICY}"),
        ),
    ]
}

/// Where the issuer is, and with which certificate.
pub(super) fn issuer(kit: &Kit) -> Vec<Attack> {
    let made = &kit.of(distribution());
    let own = &kit.of(own_host());
    let both = "bundle.json: a cluster behind CloudFront has a certificate or a distribution, one of them";
    let id = |text: &str| Some(Certificate::Iam(parsed(text)));
    let certificate = id("ASCACKCEVSQ6CEXAMPLE1");
    vec![
        contradiction(
            "a distribution with another domain than the issuer's",
            made.with_contents(|contents| {
                contents.header.distribution.as_mut().unwrap().domain = parsed("d222222abcdef8.cloudfront.net");
            }),
            1,
            "bundle.json: issuerUrl: expected \"https://d222222abcdef8.cloudfront.net\", found \
             \"https://d111111abcdef8.cloudfront.net\"",
        ),
        contradiction(
            "a distribution with another ID than the policy's",
            made.with_contents(|contents| {
                contents.header.distribution.as_mut().unwrap().id = parsed("EEVILVBD6EXAMPLE");
            }),
            1,
            "aws/bucket-policy.json: Policy: expected ",
        ),
        contradiction(
            "a cluster behind CloudFront with neither certificate nor distribution",
            own.with_contents(|contents| contents.header.certificate = None),
            3,
            both,
        ),
        contradiction(
            "a cluster behind CloudFront with certificate and distribution",
            made.with_contents(|contents| contents.header.certificate = certificate.clone()),
            3,
            both,
        ),
        contradiction(
            "a certificate of another account",
            own.with_contents(|contents| {
                let evil = CERTIFICATE.replace("123456789012:", "210987654321:");
                contents.header.certificate = Some(Certificate::Acm(parsed(&evil)));
            }),
            2,
            "bundle.json: certificate arn:aws:acm:us-east-1:210987654321:certificate/12345678-1234-1234-1234-123456789012 is not of \
             account 123456789012 in partition aws",
        ),
        contradiction(
            "another certificate than the index names",
            own.with_contents(|contents| {
                config(contents).viewer_certificate.acm_certificate_arn =
                    Some(parsed(&CERTIFICATE.replace("1234-", "4321-")));
            }),
            1,
            "aws/cloudfront-distribution.json: ViewerCertificate: expected {\"CloudFrontDefaultCertificate\":false,",
        ),
        contradiction(
            "an alias that is not the issuer's host",
            own.with_contents(|contents| config(contents).aliases.items = vec!["oidc.evil.example".to_owned()]),
            1,
            "aws/cloudfront-distribution.json: Aliases: expected {\"Quantity\":1,\"Items\":[\"oidc.example.com\"]}, found \
             {\"Quantity\":1,\"Items\":[\"oidc.evil.example\"]}",
        ),
        refused(
            "TLS 1.0 with a certificate of one's own",
            own.with_text(DISTRIBUTION, |text| text.replace("TLSv1.2_2021", "TLSv1")),
            &format!("{DISTRIBUTION} is refused: unknown variant `TLSv1`, expected `TLSv1.2_2021` at line "),
        ),
        contradiction(
            "a certificate of a public bucket",
            kit.with_contents(|contents| contents.header.certificate = certificate.clone()),
            1,
            "bundle.json: certificate is not for a bundle of kind cluster with this endpoint",
        ),
        refused(
            "a public bucket that calls itself private",
            kit.with_text(INDEX, |text| text.replace("\"public-bucket\"", "\"cloudfront\"")),
            "bundle has no aws/cloudfront-origin-access-control.json",
        ),
        refused(
            "a private bucket that calls itself public",
            own.with_text(INDEX, |text| {
                text.replace("\"endpoint\": \"cloudfront\"", "\"endpoint\": \"public-bucket\"")
            }),
            "entry aws/cloudfront-distribution.json is not part of the format",
        ),
    ]
}

/// A bundle of kind `endpoint` that is more than that, or where there is no CloudFront.
pub(super) fn endpoints(kit: &Kit) -> Vec<Attack> {
    let good = good();
    let kit = &kit.of(endpoint());
    let with_entry = |name, path: &str, text: &str| with_entry(kit, name, path, text);
    let header = |name, first: &str, change: fn(&mut Contents)| {
        contradiction(name, kit.with_contents(change), 1, &format!("bundle.json: {first}"))
    };
    let policy = kit.of(distribution()).entries()[POLICY].clone();
    vec![
        header("an endpoint with an issuer", "issuerUrl: expected null, found \"https://evil.example\"", |contents| {
            contents.header.issuer_url = Some(parsed("https://evil.example"));
        }),
        header(
            "an endpoint at a public bucket",
            "endpoint: expected \"cloudfront\", found \"public-bucket\"",
            |contents| {
                contents.header.endpoint = Some(Endpoint::PublicBucket);
            },
        ),
        header("an endpoint with a path for roles", "rolePath: expected \"/\", found \"/evil/\"", |contents| {
            contents.header.role_path = parsed("/evil/");
        }),
        header(
            "an endpoint with settings for roles",
            "settings shape roles; a bundle of kind endpoint has none",
            |contents| {
                contents.header.settings.feature_set = FeatureName::new("OKD").unwrap();
            },
        ),
        header(
            "an endpoint with the distribution that it makes",
            "distribution is not for a bundle of kind endpoint with this endpoint",
            |contents| contents.header.distribution = distribution().header.distribution,
        ),
        contradiction(
            "an endpoint with roles",
            kit.with_contents(|contents| {
                contents.header.components = good.header.components.clone();
                contents.roles = good.roles.clone();
                contents.requests = good.requests.clone();
            }),
            1,
            "bundle.json: a bundle of kind endpoint has no roles and no requests",
        ),
        contradiction(
            "an endpoint with requests",
            kit.with_contents(|contents| contents.requests = good.requests.clone()),
            1,
            "bundle.json: a bundle of kind endpoint has no roles and no requests",
        ),
        contradiction(
            "an endpoint where there is no CloudFront",
            kit.with_contents(|contents| {
                contents.header.partition = parsed("aws-us-gov");
                contents.header.region = parsed("us-gov-west-1");
                contents.bucket = Some(BucketDocuments::of(&contents.header));
                contents.distribution = Some(DistributionDocuments::of(&contents.header));
            }),
            1,
            "bundle.json: endpoint is cloudfront; partition aws-us-gov has no CloudFront",
        ),
        contradiction(
            "an endpoint in China at CloudFront's own name",
            kit.with_contents(|contents| {
                contents.header.partition = parsed("aws-cn");
                contents.header.dns_suffix = parsed("amazonaws.com.cn");
                contents.header.region = parsed("cn-north-1");
                contents.bucket = Some(BucketDocuments::of(&contents.header));
                contents.distribution = Some(DistributionDocuments::of(&contents.header));
            }),
            1,
            "bundle.json: endpoint is cloudfront; partition aws-cn has CloudFront for host names with a certificate of IAM alone",
        ),
        refused(
            "an endpoint that calls itself a cluster's",
            kit.with_text(INDEX, |text| text.replace("\"kind\": \"endpoint\"", "\"kind\": \"cluster\"")),
            "bundle has no oidc/openid-configuration",
        ),
        with_entry("a bucket policy in an endpoint", POLICY, std::str::from_utf8(&policy).unwrap()),
        with_entry("a public key in an endpoint", "serviceaccount-signer.public", P256),
        with_entry("a further key in an endpoint", "keys/A.public", P256),
        with_entry("a JWKS in an endpoint", "oidc/keys.json", "{}\n"),
        with_entry("an identity provider in an endpoint", "aws/identity-provider.json", "{}\n"),
        with_entry(
            "an issuer for the cluster in an endpoint",
            "manifests/cluster-authentication-02-config.yaml",
            "spec:\n",
        ),
    ]
}
