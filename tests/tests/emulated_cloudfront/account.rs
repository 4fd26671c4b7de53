//! An emulated account, and the smallest configurations that it takes.

use serde_json::{Value, json};
use tests::emulator::ACCOUNT;
use tests::{SetupError, emulator};

use crate::Emulator;

/// AWS's own cache policy that caches nothing.
pub(crate) const CACHING_DISABLED: &str = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad";
pub(crate) const BUCKET: &str = "demo-oidc";
pub(crate) const CERTIFICATE: &str =
    "arn:aws:acm:us-east-1:123456789012:certificate/6f2b9c1e-0000-4000-8000-000000000000";

pub(crate) struct Account {
    pub(crate) emulator: emulator::Emulator,
}

/// An origin access control.
pub(crate) struct Control {
    pub(crate) id: String,
    pub(crate) etag: String,
}

impl Control {
    pub(crate) fn version(&self) -> Value {
        json!({"Id": self.id, "IfMatch": self.etag})
    }
}

pub(crate) fn control_config(name: &str) -> Value {
    json!({
        "Name": name, "SigningProtocol": "sigv4", "SigningBehavior": "always", "OriginAccessControlOriginType": "s3",
    })
}

/// A distribution in front of the bucket.
pub(crate) fn config(reference: &str, control: &str) -> Value {
    json!({
        "CallerReference": reference,
        "Comment": "",
        "Enabled": true,
        "Origins": {"Quantity": 1, "Items": [{
            "Id": "bucket",
            "DomainName": format!("{BUCKET}.s3.us-east-2.amazonaws.com"),
            "S3OriginConfig": {"OriginAccessIdentity": ""},
            "OriginAccessControlId": control,
        }]},
        "DefaultCacheBehavior": {
            "TargetOriginId": "bucket", "ViewerProtocolPolicy": "https-only", "CachePolicyId": CACHING_DISABLED,
        },
    })
}

/// One alias, and the certificate that it needs.
pub(crate) fn add_alias(config: &mut Value, alias: &str) {
    config["Aliases"] = json!({"Quantity": 1, "Items": [alias]});
    config["ViewerCertificate"] = viewer_certificate(CERTIFICATE);
}

pub(crate) fn viewer_certificate(arn: &str) -> Value {
    json!({"ACMCertificateArn": arn, "SSLSupportMethod": "sni-only", "MinimumProtocolVersion": "TLSv1.2_2021"})
}

pub(crate) fn tagged(config: &Value) -> Value {
    let tags = json!({"Items": [{"Key": "Name", "Value": "demo"}]});
    json!({"DistributionConfigWithTags": {"DistributionConfig": config, "Tags": tags}})
}

impl Account {
    pub(crate) fn new() -> Result<Self, SetupError> {
        Ok(Self { emulator: Emulator::start()? })
    }

    #[track_caller]
    pub(crate) fn call(&self, operation: &str, parameters: Value) -> Value {
        self.emulator.call("cloudfront", operation, parameters)
    }

    /// The status and the code of an error.
    #[track_caller]
    pub(crate) fn refused(&self, operation: &str, parameters: Value) -> (u64, String) {
        let answer = self.emulator.try_call(ACCOUNT, "cloudfront", operation, parameters);
        let code = answer["error"].as_str().unwrap_or_else(|| panic!("{operation} is not refused: {answer}"));
        (answer["status"].as_u64().unwrap(), code.to_owned())
    }

    pub(crate) fn control(&self, name: &str) -> Control {
        let made =
            self.call("create_origin_access_control", json!({"OriginAccessControlConfig": control_config(name)}));
        let text = |field: &Value| field.as_str().unwrap().to_owned();
        Control { id: text(&made["OriginAccessControl"]["Id"]), etag: text(&made["ETag"]) }
    }

    pub(crate) fn create(&self, reference: &str, control: &str) -> Value {
        self.call("create_distribution_with_tags", tagged(&config(reference, control)))
    }

    /// The ID of a new distribution.
    pub(crate) fn made(&self, reference: &str, control: &str) -> String {
        self.create(reference, control)["Distribution"]["Id"].as_str().unwrap().to_owned()
    }

    pub(crate) fn status(&self, id: &str) -> String {
        self.call("get_distribution", json!({"Id": id}))["Distribution"]["Status"].as_str().unwrap().to_owned()
    }

    /// Updates a distribution, and gives its new version.
    pub(crate) fn change(&self, id: &str, change: impl FnOnce(&mut Value)) -> String {
        let mut held = self.call("get_distribution_config", json!({"Id": id}));
        change(&mut held["DistributionConfig"]);
        let update = json!({"Id": id, "IfMatch": held["ETag"], "DistributionConfig": held["DistributionConfig"]});
        self.call("update_distribution", update)["ETag"].as_str().unwrap().to_owned()
    }
}
