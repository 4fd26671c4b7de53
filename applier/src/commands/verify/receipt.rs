//! A receipt that was verified, for a person and for a program.
//!
//! Input: a receipt whose signers are trusted to say what they did. Output: all that it says, with texts of AWS escaped.

use std::fmt::Write as _;

use bundle_schema::escape::{Escaped, EscapedWhole};
use bundle_schema::receipt::{
    ApprovedBy, Choices, Deployment, Distribution, Entry, IssuerCheck, Outcome, Receipt, RequestId, Sent, SignedReceipt,
};
use bundle_schema::signature::Signer;
use serde::Serialize;

use super::{printed, required, signed_by};
use crate::cli::TrustArgs;
use crate::served;

pub(super) fn text(signed: &SignedReceipt, trust: &TrustArgs) -> String {
    let receipt = signed.receipt();
    let Receipt { bundle, account_id, partition, region, started, finished, applier_version, .. } = receipt;
    let mut text = format!(
        "Receipt   {} of {} serial {}: {}\nSHA-256   {}\nBundle    {}\n",
        receipt.operation,
        bundle.name,
        bundle.serial,
        receipt.ending,
        signed.digest(),
        bundle.sha256,
    );
    for signer in &receipt.signers {
        let _ = writeln!(text, "  by      {} {}", Escaped(&signer.role), EscapedWhole(&signer.key));
    }
    let _ = writeln!(text, "Account   {account_id} ({partition}, {region})");
    let _ = writeln!(text, "Caller    {}", Escaped(&receipt.caller));
    let _ = writeln!(text, "Time      {started} to {finished} (airlock-applier {applier_version})");
    let _ = writeln!(text, "Plan      {}", receipt.plan_digest);
    let _ = writeln!(text, "Approved  {}", approval(receipt));
    let _ = writeln!(text, "Options   {}", options(receipt.choices));
    let _ = writeln!(text, "Actions   {}", receipt.counts());
    receipt.actions.iter().for_each(|entry| text.push_str(&action(entry)));
    if let Some(Distribution { id, arn: _, domain }) = &receipt.distribution {
        let _ = writeln!(text, "Served    {}", served::words(None, None, Some((id, domain))));
    }
    match &receipt.deployment {
        None => {}
        Some(Deployment::Done) => text.push_str("Deployed  yes\n"),
        Some(Deployment::NotReached) => text.push_str("Deployed  not waited for\n"),
        Some(Deployment::Failed(error)) => {
            text.push_str("Deployed  failed\n");
            text.push_str(&indented(error));
        }
    }
    match &receipt.issuer_check {
        None => {}
        Some(IssuerCheck::Done) => text.push_str("Issuer    the public read what was signed\n"),
        Some(IssuerCheck::NotReached) => text.push_str("Issuer    not looked at\n"),
        Some(IssuerCheck::Skipped) => text.push_str("Issuer    not looked at: --skip-issuer-check\n"),
        Some(IssuerCheck::Failed(error)) => {
            text.push_str("Issuer    failed\n");
            text.push_str(&indented(error));
        }
    }
    if let Some(record) = &receipt.record {
        let _ = writeln!(text, "Record    serial {}, {}", record.serial, record.state.word());
    }
    text.push_str(&signed_by(signed.signers()));
    let _ = writeln!(text, "Verified: {}, and the receipt is valid.", required(trust));
    text.push_str("It is what they say was done. What the account holds now: airlock-applier plan.\n");
    text
}

fn approval(receipt: &Receipt) -> String {
    match receipt.approval.by {
        ApprovedBy::Yes => "whatever the plan is: --yes".to_owned(),
        ApprovedBy::Terminal => "on a terminal".to_owned(),
        ApprovedBy::PlanDigest => "this plan: --plan-digest".to_owned(),
        ApprovedBy::PlanFile => format!("a plan file: --plan; its plan is {}", receipt.approval.plan_digest),
        ApprovedBy::NothingToDo => "not needed: nothing to do".to_owned(),
    }
}

fn options(choices: Choices) -> String {
    let Choices { adopt, allow_rollback, prune, leave_foreign_policies } = choices;
    let flags = [
        (adopt, "--adopt"),
        (allow_rollback, "--allow-rollback"),
        (prune, "--prune"),
        (leave_foreign_policies, "--leave-foreign-policies"),
    ];
    let given: Vec<&str> = flags.iter().filter(|(is_given, _)| *is_given).map(|(_, flag)| *flag).collect();
    if given.is_empty() { "none".to_owned() } else { given.join(" ") }
}

fn action(entry: &Entry) -> String {
    let Entry { change, call, resource, outcome } = entry;
    let mut text = format!("  {outcome}: {change}, {}\n    {}\n", call.as_str(), Escaped(resource));
    if let Some(Sent { began, ended, attempts, request_ids }) = outcome.sent() {
        let times = if began == ended { began.to_string() } else { format!("{began} to {ended}") };
        let attempts = if *attempts == 1 { "1 attempt".to_owned() } else { format!("{attempts} attempts") };
        let ids: Vec<&str> = request_ids.iter().map(RequestId::as_str).collect();
        let ids = if ids.is_empty() { "no answer".to_owned() } else { ids.join(", ") };
        let _ = writeln!(text, "    {times}, {attempts}: {ids}");
    }
    if let Outcome::Failed { error, .. } = outcome {
        text.push_str(&indented(error));
    }
    text
}

/// Below an action, line by line.
fn indented(error: &str) -> String {
    let mut text = String::new();
    for line in error.lines() {
        let _ = writeln!(text, "    {}", EscapedWhole(line));
    }
    text
}

#[derive(Serialize)]
struct Verified<'a> {
    sha256: &'a str,
    signers: &'a [Signer],
    /// As it stands in the file.
    receipt: &'a Receipt,
}

pub(super) fn json(signed: &SignedReceipt) -> String {
    printed(&Verified { sha256: signed.digest().as_str(), signers: signed.signers(), receipt: signed.receipt() })
}
