//! The bundle as a whole, and what of a role is not in its policies' words: boundary, dates, sizes, names, keys, audiences.

use bundle_schema::documents::contents::Contents;
use bundle_schema::documents::key::ServiceAccountKey;
use bundle_schema::limits::{
    DEFAULT_TRUST_POLICY_CHARS, MAX_AUDIENCES, MAX_ROLE_NAME_CHARS, MAX_ROLE_POLICY_CHARS, MAX_TAGS,
};
use bundle_schema::names::Audience;

use super::rules::{
    AUDIENCE, BOUNDARY_ON_SOME, CLOUDFRONT_TLS, GATES_UNDECIDED, LONG_VALIDITY, QUOTA, ROLE_NAME_CUT, Rule, SMALL_KEY,
    THUMBPRINTS, TRUST_POLICY_QUOTA,
};
use super::view::{Context, RoleView};
use super::words::{count, list};
use crate::review::report::Finding;

/// Days of validity that need no reason.
const LONG_DAYS: i64 = 90;
/// RSA keys of this size have no end in sight [NIST SP 800-57 part 1].
const RSA_BITS: usize = 3_072;
/// The audiences that OpenShift's own components ask for.
const USUAL_AUDIENCES: [&str; 2] = ["openshift", "sts.amazonaws.com"];

/// More than 90 percent.
fn is_near(found: usize, limit: usize) -> bool {
    found * 10 > limit * 9
}

pub(super) fn check_role(context: &Context<'_>, role: &RoleView<'_>, found: &mut Vec<Finding>) {
    let policy = role.documents.policy.policy_document.text().chars().count();
    if is_near(policy, MAX_ROLE_POLICY_CHARS) {
        let message = format!("the policy has {policy} of the {MAX_ROLE_POLICY_CHARS} characters that IAM takes");
        found.push(role.finding(&QUOTA, message, "split the request before it grows"));
    }
    let trust = role.documents.create.assume_role_policy_document.text().chars().count();
    if trust > DEFAULT_TRUST_POLICY_CHARS {
        let message = format!(
            "the trust policy has {trust} characters; IAM takes {DEFAULT_TRUST_POLICY_CHARS} unless the account's quota was raised"
        );
        let advice = "check the account's quota (Role trust policy length), or split the request";
        found.push(role.finding(&TRUST_POLICY_QUOTA, message, advice));
    }
    let (namespace, secret) = (&role.component.secret_namespace, &role.component.secret_name);
    let whole = format!("{}-{namespace}-{secret}", context.header.name);
    if whole.len() > MAX_ROLE_NAME_CHARS {
        let message = format!("the role's name is cut to {MAX_ROLE_NAME_CHARS} characters; the whole one is {whole}");
        found.push(role.finding(&ROLE_NAME_CUT, message, "know the role by its description, which names its Secret"));
    }
    let undecided = role.request.map(|one| one.undecided.as_slice()).unwrap_or_default();
    if !undecided.is_empty() {
        let message = format!("the request depends on {}, which the settings do not decide", list(undecided));
        let advice = "make the bundle with --feature-gates, or with an install-config that names them";
        found.push(role.finding(&GATES_UNDECIDED, message, advice));
    }
}

pub(super) fn check(contents: &Contents, found: &mut Vec<Finding>) {
    let mut report = |rule: &Rule, message: String, advice: &str| {
        found.push(rule.about_bundle(message, advice));
    };
    let header = &contents.header;
    let bare = contents.roles.iter().filter(|role| role.create.permissions_boundary.is_none());
    let bare: Vec<_> = bare.map(|role| &role.create.role_name).collect();
    if !bare.is_empty() && bare.len() < contents.roles.len() {
        let message =
            format!("{} of {} have no permissions boundary: {}", bare.len(), contents.roles.len(), list(&bare));
        report(&BOUNDARY_ON_SOME, message, "make the bundle again: the generator bounds all roles or none");
    }
    let days = header.expires.days_since(header.created);
    if days > LONG_DAYS {
        let message = format!("the bundle is valid for {days} days, until {}", header.expires);
        report(&LONG_VALIDITY, message, "make it with a lower --expires-in");
    }
    if is_near(header.tags.len(), MAX_TAGS) {
        let message = format!("{} of {MAX_TAGS} tags are used", header.tags.len());
        report(&QUOTA, message, "leave out tags that nothing needs");
    }
    if header.has_distribution() && header.certificate.is_none() {
        let message =
            "the distribution shows CloudFront's own certificate, and CloudFront answers with TLS 1.0 and later there";
        let advice = "take a host name and a certificate of your own where TLS 1.2 is a rule";
        report(&CLOUDFRONT_TLS, message.to_owned(), advice);
    }
    let audiences = contents.audiences();
    if is_near(audiences.len(), MAX_AUDIENCES) {
        let message = format!("{} of {MAX_AUDIENCES} audiences are used", audiences.len());
        report(&QUOTA, message, "leave out audiences that no component asks for");
    }
    let unusual = audiences.iter().map(Audience::as_str).filter(|audience| !USUAL_AUDIENCES.contains(audience));
    let unusual: Vec<_> = unusual.collect();
    if !unusual.is_empty() {
        let message = format!("AWS takes tokens for {} too", list(&unusual));
        report(&AUDIENCE, message, "leave out what no component of the cluster asks for");
    }
    if let Some(thumbprints) = contents.issuer.as_ref().and_then(|issuer| issuer.provider.thumbprint_list.as_ref()) {
        let message = format!("{} given; IAM needs none for this issuer", count(thumbprints.len(), "thumbprint"));
        report(&THUMBPRINTS, message, "leave --thumbprint out");
    }
    for (index, key) in contents.keys().map(ServiceAccountKey::describe).enumerate() {
        let bits = key.strip_prefix("RSA-").and_then(|bits| bits.parse::<usize>().ok());
        if bits.is_some_and(|bits| bits < RSA_BITS) {
            let which =
                if index == 0 { "the key that signs the cluster's tokens" } else { "a key that is published too" };
            report(&SMALL_KEY, format!("{which} is {key}"), "make the next key with --key-type rsa-4096");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Scene, allow, none};
    use super::*;
    use bundle_schema::documents::key::ServiceAccountKey;
    use bundle_schema::names::{BoundaryArn, Tag, TagKey, TagValue, Thumbprint};

    use crate::review::report::FindingLevel::{self, Note, Warning};

    /// `openssl genrsa 2048 | openssl rsa -pubout`; its private half is nowhere.
    const RSA_2048: &str = "-----BEGIN PUBLIC KEY-----\n\
        MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAzgEIO4r5tRJFpTfS7Q0W\n\
        LhLHh403iNJa0JIo6afSy6XbVogZ3sG36wBcAM6mU4k/NWuLT8gLCzr/q3EPd0PK\n\
        kpgS3syd7UkH+68rZgotM2EjFJcf1JyCpoDKqZRV5hgdW0MHoXgpLjdrxtoHozeK\n\
        QD/7X6LIfPlDQ7GahWeSrWV7JF/1+vxJLU0JZcL9Qg11RO5FKWC0UoIHWnffeJMK\n\
        sAMRAfKamCffTiT8SAZieEmdlo4LpIZ+H7ZX/KPZ7T+Hu2/yJL4sbjs35EfatHQh\n\
        kYJEkBoFQ2ARux/zZYZhcZlHpcGh6y5qW1WIsd0aPaA5vcyOVmxVj8cdv0kjawae\n\
        jwIDAQAB\n\
        -----END PUBLIC KEY-----\n";

    fn scene() -> Scene {
        let entries = allow("'ec2:DescribeVolumes'", "*", "");
        Scene::of(&[("openshift-x", "a", &entries), ("openshift-y", "b", &entries)])
    }

    fn whole(level: FindingLevel, message: &str) -> Vec<super::super::tests::Found> {
        vec![(level, None, None, message.to_owned())]
    }

    #[test]
    fn a_plain_bundle_has_nothing_to_tell() {
        assert_eq!(scene().find(), []);
    }

    #[test]
    fn a_boundary_is_on_all_roles_or_none() {
        let mut scene = scene();
        let boundary = BoundaryArn::new("arn:aws:iam::123456789012:policy/bound").unwrap();
        scene.contents.roles[0].create.permissions_boundary = Some(boundary.clone());
        let message = "1 of 2 have no permissions boundary: demo-openshift-y-secret";
        assert_eq!(scene.by(&BOUNDARY_ON_SOME), whole(Warning, message));
        scene.contents.roles[1].create.permissions_boundary = Some(boundary);
        assert_eq!(scene.by(&BOUNDARY_ON_SOME), none());
    }

    #[test]
    fn a_long_validity_is_named() {
        let mut scene = scene();
        let header = &mut scene.contents.header;
        header.expires = header.created.plus_days(90);
        assert_eq!(scene.by(&LONG_VALIDITY), none());
        let header = &mut scene.contents.header;
        header.expires = header.created.plus_days(91);
        let message = "the bundle is valid for 91 days, until 2027-01-31T00:00:00Z";
        assert_eq!(scene.by(&LONG_VALIDITY), whole(Warning, message));
    }

    #[test]
    fn what_comes_close_to_a_quota_is_named() {
        let mut scene = scene();
        let tag =
            |number: usize| Tag { key: TagKey::new(format!("t{number}")).unwrap(), value: TagValue::new("v").unwrap() };
        scene.contents.header.tags = (0..43).map(tag).collect();
        scene.issuer().provider.client_id_list =
            (0..90).map(|number| Audience::new(format!("a{number}")).unwrap()).collect();
        assert_eq!(scene.by(&QUOTA), none());
        scene.contents.header.tags = (0..44).map(tag).collect();
        assert_eq!(scene.by(&QUOTA), whole(Note, "44 of 48 tags are used"));
        scene.contents.header.tags.clear();
        scene.issuer().provider.client_id_list.push(Audience::new("a90").unwrap());
        assert_eq!(scene.by(&QUOTA), whole(Note, "91 of 100 audiences are used"));
    }

    #[test]
    fn long_policies_are_named() {
        let actions = |count: usize| {
            (0..count).map(|n| format!("'ec2:SomethingThatIsLong{n:03}'")).collect::<Vec<_>>().join(", ")
        };
        let accounts =
            |count: usize| (0..count).map(|n| format!("service-account-{n:02}")).collect::<Vec<_>>().join(", ");
        let scene = Scene::of(&[("openshift-x", &accounts(40), &allow(&actions(325), "*", ""))]);
        let message = "the policy has 9508 of the 10240 characters that IAM takes";
        assert_eq!(scene.by(&QUOTA), vec![(Note, None, Some(6), message.to_owned())]);
        let message = "the trust policy has 2479 characters; IAM takes 2048 unless the account's quota was raised";
        assert_eq!(scene.by(&TRUST_POLICY_QUOTA), vec![(Warning, None, Some(6), message.to_owned())]);
        let scene = Scene::of(&[("openshift-x", &accounts(30), &allow(&actions(310), "*", ""))]);
        assert_eq!((scene.by(&QUOTA), scene.by(&TRUST_POLICY_QUOTA)), (none(), none()));
    }

    #[test]
    fn names_that_are_cut_are_shown_whole() {
        let namespace = "openshift-".to_owned() + &"n".repeat(43);
        let entries = allow("'ec2:DescribeVolumes'", "*", "");
        let message = format!("the role's name is cut to 64 characters; the whole one is demo-{namespace}-secret");
        let scene = Scene::of(&[(&namespace, "a", &entries)]);
        assert_eq!(scene.by(&ROLE_NAME_CUT), vec![(Note, None, Some(6), message)]);
        assert_eq!(Scene::of(&[(&namespace[1..], "a", &entries)]).by(&ROLE_NAME_CUT), none());
    }

    #[test]
    fn gates_that_nobody_decided_are_named() {
        let mut scene = scene();
        scene.selected[0].undecided = vec!["A".to_owned(), "-B".to_owned()];
        let message = "the request depends on A and -B, which the settings do not decide";
        assert_eq!(scene.by(&GATES_UNDECIDED), vec![(Warning, None, Some(6), message.to_owned())]);
    }

    #[test]
    fn audiences_thumbprints_and_small_keys_are_named() {
        let mut scene = scene();
        let provider = &mut scene.issuer().provider;
        provider.client_id_list.push(Audience::new("vault").unwrap());
        provider.thumbprint_list = Some(vec![Thumbprint::new("a".repeat(40)).unwrap()]);
        assert_eq!(scene.by(&AUDIENCE), whole(Note, "AWS takes tokens for vault too"));
        assert_eq!(scene.by(&THUMBPRINTS), whole(Note, "1 thumbprint given; IAM needs none for this issuer"));
        scene.issuer().public_key = ServiceAccountKey::from_pem(RSA_2048).unwrap();
        assert_eq!(scene.by(&SMALL_KEY), whole(Note, "the key that signs the cluster's tokens is RSA-2048"));
    }
}
