//! A good receipt, as text: where attacks on receipts start from.

/// A receipt of a run that failed at its second action, in canonical form: cluster `prod-a`, serial 7.
pub const GOOD: &str = r#"{
  "receiptVersion": 1,
  "applierVersion": "0.1.0",
  "operation": "apply",
  "ending": "failed",
  "bundle": {
    "kind": "cluster",
    "name": "prod-a",
    "serial": 7,
    "sha256": "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
    "created": "2026-09-21T14:13:20Z",
    "expires": "2027-01-15T08:00:00Z"
  },
  "signers": [
    {
      "role": "generator",
      "key": "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3",
      "trustedComment": "timestamp:1790000000\tfile:prod-a-7.tar.gz\thashed"
    }
  ],
  "accountId": "123456789012",
  "partition": "aws",
  "region": "us-east-2",
  "caller": "arn:aws:sts::123456789012:assumed-role/applier/ann",
  "planDigest": "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd",
  "approval": {
    "by": "plan-digest",
    "planDigest": "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
  },
  "choices": {
    "adopt": false,
    "allowRollback": false,
    "prune": true,
    "leaveForeignPolicies": false
  },
  "started": "2026-10-01T10:00:00Z",
  "finished": "2026-10-01T10:00:09Z",
  "actions": [
    {
      "change": "update",
      "call": "s3:PutObject",
      "resource": "arn:aws:s3:::prod-a-oidc/sts-airlock/record.json",
      "outcome": "done",
      "began": "2026-10-01T10:00:00Z",
      "ended": "2026-10-01T10:00:01Z",
      "attempts": 1,
      "requestIds": [
        "TX00000001"
      ]
    },
    {
      "change": "update",
      "call": "iam:UpdateRole",
      "resource": "arn:aws:iam::123456789012:role/prod-a-storage-disk-creds",
      "outcome": "failed",
      "error": "iam:UpdateRole failed: Throttling (Rate exceeded, HTTP 400, request r-2), 3 times",
      "began": "2026-10-01T10:00:01Z",
      "ended": "2026-10-01T10:00:08Z",
      "attempts": 3,
      "requestIds": [
        "r-1",
        "r-2"
      ]
    },
    {
      "change": "update",
      "call": "s3:PutObject",
      "resource": "arn:aws:s3:::prod-a-oidc/sts-airlock/record.json",
      "outcome": "not-reached"
    }
  ],
  "issuerCheck": {
    "outcome": "not-reached"
  },
  "record": {
    "recordVersion": 1,
    "name": "prod-a",
    "state": "stopped",
    "serial": 7,
    "sha256": "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
    "time": "2026-10-01T10:00:09Z",
    "caller": "arn:aws:sts::123456789012:assumed-role/applier/ann",
    "run": "00000000000000000000000000000000",
    "made": {
      "roles": {
        "prod-a-storage-disk-creds": "AROAEXAMPLE0PRODDISK"
      }
    },
    "making": {
      "provider": false,
      "roles": []
    }
  }
}
"#;

/// The receipt of an endpoint's apply that is done, in canonical form: cluster `democluster`, serial 1, as a test's scene has it.
pub const ENDPOINT: &str = r#"{
  "receiptVersion": 1,
  "applierVersion": "0.1.0",
  "operation": "apply",
  "ending": "done",
  "bundle": {
    "kind": "endpoint",
    "name": "democluster",
    "serial": 1,
    "sha256": "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc",
    "created": "2026-11-01T00:00:00Z",
    "expires": "2026-12-01T00:00:00Z"
  },
  "signers": [
    {
      "role": "generator",
      "key": "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3",
      "trustedComment": "timestamp:1790000000\tfile:democluster-1.tar.gz\thashed"
    }
  ],
  "accountId": "123456789012",
  "partition": "aws",
  "region": "us-east-2",
  "caller": "arn:aws:sts::123456789012:assumed-role/applier/ann",
  "planDigest": "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd",
  "approval": {
    "by": "plan-digest",
    "planDigest": "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
  },
  "choices": {
    "adopt": false,
    "allowRollback": false,
    "prune": false,
    "leaveForeignPolicies": false
  },
  "started": "2026-11-01T10:00:00Z",
  "finished": "2026-11-01T10:06:00Z",
  "actions": [
    {
      "change": "create",
      "call": "cloudfront:CreateDistribution",
      "resource": "arn:aws:cloudfront::123456789012:distribution/EDFDVBD6EXAMPLE",
      "outcome": "done",
      "began": "2026-11-01T10:00:00Z",
      "ended": "2026-11-01T10:00:01Z",
      "attempts": 1,
      "requestIds": [
        "r-1"
      ]
    }
  ],
  "distribution": {
    "id": "EDFDVBD6EXAMPLE",
    "arn": "arn:aws:cloudfront::123456789012:distribution/EDFDVBD6EXAMPLE",
    "domain": "d111111abcdef8.cloudfront.net"
  },
  "deployment": {
    "outcome": "done"
  }
}
"#;
