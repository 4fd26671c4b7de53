//! Reading a role: its settings, its policy, and the names of those that are not ours.

use aws_sdk_iam::types::Role;
use bundle_schema::names::{RoleName, Timestamp};
use futures_util::future::{join, join3};

use super::{MAX_PAGES, bounded, iam_tags, policy_text, timestamp};
use crate::account::aws::Aws;
use crate::account::error::AwsError;
use crate::account::live::{LastUsed, LiveRole, RoleReading};
use crate::account::send::reading;
use crate::record::RoleId;

const GET: &str = "iam:GetRole";

impl Aws {
    pub(super) async fn read_role(
        &self,
        role: &RoleName,
        policy: &RoleName,
        reading: RoleReading,
    ) -> Result<Option<LiveRole>, AwsError> {
        let name = role.as_str();
        let is_text_read = reading != RoleReading::ForRemoval;
        let ours = async { if is_text_read { self.role_policy(name, policy.as_str()).await } else { Ok(None) } };
        let policies = join3(ours, self.inline_policies(name), self.attached_policies(name));
        let (live, (ours, inline, attached)) = if reading == RoleReading::Guessed {
            let Some(live) = self.get_role(name).await? else { return Ok(None) };
            (live, Box::pin(policies).await)
        } else {
            let (live, policies) = Box::pin(join(self.get_role(name), policies)).await;
            // Where there is no role, there is nothing to say about its policies.
            let Some(live) = live? else { return Ok(None) };
            (live, policies)
        };
        let (own, mut other_inline): (Vec<String>, Vec<String>) =
            inline?.into_iter().partition(|name| name == policy.as_str());
        let mut attached = attached?;
        other_inline.sort();
        attached.sort();
        let ours = if is_text_read { ours? } else { own.first().map(|_| String::new()) };
        live_role(live, ours, other_inline, attached).map(Some)
    }

    async fn get_role(&self, role: &str) -> Result<Option<Role>, AwsError> {
        match self.send(reading(GET), || self.iam.get_role().role_name(role).send()).await {
            Ok(answer) => answer.role.ok_or(AwsError::Unusable { call: GET, reason: "it holds no role" }).map(Some),
            Err(error) => error.absent(&["NoSuchEntity"]),
        }
    }

    async fn role_policy(&self, role: &str, policy: &str) -> Result<Option<String>, AwsError> {
        const CALL: &str = "iam:GetRolePolicy";
        let get = || self.iam.get_role_policy().role_name(role).policy_name(policy).send();
        match self.send(reading(CALL), get).await {
            Ok(answer) => policy_text(CALL, &answer.policy_document).map(Some),
            Err(error) => error.absent(&["NoSuchEntity"]),
        }
    }

    async fn inline_policies(&self, role: &str) -> Result<Vec<String>, AwsError> {
        const CALL: &str = "iam:ListRolePolicies";
        let (mut names, mut marker) = (Vec::new(), None);
        for _ in 0..MAX_PAGES {
            let list = || self.iam.list_role_policies().role_name(role).set_marker(marker.clone()).send();
            let answer = self.send(reading(CALL), list).await?;
            names.extend(answer.policy_names);
            if !answer.is_truncated {
                return bounded(CALL, names);
            }
            marker = answer.marker;
        }
        Err(AwsError::Unusable { call: CALL, reason: "it has no end" })
    }

    async fn attached_policies(&self, role: &str) -> Result<Vec<String>, AwsError> {
        const CALL: &str = "iam:ListAttachedRolePolicies";
        let (mut arns, mut marker) = (Vec::new(), None);
        for _ in 0..MAX_PAGES {
            let list = || self.iam.list_attached_role_policies().role_name(role).set_marker(marker.clone()).send();
            let answer = self.send(reading(CALL), list).await?;
            arns.extend(answer.attached_policies.into_iter().flatten().filter_map(|policy| policy.policy_arn));
            if !answer.is_truncated {
                return bounded(CALL, arns);
            }
            marker = answer.marker;
        }
        Err(AwsError::Unusable { call: CALL, reason: "it has no end" })
    }
}

fn live_role(
    role: Role,
    policy: Option<String>,
    other_inline: Vec<String>,
    attached: Vec<String>,
) -> Result<LiveRole, AwsError> {
    let last_used = role.role_last_used.as_ref().and_then(|used| {
        let time = Timestamp::from_unix(used.last_used_date.as_ref()?.secs()).ok()?;
        Some(LastUsed { time, region: used.region.clone() })
    });
    Ok(LiveRole {
        id: RoleId::try_from(role.role_id).map_err(|reason| AwsError::Unusable { call: GET, reason })?,
        created: timestamp(GET, Some(&role.create_date))?,
        last_used,
        path: role.path,
        trust: policy_text(GET, role.assume_role_policy_document.as_deref().unwrap_or_default())?,
        description: role.description,
        max_session_duration: role.max_session_duration,
        boundary: role.permissions_boundary.and_then(|boundary| boundary.permissions_boundary_arn),
        tags: iam_tags(GET, role.tags)?,
        policy,
        other_inline,
        attached,
    })
}
