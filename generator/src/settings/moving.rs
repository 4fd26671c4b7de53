//! How a cluster moves to another issuer, and lets go of one that it had before.
//!
//! Input: the older bundle's index, which was signed by whoever must have, the issuer of the next bundle, and the former issuers to drop. Output:
//! the issuers that the next bundle's roles trust besides its own. The issuer that the cluster had until now is always one of them: until every
//! pod has a token of the new one, AWS has to take those of both [cloud-credential-operator, docs/sts-migrate-to-private-bucket.md].

use bundle_schema::documents::former::FormerIssuer;
use bundle_schema::documents::index::Header;
use bundle_schema::limits::MAX_FORMER_ISSUERS;
use bundle_schema::names::{BucketName, IssuerUrl};

/// Why a cluster does not move so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum MoveError {
    /// The same URL, served by somebody else or from another bucket.
    #[error(
        "the issuer {0} would be served in another way; a cluster moves to an issuer of another URL\n  give another --issuer-url, or leave out what says how the issuer is served: a cluster keeps it"
    )]
    SameUrl(IssuerUrl),
    /// A bucket that another issuer is served from.
    #[error(
        "bucket {bucket} serves the issuer {issuer}, which has to go on serving until no token of it is left\n  give the new issuer's bucket another name: --bucket-name BUCKET"
    )]
    BucketInUse {
        /// The bucket.
        bucket: BucketName,
        /// The issuer.
        issuer: IssuerUrl,
    },
    /// More issuers than roles trust at a time.
    #[error(
        "the roles would trust {0} former issuers; at most {MAX_FORMER_ISSUERS} are allowed\n  drop one before the cluster moves on: --drop-issuer URL"
    )]
    TooMany(usize),
    /// The issuer that the cluster has.
    #[error(
        "--drop-issuer is {0}, the issuer that the cluster has until now\n  move to another one first, and drop it in a later bundle, once no token of it is left"
    )]
    DropsOwn(IssuerUrl),
    /// An issuer that the cluster did not have.
    #[error(
        "--drop-issuer is {given}; the former issuers of the bundle of --previous are {known}\n  give one of them, or leave --drop-issuer out"
    )]
    NotFormer {
        /// What was given.
        given: IssuerUrl,
        /// Those that there are.
        known: String,
    },
}

/// The issuers that roles of the next bundle trust besides its own, sorted by URL.
pub(crate) fn former_issuers(
    old: &Header,
    new: &FormerIssuer,
    dropped: &[IssuerUrl],
) -> Result<Vec<FormerIssuer>, MoveError> {
    let Some(current) = FormerIssuer::of(old) else { return Ok(Vec::new()) };
    for url in dropped {
        if *url == current.issuer_url || *url == new.issuer_url {
            return Err(MoveError::DropsOwn(url.clone()));
        }
        if !old.former_issuers.iter().any(|former| former.issuer_url == *url) {
            return Err(MoveError::NotFormer { given: url.clone(), known: listed(&old.former_issuers) });
        }
    }
    let known = || old.former_issuers.iter().chain(std::iter::once(&current));
    if known().any(|issuer| issuer.issuer_url == new.issuer_url && issuer != new) {
        return Err(MoveError::SameUrl(new.issuer_url.clone()));
    }
    let is_trusted = |issuer: &&FormerIssuer| issuer != &new && !dropped.contains(&issuer.issuer_url);
    let mut former: Vec<FormerIssuer> = known().filter(is_trusted).cloned().collect();
    if former.len() > MAX_FORMER_ISSUERS {
        return Err(MoveError::TooMany(former.len()));
    }
    if let Some(bucket) = new.bucket(old) {
        check_bucket(old, &bucket, former.iter())?;
    }
    former.sort_by(|a, b| a.issuer_url.cmp(&b.issuer_url));
    Ok(former)
}

/// The bucket of the endpoint to which a cluster will move is none that serves an issuer.
pub(crate) fn check_new_bucket(old: &Header, bucket: &BucketName) -> Result<(), MoveError> {
    let current = FormerIssuer::of(old);
    check_bucket(old, bucket, old.former_issuers.iter().chain(&current))
}

fn check_bucket<'a>(
    old: &Header,
    bucket: &BucketName,
    mut issuers: impl Iterator<Item = &'a FormerIssuer>,
) -> Result<(), MoveError> {
    match issuers.find(|issuer| issuer.bucket(old).as_ref() == Some(bucket)) {
        Some(issuer) => Err(MoveError::BucketInUse { bucket: bucket.clone(), issuer: issuer.issuer_url.clone() }),
        None => Ok(()),
    }
}

fn listed(former: &[FormerIssuer]) -> String {
    if former.is_empty() {
        return "none".to_owned();
    }
    former.iter().map(|issuer| issuer.issuer_url.to_string()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::header;
    use bundle_schema::documents::index::Endpoint;

    fn issuer(url: &str, endpoint: Endpoint, bucket: Option<&str>) -> FormerIssuer {
        let bucket_name = bucket.map(|name| name.parse().unwrap());
        FormerIssuer { issuer_url: url.parse().unwrap(), endpoint, bucket_name }
    }

    fn public() -> FormerIssuer {
        issuer("https://demo-oidc.s3.us-east-2.amazonaws.com", Endpoint::PublicBucket, None)
    }

    fn hosted(path: &str) -> FormerIssuer {
        issuer(&format!("https://oidc.example.com/{path}"), Endpoint::Hosted, None)
    }

    /// The index of the cluster `demo` with this issuer, after those.
    fn old(own: FormerIssuer, former_issuers: Vec<FormerIssuer>) -> Header {
        let options = crate::settings::sample::options();
        let header = header(&options).unwrap();
        let FormerIssuer { issuer_url, endpoint, bucket_name } = own;
        Header { issuer_url: Some(issuer_url), endpoint: Some(endpoint), bucket_name, former_issuers, ..header }
    }

    fn moved(old: &Header, new: &FormerIssuer, dropped: &[&FormerIssuer]) -> Result<Vec<FormerIssuer>, String> {
        let dropped: Vec<IssuerUrl> = dropped.iter().map(|issuer| issuer.issuer_url.clone()).collect();
        former_issuers(old, new, &dropped).map_err(|error| error.to_string())
    }

    #[test]
    fn the_issuer_that_a_cluster_had_is_trusted_until_it_is_dropped() {
        let (first, second, third) = (public(), hosted("a"), hosted("b"));
        assert_eq!(moved(&old(first.clone(), vec![]), &first, &[]), Ok(vec![]));
        assert_eq!(moved(&old(first.clone(), vec![]), &second, &[]), Ok(vec![first.clone()]));
        let before = old(second.clone(), vec![first.clone()]);
        assert_eq!(moved(&before, &second, &[]), Ok(vec![first.clone()]));
        assert_eq!(moved(&before, &second, &[&first]), Ok(vec![]));
        assert_eq!(moved(&before, &third, &[]), Ok(vec![first.clone(), second.clone()]));
        assert_eq!(moved(&before, &third, &[&first]), Ok(vec![second.clone()]));
        // And back, also into the bucket that it had.
        assert_eq!(moved(&before, &first, &[]), Ok(vec![second]));
    }

    #[test]
    fn what_would_take_access_away_is_refused() {
        let (first, second) = (public(), hosted("a"));
        let before = old(second.clone(), vec![first.clone()]);
        let private = |bucket| issuer("https://oidc.example.com/p", Endpoint::Cloudfront, bucket);
        let same = issuer("https://oidc.example.com/a", Endpoint::Cloudfront, Some("demo-keys"));
        let long = old(hosted("c"), vec![hosted("a"), hosted("b")]);
        for (found, error) in [
            (
                moved(&before, &second, &[&second]),
                "--drop-issuer is https://oidc.example.com/a, the issuer that the cluster has",
            ),
            (
                moved(&before, &private(Some("demo-keys")), &[&second]),
                "--drop-issuer is https://oidc.example.com/a, the issuer",
            ),
            (
                moved(&before, &second, &[&hosted("b")]),
                "--drop-issuer is https://oidc.example.com/b; the former issuers of the bundle of --previous are \
                 https://demo-oidc.s3.us-east-2.amazonaws.com\n",
            ),
            (moved(&before, &private(None), &[]), "bucket demo-oidc serves the issuer https://demo-oidc.s3."),
            (moved(&before, &same, &[]), "the issuer https://oidc.example.com/a would be served in another way;"),
            (moved(&long, &hosted("d"), &[]), "the roles would trust 3 former issuers; at most 2 are allowed\n"),
        ] {
            let found = found.unwrap_err();
            assert!(found.starts_with(error), "{found}");
        }
        assert!(check_new_bucket(&before, &"demo-oidc".parse().unwrap()).is_err());
        assert!(check_new_bucket(&before, &"demo-keys".parse().unwrap()).is_ok());
    }
}
