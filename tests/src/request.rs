//! What the emulator saw: every request of a program under test, as AWS would have received it.

use std::collections::BTreeMap;

use serde::Deserialize;

/// One request, seen on the wire.
#[derive(Debug, Clone, Deserialize)]
pub struct Request {
    /// `iam`, `s3`, `sts` or `cloudfront`, as it was signed for.
    pub service: String,
    /// The API's name for it, such as `CreateRole` or `PutObject`.
    pub operation: String,
    /// The region it was signed for.
    pub region: String,
    /// The access key ID that signed it; empty where it is not signed.
    pub access_key: String,
    /// The HTTP method.
    pub method: String,
    /// The path, with the bucket and the key of an S3 request.
    pub path: String,
    /// The query's fields.
    pub query: BTreeMap<String, String>,
    /// IAM and STS: the call's parameters in their flat spelling. S3: `Bucket` and `Key`. CloudFront: those of path and query.
    pub parameters: BTreeMap<String, String>,
    /// The headers that say something, in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: String,
    /// Whether it may change something.
    pub write: bool,
    /// What a test made of it, such as `cut-after`.
    pub fault: Option<String>,
    /// The answer's status; none where moto was not asked and the connection was cut.
    pub status: Option<u16>,
    /// The answer's request ID; none where there was no answer.
    pub id: Option<String>,
    /// When it came, in milliseconds since the emulator began.
    pub begin: f64,
    /// When it was answered; none while it is not.
    pub end: Option<f64>,
}

impl Request {
    /// A parameter, or nothing.
    pub fn parameter(&self, name: &str) -> &str {
        self.parameters.get(name).map_or("", String::as_str)
    }

    /// A header, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// Whether it was sent with credentials; the public's requests are not.
    pub fn is_signed(&self) -> bool {
        !self.access_key.is_empty()
    }

    /// The operation and what it is about: `CreateRole prod-machine-api`.
    pub fn summary(&self) -> String {
        const SUBJECTS: [&str; 7] = ["RoleName", "OpenIDConnectProviderArn", "Url", "Key", "Bucket", "Id", "Resource"];
        let subject = SUBJECTS.iter().find_map(|name| self.parameters.get(*name));
        subject.map_or_else(|| self.operation.clone(), |subject| format!("{} {subject}", self.operation))
    }
}

/// The operations of a list of requests, in its order.
pub fn operations(requests: &[Request]) -> Vec<&str> {
    requests.iter().map(|request| request.operation.as_str()).collect()
}
