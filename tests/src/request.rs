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

/// How many requests, at most, were made one after the other: of each, that the one before it had been answered when it came. A
/// request without an answer is none of them.
pub fn longest_chain(requests: &[Request]) -> usize {
    let mut spans: Vec<(f64, f64)> =
        requests.iter().filter_map(|request| Some((request.begin, request.end?))).collect();
    // Whoever takes the one that ends first, again and again, gets the most.
    spans.sort_by(|one, other| one.1.total_cmp(&other.1));
    let mut ended = f64::NEG_INFINITY;
    let mut length = 0;
    for (begin, end) in spans {
        if begin >= ended {
            (length, ended) = (length + 1, end);
        }
    }
    length
}

/// How many requests went to each service.
pub fn by_service(requests: &[Request]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for request in requests {
        *counts.entry(request.service.as_str()).or_default() += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn request(begin: f64, end: impl Into<Option<f64>>) -> Request {
        serde_json::from_value(json!({
            "service": "iam", "operation": "GetRole", "region": "us-east-1", "access_key": "", "method": "POST", "path": "/",
            "query": {}, "parameters": {}, "headers": {}, "body": "", "write": false, "begin": begin, "end": end.into(),
        }))
        .unwrap()
    }

    #[test]
    fn a_chain_is_of_requests_that_came_when_the_one_before_was_answered() {
        let chain = |spans: &[(f64, f64)]| {
            longest_chain(&spans.iter().map(|(begin, end)| request(*begin, *end)).collect::<Vec<_>>())
        };
        assert_eq!(chain(&[]), 0);
        assert_eq!(chain(&[(0.0, 50.0), (0.0, 50.0), (0.1, 49.9)]), 1, "side by side");
        assert_eq!(chain(&[(0.0, 50.0), (50.0, 100.0), (100.1, 150.0)]), 3, "one after the other");
        assert_eq!(chain(&[(0.0, 200.0), (10.0, 60.0), (70.0, 120.0), (130.0, 180.0)]), 3, "beside a long one");
        assert_eq!(chain(&[(100.0, 150.0), (0.0, 50.0)]), 2, "in whatever order they are listed");
    }

    #[test]
    fn a_request_without_an_answer_is_no_part_of_a_chain() {
        assert_eq!(longest_chain(&[request(0.0, 50.0), request(60.0, None)]), 1);
    }
}
