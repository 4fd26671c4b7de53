//! Actions that are not named one by one.

use super::rules::{ACTION_WILDCARD, ALL_ACTIONS, NOT_ACTION, NOT_EXAMINED, SERVICE_WILDCARD};
use super::view::{Context, PatternView, RoleView, StatementView, at_level, is_wild};
use super::words::{count, cut, join, list};
use crate::review::action_data::{AccessLevel, Action};
use crate::review::report::{Finding, FindingLevel};

/// A pattern for this many actions, all of them named in the finding, is hardly more than a list of them.
const FEW: usize = 4;
/// Patterns whose actions are named.
const MAX_PATTERNS: usize = 4;

pub(super) fn check(_: &Context<'_>, role: &RoleView<'_>, found: &mut Vec<Finding>) {
    for statement in role.allowing() {
        not_action(role, statement, found);
        all_actions(role, statement, found);
        whole_services(role, statement, found);
        patterns(role, statement, found);
        not_examined(role, statement, found);
    }
}

fn not_action(role: &RoleView<'_>, statement: &StatementView<'_>, found: &mut Vec<Finding>) {
    let Some(spared) = &statement.statement.not_action else { return };
    let message = format!(
        "all actions but {} are allowed on {}, those of every service and those that AWS adds later",
        list(spared),
        cut(statement.resource())
    );
    found.push(role.statement_finding(&NOT_ACTION, &statement.at_start(), message, "name the actions that are needed"));
}

fn all_actions(role: &RoleView<'_>, statement: &StatementView<'_>, found: &mut Vec<Finding>) {
    let Some(all) = statement.patterns.iter().find(|one| one.pattern.as_str() == "*") else { return };
    let message = format!(
        "every action of every service is allowed on {}, so whoever gets the role's token has the account",
        cut(statement.resource())
    );
    let at = statement.at_action(all);
    found.push(role.statement_finding(&ALL_ACTIONS, &at, message, "name the actions that are needed"));
}

fn whole_services(role: &RoleView<'_>, statement: &StatementView<'_>, found: &mut Vec<Finding>) {
    let whole: Vec<_> = statement.patterns.iter().filter(|one| one.whole_service().is_some()).collect();
    let Some(first) = whole.first() else { return };
    let actions: Vec<Action<'_>> = whole.iter().flat_map(|one| one.known.iter().copied()).collect();
    let managing: Vec<_> = actions.iter().filter(|one| one.level() == AccessLevel::PermissionsManagement).collect();
    let including = if managing.is_empty() {
        String::new()
    } else {
        format!(", among them {} (permissions management)", list(&managing))
    };
    let message = format!(
        "every action of {} is allowed on {}: {} today{including}, and what AWS adds later",
        list(whole.iter().filter_map(|one| one.whole_service())),
        cut(statement.resource()),
        actions.len(),
    );
    let level = if managing.is_empty() { SERVICE_WILDCARD.level } else { FindingLevel::Error };
    let at = statement.at_action(first);
    let finding = role.statement_finding(&SERVICE_WILDCARD, &at, message, "name the actions that are needed");
    found.push(at_level(level, finding));
}

/// Patterns of some actions of a service, where they change something.
fn patterns(role: &RoleView<'_>, statement: &StatementView<'_>, found: &mut Vec<Finding>) {
    let wild = |one: &&PatternView<'_>| is_wild(one.pattern.as_str()) && one.whole_service().is_none();
    let changing = |one: &PatternView<'_>| one.known.iter().any(|action| action.level().changes());
    let wild: Vec<_> = statement.patterns.iter().filter(wild).filter(|one| changing(one)).collect();
    let Some(first) = wild.first() else { return };
    let stand_for = wild.iter().map(|one| stands_for(one));
    let (are, stand) =
        if wild.len() == 1 { ("is", "a pattern that also stands") } else { ("are", "patterns that also stand") };
    let message = format!("{} {are} allowed, {stand} for what AWS adds later", join(stand_for, MAX_PATTERNS));
    let harmless = |one: &&PatternView<'_>| {
        one.known.len() <= FEW && one.known.iter().all(|action| action.level() != AccessLevel::PermissionsManagement)
    };
    let level = if wild.iter().all(harmless) { FindingLevel::Note } else { ACTION_WILDCARD.level };
    let at = statement.at_action(first);
    let finding = role.statement_finding(&ACTION_WILDCARD, &at, message, "name the actions that are needed");
    found.push(at_level(level, finding));
}

/// `s3:*Bucket (CreateBucket and DeleteBucket; 2 others that only read)`.
fn stands_for(pattern: &PatternView<'_>) -> String {
    let changing: Vec<_> = pattern.known.iter().filter(|action| action.level().changes()).map(Action::name).collect();
    let named = list(&changing);
    match pattern.known.len() - changing.len() {
        0 => format!("{} ({named})", pattern.pattern),
        others => format!("{} ({named}; {} that only read)", pattern.pattern, count(others, "other")),
    }
}

fn not_examined(role: &RoleView<'_>, statement: &StatementView<'_>, found: &mut Vec<Finding>) {
    let left_out: Vec<_> = statement.patterns.iter().filter(|one| !one.examined).collect();
    let Some(first) = left_out.first() else { return };
    let message = format!(
        "{} of actions not compared with those of AWS, as the bundle has too many",
        count(left_out.len(), "pattern")
    );
    let at = statement.at_action(first);
    found.push(role.statement_finding(&NOT_EXAMINED, &at, message, "look at this policy itself"));
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Scene, allow, none, one};
    use super::*;

    #[test]
    fn everything_is_an_error() {
        let scene = Scene::with(&allow("'*'", "*", ""));
        let message = "every action of every service is allowed on *, so whoever gets the role's token has the account";
        assert_eq!(scene.by(&ALL_ACTIONS), one(FindingLevel::Error, 1, 11, message));
        assert_eq!(Scene::with(&allow("'ec2:*'", "*", "")).by(&ALL_ACTIONS), none());
    }

    #[test]
    fn a_whole_service_is_a_warning_and_an_error_where_permissions_are_in_it() {
        let scene = Scene::with(&allow("'tag:*'", "*", ""));
        let message = "every action of tag is allowed on *: 9 today, and what AWS adds later";
        assert_eq!(scene.by(&SERVICE_WILDCARD), one(FindingLevel::Warning, 1, 11, message));
        let scene = Scene::with(&allow("'ec2:RunInstances', 'ebs:*', 'kms:**'", "*", ""));
        let found = scene.by(&SERVICE_WILDCARD);
        assert_eq!((found.len(), found[0].0), (1, FindingLevel::Error));
        assert_eq!(
            found[0].3,
            "every action of ebs and kms is allowed on *: 64 today, among them kms:CreateGrant, kms:PutKeyPolicy, \
             kms:RetireGrant and kms:RevokeGrant (permissions management), and what AWS adds later"
        );
    }

    #[test]
    fn patterns_are_reported_where_they_change_something() {
        let scene = Scene::with(&allow("'ec2:Describe*', 'kms:ReEncrypt*'", "*", ""));
        let message = "kms:ReEncrypt* (ReEncryptFrom and ReEncryptTo) is allowed, a pattern that also stands for what AWS adds later";
        assert_eq!(scene.by(&ACTION_WILDCARD), one(FindingLevel::Note, 1, 11, message));
        let scene = Scene::with(&allow("'s3:*BucketPolicy', 's3:PutObjectLegal*'", "*", ""));
        let message = "s3:*BucketPolicy (DeleteBucketPolicy and PutBucketPolicy; 1 other that only read) and s3:PutObjectLegal* \
                       (PutObjectLegalHold) are allowed, patterns that also stand for what AWS adds later";
        assert_eq!(scene.by(&ACTION_WILDCARD), one(FindingLevel::Warning, 1, 11, message));
        assert_eq!(Scene::with(&allow("'ec2:Describe*', 's3:List*'", "*", "")).by(&ACTION_WILDCARD), none());
    }

    #[test]
    fn not_action_is_an_error_where_it_allows() {
        let mut scene = Scene::with(&allow("'iam:*', 's3:GetObject'", "*", ""));
        scene.change(|statement| statement.not_action = statement.action.take());
        let message = "all actions but iam:* and s3:GetObject are allowed on *, those of every service and those that AWS adds \
                       later";
        assert_eq!(scene.by(&NOT_ACTION), vec![(FindingLevel::Error, Some(1), None, message.to_owned())]);
        scene.change(|statement| statement.effect = bundle_schema::documents::policy::Effect::Deny);
        assert_eq!(scene.by(&NOT_ACTION), none());
    }

    #[test]
    fn patterns_are_compared_up_to_a_limit() {
        let entries = |count: usize| {
            let pattern = |number| allow(&format!("'tag:*{number}*'"), "*", "");
            (0..count).map(pattern).collect::<Vec<_>>()
        };
        let requests: Vec<_> =
            entries(2_010).chunks(67).enumerate().map(|(n, some)| (format!("openshift-{n}"), some.concat())).collect();
        let requests: Vec<_> = requests.iter().map(|(name, text)| (name.as_str(), "a", text.as_str())).collect();
        let found = Scene::of(&requests).by(&NOT_EXAMINED);
        let message = "1 pattern of actions not compared with those of AWS, as the bundle has too many";
        assert_eq!(found.len(), 10);
        assert!(found.iter().all(|one| one.0 == FindingLevel::Error && one.3 == message));
    }
}
