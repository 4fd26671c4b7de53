//! Which features a cluster has, as far as it is known offline: its feature set, its feature gates, its capabilities.
//!
//! Sources: openshift/api `config/v1` (feature sets, capability sets), library-go `pkg/manifest` (what annotations mean).

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use bundle_schema::documents::settings::{Capabilities, FeatureGates, FeatureName, OtherGates};

/// A feature set, as the annotation `release.openshift.io/feature-set` and `--feature-set` name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
#[value(rename_all = "PascalCase")]
pub enum FeatureSet {
    /// What a supported cluster has
    #[default]
    Default,
    /// Technology previews; such a cluster cannot be upgraded
    TechPreviewNoUpgrade,
    /// Previews for developers; such a cluster cannot be upgraded
    DevPreviewNoUpgrade,
    /// Gates that were chosen one by one; such a cluster cannot be upgraded
    CustomNoUpgrade,
    /// The community distribution
    #[value(name = "OKD")]
    Okd,
}

impl FeatureSet {
    const ALL: [Self; 5] =
        [Self::Default, Self::TechPreviewNoUpgrade, Self::DevPreviewNoUpgrade, Self::CustomNoUpgrade, Self::Okd];

    /// The name in annotations.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Default => "Default",
            Self::TechPreviewNoUpgrade => "TechPreviewNoUpgrade",
            Self::DevPreviewNoUpgrade => "DevPreviewNoUpgrade",
            Self::CustomNoUpgrade => "CustomNoUpgrade",
            Self::Okd => "OKD",
        }
    }
}

impl fmt::Display for FeatureSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is none of the known ones.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} \"{}\" is not known; known are {known}", bundle_schema::escape::Escaped(.value))]
pub struct UnknownName {
    what: &'static str,
    value: String,
    known: String,
}

impl FromStr for FeatureSet {
    type Err = UnknownName;
    fn from_str(value: &str) -> Result<Self, UnknownName> {
        Self::ALL.into_iter().find(|set| set.name() == value).ok_or_else(|| UnknownName {
            what: "feature set",
            value: value.to_owned(),
            known: Self::ALL.map(Self::name).join(", "),
        })
    }
}

/// Text that is no list of feature gates.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GatesError {
    /// A name that no gate can have.
    #[error("invalid feature gate \"{}\": must have 1 to 128 letters, digits and -, with - before it where the gate is off", bundle_schema::escape::Escaped(.0))]
    Name(String),
    /// On and off at once.
    #[error("feature gate {0} is given as on and as off")]
    Both(String),
}

/// The gates of `--feature-gates`: `Gate` is on, `-Gate` is off, and so is every gate that is not named.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GateList(BTreeMap<FeatureName, bool>);

impl From<GateList> for FeatureGates {
    fn from(list: GateList) -> Self {
        Self { gates: list.0, others: OtherGates::Off }
    }
}

impl FromStr for GateList {
    type Err = GatesError;
    fn from_str(text: &str) -> Result<Self, GatesError> {
        let mut gates = BTreeMap::new();
        for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            let (name, on) = item.strip_prefix('-').map_or((item, true), |name| (name, false));
            let name = FeatureName::new(name).map_err(|_| GatesError::Name(item.to_owned()))?;
            if gates.insert(name.clone(), on).is_some_and(|before| before != on) {
                return Err(GatesError::Both(name.into()));
            }
        }
        Ok(Self(gates))
    }
}

/// What each set adds to the one before [openshift/api config/v1/types_cluster_version.go,
/// ClusterVersionCapabilitySets].
const CAPABILITY_SETS: [(&str, &[&str]); 9] = [
    ("None", &[]),
    ("v4.11", &["baremetal", "marketplace", "openshift-samples", "MachineAPI"]),
    ("v4.12", &["Console", "Insights", "Storage", "CSISnapshot"]),
    ("v4.13", &["NodeTuning"]),
    ("v4.14", &["Build", "DeploymentConfig", "ImageRegistry"]),
    ("v4.15", &["OperatorLifecycleManager", "CloudCredential"]),
    ("v4.16", &["Ingress", "CloudControllerManager"]),
    ("v4.17", &[]),
    ("v4.18", &["OperatorLifecycleManagerV1"]),
];

/// The capabilities of a baseline set and these besides. Without a baseline, the installer takes `vCurrent`.
pub(crate) fn capabilities(
    baseline: Option<&str>,
    additional: impl IntoIterator<Item = FeatureName>,
) -> Result<Capabilities, UnknownName> {
    let baseline = baseline.unwrap_or("vCurrent");
    if baseline == "vCurrent" {
        return Ok(Capabilities::All);
    }
    let last = CAPABILITY_SETS.iter().position(|(name, _)| *name == baseline).ok_or_else(|| UnknownName {
        what: "capability set",
        value: baseline.to_owned(),
        known: CAPABILITY_SETS.map(|(name, _)| name).join(", ") + ", vCurrent",
    })?;
    let of_baseline = CAPABILITY_SETS.iter().take(last + 1).flat_map(|(_, added)| added.iter().copied());
    Ok(Capabilities::Only(of_baseline.filter_map(|name| FeatureName::new(name).ok()).chain(additional).collect()))
}

/// Everything that decides whether a cluster has a component.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Features {
    /// Its feature set.
    pub feature_set: FeatureSet,
    /// Its feature gates; none where nothing is known about them, because no file of the installer has the release's.
    pub gates: Option<FeatureGates>,
    /// Its capabilities; nothing is known about them without an install-config.
    pub capabilities: Option<Capabilities>,
}

impl Features {
    /// The state of a gate, where it is known.
    pub(crate) fn gate(&self, name: &str) -> Option<bool> {
        self.gates.as_ref()?.state(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> FeatureName {
        FeatureName::new(name).unwrap()
    }

    #[test]
    fn gates_are_on_off_or_unknown() {
        let all = |list: &str| list.parse::<GateList>().map(FeatureGates::from);
        let some = |on| FeatureGates { gates: [(name("A"), on)].into(), others: OtherGates::Unknown };
        let listed = all("A, -B,,").unwrap();
        assert_eq!([listed.state("A"), listed.state("B"), listed.state("C")], [Some(true), Some(false), Some(false)]);
        assert_eq!(all("").unwrap().state("A"), Some(false));
        assert_eq!(Features::default().gate("A"), None);
        assert_eq!(
            [some(false).state("A"), some(true).state("A"), some(false).state("B")],
            [Some(false), Some(true), None]
        );
        assert_eq!(all("A,-A"), Err(GatesError::Both("A".to_owned())));
        for wrong in ["A=true", "--A", &"A".repeat(129)] {
            assert_eq!(all(wrong), Err(GatesError::Name(wrong.to_owned())));
        }
    }

    #[test]
    fn capability_sets_are_those_of_the_installer() {
        let of = |baseline| match capabilities(Some(baseline), []).unwrap() {
            Capabilities::Only(set) => set.len(),
            Capabilities::All => usize::MAX,
        };
        let sizes =
            ["None", "v4.11", "v4.12", "v4.13", "v4.14", "v4.15", "v4.16", "v4.17", "v4.18", "vCurrent"].map(of);
        assert_eq!(sizes, [0, 4, 8, 9, 12, 14, 16, 16, 17, usize::MAX]);
        assert!(capabilities(None, []).unwrap().has("SomethingNew"));
        let some = capabilities(Some("None"), [name("Storage")]).unwrap();
        assert!(some.has("Storage") && !some.has("Console"));
        assert_eq!(
            capabilities(Some("v4.99"), []).unwrap_err().to_string(),
            "capability set \"v4.99\" is not known; known are None, v4.11, v4.12, v4.13, v4.14, v4.15, v4.16, v4.17, v4.18, vCurrent"
        );
    }

    #[test]
    fn feature_sets_have_the_names_of_the_annotation() {
        for set in FeatureSet::ALL {
            assert_eq!(set.name().parse(), Ok(set));
            assert_eq!(clap::ValueEnum::to_possible_value(&set).unwrap().get_name(), set.name());
        }
        assert!("techpreviewnoupgrade".parse::<FeatureSet>().is_err());
    }
}
