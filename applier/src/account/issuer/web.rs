//! The issuer's documents, read over its own URL as AWS reads them, whoever publishes them.
//!
//! Input: the issuer's URL from a validated bundle; the proxy variables and trust store of this host, and more roots from a file.
//! Output: a document, or why there is none. Whatever answers is untrusted: it is bounded in size and time, no redirect is
//! followed, and nothing is sent but the request. Rules: OpenID Connect Discovery 1.0, section 4; RFC 9110, section 15.

use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_sdk_s3::config::http::{HttpRequest, HttpResponse};
use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use aws_smithy_http_client::tls::{TlsContext, TrustStore};
use aws_smithy_http_client::{Connector, tls};
use aws_smithy_runtime_api::client::http::HttpConnector;
use bundle_schema::escape::Escaped;
use bundle_schema::file::{OpenError, read_bounded};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::{MAX_BODY, Published, ReadIssuer, Unread};
use crate::account::https;

/// A document may take this long, with name resolution, proxy, handshake and body.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The bundles of roots that distributions ship have a quarter of this.
const MAX_CA_FILE: u64 = 1024 * 1024;
/// The longest `Location` that is named.
const MAX_LOCATION: usize = 2048;

const NOT_PUBLISHED: &str =
    "have the bundle's documents published there, each under its own path (`oidc/` in the bundle)";
const REDIRECTED: &str = "have the documents served at the issuer's own URL: no redirect is followed";
const TOO_LONG: &str = "have the bundle's own documents published there, and nothing else";
const NETWORK: &str = "look for the DNS record of the host, a firewall, and this host's proxy (HTTPS_PROXY, NO_PROXY)";
const CERTIFICATE: &str = "look at the server's certificate: its names, its dates, its chain; where an authority of your own issued \
                           it, or a proxy opens the connection, give that authority's certificate with --ca-file";

const NOT_SERVED: &str = "look for somebody who changed the bucket's policy, a KMS key on the bucket, a firewall or a geographic \
                          restriction of the distribution, an S3 block or policy of the organization";
const NO_WAY: &str = "look for the DNS record of the host, which has to name the distribution's domain (CNAME, as the plan says), a \
                      firewall, and this host's proxy (HTTPS_PROXY, NO_PROXY)";
const FOREIGN_CERTIFICATE: &str = "look at the certificate: whether it is the distribution's, or the DNS record names something else; \
                                   where a proxy opens the connection, give its authority's certificate with --ca-file";

const BLOCKED: &str =
    "look for a public access block of the account or the organization, a KMS key on the bucket, a proxy";

/// Why the roots of `--ca-file` cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CaFileError {
    /// It cannot be read.
    #[error("the file of --ca-file cannot be read")]
    Open(#[from] OpenError),
    /// It is none.
    #[error(
        "--ca-file {} holds no certificates that can be used: {reason}\n  give certificates of authorities in PEM: one block, or several, that begin with -----BEGIN CERTIFICATE-----",
        Escaped(&.path.to_string_lossy())
    )]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
}

/// Certificates of authorities that are trusted besides the system's.
pub(crate) struct Roots(Vec<u8>);

impl Roots {
    pub(crate) fn read(path: &Path) -> Result<Self, CaFileError> {
        let bytes = read_bounded(path, MAX_CA_FILE)?;
        match check_roots(&bytes) {
            Ok(()) => Ok(Self(bytes)),
            Err(reason) => Err(CaFileError::Unusable { path: path.to_owned(), reason }),
        }
    }
}

/// Whether all of it can be used: the client that takes it does not say so.
fn check_roots(pem: &[u8]) -> Result<(), &'static str> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|_| "it is not PEM")?;
        roots.add(certificate).map_err(|_| "one of its certificates cannot be read")?;
    }
    if roots.is_empty() { Err("it has no certificate") } else { Ok(()) }
}

/// Who publishes the documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Publisher {
    /// S3, from a public bucket of this program's.
    Bucket,
    /// CloudFront, from a private bucket of this program's.
    CloudFront,
    /// Somebody else.
    SomebodyElse,
}

impl Publisher {
    /// What to look for, where somebody else's server would be looked at.
    fn advice(self, hosted: &'static str) -> &'static str {
        match (self, hosted) {
            (Self::CloudFront, NOT_PUBLISHED) => NOT_SERVED,
            (Self::CloudFront, NETWORK) => NO_WAY,
            (Self::CloudFront, CERTIFICATE) => FOREIGN_CERTIFICATE,
            (Self::Bucket, NOT_PUBLISHED) => BLOCKED,
            _ => hosted,
        }
    }
}

/// The issuer's URL and the way there.
pub(crate) struct PublishedIssuer {
    url: String,
    publisher: Publisher,
    connector: Connector,
}

impl PublishedIssuer {
    /// With the proxy variables of the environment. Nothing is sent yet.
    pub(crate) fn new(url: String, publisher: Publisher, roots: Option<Roots>) -> Self {
        let mut trusted = TrustStore::default();
        if let Some(Roots(pem)) = roots {
            trusted = trusted.with_pem_certificate(pem);
        }
        // Building a context from these does not fail; without one, the system's roots alone are trusted.
        let context: TlsContext = tls::TlsContext::builder().with_trust_store(trusted).build().unwrap_or_default();
        Self { url, publisher, connector: https::connector(context) }
    }

    async fn get(&self, key: &str) -> Result<Vec<u8>, Unread> {
        let mut request = HttpRequest::new(SdkBody::empty());
        if request.set_uri(format!("{}/{key}", self.url)).is_err() {
            return Err(Unread { answer: "it is no URL".to_owned(), advice: NETWORK });
        }
        request.headers_mut().insert("accept", "application/json");
        request.headers_mut().insert("user-agent", concat!("airlock-applier/", env!("CARGO_PKG_VERSION")));
        let answer = self.connector.call(request).await.map_err(|error| no_answer(&error))?;
        check_status(&answer)?;
        body(answer).await
    }
}

impl ReadIssuer for PublishedIssuer {
    fn published<'a>(&'a self, key: &'a str) -> Published<'a> {
        Box::pin(async move {
            let late = |_| {
                let answer = format!("no answer within {} seconds", TIMEOUT.as_secs());
                Err(Unread { answer, advice: NETWORK })
            };
            let read = tokio::time::timeout(TIMEOUT, self.get(key)).await.unwrap_or_else(late);
            read.map_err(|unread| Unread { advice: self.publisher.advice(unread.advice), ..unread })
        })
    }

    /// What somebody else hosts was published before: what is waited for is an answer that got lost. S3, CloudFront and DNS take a
    /// while.
    fn patience(&self) -> Duration {
        match self.publisher {
            Publisher::SomebodyElse => Duration::from_secs(5),
            Publisher::Bucket | Publisher::CloudFront => Duration::from_mins(1),
        }
    }

    fn advice(&self) -> &'static str {
        match self.publisher {
            Publisher::Bucket => {
                "look for a cache or a proxy in between, or for somebody else who writes to the bucket"
            }
            Publisher::CloudFront => {
                "look for a cache or a proxy in between, or for a DNS record that names another distribution"
            }
            Publisher::SomebodyElse => {
                "have this bundle's documents published there (`oidc/` in the bundle), or look for a cache or a proxy in between"
            }
        }
    }
}

/// The error that says most. Whether a certificate is the matter is known from its type.
fn no_answer(error: &(dyn std::error::Error + 'static)) -> Unread {
    let mut deepest = error;
    let mut is_certificate = false;
    while let Some(source) = next(deepest) {
        is_certificate |= is_about_certificate(source);
        deepest = source;
    }
    let advice = if is_certificate { CERTIFICATE } else { NETWORK };
    Unread { answer: deepest.to_string(), advice }
}

/// The cause of an error; what an I/O error holds is its cause too.
fn next<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a (dyn std::error::Error + 'static)> {
    let held = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    held.map(|held| held as &(dyn std::error::Error + 'static)).or_else(|| error.source())
}

fn is_about_certificate(error: &(dyn std::error::Error + 'static)) -> bool {
    use rustls::Error::{InvalidCertificate, NoCertificatesPresented};
    matches!(error.downcast_ref(), Some(InvalidCertificate(_) | NoCertificatesPresented))
}

fn check_status(answer: &HttpResponse) -> Result<(), Unread> {
    let status = answer.status().as_u16();
    match status {
        200 => Ok(()),
        300..400 => {
            let to = answer.headers().get("location").unwrap_or("nowhere");
            let to: String = to.chars().take(MAX_LOCATION).collect();
            Err(Unread { answer: format!("HTTP {status}, a redirect to {to}"), advice: REDIRECTED })
        }
        _ => Err(Unread { answer: format!("HTTP {status}"), advice: NOT_PUBLISHED }),
    }
}

async fn body(mut answer: HttpResponse) -> Result<Vec<u8>, Unread> {
    let mut pieces = ByteStream::new(answer.take_body());
    let mut body = Vec::new();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| no_answer(&error))?;
        if body.len() + piece.len() > MAX_BODY {
            return Err(Unread { answer: "a document has over 64 KiB".to_owned(), advice: TOO_LONG });
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, location: Option<&str>) -> Result<(), Unread> {
        let mut answer = HttpResponse::new(status.try_into().unwrap(), SdkBody::empty());
        if let Some(location) = location {
            answer.headers_mut().insert("location", location.to_owned());
        }
        check_status(&answer)
    }

    #[test]
    fn only_the_document_itself_is_an_answer() {
        assert_eq!(answered(200, None), Ok(()));
        let unread = |answer: &str, advice| Err(Unread { answer: answer.to_owned(), advice });
        assert_eq!(answered(404, None), unread("HTTP 404", NOT_PUBLISHED));
        assert_eq!(answered(204, None), unread("HTTP 204", NOT_PUBLISHED));
        assert_eq!(answered(304, None), unread("HTTP 304, a redirect to nowhere", REDIRECTED));
        let long = "x".repeat(3_000);
        assert_eq!(
            answered(301, Some(&long)),
            unread(&format!("HTTP 301, a redirect to {}", "x".repeat(2_048)), REDIRECTED)
        );
    }

    #[test]
    fn a_certificate_is_known_below_other_errors() {
        let certificate = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let error = std::io::Error::new(std::io::ErrorKind::InvalidData, certificate);
        let error = std::io::Error::other(error);
        assert_eq!(
            no_answer(&error),
            Unread { answer: "invalid peer certificate: UnknownIssuer".to_owned(), advice: CERTIFICATE }
        );
        let error = std::io::Error::other("refused");
        assert_eq!(no_answer(&error), Unread { answer: "refused".to_owned(), advice: NETWORK });
    }

    #[test]
    fn a_long_document_is_not_read_to_its_end() {
        let read = |bytes: usize| {
            let answer = HttpResponse::new(200.try_into().unwrap(), SdkBody::from(vec![b'x'; bytes]));
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(body(answer)).map(|body| body.len())
        };
        assert_eq!(read(MAX_BODY), Ok(65_536));
        let long = Unread { answer: "a document has over 64 KiB".to_owned(), advice: TOO_LONG };
        assert_eq!(read(MAX_BODY + 1), Err(long));
    }

    #[test]
    fn every_certificate_of_a_file_has_to_be_one() {
        let block = |content: &str| format!("-----BEGIN CERTIFICATE-----\n{content}\n-----END CERTIFICATE-----\n");
        assert_eq!(check_roots(b""), Err("it has no certificate"));
        assert_eq!(check_roots(block("!").as_bytes()), Err("it is not PEM"));
        assert_eq!(check_roots(block("AAAA").as_bytes()), Err("one of its certificates cannot be read"));
        assert_eq!(check_roots(b"-----BEGIN CERTIFICATE-----\nAAAA\n"), Err("it is not PEM"));
    }
}
