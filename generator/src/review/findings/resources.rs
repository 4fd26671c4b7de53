//! Resources that the actions are not about, and resources elsewhere.

use std::collections::HashMap;

use bundle_schema::names::Pattern;

use super::rules::{FOREIGN_ACCOUNT, OTHER_REGION, RESOURCE_MISMATCH};
use super::target::{Target, example, without_variables};
use super::view::{Context, PatternView, RoleView, StatementView};
use super::words::{are, cut};
use crate::review::action_data::Action;
use crate::review::report::Finding;

pub(super) fn check(context: &Context<'_>, role: &RoleView<'_>, found: &mut Vec<Finding>) {
    for statement in role.statements.iter().filter(|statement| statement.resource() != "*") {
        mismatch(context, role, statement, found);
        elsewhere(context, role, statement, found);
    }
}

/// Actions that are not about a resource of this form: the statement does nothing for them.
fn mismatch(context: &Context<'_>, role: &RoleView<'_>, statement: &StatementView<'_>, found: &mut Vec<Finding>) {
    let target = Target::new(statement.resource(), context.header);
    // Many actions are about the same types.
    let mut seen: HashMap<usize, bool> = HashMap::new();
    let mut fits = |action: &Action<'_>| {
        action.resource_types().any(|kind| *seen.entry(kind.id()).or_insert_with(|| target.may_be(kind)))
    };
    let idle = statement.patterns.iter().filter(|one| !one.known.is_empty() && !one.known.iter().any(&mut fits));
    let idle: Vec<&PatternView<'_>> = idle.collect();
    let Some(first) = idle.first() else { return };
    let names: Vec<_> = idle.iter().map(|one| one.pattern).collect();
    let does = if statement.allows() { "granted" } else { "refused" };
    let message = if idle.len() == statement.patterns.len() {
        format!(
            "{} not about {}, so the statement does nothing: nothing is {does}",
            are(&names),
            cut(statement.resource())
        )
    } else {
        format!("{} not about {}, so not {does} by this statement", are(&names), cut(statement.resource()))
    };
    let advice = match first.known.first().and_then(|action| example(*action, context.header)) {
        None => "put actions that are about the whole account into a statement with the resource *".to_owned(),
        Some(arn) => format!("give a resource of a type that the action is about, such as {arn} for {}", first.pattern),
    };
    found.push(role.statement_finding(&RESOURCE_MISMATCH, &statement.at_resource(), message, advice));
}

/// Another account or region than the bundle's.
fn elsewhere(context: &Context<'_>, role: &RoleView<'_>, statement: &StatementView<'_>, found: &mut Vec<Finding>) {
    let resource = without_variables(statement.resource());
    let mut parts = resource.splitn(6, ':').skip(3);
    let (Some(region), Some(account)) = (parts.next(), parts.next()) else { return };
    let is_other = |given: &str, own: &str| Pattern::new(given).is_ok_and(|given| !given.covers(own));
    let at = statement.at_resource();
    let own = context.header.account_id.as_str();
    // Policies and images of AWS itself have the account aws.
    if account != "aws" && is_other(account, own) {
        let message = format!("the resource is of account {}; the bundle is for {own}", cut(account));
        let advice = "correct the account, or check who asked for access to another one";
        found.push(role.statement_finding(&FOREIGN_ACCOUNT, &at, message, advice));
    }
    let own = context.header.region.as_str();
    if is_other(region, own) {
        let message = format!("the resource is of region {}; the bundle is for {own}", cut(region));
        let advice = "correct the region, or check who asked for access to another one";
        found.push(role.statement_finding(&OTHER_REGION, &at, message, advice));
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Scene, allow, none, one};
    use super::*;
    use crate::review::report::FindingLevel::{Note, Warning};

    #[test]
    fn a_resource_that_no_action_is_about_grants_nothing() {
        let scene = Scene::with(&allow("'ec2:DeleteVolume'", "arn:aws:ec2:us-east-2:123456789012:snapshot/*", ""));
        let message = "ec2:DeleteVolume is not about arn:aws:ec2:us-east-2:123456789012:snapshot/*, so the statement does nothing: \
                       nothing is granted";
        assert_eq!(scene.by(&RESOURCE_MISMATCH), one(Warning, 1, 12, message));
        let scene = Scene::with(&allow("'s3:ListBucket', 's3:GetObject'", "arn:aws:s3:::demo/*", ""));
        let message = "s3:ListBucket is not about arn:aws:s3:::demo/*, so not granted by this statement";
        assert_eq!(scene.by(&RESOURCE_MISMATCH), one(Warning, 1, 12, message));
        let scene = Scene::with(&allow("'ec2:DescribeVolumes', 'ec2:DeleteVolume'", "arn:aws:ec2:*:*:volume/*", ""));
        let message = "ec2:DescribeVolumes is not about arn:aws:ec2:*:*:volume/*, so not granted by this statement";
        assert_eq!(scene.by(&RESOURCE_MISMATCH), one(Warning, 1, 12, message));
    }

    #[test]
    fn resources_that_fit_are_left_alone() {
        for (actions, resource) in [
            ("'s3:ListBucket', 's3:GetObject'", "arn:aws:s3:::*"),
            ("'s3:ListBucket'", "arn:aws:s3:::demo*"),
            ("'s3:GetObject'", "arn:*:s3:::demo/registry/*"),
            ("'ec2:Describe*', 'ec2:DeleteVolume'", "*"),
            ("'iam:PassRole'", "arn:aws:iam::123456789012:role/openshift/demo-*"),
            ("'ec2:*'", "arn:aws:ec2:*:*:volume/*"),
            ("'kms:Decrypt'", "arn:aws:kms:us-east-2:123456789012:key/${aws:PrincipalTag/key}"),
            ("'ec2:RunInstances'", "arn:aws:ec2:us-east-2::image/ami-1"),
        ] {
            assert_eq!(Scene::with(&allow(actions, resource, "")).by(&RESOURCE_MISMATCH), none(), "{resource}");
        }
    }

    #[test]
    fn other_accounts_and_regions_are_named() {
        let scene = Scene::with(&allow("'ec2:DeleteVolume'", "arn:aws:ec2:eu-west-1:210987654321:volume/*", ""));
        let message = "the resource is of account 210987654321; the bundle is for 123456789012";
        assert_eq!(scene.by(&FOREIGN_ACCOUNT), one(Warning, 1, 12, message));
        let message = "the resource is of region eu-west-1; the bundle is for us-east-2";
        assert_eq!(scene.by(&OTHER_REGION), one(Note, 1, 12, message));
        for resource in [
            "*",
            "arn:aws:ec2:us-east-2:123456789012:volume/*",
            "arn:aws:ec2:us-*:1234*:volume/*",
            "arn:aws:ec2:${aws:RequestedRegion}:*:volume/*",
            "arn:aws:s3:::demo",
            "arn:aws:iam::aws:policy/ReadOnlyAccess",
        ] {
            let scene = Scene::with(&allow("'ec2:DeleteVolume'", resource, ""));
            assert_eq!((scene.by(&FOREIGN_ACCOUNT), scene.by(&OTHER_REGION)), (none(), none()), "{resource}");
        }
    }
}
