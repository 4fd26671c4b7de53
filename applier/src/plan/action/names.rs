//! What CloudFront names by itself: the ID of a distribution and of an access control. A plan that is made before them leaves them
//! out, and a run fills them in as it learns them.

use bundle_schema::documents::policy::{BucketCondition, SourceArn};
use bundle_schema::names::{AccessControlId, DistributionDomain, DistributionId};

use super::{Action, Call, UNNAMED};
use crate::plan::head::Head;
use crate::record::RoleId;

/// What AWS calls something that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Named {
    Role(RoleId),
    AccessControl(AccessControlId),
    Distribution(DistributionId, DistributionDomain),
}

/// What is named so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Names {
    pub(crate) access_control: Option<AccessControlId>,
    pub(crate) distribution: Option<(DistributionId, DistributionDomain)>,
}

impl Names {
    /// What was named before the run.
    pub(crate) fn of(head: &Head) -> Self {
        let found = head.served.as_ref().and_then(|served| served.distribution.clone());
        Self { access_control: None, distribution: found.map(|found| (found.id, found.domain)) }
    }

    /// Keeps in mind what a call made or removed.
    pub(crate) fn note(&mut self, call: &Call, made: Option<&Named>) {
        match (call, made) {
            (_, Some(Named::AccessControl(id))) => self.access_control = Some(id.clone()),
            (_, Some(Named::Distribution(id, domain))) => self.distribution = Some((id.clone(), domain.clone())),
            (Call::DeleteDistribution { .. }, _) => self.distribution = None,
            _ => {}
        }
    }

    fn distribution(&self) -> Option<&DistributionId> {
        self.distribution.as_ref().map(|(id, _)| id)
    }
}

impl Action {
    /// The action with these names where the plan has none.
    pub(crate) fn named(&self, names: &Names) -> Self {
        let mut action = self.clone();
        match &mut action.call {
            Call::CreateDistribution { access_control, .. } => {
                *access_control = access_control.take().or(names.access_control.clone());
            }
            Call::UpdateDistribution { after, .. } => {
                after.set_access_control(names.access_control.as_ref());
            }
            Call::SetBucketPolicy { input, .. } => {
                if let Some(id) = names.distribution() {
                    let conditions = input.policy.0.statement.iter_mut().filter_map(|one| one.condition.as_mut());
                    conditions.for_each(|condition| allow_alone(condition, id));
                }
            }
            _ => {}
        }
        action
    }

    /// The ARN of what an action makes, once CloudFront has named it.
    pub(crate) fn made_resource(&self, made: Option<&Named>) -> String {
        let id = match made {
            Some(Named::AccessControl(id)) => id.as_str(),
            Some(Named::Distribution(id, _)) => id.as_str(),
            Some(Named::Role(_)) | None => return self.resource.clone(),
        };
        match self.resource.strip_suffix(UNNAMED) {
            Some(beginning) => format!("{beginning}{id}"),
            None => self.resource.clone(),
        }
    }

    /// The action as a plan has it that was made before CloudFront named anything.
    pub(crate) fn unnamed(&self) -> Self {
        let mut unnamed = self.clone();
        match &mut unnamed.call {
            Call::CreateDistribution { access_control, .. } => *access_control = None,
            Call::UpdateDistribution { after, .. } => {
                after.origins.iter_mut().for_each(|origin| origin.access_control = None);
            }
            Call::SetBucketPolicy { input, .. } => {
                let conditions = input.policy.0.statement.iter_mut().filter_map(|one| one.condition.as_mut());
                conditions.for_each(allow_any);
            }
            _ => {}
        }
        unnamed
    }
}

/// From any distribution of the account to this one.
fn allow_alone(condition: &mut BucketCondition, id: &DistributionId) {
    let any = condition.string_like.take();
    let beginning = any.as_ref().and_then(|any| any.source_arn.strip_suffix(UNNAMED));
    match beginning {
        Some(beginning) => {
            condition.string_equals = Some(SourceArn { source_arn: format!("{beginning}{id}") });
        }
        None => condition.string_like = any,
    }
}

/// From one distribution to any of the account.
fn allow_any(condition: &mut BucketCondition) {
    if let Some(one) = condition.string_equals.take() {
        let beginning = one.source_arn.rsplit_once('/').map_or("", |(beginning, _)| beginning);
        condition.string_like = Some(SourceArn { source_arn: format!("{beginning}/{UNNAMED}") });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Held, alias_contents, parsed, plan};

    fn names() -> Names {
        let distribution = Some((parsed("E1DISTRIBUTION"), parsed("d1.cloudfront.net")));
        Names { access_control: Some(parsed("E1ACCESSCONTROL")), distribution }
    }

    #[test]
    fn what_is_named_is_filled_in_and_can_be_left_out_again() {
        let plan = plan(&alias_contents(), &Held::nothing().state()).unwrap();
        let mut changed = 0;
        for action in plan.actions() {
            let named = action.named(&names());
            changed += usize::from(named != *action);
            assert_eq!(named.unnamed(), *action, "{action}");
            assert_eq!(action.named(&Names::default()), *action, "{action}");
            assert_eq!(named.named(&names()), named, "{action}");
        }
        assert_eq!(changed, 2, "the distribution and the bucket's policy");
    }

    #[test]
    fn a_resource_gets_the_id_that_it_was_given() {
        let plan = plan(&alias_contents(), &Held::nothing().state()).unwrap();
        let create = |call: &str| plan.actions().iter().find(|action| action.name() == call).unwrap();
        let distribution = Named::Distribution(parsed("E1DISTRIBUTION"), parsed("d1.cloudfront.net"));
        assert_eq!(
            create("cloudfront:CreateDistribution").made_resource(Some(&distribution)),
            "arn:aws:cloudfront::123456789012:distribution/E1DISTRIBUTION"
        );
        let control = Named::AccessControl(parsed("E1ACCESSCONTROL"));
        assert_eq!(
            create("cloudfront:CreateOriginAccessControl").made_resource(Some(&control)),
            "arn:aws:cloudfront::123456789012:origin-access-control/E1ACCESSCONTROL"
        );
        assert_eq!(create("s3:CreateBucket").made_resource(None), "arn:aws:s3:::prod-oidc");
    }
}
