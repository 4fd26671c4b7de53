//! Ways to more permissions than the role was given, in one statement or by several together.

use std::collections::BTreeMap;

use super::lists::Names;
use super::rules::{ASSUME_ANY_ROLE, ESCALATION_IAM, ESCALATION_PASS_ROLE, ESCALATION_RUN_CODE, PASS_ANY_ROLE};
use super::view::{Context, PatternView, RoleView, StatementView, at_level};
use super::words::{allowed, list};
use crate::review::action_data::Action;
use crate::review::report::{Finding, FindingLevel};

/// An action of a role that one of the lists has.
struct Listed<'s, 'a> {
    action: Action<'a>,
    statement: &'s StatementView<'a>,
    pattern: &'s PatternView<'a>,
    unlimited: bool,
}

/// The actions of the role that are in a list, by name; of several statements the one that limits it least.
fn listed<'s, 'a>(context: &Context<'_>, role: &'s RoleView<'a>, names: &Names) -> BTreeMap<String, Listed<'s, 'a>> {
    let mut all: BTreeMap<String, Listed<'s, 'a>> = BTreeMap::new();
    for statement in role.allowing() {
        let limits = statement.limits(context);
        for (action, pattern) in statement.known() {
            if !names.has(action) {
                continue;
            }
            let name = action.to_string();
            let unlimited = limits.leave(action);
            if unlimited || !all.contains_key(&name) {
                all.insert(name, Listed { action, statement, pattern, unlimited });
            }
        }
    }
    all
}

pub(super) fn check(context: &Context<'_>, role: &RoleView<'_>, found: &mut Vec<Finding>) {
    through_iam(context, role, found);
    through_passed_role(context, role, found);
    through_running_code(context, role, found);
    any_role(context, role, found);
}

fn through_iam(context: &Context<'_>, role: &RoleView<'_>, found: &mut Vec<Finding>) {
    for (statement, actions) in by_statement(listed(context, role, &context.lists.iam)) {
        let Some(first) = actions.first() else { continue };
        let unlimited = actions.iter().any(|one| one.unlimited);
        let (level, how) = if unlimited {
            (ESCALATION_IAM.level, "without a limit, so the role can get every permission of the account")
        } else {
            (FindingLevel::Warning, "on some resources, whose permissions the role can change or get")
        };
        let message = format!("{} {how}", allowed(&names(&actions)));
        let advice = "leave these actions out; if one is needed, limit it to resources that have few permissions";
        let at = statement.at_action(first.pattern);
        found.push(at_level(level, role.statement_finding(&ESCALATION_IAM, &at, message, advice)));
    }
}

fn names<'a>(actions: &[Listed<'_, 'a>]) -> Vec<Action<'a>> {
    actions.iter().map(|one| one.action).collect()
}

fn by_statement<'s, 'a>(
    actions: BTreeMap<String, Listed<'s, 'a>>,
) -> impl Iterator<Item = (&'s StatementView<'a>, Vec<Listed<'s, 'a>>)> {
    let mut statements: BTreeMap<usize, (&StatementView<'a>, Vec<Listed<'s, 'a>>)> = BTreeMap::new();
    for one in actions.into_values() {
        let of_statement = statements.entry(one.statement.number).or_insert((one.statement, Vec::new()));
        of_statement.1.push(one);
    }
    statements.into_values()
}

fn through_passed_role(context: &Context<'_>, role: &RoleView<'_>, found: &mut Vec<Finding>) {
    let Some(pass) = listed(context, role, &context.lists.pass_role).into_values().next() else { return };
    let starts = listed(context, role, &context.lists.starts_with_role);
    let advice =
        "limit iam:PassRole to the ARNs of the roles that are meant, and by the condition key iam:PassedToService";
    let at = pass.statement.at_action(pass.pattern);
    if starts.is_empty() {
        if pass.unlimited {
            let message = "iam:PassRole is allowed for every role of the account".to_owned();
            found.push(role.statement_finding(&PASS_ANY_ROLE, &at, message, advice));
        }
        return;
    }
    let (level, which) = if pass.unlimited {
        (ESCALATION_PASS_ROLE.level, "every role of the account")
    } else {
        (FindingLevel::Note, "some roles")
    };
    let starts = list(starts.values().map(|one| match one.statement.number {
        number if number == pass.statement.number => one.action.to_string(),
        number => format!("{} (statement {number})", one.action),
    }));
    let message = format!(
        "iam:PassRole is allowed for {which}, together with {starts}: in what it starts, the role gets the permissions of a role that it passes"
    );
    found.push(at_level(level, role.statement_finding(&ESCALATION_PASS_ROLE, &at, message, advice)));
}

fn through_running_code(context: &Context<'_>, role: &RoleView<'_>, found: &mut Vec<Finding>) {
    let mut actions = listed(context, role, &context.lists.runs_code);
    let user_data = listed(context, role, &context.lists.user_data);
    if user_data.len() == context.lists.user_data.len() {
        actions.extend(user_data.into_iter().take(1));
    }
    for (statement, mut actions) in by_statement(actions) {
        actions.retain(|one| one.unlimited);
        let Some(first) = actions.first() else { continue };
        let message = format!(
            "{} without a limit: code can be run in what is there already, with the permissions that it has",
            allowed(&names(&actions))
        );
        let at = statement.at_action(first.pattern);
        let advice = "limit the resource to what belongs to the cluster";
        found.push(role.statement_finding(&ESCALATION_RUN_CODE, &at, message, advice));
    }
}

fn any_role(context: &Context<'_>, role: &RoleView<'_>, found: &mut Vec<Finding>) {
    let Some(assume) = listed(context, role, &context.lists.assume_role).into_values().next() else { return };
    if assume.unlimited {
        let message =
            "sts:AssumeRole is allowed for every role, also of other accounts, whose trust policy lets this account in";
        let at = assume.statement.at_action(assume.pattern);
        let advice = "give the ARNs of the roles that are meant as resource, in a statement of its own";
        found.push(role.statement_finding(&ASSUME_ANY_ROLE, &at, message.to_owned(), advice));
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Scene, allow, none, one};
    use super::*;
    use crate::review::report::FindingLevel::{Error, Note, Warning};

    #[test]
    fn permissions_through_iam_are_an_error() {
        let scene = Scene::with(&allow("'iam:GetRole', 'iam:PutRolePolicy', 'iam:CreateAccessKey'", "*", ""));
        let message = "iam:CreateAccessKey and iam:PutRolePolicy are allowed without a limit, so the role can get every permission of the \
                       account";
        assert_eq!(scene.by(&ESCALATION_IAM), one(Error, 1, 11, message));
        let scene = Scene::with(&allow("'iam:PutRolePolicy'", "arn:aws:iam::123456789012:role/demo-*", ""));
        let message = "iam:PutRolePolicy is allowed on some resources, whose permissions the role can change or get";
        assert_eq!(scene.by(&ESCALATION_IAM), one(Warning, 1, 11, message));
        assert_eq!(Scene::with(&allow("'iam:GetRole', 'iam:List*'", "*", "")).by(&ESCALATION_IAM), none());
    }

    #[test]
    fn patterns_and_refusals_count() {
        let scene = Scene::with(&allow("'iam:Create*Key'", "*", ""));
        assert_eq!(scene.by(&ESCALATION_IAM).len(), 1);
        let refused = "    - {effect: Deny, action: ['iam:*AccessKey'], resource: '*'}\n";
        let scene = Scene::with(&(allow("'iam:CreateAccessKey'", "*", "") + refused));
        assert_eq!(scene.by(&ESCALATION_IAM), none());
        let refused =
            "    - {effect: Deny, action: ['iam:*AccessKey'], resource: 'arn:aws:iam::123456789012:user/a'}\n";
        let scene = Scene::with(&(allow("'iam:CreateAccessKey'", "*", "") + refused));
        assert_eq!(scene.by(&ESCALATION_IAM).len(), 1);
    }

    #[test]
    fn a_passed_role_and_what_starts_with_it_may_be_in_two_statements() {
        let pass = |resource, condition| allow("'iam:PassRole'", resource, condition);
        let run = allow("'ec2:RunInstances', 'lambda:CreateFunction'", "*", "");
        let scene = Scene::with(&(pass("*", "") + &run));
        let message = "iam:PassRole is allowed for every role of the account, together with ec2:RunInstances (statement 2) and \
                       lambda:CreateFunction (statement 2): in what it starts, the role gets the permissions of a role that it \
                       passes";
        assert_eq!(scene.by(&ESCALATION_PASS_ROLE), one(Warning, 1, 11, message));
        assert_eq!(scene.by(&PASS_ANY_ROLE), none());
        for (resource, condition) in [
            ("arn:aws:iam::123456789012:role/demo-worker", ""),
            ("*", "StringEquals: {'iam:PassedToService': ec2.amazonaws.com}"),
        ] {
            let found = Scene::with(&(pass(resource, condition) + &run)).by(&ESCALATION_PASS_ROLE);
            assert_eq!((found.len(), found[0].0), (1, Note), "{resource}");
        }
        let scene = Scene::with(&pass("*", ""));
        assert_eq!(
            scene.by(&PASS_ANY_ROLE),
            one(Warning, 1, 11, "iam:PassRole is allowed for every role of the account")
        );
        assert_eq!(scene.by(&ESCALATION_PASS_ROLE), none());
        assert_eq!(Scene::with(&run).by(&ESCALATION_PASS_ROLE), none());
    }

    #[test]
    fn code_runs_in_what_is_there() {
        let scene = Scene::with(&allow("'ssm:SendCommand', 'lambda:UpdateFunctionCode'", "*", ""));
        let message = "lambda:UpdateFunctionCode and ssm:SendCommand are allowed without a limit: code can be run in what is there \
                       already, with the permissions that it has";
        assert_eq!(scene.by(&ESCALATION_RUN_CODE), one(Warning, 1, 11, message));
        let limited = allow("'lambda:UpdateFunctionCode'", "arn:aws:lambda:us-east-2:123456789012:function:demo", "");
        assert_eq!(Scene::with(&limited).by(&ESCALATION_RUN_CODE), none());
    }

    #[test]
    fn user_data_runs_when_an_instance_starts_again() {
        let scene =
            Scene::with(&allow("'ec2:ModifyInstanceAttribute', 'ec2:StopInstances', 'ec2:StartInstances'", "*", ""));
        let message = "ec2:ModifyInstanceAttribute is allowed without a limit: code can be run in what is there already, with the \
                       permissions that it has";
        assert_eq!(scene.by(&ESCALATION_RUN_CODE), one(Warning, 1, 11, message));
        let scene = Scene::with(&allow("'ec2:ModifyInstanceAttribute', 'ec2:StopInstances'", "*", ""));
        assert_eq!(scene.by(&ESCALATION_RUN_CODE), none());
    }

    #[test]
    fn any_role_may_be_assumed() {
        let scene = Scene::with(&allow("'sts:AssumeRole'", "*", ""));
        let message =
            "sts:AssumeRole is allowed for every role, also of other accounts, whose trust policy lets this account in";
        assert_eq!(scene.by(&ASSUME_ANY_ROLE), one(Warning, 1, 11, message));
        let scene = Scene::with(&allow("'sts:AssumeRole'", "arn:aws:iam::210987654321:role/dns", ""));
        assert_eq!(scene.by(&ASSUME_ANY_ROLE), none());
    }
}
