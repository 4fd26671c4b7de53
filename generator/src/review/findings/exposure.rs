//! Ways for data to leave the account or to be read by whom it is not meant for, and changes to who may do what.

use super::limits::{Limits, Operator};
use super::lists::{Lists, Names};
use super::rules::{DATA_READ, KEY_GRANT, PERMISSIONS_MANAGEMENT, Rule, SECRETS_READ, SHARING};
use super::view::{Context, PatternView, RoleView, StatementView, at_level, texts};
use super::words::{allowed, list};
use crate::review::action_data::{AccessLevel, Action};
use crate::review::report::{Finding, FindingLevel};

pub(super) fn check(context: &Context<'_>, role: &RoleView<'_>, found: &mut Vec<Finding>) {
    for statement in role.allowing() {
        let checker = Checker { context, role, statement, limits: statement.limits(context) };
        found.extend(checker.sharing());
        found.extend(checker.reading(&Reading::secrets(context)));
        found.extend(checker.reading(&Reading::data(context)));
        found.extend(checker.grants());
        found.extend(checker.permissions_management());
    }
}

/// What can be read, and what to do.
struct Reading<'c> {
    rule: &'static Rule,
    actions: &'c Names,
    so: &'static str,
    advice: &'static str,
}

impl<'c> Reading<'c> {
    fn secrets(context: &'c Context<'_>) -> Self {
        Self {
            rule: &SECRETS_READ,
            actions: &context.lists.secrets,
            so: "so secrets that do not belong to the cluster can be read",
            advice: "limit the resource to the secrets that the component needs",
        }
    }

    fn data(context: &'c Context<'_>) -> Self {
        Self {
            rule: &DATA_READ,
            actions: &context.lists.data,
            so: "so data that does not belong to the cluster can be read",
            advice: "limit the resource to what belongs to the cluster",
        }
    }
}

type Known<'s, 'a> = (Action<'a>, &'s PatternView<'a>);

fn in_list<'s, 'a>(statement: &'s StatementView<'a>, names: &Names) -> Vec<Known<'s, 'a>> {
    statement.known().filter(|(action, _)| names.has(*action)).collect()
}

fn are_allowed(actions: &[Known<'_, '_>]) -> String {
    allowed(&actions.iter().map(|(action, _)| *action).collect::<Vec<_>>())
}

/// One statement.
struct Checker<'c, 'a> {
    context: &'c Context<'a>,
    role: &'c RoleView<'a>,
    statement: &'c StatementView<'a>,
    limits: &'c Limits,
}

impl Checker<'_, '_> {
    fn sharing(&self) -> Option<Finding> {
        let actions = in_list(self.statement, &self.context.lists.sharing);
        let (_, first) = actions.first()?;
        let (level, how) = if actions.iter().any(|(action, _)| self.limits.leave(*action)) {
            (
                SHARING.level,
                "without a limit, so data that does not belong to the cluster can be shared, or can lose its protection",
            )
        } else {
            (FindingLevel::Note, "on some resources, whose data can be shared, or can lose its protection")
        };
        let message = format!("{} {how}", are_allowed(&actions));
        let at = self.statement.at_action(first);
        let advice = "limit the resource to what belongs to the cluster";
        Some(at_level(level, self.role.statement_finding(&SHARING, &at, message, advice)))
    }

    fn reading(&self, what: &Reading<'_>) -> Option<Finding> {
        let mut actions = in_list(self.statement, what.actions);
        actions.retain(|(action, _)| self.limits.leave(*action));
        let (_, first) = actions.first()?;
        let message = format!("{} without a limit, {}", are_allowed(&actions), what.so);
        Some(self.role.statement_finding(what.rule, &self.statement.at_action(first), message, what.advice))
    }

    /// Grants to others than AWS services.
    fn grants(&self) -> Option<Finding> {
        let actions = in_list(self.statement, &self.context.lists.create_grant);
        let (_, first) = actions.first()?;
        if self.limits_grantee() {
            return None;
        }
        let message =
            "kms:CreateGrant is allowed for any grantee, so the use of keys can be given to anybody".to_owned();
        let advice = "add the condition Bool kms:GrantIsForAWSResource true, in a statement of the actions for grants";
        Some(self.role.statement_finding(&KEY_GRANT, &self.statement.at_action(first), message, advice))
    }

    fn limits_grantee(&self) -> bool {
        self.statement.conditions().any(|(operator, key, values)| {
            let (operator, values) = (Operator::of(operator), texts(values));
            let is_for_aws = key.eq_ignore_ascii_case("kms:GrantIsForAWSResource")
                && values.iter().all(|value| value.eq_ignore_ascii_case("true"));
            let is_grantee = ["kms:GranteePrincipal", "kms:GranteeServicePrincipal"]
                .iter()
                .any(|limit| key.eq_ignore_ascii_case(limit));
            (is_for_aws || is_grantee) && !operator.holds_without_key(&values)
        })
    }

    /// What AWS counts as permissions management and no other rule has named.
    fn permissions_management(&self) -> Option<Finding> {
        let Lists { iam, sharing, secrets, data, create_grant, .. } = &self.context.lists;
        let named = |action: Action<'_>| {
            [iam, sharing, secrets, data].iter().any(|list| list.has(action))
                || (create_grant.has(action) && !self.limits_grantee())
        };
        let manages = |(action, pattern): &Known<'_, '_>| {
            action.level() == AccessLevel::PermissionsManagement && pattern.whole_service().is_none() && !named(*action)
        };
        let actions: Vec<Known<'_, '_>> = self.statement.known().filter(manages).collect();
        let (_, first) = actions.first()?;
        let (level, how) = if actions.iter().any(|(action, _)| self.limits.leave(*action)) {
            (PERMISSIONS_MANAGEMENT.level, "without a limit")
        } else {
            (FindingLevel::Note, "within the statement's limits")
        };
        let named = list(actions.iter().map(|(action, _)| *action));
        let verb = if actions.len() == 1 { "is" } else { "are" };
        let message = format!("{named}, which AWS counts as permissions management, {verb} allowed {how}");
        let at = self.statement.at_action(first);
        let advice = "check that the component has to change who may do what";
        Some(at_level(level, self.role.statement_finding(&PERMISSIONS_MANAGEMENT, &at, message, advice)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Scene, allow, none, one};
    use super::*;
    use crate::review::report::FindingLevel::{Note, Warning};

    #[test]
    fn data_can_be_given_away() {
        let scene = Scene::with(&allow("'ec2:ModifySnapshotAttribute', 's3:PutBucketPolicy'", "*", ""));
        let message = "ec2:ModifySnapshotAttribute and s3:PutBucketPolicy are allowed without a limit, so data that does not belong to \
                       the cluster can be shared, or can lose its protection";
        assert_eq!(scene.by(&SHARING), one(Warning, 1, 11, message));
        let scene = Scene::with(&allow("'s3:PutBucketPolicy'", "arn:aws:s3:::demo-registry", ""));
        let message =
            "s3:PutBucketPolicy is allowed on some resources, whose data can be shared, or can lose its protection";
        assert_eq!(scene.by(&SHARING), one(Note, 1, 11, message));
        assert_eq!(Scene::with(&allow("'s3:GetBucketPolicy'", "*", "")).by(&SHARING), none());
    }

    #[test]
    fn secrets_and_data_can_be_read() {
        let scene = Scene::with(&allow("'secretsmanager:Get*', 'ssm:GetParameter'", "*", ""));
        let message = "secretsmanager:GetSecretValue and ssm:GetParameter are allowed without a limit, so secrets that do not \
                       belong to the cluster can be read";
        assert_eq!(scene.by(&SECRETS_READ), one(Warning, 1, 11, message));
        let scene = Scene::with(&allow("'s3:GetObject'", "arn:aws:s3:::*", ""));
        let message =
            "s3:GetObject is allowed without a limit, so data that does not belong to the cluster can be read";
        assert_eq!(scene.by(&DATA_READ), one(Warning, 1, 11, message));
        let scene = Scene::with(&allow("'s3:GetObject'", "arn:aws:s3:::demo-registry/*", ""));
        assert_eq!((scene.by(&DATA_READ), scene.by(&SECRETS_READ)), (none(), none()));
    }

    #[test]
    fn grants_are_for_aws_services() {
        let message = "kms:CreateGrant is allowed for any grantee, so the use of keys can be given to anybody";
        for (condition, limits) in [
            ("", false),
            ("Bool: {'kms:GrantIsForAWSResource': false}", false),
            ("BoolIfExists: {'kms:GrantIsForAWSResource': true}", false),
            ("StringEquals: {'aws:ResourceTag/a': b}", false),
            ("Bool: {'kms:GrantIsForAWSResource': true}", true),
            ("Bool: {'KMS:grantisforawsresource': 'True'}", true),
        ] {
            let found = Scene::with(&allow("'kms:ListGrants', 'kms:CreateGrant'", "*", condition)).by(&KEY_GRANT);
            assert_eq!(found, if limits { none() } else { one(Warning, 1, 11, message) }, "{condition}");
        }
    }

    #[test]
    fn permissions_management_is_named_once() {
        let scene = Scene::with(&allow("'kms:RetireGrant', 'iam:PutRolePolicy', 's3:PutBucketPolicy'", "*", ""));
        let message = "kms:RetireGrant, which AWS counts as permissions management, is allowed without a limit";
        assert_eq!(scene.by(&PERMISSIONS_MANAGEMENT), one(Warning, 1, 11, message));
        let scene = Scene::with(&allow(
            "'kms:CreateGrant', 'kms:RevokeGrant'",
            "*",
            "Bool: {'kms:GrantIsForAWSResource': true}",
        ));
        let message = "kms:CreateGrant and kms:RevokeGrant, which AWS counts as permissions management, are allowed within the \
                       statement's limits";
        assert_eq!(scene.by(&PERMISSIONS_MANAGEMENT), one(Note, 1, 11, message));
        assert_eq!(Scene::with(&allow("'ec2:RunInstances'", "*", "")).by(&PERMISSIONS_MANAGEMENT), none());
    }
}
