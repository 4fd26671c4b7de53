//! Actions that change something and could be limited to some resources, and are not.

use std::collections::BTreeSet;

use super::limits::Takers;
use super::lists::Lists;
use super::rules::UNSCOPED_WRITE;
use super::target::example;
use super::view::{Context, RoleView, StatementView};
use super::words::{allowed, cut, list};
use crate::review::action_data::{AccessLevel, Action};
use crate::review::report::Finding;

/// ARNs that are named as examples.
const EXAMPLES: usize = 3;
/// Actions that examples are taken from.
const MAX_EXAMPLES: usize = 20;

pub(super) fn check(context: &Context<'_>, role: &RoleView<'_>, found: &mut Vec<Finding>) {
    for statement in role.allowing().filter(|statement| !statement.is_about_everything()) {
        check_statement(context, role, statement, found);
    }
}

fn check_statement(
    context: &Context<'_>,
    role: &RoleView<'_>,
    statement: &StatementView<'_>,
    found: &mut Vec<Finding>,
) {
    let limits = statement.limits(context);
    let named = statement.known().filter(|(_, pattern)| pattern.whole_service().is_none()).map(|(action, _)| action);
    let could_be = |action: &Action<'_>| {
        action.level().changes()
            && action.resource_types().next().is_some()
            && !is_named_elsewhere(context, *action)
            && limits.leave(*action)
    };
    let actions: Vec<Action<'_>> = named.filter(could_be).collect();
    if actions.is_empty() {
        return;
    }
    let every = if statement.resource() == "*" {
        "every resource of the account".to_owned()
    } else {
        format!("{}, which is all of that type", cut(statement.resource()))
    };
    let each = if actions.len() == 1 { "it" } else { "each of them" };
    let message = format!(
        "{} on {every}, though AWS can limit {each}; what does not belong to the cluster can be changed or used, too",
        allowed(&actions)
    );
    found.push(role.statement_finding(
        &UNSCOPED_WRITE,
        &statement.at_resource(),
        message,
        advice(context, statement, &actions),
    ));
}

/// What other rules say more about.
fn is_named_elsewhere(context: &Context<'_>, action: Action<'_>) -> bool {
    let Lists { iam, runs_code, sharing, secrets, data, pass_role, assume_role, .. } = &context.lists;
    action.level() == AccessLevel::PermissionsManagement
        || [iam, runs_code, sharing, secrets, data, pass_role, assume_role].iter().any(|list| list.has(action))
}

/// By ARN, and by tag where the actions take one.
fn advice(context: &Context<'_>, statement: &StatementView<'_>, actions: &[Action<'_>]) -> String {
    // An action that may be about anything, such as ec2:CreateTags, has no good example.
    let plain = actions.iter().filter(|action| action.needs_resource() || action.resource_types().count() == 1);
    let arns: BTreeSet<String> =
        plain.take(MAX_EXAMPLES).filter_map(|action| example(*action, context.header)).collect();
    let by_arn = "give the ARNs that are needed as resource".to_owned();
    let by_arn = match arns.len() {
        0 => by_arn,
        _ => format!("{by_arn}, such as {}", list(arns.iter().take(EXAMPLES))),
    };
    let tags = Takers::of("aws:ResourceTag/owner", statement);
    let tagged: Vec<_> = actions.iter().filter(|action| tags.has(**action)).collect();
    if tagged.is_empty() {
        return by_arn;
    }
    let which = match tagged.len() {
        all if all == actions.len() && all == 1 => "it".to_owned(),
        all if all == actions.len() => "all of them".to_owned(),
        _ => list(tagged),
    };
    format!("{by_arn}, or add a condition on a tag (aws:ResourceTag), which {which} can take")
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Scene, allow, none, one};
    use super::*;
    use crate::review::report::FindingLevel::Warning;

    fn message(actions: &str, every: &str, each: &str) -> String {
        format!(
            "{actions} allowed on {every}, though AWS can limit {each}; what does not belong to the cluster can be changed or used, too"
        )
    }

    #[test]
    fn what_changes_something_could_be_limited() {
        let scene = Scene::with(&allow(
            "'ec2:DescribeVolumes', 'ec2:DeleteVolume', 'route53:ChangeResourceRecordSets'",
            "*",
            "",
        ));
        let actions = "ec2:DeleteVolume and route53:ChangeResourceRecordSets are";
        let expected = message(actions, "every resource of the account", "each of them");
        assert_eq!(scene.by(&UNSCOPED_WRITE), one(Warning, 1, 12, &expected));
        let advice = scene.find().into_iter().find(|finding| finding.id == UNSCOPED_WRITE.id).unwrap().advice;
        assert_eq!(
            advice,
            "give the ARNs that are needed as resource, such as arn:aws:ec2:us-east-2:123456789012:volume/... and \
             arn:aws:route53:::hostedzone/..., or add a condition on a tag (aws:ResourceTag), which ec2:DeleteVolume can take"
        );
    }

    #[test]
    fn all_of_a_type_is_no_limit() {
        for (resource, is_all) in [
            ("arn:aws:ec2:*:*:volume/*", true),
            ("arn:*:ec2:us-east-2:123456789012:volume/*", true),
            ("arn:aws:ec2:*:*:*", true),
            ("arn:aws:ec2:us-east-2:123456789012:volume/vol-1*", false),
            ("arn:aws:ec2:us-east-2:123456789012:snapshot/*", false),
        ] {
            let found = Scene::with(&allow("'ec2:DeleteVolume'", resource, "")).by(&UNSCOPED_WRITE);
            let every = format!("{resource}, which is all of that type");
            let expected = one(Warning, 1, 12, &message("ec2:DeleteVolume is", &every, "it"));
            assert_eq!(found, if is_all { expected } else { none() }, "{resource}");
        }
    }

    #[test]
    fn conditions_on_the_resource_or_the_request_limit() {
        for (condition, limits) in [
            ("StringEquals: {'aws:ResourceTag/owner': a}", true),
            ("StringLike: {'ec2:ResourceTag/owner': a*}", true),
            ("StringEquals: {'aws:ResourceAccount': '123456789012'}", true),
            ("StringEqualsIfExists: {'aws:ResourceTag/owner': a}", false),
            ("StringNotEquals: {'aws:ResourceTag/owner': a}", false),
            ("StringEquals: {'aws:SourceVpc': a}", false),
            ("Bool: {'aws:SecureTransport': true}", false),
        ] {
            let found = Scene::with(&allow("'ec2:DeleteVolume'", "*", condition)).by(&UNSCOPED_WRITE);
            assert_eq!(found.is_empty(), limits, "{condition}");
        }
    }

    #[test]
    fn reading_and_what_has_no_resource_is_left_alone() {
        let actions =
            "'ec2:DescribeVolumes', 's3:GetObject', 'ec2:EnableSerialConsoleAccess', 'iam:PassRole', 'sts:AssumeRole'";
        assert_eq!(Scene::with(&allow(actions, "*", "")).by(&UNSCOPED_WRITE), none());
        assert_eq!(Scene::with(&allow("'*'", "*", "")).by(&UNSCOPED_WRITE), none());
    }
}
