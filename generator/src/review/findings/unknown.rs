//! Actions that AWS does not have, as far as the data goes.

use super::rules::{EMPTY_PATTERN, Rule, UNKNOWN_ACTION, UNKNOWN_SERVICE};
use super::view::{Context, RoleView, StatementView, is_wild};
use super::words::{are, list};
use crate::review::action_data::{Action, Service};
use crate::review::report::Finding;

/// How many characters a name may differ in from the one that is suggested.
const NEAR: usize = 4;

pub(super) fn check(context: &Context<'_>, role: &RoleView<'_>, found: &mut Vec<Finding>) {
    for statement in &role.statements {
        check_statement(context, role, statement, found);
    }
}

/// What is not known of a statement: an action as the policy has it, and its line.
#[derive(Default)]
struct Unknown<'a> {
    services: Vec<(&'a str, Option<usize>)>,
    actions: Vec<(&'a str, Option<usize>)>,
    patterns: Vec<(&'a str, Option<usize>)>,
}

fn check_statement(
    context: &Context<'_>,
    role: &RoleView<'_>,
    statement: &StatementView<'_>,
    found: &mut Vec<Finding>,
) {
    let mut unknown = Unknown::default();
    let spared = statement.statement.not_action.iter().flatten().map(|action| (action.as_str(), None));
    let named = statement.patterns.iter().filter(|one| one.examined).map(|one| (one.pattern.as_str(), one.line));
    for (action, line) in named.chain(spared) {
        let Some((prefix, _)) = action.split_once(':') else { continue };
        let list = match context.data.service(prefix) {
            None => &mut unknown.services,
            Some(_) if context.has_match(action) => continue,
            Some(_) if is_wild(action) => &mut unknown.patterns,
            Some(_) => &mut unknown.actions,
        };
        list.push((action, line));
    }
    let Unknown { services, actions, patterns } = unknown;
    let mut report = |rule: &Rule, unknown: &[(&str, Option<usize>)], what: &str, advice: String| {
        let Some((_, line)) = unknown.first() else { return };
        let actions: Vec<_> = unknown.iter().map(|(action, _)| action).collect();
        let message = format!("{} {what}", are(&actions));
        found.push(role.statement_finding(rule, &statement.at_line(*line), message, advice));
    };
    let date = &context.date;
    let said = if services.len() == 1 { "a service" } else { "services" };
    let what = format!("named, of {said} that AWS does not have (action data of {date})");
    report(&UNKNOWN_SERVICE, &services, &what, advice(context, &services, nearest_service));
    let what = format!("named, which AWS does not have (action data of {date})");
    report(&UNKNOWN_ACTION, &actions, &what, advice(context, &actions, nearest_action));
    let what = format!("named, which no action of AWS matches (action data of {date})");
    report(&EMPTY_PATTERN, &patterns, &what, "correct the pattern, or leave it out".to_owned());
}

/// `write ec2:DescribeInstances` where there is a similar name.
fn advice(
    context: &Context<'_>,
    unknown: &[(&str, Option<usize>)],
    nearest: fn(&Context<'_>, &str) -> Option<String>,
) -> String {
    const OTHERWISE: &str = "correct the name, or give newer action data";
    let found: Vec<String> = unknown
        .iter()
        .filter_map(|(action, _)| if context.may_suggest() { nearest(context, action) } else { None })
        .collect();
    if found.is_empty() {
        OTHERWISE.to_owned()
    } else {
        format!("perhaps {} {} meant; {OTHERWISE}", list(&found), if found.len() == 1 { "is" } else { "are" })
    }
}

/// The service that has such an action and whose prefix is most like the one given.
fn nearest_service(context: &Context<'_>, action: &str) -> Option<String> {
    let (prefix, name) = action.split_once(':')?;
    let prefix = prefix.to_ascii_lowercase();
    let has = |service: &&Service| is_wild(name) || service.action(name).is_some();
    let near = |service: &&Service| strsim::damerau_levenshtein(service.prefix(), &prefix);
    let found = context.data.services().iter().filter(has).min_by_key(near)?;
    (near(&found) <= NEAR.min(prefix.len() / 2)).then(|| format!("{}:{name}", found.prefix()))
}

fn nearest_action(context: &Context<'_>, action: &str) -> Option<String> {
    let (prefix, name) = action.split_once(':')?;
    let name = name.to_ascii_lowercase();
    let of_like_length = |action: &Action<'_>| action.name().len().abs_diff(name.len()) <= NEAR;
    let changes = |action: &Action<'_>| strsim::damerau_levenshtein(&action.name().to_ascii_lowercase(), &name);
    let all = context.data.service(prefix)?.actions().filter(of_like_length).map(|action| (changes(&action), action));
    let (changes, found) = all.min_by_key(|(changes, _)| *changes)?;
    (changes <= NEAR).then(|| found.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Scene, allow, none, one};
    use super::*;
    use crate::review::report::FindingLevel::{Error, Warning};

    fn advice_of(scene: &Scene, rule: &Rule) -> String {
        scene.find().into_iter().find(|finding| finding.id == rule.id).unwrap().advice
    }

    #[test]
    fn a_misspelled_action_is_an_error_and_its_name_is_suggested() {
        let scene = Scene::with(&allow("'ec2:DescribeVolumes', 'ec2:DescibeInstances', 'kms:Dcrypt'", "*", ""));
        let message =
            "ec2:DescibeInstances and kms:Dcrypt are named, which AWS does not have (action data of 2026-10-27)";
        assert_eq!(scene.by(&UNKNOWN_ACTION), one(Error, 1, 11, message));
        assert_eq!(
            advice_of(&scene, &UNKNOWN_ACTION),
            "perhaps ec2:DescribeInstances and kms:Decrypt are meant; correct the name, or give newer action data"
        );
        let scene = Scene::with(&allow("'ec2:SomethingElseAltogether'", "*", ""));
        assert_eq!(advice_of(&scene, &UNKNOWN_ACTION), "correct the name, or give newer action data");
        assert_eq!(Scene::with(&allow("'EC2:describeinstances'", "*", "")).by(&UNKNOWN_ACTION), none());
    }

    #[test]
    fn a_misspelled_service_is_an_error() {
        let scene = Scene::with(&allow("'elasticloadbalancer:RegisterTargets', 'kmss:*', 'kms2:Foo'", "*", ""));
        let message = "elasticloadbalancer:RegisterTargets, kmss:* and kms2:Foo are named, of services that AWS does not have (action data of 2026-10-27)";
        assert_eq!(scene.by(&UNKNOWN_SERVICE), one(Error, 1, 11, message));
        assert_eq!(
            advice_of(&scene, &UNKNOWN_SERVICE),
            "perhaps elasticloadbalancing:RegisterTargets and kms:* are meant; correct the name, or give newer action data"
        );
        assert_eq!(scene.by(&UNKNOWN_ACTION), none());
    }

    #[test]
    fn a_pattern_that_matches_nothing_is_a_warning() {
        let scene = Scene::with(&allow("'ec2:Descibe*', 'ec2:Describe*'", "*", ""));
        let message = "ec2:Descibe* is named, which no action of AWS matches (action data of 2026-10-27)";
        assert_eq!(scene.by(&EMPTY_PATTERN), one(Warning, 1, 11, message));
        assert_eq!(Scene::with(&allow("'ec2:Describe*'", "*", "")).by(&EMPTY_PATTERN), none());
    }

    #[test]
    fn what_a_statement_refuses_or_spares_is_looked_at() {
        let refused = "    - {effect: Deny, action: ['iam:CreateAccesKey'], resource: '*'}\n";
        assert_eq!(Scene::with(refused).by(&UNKNOWN_ACTION).len(), 1);
        let mut scene = Scene::with(&allow("'iam:CreateAccesKey'", "*", ""));
        scene.change(|statement| statement.not_action = statement.action.take());
        assert_eq!(scene.by(&UNKNOWN_ACTION).len(), 1);
    }
}
