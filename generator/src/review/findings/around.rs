//! What a reviewer should know that no document of the bundle says: who has not signed, what the trust file does not allow, what
//! came since an older bundle.

use bundle_schema::documents::index::Header;
use bundle_schema::names::Timestamp;

use super::rules;
use crate::review::report::{BundleComparison, Finding, RoleComparison, Verdict, Witness};

/// A role of the trust file that has not signed the bundle yet.
pub(crate) fn not_signed(role: &str) -> Finding {
    rules::NOT_SIGNED.about_bundle(
        format!("role \"{role}\" of the trust file has not signed the bundle"),
        "have it signed, unless the role is yours and you sign after this review",
    )
}

/// A role of the trust file that has not signed the bundle that this one is compared with.
pub(crate) fn older_not_signed(older: &Header, role: &str) -> Finding {
    rules::OLDER_NOT_SIGNED.about_bundle(
        format!(
            "role \"{role}\" has not signed {} serial {}, with which the bundle is compared",
            older.name, older.serial
        ),
        "compare with the bundle that was applied, with its signatures beside it",
    )
}

/// What the trust file does not allow; the applier would refuse the bundle.
pub(crate) fn trust_limit(problem: &str) -> Finding {
    rules::TRUST_LIMIT.about_bundle(
        format!("the trust file does not allow it: {problem}"),
        "do not sign it; the applier would refuse it",
    )
}

/// An exception of the trust file that spares nothing.
pub(crate) fn unused_exception(exception: &str) -> Finding {
    rules::UNUSED_EXCEPTION.about_bundle(
        format!("the trust file's exception for {exception} spares nothing in this bundle"),
        "take it out of the trust file, unless another bundle needs it",
    )
}

/// A bundle that nobody can apply any more.
pub(crate) fn expired(expires: Timestamp, now: Timestamp) -> Option<Finding> {
    (expires <= now).then(|| {
        let message = format!("the bundle expired at {expires}; the applier refuses it");
        rules::EXPIRED.about_bundle(message, "have it made again with a new serial")
    })
}

/// What came since an older bundle.
pub(crate) fn of_comparison(comparison: &BundleComparison) -> Vec<Finding> {
    let older = format!("{} serial {}", comparison.against.name, comparison.against.serial);
    let mut findings: Vec<Finding> = comparison.roles.iter().filter_map(|role| of_role(role, &older)).collect();
    for kid in &comparison.keys.came {
        let message = format!(
            "key {kid} was not in {older}: tokens that it signs are taken, and those of a key that went are not"
        );
        let advice = "ask why the key changed; a cluster that runs loses its credentials until it has the new one";
        findings.push(rules::NEW_KEY.about_bundle(message, advice));
    }
    for audience in &comparison.audiences.came {
        let message = format!("audience {audience} was not in {older}: tokens that are meant for it are taken too");
        let advice = "ask which component needs it";
        findings.push(rules::NEW_AUDIENCE.about_bundle(message, advice));
    }
    for thumbprint in &comparison.thumbprints.came {
        let message =
            format!("thumbprint {thumbprint} was not in {older}: an issuer with such a certificate is trusted");
        findings.push(rules::NEW_THUMBPRINT.about_bundle(message, "compare it with the issuer's certificate chain"));
    }
    findings
}

fn of_role(one: &RoleComparison, older: &str) -> Option<Finding> {
    let (rule, message) = match one.verdict {
        Verdict::Same | Verdict::Narrowed => return None,
        Verdict::Widened => {
            let witness = one
                .witnesses
                .first()
                .map(|Witness { action, resource, .. }| format!(": {action} on {resource} was refused and is allowed"));
            (&rules::WIDENED, format!("it allows more than in {older}{}", witness.unwrap_or_default()))
        }
        Verdict::Undecided => {
            let why = one.undecided.first().map(|why| format!(": {why}")).unwrap_or_default();
            (&rules::MAY_WIDEN, format!("it may allow more than in {older}, which cannot be decided{why}"))
        }
    };
    let advice = "compare the statements before and after, and sign only if the release needs the difference";
    Some(Finding { role: Some(one.role.clone()), ..rule.about_bundle(message, advice) })
}
