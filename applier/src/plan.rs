//! What has to be done so that the account holds what the bundle says: pure, from what was read to a list of actions.
//!
//! Input: a bundle that passed checks 1 to 9, and the account's state. Output: a [`Plan`], or every reason why the
//! account refuses it (check 10). Everything is reconciled; nothing that is not the cluster's is touched.

pub(crate) mod action;
mod adopted;
pub mod approval;
pub mod choices;
pub(crate) mod desired;
mod diff;
mod digest;
pub mod file;
mod finding;
mod former;
pub(crate) mod head;
pub(crate) mod meaning;
mod orphans;
mod ownership;
pub(crate) mod reconcile;
pub mod refusal;
pub(crate) mod removal;
pub(crate) mod show;

use bundle_schema::escape::escaped_json;
use bundle_schema::names::{Sha256, Timestamp};
use bundle_schema::receipt::{BundleId, Change};
use bundle_schema::signature::Signer;
use serde::{Deserialize, Serialize};

use self::action::{Action, Call, Changed, RecordVersion};
pub use self::approval::{Approval, ApprovedPlan};
use self::choices::{Choices, Flags};
use self::desired::Desired;
use self::digest::{Digested, lasting_part};
use self::file::{PLAN_VERSION, Subject};
use self::finding::{Finding, findings};
use self::head::Head;
use self::ownership::Ownership;
use self::refusal::Refused;
use crate::account::live::LiveState;
use crate::admit::Admitted;
use crate::record::{Made, Place, Record, RecordState};

/// What a plan is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Operation {
    /// The account is to hold what the bundle says.
    Apply,
    /// Nothing of it is to be left.
    Delete,
}

impl Operation {
    /// The command that does it.
    pub(crate) fn verb(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Delete => "delete",
        }
    }

    /// The command that writes a plan of it to a file.
    pub(crate) fn planner(self) -> &'static str {
        match self {
            Self::Apply => "plan --output FILE",
            Self::Delete => "delete --output FILE",
        }
    }
}

/// What an apply or a deletion will do, in order. Printed, digested and executed is this one value.
#[derive(Debug, PartialEq, Eq)]
pub struct Plan {
    operation: Operation,
    head: Head,
    flags: Flags,
    actions: Vec<Action>,
    findings: Vec<Finding>,
    digest: Sha256,
}

impl Plan {
    /// Check 10 and, where it holds, the actions.
    pub fn compute(bundle: &Admitted, live: &LiveState, choices: &Choices, now: Timestamp) -> Result<Self, Refused> {
        Self::of(&Desired::of(bundle), live, choices, bundle.bundle().signers(), now)
    }

    pub(crate) fn of(
        desired: &Desired<'_>,
        live: &LiveState,
        choices: &Choices,
        signers: &[Signer],
        now: Timestamp,
    ) -> Result<Self, Refused> {
        let mut actions = reconcile::account(desired, live, choices.prunes());
        refusal::check(desired, live, choices, &actions)?;
        let ownership = Ownership::new(desired, live, choices);
        actions.extend(orphans::removals(desired, &ownership, choices));
        let actions = recorded(desired, live, &ownership, actions);
        let findings = findings(desired, live, choices, &actions, now);
        let head = Head::new(desired, live, ownership.record(), signers, now);
        Ok(Self::new(Operation::Apply, head, choices.flags(), actions, findings))
    }

    fn new(operation: Operation, head: Head, flags: Flags, actions: Vec<Action>, findings: Vec<Finding>) -> Self {
        let digested = Digested {
            account_id: &head.account_id,
            actions: &actions.iter().map(Action::to_value).collect::<Vec<_>>(),
            bundle_sha256: &head.bundle.sha256,
            choices: flags,
            findings: &findings.iter().map(|finding| lasting_part(finding.to_value())).collect::<Vec<_>>(),
            operation,
        };
        let digest = digested.digest();
        Self { operation, head, flags, actions, findings, digest }
    }

    pub(crate) fn flags(&self) -> Flags {
        self.flags
    }

    pub(crate) fn operation(&self) -> Operation {
        self.operation
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.actions.is_empty()
    }

    /// Whether the account holds what the bundle says, and nothing of others on it.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.is_empty() && !self.findings.iter().any(Finding::is_foreign)
    }

    /// The SHA-256 of the plan's actions and findings, with the account and the bundle that they are for.
    #[must_use]
    pub fn digest(&self) -> &Sha256 {
        &self.digest
    }

    pub(crate) fn head(&self) -> &Head {
        &self.head
    }

    pub(crate) fn actions(&self) -> &[Action] {
        &self.actions
    }

    fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// What the plan is for.
    fn subject(&self) -> Subject<'_> {
        let BundleId { name, serial, sha256, .. } = &self.head.bundle;
        let (operation, account_id, flags) = (self.operation, &self.head.account_id, self.flags);
        Subject { operation, account_id, name, serial: *serial, sha256, flags }
    }

    /// The plan for a program: the same content as for a person, in a stable order. It is what a plan file holds (`PLAN.md`).
    #[must_use]
    pub fn to_json(&self) -> String {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Wire<'a> {
            plan_version: u32,
            operation: Operation,
            #[serde(flatten)]
            head: &'a Head,
            choices: Flags,
            actions: Vec<Changed<'a>>,
            findings: &'a [Finding],
            create: usize,
            update: usize,
            delete: usize,
            clean: bool,
            digest: &'a Sha256,
        }
        let Self { operation, head, flags, actions, findings, digest } = self;
        let count = |change| actions.iter().filter(|action| action.change() == change).count();
        let wire = Wire {
            plan_version: PLAN_VERSION,
            operation: *operation,
            head,
            choices: *flags,
            actions: actions.iter().map(Action::changed).collect(),
            findings,
            create: count(Change::Create),
            update: count(Change::Update),
            delete: count(Change::Delete),
            clean: self.is_clean(),
            digest,
        };
        // Strings are UTF-8 and may hold what moves a terminal's cursor: JSON for a program still passes through one.
        let mut json = escaped_json(&serde_json::to_string_pretty(&wire).unwrap_or_default());
        json.push('\n');
        json
    }
}

/// The actions between those that open and close the record; none where nothing is to do and the record says so.
fn recorded(desired: &Desired<'_>, live: &LiveState, ownership: &Ownership<'_>, actions: Vec<Action>) -> Vec<Action> {
    let header = &desired.contents().header;
    let (known, making) = ownership.made_and_making();
    let hand_overs = former::hand_overs(header, live);
    let says_so = |record: &Record| {
        // The thumbprints are what IAM had then; a change of theirs is a finding.
        let ids = |made: &Made| {
            let Made { provider, distribution, access_control, roles } = made.clone();
            (provider.map(|provider| provider.created), distribution, access_control, roles)
        };
        record.state == RecordState::Applied
            && (record.serial, &record.sha256) == (header.serial, desired.digest())
            && ids(&record.made) == ids(&known)
    };
    let read = live.record();
    let found = read.and_then(|read| Some((read, read.content.as_ref().ok()?)));
    if actions.is_empty() && hand_overs.is_empty() && found.is_some_and(|(_, record)| says_so(record)) {
        return actions;
    }
    let before = found.map(|(read, record)| RecordVersion::of(&read.etag, record));
    let (place, provider) = (desired.place(), desired.issuer().and(header.provider_arn()));
    let resource = place.arn(header);
    // What holds the record is made first.
    let in_tags = matches!(place, Place::Provider { .. });
    let (mut all, rest): (Vec<_>, Vec<_>) = actions.into_iter().partition(|action| match action.call {
        Call::CreateBucket { .. } => true,
        Call::CreateProvider { .. } => in_tags,
        _ => false,
    });
    let open = Call::OpenRecord { place: place.clone(), before, known, making };
    all.push(Action { resource: resource.clone(), call: open });
    // From the first change of a role on, the former issuer's record lets no older bundle in.
    let (before, roles): (Vec<_>, Vec<_>) = rest.into_iter().partition(|action| !action.is_of_role());
    all.extend(before.into_iter().chain(hand_overs).chain(roles));
    all.push(Action { resource, call: Call::CloseRecord { place, provider_arn: provider } });
    all
}

#[cfg(test)]
mod tests;
