//! Orphans: roles that are the cluster's and that the bundle does not have, as an upgrade leaves them.
//!
//! Input: the account's state, and what the record knows. Output: what a person should know of each one; and, with `--prune`,
//! the calls that remove it. One that carries the cluster's tag alone, which whoever may tag can set, goes only with `--adopt`
//! besides.

use std::fmt;

use bundle_schema::escape::Escaped;
use bundle_schema::names::{RoleName, Timestamp};
use serde::Serialize;

use crate::account::live::{LastUsed, LiveRole};
use crate::plan::action::{Action, Call};
use crate::plan::choices::Choices;
use crate::plan::desired::Desired;
use crate::plan::ownership::{Claim, Ownership};
use crate::record::RoleId;

/// How long ago a role was used that is said to have been used lately, in days.
const LATELY: i64 = 7;

/// A role of the cluster's that the bundle does not have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Orphan {
    role: RoleName,
    role_id: RoleId,
    created: Timestamp,
    last_used: Option<LastUsed>,
    used_lately: bool,
    /// Whether the record knows it, or its tag alone says whose it is.
    in_record: bool,
    /// Those that others attached to it or put into it.
    policies: Vec<String>,
    /// Whether this plan removes it.
    pub(super) pruned: bool,
}

impl Orphan {
    /// Every one, by name.
    pub(super) fn all(ownership: &Ownership<'_>, choices: &Choices, now: Timestamp) -> Vec<Self> {
        let orphan = |(name, role, claim): (&RoleName, &LiveRole, Claim)| Self {
            role: name.clone(),
            role_id: role.id.clone(),
            created: role.created,
            used_lately: role.last_used.as_ref().is_some_and(|used| now.days_since(used.time) < LATELY),
            last_used: role.last_used.clone(),
            in_record: claim == Claim::Known,
            policies: role.attached.iter().chain(&role.other_inline).cloned().collect(),
            pruned: is_pruned(claim, choices),
        };
        ownership.orphans().map(orphan).collect()
    }
}

fn is_pruned(claim: Claim, choices: &Choices) -> bool {
    choices.prunes() && (claim == Claim::Known || choices.adopt)
}

/// The calls that remove those that go.
pub(super) fn removals(desired: &Desired<'_>, ownership: &Ownership<'_>, choices: &Choices) -> Vec<Action> {
    let going = ownership.orphans().filter(|(.., claim)| is_pruned(*claim, choices));
    going.flat_map(|(name, live, _)| removal(desired, name, live)).collect()
}

/// The calls that remove a role: everything that it has, then the role.
pub(super) fn removal(desired: &Desired<'_>, name: &RoleName, live: &LiveRole) -> Vec<Action> {
    let header = &desired.contents().header;
    // Its own path: the bundle that made it may have had another.
    let resource = format!("arn:{}:iam::{}:role{}{name}", header.partition, header.account_id, live.path);
    let attached = live.attached.iter().cloned();
    let detach = attached.map(|policy_arn| Call::DetachPolicy { role: name.clone(), policy_arn });
    let own = live.policy.iter().map(|_| name.to_string());
    let inline = live.other_inline.iter().cloned().chain(own);
    let delete = inline.map(|policy_name| Call::DeletePolicy { role: name.clone(), policy_name });
    let last = Call::DeleteRole { role_name: name.clone(), role_id: live.id.clone() };
    let calls = detach.chain(delete).chain([last]);
    calls.map(|call| Action { resource: resource.clone(), call }).collect()
}

/// A line a fact.
impl fmt::Display for Orphan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { role, role_id, created, last_used, used_lately, in_record, policies, pruned } = self;
        let flags = if *in_record { "--prune" } else { "--prune --adopt" };
        match (pruned, in_record) {
            (true, _) => {
                let although = if *used_lately { " ALTHOUGH IT WAS USED LATELY" } else { "" };
                writeln!(f, "ROLE {role} IS REMOVED ({flags}){although}")?;
            }
            (false, true) => {
                writeln!(f, "role {role} is the cluster's, is not in the bundle, and stays ({flags} removes it)")?;
            }
            (false, false) => writeln!(
                f,
                "role {role} carries the cluster's tag, is neither in the bundle nor in the record, and stays ({flags} removes it)"
            )?,
        }
        write!(f, "    made          {created}, ID {role_id}\n    last used     ")?;
        match last_used {
            Some(LastUsed { time, region }) => {
                let lately = if *used_lately { ": LESS THAN 7 DAYS AGO" } else { "" };
                write!(f, "{time} in {}{lately}", Escaped(region.as_deref().unwrap_or("no region")))?;
            }
            None => write!(f, "never, as far as IAM tells")?,
        }
        if !policies.is_empty() {
            let listed: Vec<String> = policies.iter().map(|policy| Escaped(policy).to_string()).collect();
            write!(f, "\n    others added  {}", listed.join(", "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Held, contents, parsed, tag_set};
    use crate::plan::Plan;
    use crate::plan::choices::ForeignPolicies;

    const NOW: i64 = 1_795_000_000;

    /// An account with a role of an earlier bundle, which the record has or has not.
    fn held(in_record: bool) -> Held {
        let mut held = Held::everything(&contents());
        let role = held.role("prod-disk").clone();
        let id: RoleId = "AROAEXAMPLE0PRODOLD".to_owned().try_into().unwrap();
        if in_record {
            let mut record = crate::fixture::record();
            record.made.roles.insert(parsed("prod-old"), id.clone());
            held.put_record(record);
        }
        held.others.insert(parsed("prod-old"), LiveRole { id, path: "/team/".to_owned(), ..role });
        held
    }

    fn plan(held: &Held, choices: &Choices) -> Plan {
        let (contents, digest) = (contents(), crate::fixture::digest());
        let now = Timestamp::from_unix(NOW).unwrap();
        Plan::of(&Desired::for_test(&contents, &digest), &held.state(), choices, &[], now).unwrap()
    }

    fn prune(adopt: bool) -> Choices {
        Choices { adopt, foreign_policies: ForeignPolicies::Prune, ..Choices::default() }
    }

    fn old(held: &mut Held) -> &mut LiveRole {
        held.others.get_mut(&parsed("prod-old")).unwrap()
    }

    /// The calls but those of the record.
    fn calls(plan: &Plan) -> Vec<String> {
        let calls = plan.actions().iter().map(ToString::to_string);
        calls.filter(|call| !call.contains("record.json")).collect()
    }

    /// What is shown below the head, without the digest.
    fn shown(plan: &Plan) -> String {
        let text = plan.text().to_string();
        let (_, shown) = text.split_once("Time      2026-11-18T11:06:40Z\n\n").unwrap();
        shown.split_once("plan digest").unwrap().0.to_owned()
    }

    #[test]
    fn an_orphan_is_named_and_stays() {
        let mut held = held(true);
        let named = plan(&held, &Choices::default());
        assert!(named.is_empty() && !named.is_clean());
        assert_eq!(
            shown(&named),
            "! role prod-old is the cluster's, is not in the bundle, and stays (--prune
    removes it)
    made          2026-09-21T14:13:20Z, ID AROAEXAMPLE0PRODOLD
    last used     never, as far as IAM tells

Nothing to change, but what is marked with ! above is not the bundle's.
"
        );
        assert_ne!(named.digest(), plan(&Held::everything(&contents()), &Choices::default()).digest());
        // It may be used while the plan waits for its approval.
        old(&mut held).last_used = Some(LastUsed { time: Timestamp::from_unix(NOW).unwrap(), region: None });
        assert_eq!(plan(&held, &Choices::default()).digest(), named.digest());
        assert_ne!(plan(&held, &prune(false)).digest(), plan(&self::held(true), &prune(false)).digest());
    }

    #[test]
    fn it_is_removed_with_everything_that_it_has() {
        let mut held = held(true);
        old(&mut held).attached = vec!["arn:aws:iam::aws:policy/x\u{1b}".to_owned()];
        old(&mut held).other_inline = vec!["more".to_owned()];
        let day = Timestamp::from_unix(NOW - 7 * 86_400 + 1).unwrap();
        old(&mut held).last_used = Some(LastUsed { time: day, region: Some("us-east-2".to_owned()) });
        let removed = plan(&held, &prune(false));
        assert_eq!(
            shown(&removed),
            "! ROLE prod-old IS REMOVED (--prune) ALTHOUGH IT WAS USED LATELY
    made          2026-09-21T14:13:20Z, ID AROAEXAMPLE0PRODOLD
    last used     2026-11-11T11:06:41Z in us-east-2: LESS THAN 7 DAYS AGO
    others added  arn:aws:iam::aws:policy/x\\u{1b}, more

- role prod-old
  ~ attached policy (iam:DetachRolePolicy)
      - arn:aws:iam::aws:policy/x\\u{1b}
  ~ inline policy (iam:DeleteRolePolicy)
      - more
    policy        prod-old
    ID            AROAEXAMPLE0PRODOLD
    calls         iam:DeleteRolePolicy, iam:DeleteRole

Plan: create 0 resources, update 0 resources, delete 1 resource (6 calls).
"
        );
        let json: serde_json::Value = serde_json::from_str(&removed.to_json()).unwrap();
        assert_eq!(
            json["findings"],
            serde_json::json!([{
                "kind": "orphan", "role": "prod-old", "roleId": "AROAEXAMPLE0PRODOLD", "created": "2026-09-21T14:13:20Z",
                "lastUsed": {"time": "2026-11-11T11:06:41Z", "region": "us-east-2"}, "usedLately": true, "inRecord": true,
                "policies": ["arn:aws:iam::aws:policy/x\u{1b}", "more"], "pruned": true,
            }])
        );
        assert_eq!((&json["create"], &json["update"], &json["delete"]), (&0.into(), &5.into(), &1.into()));
        assert_eq!(removed.actions()[1].resource, "arn:aws:iam::123456789012:role/team/prod-old");
        old(&mut held).last_used.as_mut().unwrap().time = Timestamp::from_unix(NOW - 7 * 86_400).unwrap();
        assert!(!shown(&plan(&held, &prune(false))).contains("LATELY"));
    }

    #[test]
    fn what_has_the_tag_alone_goes_only_by_adoption() {
        let held = held(false);
        let kept = plan(&held, &prune(false));
        assert_eq!(calls(&kept), Vec::<String>::new());
        assert!(
            shown(&kept).starts_with(
                "! role prod-old carries the cluster's tag, is neither in the bundle nor in the
    record, and stays (--prune --adopt removes it)
"
            ),
            "{}",
            shown(&kept)
        );
        let adopted = plan(&held, &prune(true));
        assert_eq!(calls(&adopted), ["iam:DeleteRolePolicy role prod-old", "iam:DeleteRole role prod-old"]);
        assert!(shown(&adopted).starts_with("! ROLE prod-old IS REMOVED (--prune --adopt)\n"));
        // Adopting alone removes nothing.
        assert_eq!(calls(&plan(&held, &Choices { adopt: true, ..Choices::default() })), Vec::<String>::new());
    }

    #[test]
    fn what_is_not_the_clusters_is_not_mentioned() {
        let clean = |change: fn(&mut LiveRole)| {
            let mut held = held(false);
            change(old(&mut held));
            plan(&held, &prune(true)).is_clean()
        };
        assert!(!clean(|_| {}));
        assert!(clean(|role| role.tags.clear()));
        assert!(clean(|role| role.tags = tag_set(&[("openshift.io/cloud-credential-operator/prod-old", "owned")])));
        // Two clusters claim it.
        assert!(clean(|role| drop(
            role.tags.insert("openshift.io/cloud-credential-operator/prod-o".to_owned(), "owned".to_owned())
        )));
    }

    #[test]
    fn the_record_forgets_what_is_gone() {
        let mut held = held(true);
        assert_eq!(plan(&held, &Choices::default()).actions(), []);
        old(&mut held).id = "AROAMADEBYSOMEBODYELSE".to_owned().try_into().unwrap();
        old(&mut held).tags.clear();
        let other = plan(&held, &prune(true));
        assert_eq!(
            (calls(&other).len(), other.actions().len()),
            (0, 2),
            "another role of that name is not the cluster's"
        );
        held.others.clear();
        let gone = plan(&held, &Choices::default());
        let Call::OpenRecord { known, .. } = &gone.actions()[0].call else { panic!("{gone:?}") };
        assert_eq!(known.roles.keys().map(ToString::to_string).collect::<Vec<_>>(), ["prod-disk", "prod-registry"]);
    }
}
