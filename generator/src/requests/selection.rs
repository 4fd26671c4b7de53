//! Which documents of a directory become roles.
//!
//! Input: an untrusted YAML document and what is known about the cluster's features. Output: keep it, perhaps with
//! gates that nobody decided, or skip it and why. A document that cannot be told to be one or the other is an error,
//! never skipped. The rules are library-go's `pkg/manifest`; a skip is always reported.

use bundle_schema::escape::Escaped;

use crate::settings::features::{FeatureSet, Features};
use crate::yaml::{Cursor, FieldError, FieldProblem, Node};

const GROUP: &str = "cloudcredential.openshift.io";
const DELETE: &str = "release.openshift.io/delete";
const FEATURE_SET: &str = "release.openshift.io/feature-set";
const FEATURE_GATE: &str = "release.openshift.io/feature-gate";
const CAPABILITY: &str = "capability.openshift.io/name";

/// What becomes of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It becomes a role. The gates are those it depends on and whose state is not known.
    Keep { undecided: Vec<String> },
    /// It is a CredentialsRequest that does not, and why.
    Skip(String),
    /// It is no CredentialsRequest.
    Other(Other),
}

/// A document that is no CredentialsRequest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Other {
    /// What it is.
    pub(crate) reason: String,
    /// Whether it is a Secret, which may hold anything.
    pub(crate) is_secret: bool,
}

pub(crate) fn judge(document: &Node, features: &Features) -> Result<Verdict, FieldError> {
    if let Some(other) = other_object(document)? {
        return Ok(Verdict::Other(other));
    }
    let root = Cursor::root(document);
    let at = |path: &[&str]| root.at(path);
    let provider = at(&["spec", "providerSpec", "kind"]).map(|kind| kind.text()).transpose()?;
    if let Some(kind) = provider.filter(|kind| *kind != "AWSProviderSpec") {
        return Ok(skip(&format!("providerSpec is of kind {kind}, not AWSProviderSpec")));
    }
    let annotation = |name| at(&["metadata", "annotations", name]).map(|value| value.text()).transpose();
    if annotation(DELETE)? == Some("true") {
        return Ok(skip("the release deletes it (release.openshift.io/delete)"));
    }
    if provider.is_none() {
        return Err(root.error(FieldProblem::Missing("spec.providerSpec.kind")));
    }
    if let Some(verdict) = annotation(FEATURE_SET)?.and_then(|sets| by_feature_set(sets, features)) {
        return Ok(verdict);
    }
    let mut undecided = Vec::new();
    if let Some(gates) = annotation(FEATURE_GATE)? {
        match by_feature_gate(gates, features) {
            Verdict::Keep { undecided: gates } => undecided = gates,
            skipped => return Ok(skipped),
        }
    }
    if let (Some(needed), Some(capabilities)) = (annotation(CAPABILITY)?, &features.capabilities)
        && let Some(missing) = needed.split('+').find(|name| !name.is_empty() && !capabilities.has(name))
    {
        return Ok(skip(&format!("the install-config leaves out the capability {missing}")));
    }
    let role = at(&["spec", "providerSpec", "stsIAMRoleARN"]).map(|arn| arn.text()).transpose()?;
    if role.is_some_and(|arn| !arn.is_empty()) {
        return Ok(skip("it names a role of its own (stsIAMRoleARN): the cloud credential operator makes its Secret"));
    }
    Ok(Verdict::Keep { undecided })
}

/// What a document is, where it is not a CredentialsRequest.
pub(crate) fn other_object(document: &Node) -> Result<Option<Other>, FieldError> {
    if document.is_null() {
        return Ok(Some(Other { reason: "the document is empty".to_owned(), is_secret: false }));
    }
    let root = Cursor::root(document);
    root.entries()?;
    let required = |name: &'static str| root.at(&[name]).ok_or_else(|| root.error(FieldProblem::Missing(name)));
    let kind = required("kind")?.text()?;
    // Requests inside a list would be skipped with it.
    if kind == "List" || kind == "CredentialsRequestList" {
        return Err(
            required("kind")?.refused(format_args!("{kind} is not read; write each object as a document of its own"))
        );
    }
    if kind != "CredentialsRequest" {
        let reason = format!("it is of kind {kind}, not CredentialsRequest");
        return Ok(Some(Other { reason, is_secret: kind == "Secret" }));
    }
    let version = required("apiVersion")?;
    match version.text()?.split_once('/') {
        Some((GROUP, "v1")) => Ok(None),
        Some((GROUP, other)) => {
            Err(version.refused(format_args!("version {} is not known; {GROUP}/v1 is", Escaped(other))))
        }
        _ => {
            let reason = format!("its apiVersion is {}, not {GROUP}/v1", version.text()?);
            Ok(Some(Other { reason, is_secret: false }))
        }
    }
}

/// Any of the listed sets may match.
fn by_feature_set(sets: &str, features: &Features) -> Option<Verdict> {
    let matches = sets.split(',').any(|set| set.trim() == features.feature_set.name());
    (!matches).then(|| skip(&format!("it belongs to the feature set {sets}; the cluster has {}", features.feature_set)))
}

/// All of the listed gates must match; `-Gate` must be off. OpenShift 4.10 and 4.11 wrote feature sets here.
fn by_feature_gate(gates: &str, features: &Features) -> Verdict {
    let gates: Vec<&str> = gates.split(',').map(str::trim).filter(|gate| !gate.is_empty()).collect();
    if !gates.is_empty() && gates.iter().all(|gate| gate.parse::<FeatureSet>().is_ok()) {
        return by_feature_set(&gates.join(","), features).unwrap_or(Verdict::Keep { undecided: Vec::new() });
    }
    let mut undecided = Vec::new();
    for gate in gates {
        let (name, needed) = gate.strip_prefix('-').map_or((gate, true), |name| (name, false));
        match features.gate(name) {
            Some(on) if on == needed => {}
            Some(_) if needed => return skip(&format!("it needs the feature gate {name}, which is off")),
            Some(_) => return skip(&format!("it needs the feature gate {name} to be off, and it is on")),
            None => undecided.push(gate.to_owned()),
        }
    }
    Verdict::Keep { undecided }
}

fn skip(reason: &str) -> Verdict {
    Verdict::Skip(reason.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::features::GateList;
    use crate::yaml;
    use bundle_schema::documents::settings::{Capabilities, FeatureGates, FeatureName, OtherGates};

    fn request(annotations: &str, provider: &str) -> String {
        format!(
            "apiVersion: cloudcredential.openshift.io/v1\nkind: CredentialsRequest\n\
             metadata: {{name: x, annotations: {{{annotations}}}}}\nspec: {{providerSpec: {{{provider}}}}}\n"
        )
    }

    fn judged(text: &str, features: &Features) -> Result<Verdict, String> {
        judge(&yaml::parse(text).unwrap()[0], features).map_err(|error| error.to_string())
    }

    fn aws(annotations: &str, features: &Features) -> Verdict {
        judged(&request(annotations, "kind: AWSProviderSpec"), features).unwrap()
    }

    fn keep() -> Verdict {
        Verdict::Keep { undecided: vec![] }
    }

    #[test]
    fn other_objects_and_other_clouds_are_skipped() {
        let none = Features::default();
        for (text, reason, is_secret) in [
            ("---\n", "the document is empty", false),
            ("kind: Secret\n", "it is of kind Secret, not CredentialsRequest", true),
            (
                "kind: CredentialsRequest\napiVersion: other.io/v1\n",
                "its apiVersion is other.io/v1, not cloudcredential.openshift.io/v1",
                false,
            ),
        ] {
            assert_eq!(judged(text, &none), Ok(Verdict::Other(Other { reason: reason.to_owned(), is_secret })));
        }
        for (text, reason) in [
            (&request("", "kind: GCPProviderSpec"), "providerSpec is of kind GCPProviderSpec, not AWSProviderSpec"),
            (
                &request("release.openshift.io/delete: \"true\"", ""),
                "the release deletes it (release.openshift.io/delete)",
            ),
            (
                &request("", "kind: AWSProviderSpec, stsIAMRoleARN: arn:aws:iam::123456789012:role/x"),
                "it names a role of its own (stsIAMRoleARN): the cloud credential operator makes its Secret",
            ),
        ] {
            assert_eq!(judged(text, &none), Ok(skip(reason)));
        }
        assert_eq!(judged(&request("", "kind: AWSProviderSpec, stsIAMRoleARN: ''"), &none), Ok(keep()));
    }

    #[test]
    fn what_cannot_be_told_is_an_error() {
        let none = Features::default();
        for (text, error) in [
            ("- a\n", "the document (line 1): expected a mapping, found a list"),
            ("a: b\n", "the document (line 1) has no field \"kind\""),
            ("kind: CredentialsRequest\n", "the document (line 1) has no field \"apiVersion\""),
            ("kind: List\nitems: []\n", "kind (line 1): List is not read; write each object as a document of its own"),
            (
                "kind: CredentialsRequest\napiVersion: cloudcredential.openshift.io/v1beta1\n",
                "apiVersion (line 2): version v1beta1 is not known; cloudcredential.openshift.io/v1 is",
            ),
            (
                "kind: CredentialsRequest\napiVersion: \"cloudcredential.openshift.io/\\e[2J\"\n",
                "apiVersion (line 2): version \\u{1b}[2J is not known; cloudcredential.openshift.io/v1 is",
            ),
            (&request("", ""), "the document (line 1) has no field \"spec.providerSpec.kind\""),
            (
                &request("release.openshift.io/delete: true", ""),
                "metadata.annotations.release.openshift.io/delete (line 3) is true, which is a boolean, not text\n  quote it: \"true\"",
            ),
        ] {
            assert_eq!(judged(text, &none), Err(error.to_owned()));
        }
    }

    #[test]
    fn any_listed_feature_set_matches() {
        let default = Features::default();
        let preview = Features { feature_set: FeatureSet::TechPreviewNoUpgrade, ..Features::default() };
        let list = "release.openshift.io/feature-set: \"CustomNoUpgrade,TechPreviewNoUpgrade\"";
        assert_eq!(aws(list, &preview), keep());
        assert_eq!(
            aws(list, &default),
            skip("it belongs to the feature set CustomNoUpgrade,TechPreviewNoUpgrade; the cluster has Default")
        );
        assert_eq!(aws("release.openshift.io/feature-set: Default", &default), keep());
        // The spelling of 4.10 and 4.11.
        assert_eq!(aws("release.openshift.io/feature-gate: TechPreviewNoUpgrade", &preview), keep());
        assert_eq!(
            aws("release.openshift.io/feature-gate: TechPreviewNoUpgrade", &default),
            skip("it belongs to the feature set TechPreviewNoUpgrade; the cluster has Default")
        );
    }

    #[test]
    fn every_listed_gate_has_to_match() {
        let gates = "release.openshift.io/feature-gate: \"A,-B\"";
        let with = |gates| Features { gates: Some(gates), ..Features::default() };
        let all = |list: &str| with(list.parse::<GateList>().unwrap().into());
        assert_eq!(
            aws(gates, &Features::default()),
            Verdict::Keep { undecided: vec!["A".to_owned(), "-B".to_owned()] }
        );
        assert_eq!(aws(gates, &all("A")), keep());
        assert_eq!(aws(gates, &all("A,B")), skip("it needs the feature gate B to be off, and it is on"));
        assert_eq!(aws(gates, &all("")), skip("it needs the feature gate A, which is off"));
        let some = |name: &str, on| {
            with(FeatureGates { gates: [(FeatureName::new(name).unwrap(), on)].into(), others: OtherGates::Unknown })
        };
        assert_eq!(aws(gates, &some("A", true)), Verdict::Keep { undecided: vec!["-B".to_owned()] });
        assert_eq!(aws(gates, &some("B", true)), skip("it needs the feature gate B to be off, and it is on"));
    }

    #[test]
    fn every_capability_has_to_be_there() {
        let needed = "capability.openshift.io/name: CloudCredential+Ingress";
        let with = |capabilities| Features { capabilities, ..Features::default() };
        let only =
            |names: [&str; 1]| with(Some(Capabilities::Only(names.map(|name| FeatureName::new(name).unwrap()).into())));
        assert_eq!(aws(needed, &Features::default()), keep());
        assert_eq!(aws(needed, &with(Some(Capabilities::All))), keep());
        assert_eq!(
            aws(needed, &only(["Ingress"])),
            skip("the install-config leaves out the capability CloudCredential")
        );
        assert_eq!(aws("", &only(["Ingress"])), keep());
    }
}
