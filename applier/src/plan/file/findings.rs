//! Which findings of a plan are those of the file, or what a run that was stopped has made of them.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};

use super::PlanFile;
use super::actions::FileActions;
use crate::plan::action::RecordVersion;
use crate::plan::digest::lasting_part;
use crate::plan::finding::Finding;

/// A file's findings. A file may have many, so each is looked up.
pub(super) struct FileFindings<'a> {
    actions: &'a FileActions<'a>,
    whole: HashSet<&'a Value>,
    /// By kind, and by role where there is one.
    by_kind: HashMap<(&'a str, &'a str), Vec<&'a Value>>,
}

impl<'a> FileFindings<'a> {
    pub(super) fn of(file: &'a PlanFile, actions: &'a FileActions<'a>) -> Self {
        let mut by_kind: HashMap<_, Vec<&Value>> = HashMap::new();
        for finding in &file.findings {
            by_kind.entry(kind(finding)).or_default().push(finding);
        }
        Self { actions, whole: file.findings.iter().collect(), by_kind }
    }

    /// Whether whoever read the file knows this, or the stopped run, which left this record, explains it.
    pub(super) fn knows(&self, finding: &Finding, stopped: Option<&RecordVersion>) -> bool {
        let value = lasting_part(finding.to_value());
        if self.whole.contains(&value) {
            return true;
        }
        let mut same_kind = self.by_kind.get(&kind(&value)).into_iter().flatten();
        match finding {
            // The stopped run itself.
            Finding::Unfinished { state, serial, caller, time } => stopped.is_some_and(|record| {
                (state, serial, caller, time) == (&record.state, &record.serial, &record.caller, &record.time)
            }),
            Finding::BucketTakenOver { bucket } => self.actions.creates(bucket),
            // Some of what said that a newer bundle was applied is replaced.
            Finding::Rollback { from, to } => {
                let is_higher = |known: &Value| known.get("from").and_then(Value::as_u64) >= Some(*from);
                stopped.is_some() && same_kind.any(|known| known.get("to") == Some(&json!(to)) && is_higher(known))
            }
            Finding::Thumbprints { recorded, found } => {
                stopped.is_some() && self.actions.sets_thumbprints(recorded, found)
            }
            // Some of them are removed.
            Finding::ForeignPolicies { pruned: true, .. } => same_kind.any(|known| is_part(&value, known, "policies")),
            Finding::Orphan(orphan) if orphan.pruned => same_kind.any(|known| is_part(&value, known, "policies")),
            Finding::UsedLately { .. } => same_kind.any(|known| is_part(&value, known, "roles")),
            // The trust file says that it is nothing to report.
            Finding::ForeignTag { ignored, .. } => *ignored,
            // CloudFront has named it since.
            Finding::DnsRecord { host, .. } => {
                let is_this = |known: &Value| known.get("host") == Some(&json!(host)) && known["domain"].is_null();
                self.actions.creates_distribution() && same_kind.any(|known| is_this(known))
            }
            // Another bundle's own business.
            Finding::RolesBundle { .. } => true,
            Finding::ForeignPolicies { pruned: false, .. }
            | Finding::Orphan(_)
            | Finding::KeyChange { .. }
            | Finding::IssuerChange { .. }
            | Finding::FormerProviderMissing { .. }
            | Finding::FormerIssuerStays { .. }
            | Finding::Adopted(_)
            | Finding::BucketAdopted { .. }
            | Finding::BoundaryRemoved { .. }
            | Finding::Hazard { .. }
            | Finding::UnusedException { .. }
            | Finding::DnsRecordStays { .. }
            | Finding::DistributionStays { .. }
            | Finding::Restriction { .. }
            | Finding::DistributionAdopted { .. }
            | Finding::DocumentsStay { .. } => false,
        }
    }
}

fn kind(finding: &Value) -> (&str, &str) {
    let text = |field| finding.get(field).and_then(Value::as_str).unwrap_or_default();
    (text("kind"), text("role"))
}

/// Whether two findings are the same but for a list, of which the first has a part.
fn is_part(finding: &Value, other: &Value, list: &str) -> bool {
    let (Some(mut finding), Some(mut other)) = (finding.as_object().cloned(), other.as_object().cloned()) else {
        return false;
    };
    let (Some(Value::Array(part)), Some(Value::Array(whole))) = (finding.remove(list), other.remove(list)) else {
        return false;
    };
    let whole: HashSet<Value> = whole.into_iter().collect();
    finding == other && part.iter().all(|entry| whole.contains(entry))
}
