//! What the types of a receipt do not say: texts are printable, and its parts agree with each other.
//!
//! Input: a receipt whose JSON parsed. Output: nothing, or the first rule that does not hold. `RECEIPT.md` lists them in this
//! order.

use super::call::Changes;
use super::{
    ApprovedBy, BundleSigner, Deployment, Distribution, Ending, Entry, IssuerCheck, Operation, Outcome, Receipt,
    ReceiptError,
};
use crate::documents::index::Kind;
use crate::escape::is_invisible;
use crate::limits::{MAX_ARN_BYTES, MAX_ERROR_CHARS, MAX_SERIAL, MAX_SIGNATURES};
use crate::names::GeneratorVersion;
use crate::record::Record;
use crate::signature::MinisignPublicKey;

type Checked = Result<(), ReceiptError>;

fn ensure(holds: bool, at: &str, rule: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(ReceiptError::Rule { at: at.to_owned(), rule: rule() }) }
}

pub(super) fn check(receipt: &Receipt) -> Checked {
    let Receipt {
        version: _,
        applier_version,
        operation: _,
        ending: _,
        bundle,
        signers,
        account_id: _,
        partition: _,
        region: _,
        caller,
        plan_digest: _,
        approval: _,
        choices: _,
        started,
        finished,
        actions,
        distribution,
        deployment: _,
        issuer_check: _,
        record,
    } = receipt;
    // The two programs count in the same way.
    ensure(GeneratorVersion::new(applier_version.as_str()).is_ok(), "applierVersion", || {
        format!("found \"{applier_version}\", expected the form 1.2.3")
    })?;
    ensure((1..=MAX_SERIAL).contains(&bundle.serial), "bundle", || {
        format!("its serial is {}; it must be from 1 to {MAX_SERIAL}", bundle.serial)
    })?;
    ensure(bundle.created < bundle.expires, "bundle", || {
        format!("it expires at {}, which is not after {}", bundle.expires, bundle.created)
    })?;
    ensure((1..=MAX_SIGNATURES).contains(&signers.len()), "signers", || {
        format!("found {}, expected 1 to {MAX_SIGNATURES}", signers.len())
    })?;
    for (index, signer) in signers.iter().enumerate() {
        check_signer(signer, &format!("signers[{index}]"))?;
    }
    ensure(is_caller(receipt, caller), "caller", || {
        format!("\"{caller}\" is no ARN of account {} in partition {}", receipt.account_id, receipt.partition)
    })?;
    check_approval(receipt)?;
    ensure(started <= finished, "finished", || format!("{finished} is before {started}, when the run started"))?;
    for (index, entry) in actions.iter().enumerate() {
        check_entry(receipt, entry, &format!("actions[{index}]"))?;
    }
    distribution.as_ref().map_or(Ok(()), |distribution| check_distribution(receipt, distribution))?;
    check_deployment(receipt)?;
    check_ending(receipt)?;
    record.as_ref().map_or(Ok(()), |record| check_record(receipt, record))
}

fn check_signer(signer: &BundleSigner, at: &str) -> Checked {
    let BundleSigner { role, key, trusted_comment } = signer;
    check_line(role, at, "role")?;
    let is_key = MinisignPublicKey::parse(key).is_ok_and(|parsed| parsed.to_base64() == *key);
    ensure(is_key, at, || format!("\"{key}\" is not a minisign public key"))?;
    let is_comment = |byte: u8| matches!(byte, b' '..=b'~' | b'\t');
    ensure(trusted_comment.bytes().all(is_comment), at, || {
        "its trusted comment has characters other than printable ASCII and tabs".to_owned()
    })
}

fn check_line(text: &str, at: &str, what: &str) -> Checked {
    ensure(!text.chars().any(is_invisible), at, || format!("its {what} has characters that cannot be seen"))
}

/// Of a user, a role's session, a federated user or the account itself.
fn is_caller(receipt: &Receipt, arn: &str) -> bool {
    let Receipt { partition, account_id, .. } = receipt;
    ["iam", "sts"].iter().any(|service| is_arn(arn, &format!("arn:{partition}:{service}::{account_id}:")))
}

/// One resource below this beginning.
fn is_arn(arn: &str, beginning: &str) -> bool {
    let rest = arn.strip_prefix(beginning);
    arn.len() <= MAX_ARN_BYTES
        && rest.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_graphic()))
}

fn check_approval(receipt: &Receipt) -> Checked {
    let (approval, is_empty) = (&receipt.approval, receipt.actions.is_empty());
    ensure(approval.by == ApprovedBy::PlanFile || approval.plan_digest == receipt.plan_digest, "approval", || {
        format!("plan {} was approved, and {} carried out", approval.plan_digest, receipt.plan_digest)
    })?;
    // What is left of a plan's file may be nothing.
    let fits = match approval.by {
        ApprovedBy::NothingToDo => is_empty,
        ApprovedBy::PlanFile => true,
        ApprovedBy::Yes | ApprovedBy::Terminal | ApprovedBy::PlanDigest => !is_empty,
    };
    ensure(fits, "approval", || "it is by \"nothing-to-do\" exactly if there are no actions".to_owned())
}

fn check_entry(receipt: &Receipt, entry: &Entry, at: &str) -> Checked {
    let Entry { change: _, call, resource, outcome } = entry;
    let Receipt { partition, account_id, bundle, started, finished, .. } = receipt;
    let beginning = match call.changes() {
        Changes::Role => format!("arn:{partition}:iam::{account_id}:role/"),
        Changes::Provider => format!("arn:{partition}:iam::{account_id}:oidc-provider/"),
        Changes::Distribution => format!("arn:{partition}:cloudfront::{account_id}:distribution/"),
        Changes::AccessControl => format!("arn:{partition}:cloudfront::{account_id}:origin-access-control/"),
        Changes::Bucket => format!("arn:{partition}:s3:::{}", bundle.bucket()),
    };
    let fits = match call.changes() {
        Changes::Bucket => *resource == beginning || is_arn(resource, &format!("{beginning}/")),
        Changes::Role | Changes::Provider | Changes::Distribution | Changes::AccessControl => {
            is_arn(resource, &beginning)
        }
    };
    ensure(fits, at, || format!("the resource of {} is \"{resource}\", expected {beginning}...", call.as_str()))?;
    if let Some(sent) = outcome.sent() {
        ensure(*started <= sent.began && sent.ended <= *finished, at, || {
            format!("it took from {} to {}, the run from {started} to {finished}", sent.began, sent.ended)
        })?;
    }
    if let Outcome::Failed { error, .. } = outcome {
        check_error(error, at)?;
    }
    Ok(())
}

/// Several lines are allowed: what happened, then what to do.
fn check_error(error: &str, at: &str) -> Checked {
    ensure(error.chars().count() <= MAX_ERROR_CHARS, at, || {
        format!("its error has {} characters; at most {MAX_ERROR_CHARS} are allowed", error.chars().count())
    })?;
    error.lines().try_for_each(|line| check_line(line, at, "error"))?;
    ensure(!error.contains('\r'), at, || "its error has characters that cannot be seen".to_owned())
}

/// What it says about the distribution is of this account and of CloudFront.
fn check_distribution(receipt: &Receipt, distribution: &Distribution) -> Checked {
    let Receipt { partition, account_id, bundle, .. } = receipt;
    let (at, Distribution { id, arn, domain }) = ("distribution", distribution);
    ensure(bundle.kind != Kind::Roles, at, || "a bundle of kind roles has none".to_owned())?;
    let expected = format!("arn:{partition}:cloudfront::{account_id}:distribution/{id}");
    ensure(*arn == expected, at, || format!("its ARN is \"{arn}\", expected {expected}"))?;
    ensure(domain.is_in(partition), at, || {
        format!("its domain is {domain}, which is not of CloudFront in partition {partition}")
    })
}

/// A deployment is waited for where there is a distribution, after every action.
fn check_deployment(receipt: &Receipt) -> Checked {
    let Receipt { operation, bundle, actions, distribution, deployment, .. } = receipt;
    let at = "deployment";
    let may_be = *operation == Operation::Apply && bundle.kind != Kind::Roles;
    let Some(deployment) = deployment else {
        let must_be = *operation == Operation::Apply && (bundle.kind == Kind::Endpoint || distribution.is_some());
        return ensure(!must_be, at, || "it is not there".to_owned());
    };
    ensure(may_be, at, || "nothing is deployed by a deletion, or with a bundle of kind roles".to_owned())?;
    ensure(*deployment != Deployment::Done || distribution.is_some(), at, || {
        "it is done, and there is no distribution".to_owned()
    })?;
    let all_done = actions.iter().all(|entry| entry.outcome.is_done());
    ensure(all_done || *deployment != Deployment::Done, at, || "it is done, and an action is not".to_owned())?;
    if let Deployment::Failed(error) = deployment { check_error(error, at) } else { Ok(()) }
}

fn check_ending(receipt: &Receipt) -> Checked {
    let Receipt { operation, bundle, ending, actions, deployment, issuer_check, .. } = receipt;
    let at = "issuerCheck";
    match (operation, bundle.kind, issuer_check) {
        (Operation::Delete, _, None) | (Operation::Apply, Kind::Endpoint | Kind::Roles, None) => {}
        (Operation::Delete, _, Some(_)) => return ensure(false, at, || "after a deletion there is none".to_owned()),
        (_, kind @ (Kind::Endpoint | Kind::Roles), Some(_)) => {
            return ensure(false, at, || format!("a bundle of kind {kind} makes no issuer"));
        }
        (Operation::Apply, Kind::Cluster, None) => return ensure(false, at, || "it is not there".to_owned()),
        (Operation::Apply, Kind::Cluster, Some(check)) => {
            let all_done = actions.iter().all(|entry| entry.outcome.is_done())
                && matches!(deployment, None | Some(Deployment::Done));
            let fits = match check {
                IssuerCheck::Done | IssuerCheck::Failed(_) => all_done,
                IssuerCheck::NotReached => !all_done,
                IssuerCheck::Skipped => true,
            };
            ensure(fits, at, || "it is made exactly if every action is done".to_owned())?;
            if let IssuerCheck::Failed(error) = check {
                check_error(error, at)?;
            }
        }
    }
    let expected = Ending::of(actions, deployment.as_ref(), issuer_check.as_ref());
    ensure(*ending == expected, "ending", || format!("found \"{ending}\", but the actions amount to \"{expected}\""))
}

/// The record is this run's own.
fn check_record(receipt: &Receipt, record: &Record) -> Checked {
    let (at, Receipt { bundle, caller, started, finished, operation, .. }) = ("record", receipt);
    record.check(&bundle.name).map_err(|error| ReceiptError::Rule { at: at.to_owned(), rule: error.to_string() })?;
    let Record { serial, sha256, state, time, run, plan_digest, made, .. } = record;
    ensure((serial, sha256) == (&bundle.serial, &bundle.sha256), at, || {
        format!(
            "it is of serial {serial}, SHA-256 {sha256}; the receipt of serial {}, SHA-256 {}",
            bundle.serial, bundle.sha256
        )
    })?;
    ensure(record.caller == *caller, at, || format!("it is by {}, the receipt by {caller}", record.caller))?;
    ensure(started <= time && time <= finished, at, || {
        format!("it was written at {time}; the run was from {started} to {finished}")
    })?;
    ensure(state.is_of_deletion() == (*operation == Operation::Delete), at, || {
        format!("it is {}, which is not of the operation \"{operation}\"", state.word())
    })?;
    let approved = &receipt.approval.plan_digest;
    ensure(plan_digest.as_ref().is_none_or(|plan| plan == approved), at, || {
        format!("it is of a run of another plan than {approved}, which was approved")
    })?;
    let is_run = run.len() == 32 && run.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    ensure(is_run, at, || format!("its run is \"{run}\", expected 32 hexadecimal digits"))?;
    let mut thumbprints = made.provider.iter().flat_map(|provider| &provider.thumbprints);
    thumbprints.try_for_each(|thumbprint| check_line(thumbprint, at, "thumbprint"))
}
