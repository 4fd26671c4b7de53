//! What has to be done so that the account holds what the bundle says: pure, from what was read to a list of actions.
//!
//! Goes in: a bundle that passed checks 1 to 9, and the account's state. Comes out: a [`Plan`], or every reason why the
//! account refuses it (check 10). Everything is reconciled; nothing that is not the bundle's is touched.

pub(crate) mod action;
pub(crate) mod desired;
mod diff;
pub(crate) mod meaning;
mod notice;
pub(crate) mod reconcile;
pub mod refusal;
mod show;

use std::fmt;

use bundle_schema::documents::index::Header;
use bundle_schema::escape::EscapedWhole;
use bundle_schema::names::{ClusterName, Sha256};
use serde::Serialize;

use self::action::{Action, Change};
use self::desired::Desired;
use self::notice::Notice;
use self::refusal::Refused;
use crate::account::live::LiveState;
use crate::admit::Admitted;

/// Which bundle a plan is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct BundleId {
    pub(crate) name: ClusterName,
    pub(crate) serial: u64,
    pub(crate) sha256: Sha256,
}

impl BundleId {
    fn new(header: &Header, digest: &Sha256) -> Self {
        Self { name: header.name.clone(), serial: header.serial, sha256: digest.clone() }
    }
}

/// What is digested: everything that decides what an apply does, and what it replaces.
#[derive(Serialize)]
struct Digested<'a> {
    account: &'a str,
    bundle: &'a BundleId,
    actions: &'a [Action],
}

/// What an apply will do, in order. Printed, digested and executed is this one value.
#[derive(Debug, PartialEq, Eq)]
pub struct Plan {
    bundle: BundleId,
    account: String,
    actions: Vec<Action>,
    notices: Vec<Notice>,
    digest: Sha256,
}

impl Plan {
    /// Check 10 and, where it holds, the actions.
    pub fn compute(bundle: &Admitted, live: &LiveState) -> Result<Self, Refused> {
        Self::of(&Desired::of(bundle), live)
    }

    pub(crate) fn of(desired: &Desired<'_>, live: &LiveState) -> Result<Self, Refused> {
        refusal::check(desired, live)?;
        let (actions, notices) = reconcile::account(desired, live);
        let header = &desired.contents().header;
        let (bundle, account) = (BundleId::new(header, desired.digest()), header.account_id.to_string());
        let digested = Digested { account: &account, bundle: &bundle, actions: &actions };
        // Writing fails only for maps with keys that are no strings; no action has one.
        let digest = Sha256::of(&serde_json::to_vec(&digested).unwrap_or_default());
        Ok(Self { bundle, account, actions, notices, digest })
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.actions.is_empty()
    }

    /// The SHA-256 of the plan's actions, account and bundle.
    #[must_use]
    pub fn digest(&self) -> &Sha256 {
        &self.digest
    }

    pub(crate) fn actions(&self) -> &[Action] {
        &self.actions
    }

    pub(crate) fn bundle(&self) -> &BundleId {
        &self.bundle
    }

    pub(crate) fn account(&self) -> &str {
        &self.account
    }

    fn count(&self, change: Change) -> usize {
        self.actions.iter().filter(|action| action.change() == change).count()
    }

    /// The plan for a program: the same content as for a person, in a stable order.
    #[must_use]
    pub fn to_json(&self) -> String {
        #[derive(Serialize)]
        struct Changed<'a> {
            change: Change,
            #[serde(flatten)]
            action: &'a Action,
        }
        #[derive(Serialize)]
        struct Wire<'a> {
            bundle: &'a BundleId,
            account: &'a str,
            actions: Vec<Changed<'a>>,
            notices: &'a [Notice],
            create: usize,
            update: usize,
            digest: &'a Sha256,
        }
        let Self { bundle, account, actions, notices, digest } = self;
        let wire = Wire {
            bundle,
            account,
            actions: actions.iter().map(|action| Changed { change: action.change(), action }).collect(),
            notices,
            create: self.count(Change::Create),
            update: self.count(Change::Update),
            digest,
        };
        serde_json::to_string_pretty(&wire).unwrap_or_default()
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BundleId { name, serial, sha256 } = &self.bundle;
        writeln!(f, "Bundle {name} serial {serial} (sha256 {sha256})")?;
        writeln!(f, "for account {}\n", EscapedWhole(&self.account))?;
        for action in &self.actions {
            action.write_with_details(f)?;
        }
        for notice in &self.notices {
            writeln!(f, "  ! {notice}")?;
        }
        if !(self.actions.is_empty() && self.notices.is_empty()) {
            writeln!(f)?;
        }
        if self.actions.is_empty() {
            writeln!(f, "Nothing to do: the account holds what the bundle says.")?;
        } else {
            writeln!(f, "Plan: {} to create, {} to update.", self.count(Change::Create), self.count(Change::Update))?;
        }
        writeln!(f, "plan digest: {}", self.digest)
    }
}

/// How a plan was agreed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Approval {
    /// By somebody who read it just now, or in advance with `--yes`.
    Yes,
    /// By whoever named its digest with `--plan-digest`.
    Digest(Sha256),
}

/// The plan that was approved is not the one that the account needs now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the plan is {found}, --plan-digest approves {approved}: bundle or account changed since\n  read the new plan with `plan`, and approve that one"
)]
pub struct OtherPlan {
    found: Sha256,
    approved: Sha256,
}

/// A plan that may be executed.
#[derive(Debug)]
pub struct ApprovedPlan {
    plan: Plan,
}

impl Plan {
    /// Agrees to this plan. One without actions changes nothing, so every approval fits it.
    pub fn approve(self, approval: Approval) -> Result<ApprovedPlan, OtherPlan> {
        match approval {
            Approval::Digest(approved) if approved != self.digest && !self.is_empty() => {
                Err(OtherPlan { found: self.digest, approved })
            }
            Approval::Digest(_) | Approval::Yes => Ok(ApprovedPlan { plan: self }),
        }
    }
}

impl ApprovedPlan {
    pub(crate) fn into_plan(self) -> Plan {
        self.plan
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Held, contents, digest};
    use bundle_schema::documents::contents::Contents;

    fn plan(contents: &Contents, held: &Held) -> Result<Plan, String> {
        Plan::of(&Desired::for_test(contents, &digest()), &held.state()).map_err(|refused| refused.to_string())
    }

    fn lines(plan: &Plan) -> Vec<String> {
        plan.actions.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn nothing_to_do() {
        let contents = contents();
        let plan = plan(&contents, &Held::everything(&contents)).unwrap();
        assert_eq!(lines(&plan), Vec::<String>::new());
        assert!(plan.is_empty());
        assert_eq!(
            plan.to_string(),
            format!(
                "Bundle prod serial 7 (sha256 {})\nfor account 123456789012\n\nNothing to do: the account holds what the bundle says.\nplan digest: {}\n",
                digest(),
                plan.digest
            )
        );
    }

    #[test]
    fn a_new_account_gets_everything_in_order() {
        let plan = plan(&contents(), &Held::nothing()).unwrap();
        assert_eq!(
            lines(&plan),
            [
                "+ create s3:CreateBucket arn:aws:s3:::prod-oidc",
                "+ create s3:PutBucketTagging arn:aws:s3:::prod-oidc",
                "+ create s3:PutBucketPublicAccessBlock arn:aws:s3:::prod-oidc",
                "+ create s3:PutBucketPolicy arn:aws:s3:::prod-oidc",
                "+ create s3:PutObject arn:aws:s3:::prod-oidc/.well-known/openid-configuration",
                "+ create s3:PutObject arn:aws:s3:::prod-oidc/keys.json",
                "+ create s3:PutObject arn:aws:s3:::prod-oidc/openid/v1/jwks",
                "+ create iam:CreateOpenIDConnectProvider arn:aws:iam::123456789012:oidc-provider/prod-oidc.s3.us-east-2.amazonaws.com",
                "+ create iam:CreateRole arn:aws:iam::123456789012:role/prod-disk",
                "+ create iam:CreateRole arn:aws:iam::123456789012:role/prod-registry",
                "+ create iam:PutRolePolicy arn:aws:iam::123456789012:role/prod-disk",
                "+ create iam:PutRolePolicy arn:aws:iam::123456789012:role/prod-registry",
            ]
        );
        assert!(plan.to_string().contains("\nPlan: 12 to create, 0 to update.\nplan digest: "));
    }

    #[test]
    fn the_digest_is_of_what_is_done() {
        let (first, again) =
            (plan(&contents(), &Held::nothing()).unwrap(), plan(&contents(), &Held::nothing()).unwrap());
        assert_eq!(first, again);
        let mut other = contents();
        other.roles[0].create.description.push('!');
        assert_ne!(plan(&other, &Held::nothing()).unwrap().digest, first.digest);
        let json: serde_json::Value = serde_json::from_str(&first.to_json()).unwrap();
        assert_eq!((&json["digest"], &json["create"]), (&first.digest.as_str().into(), &12.into()));
        for (value, action) in json["actions"].as_array().unwrap().iter().zip(&first.actions) {
            assert_eq!((&value["call"], &value["change"]), (&action.name().into(), &"create".into()));
        }
    }

    #[test]
    fn a_plan_is_approved_by_its_own_digest_only() {
        let new = || plan(&contents(), &Held::nothing()).unwrap();
        assert!(new().approve(Approval::Yes).is_ok());
        assert!(new().approve(Approval::Digest(new().digest)).is_ok());
        let other = new().approve(Approval::Digest(digest())).unwrap_err();
        assert_eq!(
            other.to_string(),
            format!(
                "the plan is {}, --plan-digest approves {}: bundle or account changed since\n  read the new plan with `plan`, and approve that one",
                new().digest,
                digest()
            )
        );
        let empty = plan(&contents(), &Held::everything(&contents())).unwrap();
        assert!(empty.approve(Approval::Digest(digest())).is_ok());
    }

    #[test]
    fn policies_of_others_are_left_alone_and_named() {
        let contents = contents();
        let mut held = Held::everything(&contents);
        held.role("prod-disk").other_policies = vec!["a\u{1b}".to_owned(), "arn:aws:iam::aws:policy/b".to_owned()];
        let plan = plan(&contents, &held).unwrap();
        assert!(plan.is_empty());
        assert!(plan.to_string().contains(
            "  ! role prod-disk has policies that are not the bundle's and are left alone: a\\u{1b}, arn:aws:iam::aws:policy/b\n"
        ));
    }
}
