//! The index itself: identity, dates, tags, and the roles it lists.

use std::collections::HashSet;

use super::{Problems, check_audiences, repeated, shown};
use crate::documents::contents::Contents;
use crate::documents::former::FormerIssuer;
use crate::documents::index::{Certificate, Component, Endpoint, Header, Kind, Skipped};
use crate::limits::{MAX_FORMER_ISSUERS, MAX_SERIAL, MAX_TAGS, MAX_VALID_DAYS};
use crate::names::{BucketName, CloudFront, EntryPath, INDEX_PATH, IssuerUrl, ObjectName, RolePath};

pub(super) fn check_header(header: &Header, problems: &mut Problems) {
    let at = INDEX_PATH;
    if let Some((partition, dns_suffix)) = header.region.known_partition() {
        problems.equal(at, "partition", &header.partition, &partition);
        problems.equal(at, "dnsSuffix", &header.dns_suffix, &dns_suffix);
    } else if let Some(dns_suffix) = header.partition.known_dns_suffix() {
        problems.equal(at, "dnsSuffix", &header.dns_suffix, &dns_suffix);
    }
    check_kind(header, problems);
    check_former_issuers(header, problems);
    check_serial(problems, "serial", header.serial);
    if header.expires <= header.created {
        problems.add(at, format!("expires is {}, not after created, {}", header.expires, header.created));
    }
    if header.expires > header.created.plus_days(MAX_VALID_DAYS) {
        let (created, expires) = (header.created, header.expires);
        problems.add(at, format!("expires is {expires}, more than {MAX_VALID_DAYS} days after created, {created}"));
    }
    if let Some(previous) = &header.previous {
        check_serial(problems, "previous.serial", previous.serial);
        if previous.serial >= header.serial {
            problems.add(at, format!("previous.serial is {}, not below serial, {}", previous.serial, header.serial));
        }
    }
    check_tags(header, problems);
    let given = &header.settings.service_accounts;
    if !given.is_sorted_by(|a, b| (&a.secret_namespace, &a.secret_name) < (&b.secret_namespace, &b.secret_name)) {
        problems.add(at, "settings.serviceAccounts is not sorted by namespace and Secret, or names a Secret twice");
    }
}

/// What the bundle is for decides where its issuer is served, and by what.
fn check_kind(header: &Header, problems: &mut Problems) {
    let at = INDEX_PATH;
    let none = |problems: &mut Problems, field: &str, is_there: bool| {
        if is_there {
            problems.add(at, format!("{field} is not for a bundle of kind {} with this endpoint", header.kind));
        }
    };
    match (header.kind, header.endpoint) {
        (Kind::Cluster, Some(Endpoint::PublicBucket)) => {
            problems.equal(at, "issuerUrl", &header.issuer_url, &header.public_bucket_issuer());
            check_bucket_name(header, header.bucket_name.as_ref(), problems);
        }
        (Kind::Cluster, Some(Endpoint::Cloudfront)) => {
            check_bucket_name(header, header.bucket_name.as_ref(), problems);
            check_distribution(header, problems);
        }
        (Kind::Endpoint, _) => {
            problems.equal(at, "endpoint", &header.endpoint, &Some(Endpoint::Cloudfront));
            problems.equal(at, "issuerUrl", &header.issuer_url, &None);
            problems.equal(at, "rolePath", &header.role_path, &RolePath::default());
            none(problems, "certificate", header.certificate.is_some());
            none(problems, "distribution", header.distribution.is_some());
            none(problems, "skipped", !header.skipped.is_empty());
            if !header.settings.shape_nothing() {
                problems.add(at, "settings shape roles; a bundle of kind endpoint has none");
            }
            check_bucket_name(header, header.bucket_name.as_ref(), problems);
            check_cloudfront(header, problems);
        }
        (Kind::Cluster, Some(Endpoint::Hosted)) => problems.equal(at, "bucketName", &header.bucket_name, &None),
        (Kind::Cluster, None) => problems.add(at, "endpoint is missing; a cluster's issuer is served from somewhere"),
        (Kind::Roles, _) => {
            problems.equal(at, "endpoint", &header.endpoint, &None);
            problems.equal(at, "bucketName", &header.bucket_name, &None);
        }
    }
    if header.kind != Kind::Endpoint && header.issuer_url.is_none() {
        problems.add(at, format!("issuerUrl is missing; a bundle of kind {} has one", header.kind));
    }
    if header.endpoint != Some(Endpoint::Cloudfront) {
        none(problems, "certificate", header.certificate.is_some());
        none(problems, "distribution", header.distribution.is_some());
    }
    if header.kind == Kind::Roles {
        check_audiences(at, "audiences", header.audiences.as_deref().unwrap_or_default(), problems);
    } else if header.audiences.is_some() {
        problems.add(at, "audiences is only for bundles of kind roles; a cluster's are those of its provider");
    }
}

/// A cluster's distribution has either its own name, which the receipt of an endpoint says, or the issuer's, for which it has a certificate.
fn check_distribution(header: &Header, problems: &mut Problems) {
    let at = INDEX_PATH;
    check_cloudfront(header, problems);
    match (&header.distribution, &header.certificate) {
        (Some(made), None) => {
            let domain = &made.domain;
            let expected = IssuerUrl::new(format!("https://{domain}")).ok();
            problems.equal(at, "issuerUrl", &header.issuer_url, &expected);
            if !domain.is_in(&header.partition) {
                let partition = &header.partition;
                problems.add(at, format!("distribution.domain is {domain}, which is not of CloudFront in {partition}"));
            }
        }
        (None, Some(Certificate::Acm(arn))) if !arn.is_of(&header.partition, &header.account_id) => {
            let (partition, account) = (&header.partition, &header.account_id);
            problems.add(at, format!("certificate {arn} is not of account {account} in partition {partition}"));
        }
        (None, Some(_)) => {}
        (Some(_), Some(_)) | (None, None) => {
            problems.add(at, "a cluster behind CloudFront has a certificate or a distribution, one of them");
        }
    }
}

/// CloudFront serves in the bundle's partition, at such a name.
fn check_cloudfront(header: &Header, problems: &mut Problems) {
    let partition = &header.partition;
    let missing = match partition.cloudfront() {
        Some(CloudFront::Absent) => "has no CloudFront",
        Some(CloudFront::AliasOnly(_)) if !matches!(header.certificate, Some(Certificate::Iam(_))) => {
            "has CloudFront for host names with a certificate of IAM alone"
        }
        _ => return,
    };
    problems.add(INDEX_PATH, format!("endpoint is cloudfront; partition {partition} {missing}"));
}

/// There is one spelling for the usual name: none.
fn check_bucket_name(header: &Header, given: Option<&BucketName>, problems: &mut Problems) {
    let Some(bucket) = given else { return };
    if *bucket == header.name.bucket() {
        problems.add(INDEX_PATH, format!("bucketName is {bucket}, as the name gives it; it is then left out"));
    }
    if !bucket.fits(&header.account_id, &header.region) {
        let (account, region) = (&header.account_id, &header.region);
        problems.add(
            INDEX_PATH,
            format!("bucketName is {bucket}; S3 keeps the ending -an for <prefix>-{account}-{region}-an"),
        );
    }
}

/// A cluster's former issuers are others than its own, each in its own place.
fn check_former_issuers(header: &Header, problems: &mut Problems) {
    let (at, former) = (INDEX_PATH, &header.former_issuers);
    if header.kind != Kind::Cluster && !former.is_empty() {
        problems.add(at, format!("formerIssuers is not for a bundle of kind {}", header.kind));
    }
    problems.at_most(at, "formerIssuers", former.len(), MAX_FORMER_ISSUERS);
    if !former.is_sorted_by(|a, b| a.issuer_url < b.issuer_url) {
        problems.add(at, "formerIssuers are not sorted by issuerUrl, or one occurs twice");
    }
    let mut buckets: Vec<BucketName> = header.has_bucket().then(|| header.bucket()).into_iter().collect();
    // What is too many is refused already, and costs no work.
    for issuer in former.iter().take(MAX_FORMER_ISSUERS) {
        let FormerIssuer { issuer_url, endpoint, bucket_name } = issuer;
        if header.issuer_url.as_ref() == Some(issuer_url) {
            problems.add(at, format!("formerIssuers names {issuer_url}, the issuer itself"));
        }
        let Some(bucket) = issuer.bucket(header) else {
            problems.equal(at, &format!("bucketName of former issuer {issuer_url}"), bucket_name, &None);
            continue;
        };
        check_bucket_name(header, bucket_name.as_ref(), problems);
        if *endpoint == Endpoint::PublicBucket {
            let expected = header.public_issuer_of(&bucket);
            problems.equal(at, "issuerUrl of a former issuer", &Some(issuer_url), &expected.as_ref());
        }
        if buckets.contains(&bucket) {
            problems.add(at, format!("bucket {bucket} is of two issuers; each has its own"));
        }
        buckets.push(bucket);
    }
}

fn check_serial(problems: &mut Problems, field: &str, serial: u64) {
    if !(1..=MAX_SERIAL).contains(&serial) {
        problems.add(INDEX_PATH, format!("{field} is {serial}; serials count from 1 to {MAX_SERIAL}"));
    }
}

fn check_tags(header: &Header, problems: &mut Problems) {
    let at = INDEX_PATH;
    problems.at_most(at, "tags", header.tags.len(), MAX_TAGS);
    if !header.tags.is_sorted_by(|a, b| a.key <= b.key) {
        problems.add(at, "tags are not sorted by key");
    }
    if let Some(key) = repeated(header.tags.iter().map(|tag| tag.key.as_str())) {
        problems.add(at, format!("tag {key} occurs twice (keys are compared without regard to case)"));
    }
    let own = header.name.ownership_tag_key();
    for tag in header.tags.iter().filter(|tag| tag.key.is_ownership() && tag.key.as_str() != own) {
        problems.add(at, format!("tag {} marks resources of another cluster; only {own} is allowed", tag.key));
    }
    for (key, value) in [(own, "owned"), ("Name".to_owned(), header.name.as_str())] {
        let found = header.tags.iter().find(|tag| tag.key.as_str() == key).map(|tag| tag.value.as_str());
        problems.equal(at, &format!("tag {key}"), &found, &Some(value));
    }
}

pub(super) fn check_components(contents: &Contents, problems: &mut Problems) {
    let at = INDEX_PATH;
    let components = &contents.header.components;
    let makes_none = contents.header.kind == Kind::Endpoint;
    if components.is_empty() && !makes_none {
        problems.add(at, "components is empty; a bundle makes at least one role");
    }
    if makes_none && !(components.is_empty() && contents.requests.is_empty()) {
        problems.add(at, "a bundle of kind endpoint has no roles and no requests");
    }
    if !components.is_sorted_by(|a, b| a.role_name <= b.role_name) {
        problems.add(at, "components are not sorted by roleName");
    }
    if let Some(name) = repeated(components.iter().map(|component| component.role_name.as_str())) {
        problems.add(at, format!("two components have the role name {name} (without regard to case)"));
    }
    let secrets: Vec<String> = components.iter().map(Component::secret).collect();
    if let Some(secret) = repeated(secrets.iter().map(String::as_str)) {
        problems.add(at, format!("two components have the Secret {secret}"));
    }
    for component in components {
        if component.service_accounts.is_empty() {
            problems.add(at, format!("component {} has no service account", component.role_name));
        }
        if let Some(name) = repeated(component.service_accounts.iter().map(ObjectName::as_str)) {
            problems.add(at, format!("component {} names the service account {name} twice", component.role_name));
        }
    }
    check_role_names(&contents.header, problems);
    check_sources(contents, problems);
}

/// A role's name is the one that the cluster's name, the Secret's namespace and its name give, in the way of the settings.
fn check_role_names(header: &Header, problems: &mut Problems) {
    let naming = header.settings.role_names;
    for Component { secret_namespace, secret_name, role_name, .. } in &header.components {
        let expected = naming.role(&header.name, secret_namespace, secret_name);
        if expected.as_ref().is_ok_and(|expected| expected == role_name) {
            continue;
        }
        let expected = expected.map_or_else(|error| error.to_string(), |name| shown(&name));
        let of = format!("{secret_namespace}/{secret_name}");
        problems.add(INDEX_PATH, format!("roleName of {of}: expected {expected}, found {}", shown(role_name)));
    }
}

/// Every component and every skipped document comes from a file that is in the bundle.
fn check_sources(contents: &Contents, problems: &mut Problems) {
    for skipped in contents.header.skipped.iter().filter(|skipped| skipped.document == 0) {
        problems.add(INDEX_PATH, format!("skipped document of {} is 0; documents count from 1", skipped.source));
    }
    let requests: HashSet<&EntryPath> = contents.requests.iter().map(|(path, _)| path).collect();
    let components = contents.header.components.iter().map(|Component { source, .. }| source);
    let skipped = contents.header.skipped.iter().map(|Skipped { source, .. }| source);
    for source in components.chain(skipped).filter(|source| !requests.contains(source)) {
        problems.add(INDEX_PATH, format!("source {source} is not in the bundle"));
    }
}
