//! What an install-config says about a cluster's features.
//!
//! Input: the installer's `install-config.yaml`, the user's own file. Output: its feature set, gates and capabilities.
//! Nothing else in it is looked at, its pull secret least of all. Source: openshift/installer `pkg/types/installconfig.go`.

use bundle_schema::documents::settings::{Capabilities, FeatureGates, FeatureName, OtherGates};

use crate::settings::features::{FeatureSet, capabilities};
use crate::yaml::{Cursor, FieldError, Node};

/// The fields that decide which components the cluster has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InstallConfig {
    pub(crate) feature_set: Option<FeatureSet>,
    /// None where it names no gates: what they are depends on the release.
    pub(crate) gates: Option<FeatureGates>,
    pub(crate) capabilities: Capabilities,
    /// `credentialsMode`; empty where it is left out.
    credentials_mode: String,
}

impl InstallConfig {
    /// What would make the cluster ignore the bundle's roles.
    pub(crate) fn warning(&self) -> Option<&'static str> {
        (self.credentials_mode != "Manual").then_some(
            "the install-config does not have \"credentialsMode: Manual\", without which the cluster ignores the roles of this bundle",
        )
    }

    pub(crate) fn read(document: &Node) -> Result<Self, FieldError> {
        let root = Cursor::root(document);
        root.entries()?;
        let capabilities = match root.at(&["capabilities"]) {
            None => Capabilities::All,
            Some(field) => read_capabilities(&field)?,
        };
        let credentials_mode = root.at(&["credentialsMode"]).map_or(Ok(""), |mode| mode.text())?.to_owned();
        let feature_set = match root.at(&["featureSet"]) {
            Some(field) if field.text()?.is_empty() => None,
            Some(field) => Some(field.parse()?),
            None => None,
        };
        let gates = match root.at(&["featureGates"]) {
            None => None,
            Some(list) => Some(FeatureGates {
                gates: list.items()?.iter().map(read_gate).collect::<Result<_, _>>()?,
                others: OtherGates::Unknown,
            }),
        };
        Ok(Self { feature_set, gates, capabilities, credentials_mode })
    }
}

fn read_capabilities(field: &Cursor<'_>) -> Result<Capabilities, FieldError> {
    let fields = field.fields(&["additionalEnabledCapabilities", "baselineCapabilitySet"])?;
    let additional = fields.optional("additionalEnabledCapabilities").map_or(Ok(Vec::new()), |list| list.items())?;
    let additional = additional.iter().map(Cursor::parse).collect::<Result<Vec<FeatureName>, _>>()?;
    match fields.optional("baselineCapabilitySet") {
        None => capabilities(None, additional).map_err(|error| field.refused(error)),
        Some(set) => capabilities(Some(set.text()?), additional).map_err(|error| set.refused(error)),
    }
}

/// `Gate=true` or `Gate=false`.
fn read_gate(item: &Cursor<'_>) -> Result<(FeatureName, bool), FieldError> {
    let name = |gate| FeatureName::new(gate).map_err(|error| item.refused(error));
    match item.text()?.split_once('=') {
        Some((gate, "true")) => Ok((name(gate)?, true)),
        Some((gate, "false")) => Ok((name(gate)?, false)),
        _ => Err(item.refused("it has the form Gate=true or Gate=false")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml;

    fn read(text: &str) -> Result<InstallConfig, String> {
        InstallConfig::read(&yaml::parse(text).unwrap()[0]).map_err(|error| error.to_string())
    }

    #[test]
    fn features_are_read_and_everything_else_is_left_alone() {
        let config = read(
            "apiVersion: v1\nbaseDomain: example.com\npullSecret: '{\"auths\": {}}'\nplatform: {aws: {region: us-east-2}}\n\
             featureSet: CustomNoUpgrade\nfeatureGates: [A=true, B=false]\n\
             capabilities: {baselineCapabilitySet: None, additionalEnabledCapabilities: [Ingress]}\n",
        )
        .unwrap();
        assert_eq!(config.feature_set, Some(FeatureSet::CustomNoUpgrade));
        let name = |name: &str| FeatureName::new(name).unwrap();
        let gates = [(name("A"), true), (name("B"), false)].into();
        assert_eq!(config.gates, Some(FeatureGates { gates, others: OtherGates::Unknown }));
        assert_eq!(config.capabilities, Capabilities::Only([name("Ingress")].into()));
        let empty = read("apiVersion: v1\nfeatureSet: ''\n").unwrap();
        let nothing = InstallConfig {
            feature_set: None,
            gates: None,
            capabilities: Capabilities::All,
            credentials_mode: String::new(),
        };
        assert_eq!(empty, nothing);
        assert!(empty.warning().is_some() && read("credentialsMode: Mint\n").unwrap().warning().is_some());
        assert!(read("credentialsMode: Manual\n").unwrap().warning().is_none());
    }

    #[test]
    fn what_is_not_known_is_refused() {
        assert_eq!(
            read("capabilities: {baselineCapabilitySet: v5.0}\n").unwrap_err(),
            "capabilities.baselineCapabilitySet (line 1): capability set \"v5.0\" is not known; known are None, v4.11, v4.12, v4.13, v4.14, v4.15, v4.16, v4.17, v4.18, vCurrent"
        );
        assert_eq!(
            read("capabilities: {baseline: None}\n").unwrap_err(),
            "capabilities (line 1) has the unknown field \"baseline\"; known are additionalEnabledCapabilities, baselineCapabilitySet"
        );
        assert_eq!(
            read("featureGates: [A]\n").unwrap_err(),
            "featureGates[0] (line 1): it has the form Gate=true or Gate=false"
        );
        assert_eq!(
            read("featureSet: Other\n").unwrap_err(),
            "featureSet (line 1): feature set \"Other\" is not known; known are Default, TechPreviewNoUpgrade, DevPreviewNoUpgrade, CustomNoUpgrade, OKD"
        );
    }
}
