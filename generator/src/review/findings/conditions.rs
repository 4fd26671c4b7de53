//! Conditions that do not do what they seem to: keys that no request has, operators that hold without the key, values that
//! never match.
//!
//! The rules are those of the IAM user guide: condition operators, multivalued context keys, policy variables.

mod values;

use std::collections::BTreeSet;

use bundle_schema::documents::policy::ConditionValues;

use super::limits::{Operator, Takers};
use super::rules::{
    CONDITION_FOR_ALL_VALUES, CONDITION_IF_EXISTS, CONDITION_KEY_NOT_TAKEN, CONDITION_KEY_PARTLY_TAKEN,
    CONDITION_SESSION, CONDITION_SET_OPERATOR, POLICY_VARIABLE, Rule, UNKNOWN_CONDITION_KEY,
};
use super::view::{At, Context, RoleView, StatementView, texts};
use super::words::{cut, list};
use crate::review::action_data::{Action, ConditionKey, is_global_key};
use crate::review::report::Finding;

/// Keys of a statement for which is said which actions do not take them.
const MAX_PARTLY: usize = 3;

/// Keys that every request has.
const ALWAYS_THERE: [&str; 6] = [
    "aws:PrincipalAccount",
    "aws:PrincipalArn",
    "aws:PrincipalType",
    "aws:RequestedRegion",
    "aws:ResourceAccount",
    "aws:userid",
];
/// Keys that are about users and how they signed in [IAM user guide, AWS global condition context keys].
const NOT_IN_SESSION: [&str; 3] = ["aws:MultiFactorAuthAge", "aws:MultiFactorAuthPresent", "aws:username"];

pub(super) fn check(context: &Context<'_>, role: &RoleView<'_>, found: &mut Vec<Finding>) {
    for statement in &role.statements {
        variables(role, statement, found);
        if statement.statement.condition.is_some() {
            let comparisons = comparisons(context, statement);
            Checker { role, statement, comparisons: &comparisons, found }.check();
        }
    }
}

/// One operator and key of a statement's conditions.
struct Comparison<'a> {
    text: &'a str,
    operator: Operator<'a>,
    key: &'a str,
    values: Vec<String>,
    known: Option<ConditionKey<'a>>,
    taken: Taken<'a>,
}

impl Comparison<'_> {
    fn is_not_in_session(&self) -> bool {
        NOT_IN_SESSION.iter().any(|key| key.eq_ignore_ascii_case(self.key))
    }

    fn is_always_there(&self) -> bool {
        ALWAYS_THERE.iter().any(|key| key.eq_ignore_ascii_case(self.key))
    }
}

/// Which of the statement's actions take a key.
enum Taken<'a> {
    /// All of them, or it cannot be told.
    All,
    /// None of them.
    None,
    /// All but these.
    AllBut(Vec<Action<'a>>),
}

fn comparisons<'a>(context: &Context<'a>, statement: &StatementView<'a>) -> Vec<Comparison<'a>> {
    let compare = |(text, key, values): (&'a str, &'a str, &'a ConditionValues)| {
        let known = context.data.condition_key(key);
        let taken = if known.is_some() { taken(key, statement) } else { Taken::All };
        Comparison { text, operator: Operator::of(text), key, values: texts(values), known, taken }
    };
    statement.conditions().map(compare).collect()
}

fn taken<'a>(key: &str, statement: &StatementView<'a>) -> Taken<'a> {
    // An action that the data does not know may take any key.
    let all_known = statement.patterns.iter().all(|pattern| !pattern.known.is_empty());
    if is_global_key(key) || statement.is_about_everything() || !all_known {
        return Taken::All;
    }
    let takers = Takers::of(key, statement);
    let actions: Vec<Action<'a>> = statement.known().map(|(action, _)| action).collect();
    let without: Vec<Action<'a>> = actions.iter().filter(|action| !takers.has(**action)).copied().collect();
    match without.len() {
        0 => Taken::All,
        some if some == actions.len() => Taken::None,
        _ => Taken::AllBut(without),
    }
}

struct Checker<'c, 'a> {
    role: &'c RoleView<'a>,
    statement: &'c StatementView<'a>,
    comparisons: &'c [Comparison<'a>],
    found: &'c mut Vec<Finding>,
}

impl<'c, 'a> Checker<'c, 'a> {
    fn check(mut self) {
        self.keys(&UNKNOWN_CONDITION_KEY, "which AWS does not have", |one| one.known.is_none());
        self.keys(&CONDITION_KEY_NOT_TAKEN, "which no action of the statement takes", |one| {
            matches!(one.taken, Taken::None)
        });
        self.keys(&CONDITION_SESSION, "which the session of a pod does not have", Comparison::is_not_in_session);
        self.partly_taken();
        self.for_all_values();
        self.if_exists();
        self.set_operators();
        self.operators();
        self.values();
        self.matches_all();
    }

    fn report(&mut self, rule: &Rule, message: String, advice: &str) {
        self.found.push(self.role.statement_finding(rule, &self.at(), message, advice));
    }

    fn at(&self) -> At<'c, 'a> {
        self.statement.at_condition()
    }

    /// The comparisons for which something holds.
    fn those(&self, which: impl Fn(&Comparison<'a>) -> bool) -> Vec<&'c Comparison<'a>> {
        self.comparisons.iter().filter(|one| which(one)).collect()
    }

    /// Keys that no request of the statement has: the comparison never holds, or always.
    fn keys(&mut self, rule: &Rule, what: &str, which: impl Fn(&Comparison<'a>) -> bool) {
        for (always, so) in [
            (false, "so the condition never holds and the statement does nothing"),
            (true, "so the condition always holds and limits nothing"),
        ] {
            let those = self.those(|one| which(one) && one.operator.holds_without_key(&one.values) == always);
            if !those.is_empty() {
                let message = format!("condition on {}, {what}, {so}", keys(&those));
                self.report(rule, message, "correct the key, or leave the condition out");
            }
        }
    }

    fn partly_taken(&mut self) {
        let those = self.comparisons.iter().filter_map(|one| match &one.taken {
            Taken::AllBut(actions) => Some((one, actions)),
            _ => None,
        });
        for (one, actions) in those.take(MAX_PARTLY) {
            let verb = if actions.len() == 1 { "does" } else { "do" };
            let done = if self.statement.allows() { "granted" } else { "refused" };
            let so = if one.operator.holds_without_key(&one.values) {
                "not limited by it".to_owned()
            } else {
                format!("not {done} by this statement")
            };
            let message = format!("{} {verb} not take the condition key {}, so {so}", list(actions), cut(one.key));
            self.report(&CONDITION_KEY_PARTLY_TAKEN, message, "put these actions into a statement of their own");
        }
    }

    fn for_all_values(&mut self) {
        let checked = |key: &str| {
            self.comparisons.iter().any(|one| {
                one.operator.plain == "Null"
                    && one.key.eq_ignore_ascii_case(key)
                    && one.values.iter().all(|value| value == "false")
            })
        };
        let those = self.those(|one| one.operator.is_for_all() && !checked(one.key));
        if self.statement.allows() && !those.is_empty() {
            let message = format!("{} also {} for a request without the key", pairs(&those), verb(&those, "hold"));
            self.report(&CONDITION_FOR_ALL_VALUES, message, "add the condition Null with false for the same key");
        }
    }

    fn if_exists(&mut self) {
        let those = self.those(|one| {
            let is_there = one.known.is_some()
                && !matches!(one.taken, Taken::None)
                && !one.is_not_in_session()
                && !one.is_always_there();
            one.operator.if_exists && is_there
        });
        if self.statement.allows() && !those.is_empty() {
            let message = format!("{} also {} for a request without the key", pairs(&those), verb(&those, "hold"));
            self.report(
                &CONDITION_IF_EXISTS,
                message,
                "leave IfExists out where every request that is meant has the key",
            );
        }
    }

    fn set_operators(&mut self) {
        let several = |one: &Comparison<'a>| one.known.map(|key| key.kind.several);
        let those = self.those(|one| one.operator.set.is_some() && several(one) == Some(false));
        if !those.is_empty() {
            let message =
                format!("{} {} a set, and a request has at most one value", pairs(&those), verb(&those, "compare"));
            self.report(&CONDITION_SET_OPERATOR, message, "leave ForAnyValue and ForAllValues out");
        }
        let those =
            self.those(|one| one.operator.set.is_none() && one.operator.plain != "Null" && several(one) == Some(true));
        if !those.is_empty() {
            let message =
                format!("{} {} one value, and a request may have several", pairs(&those), verb(&those, "compare"));
            self.report(&CONDITION_SET_OPERATOR, message, "write ForAnyValue or ForAllValues before the operator");
        }
    }
}

fn keys(those: &[&Comparison<'_>]) -> String {
    list(those.iter().map(|one| one.key).collect::<BTreeSet<_>>())
}

/// `StringLike aws:ResourceTag/owner and Bool ...`.
fn pairs(those: &[&Comparison<'_>]) -> String {
    list(those.iter().map(|one| format!("{} {}", one.text, one.key)))
}

/// `hold` for several, `holds` for one.
fn verb(those: &[&Comparison<'_>], verb: &str) -> String {
    format!("{verb}{}", if those.len() == 1 { "s" } else { "" })
}

/// Policy variables of the resource and of values.
fn variables(role: &RoleView<'_>, statement: &StatementView<'_>, found: &mut Vec<Finding>) {
    let in_resource: BTreeSet<String> = variables_of(statement.resource()).collect();
    let values = statement.conditions().flat_map(|(_, _, values)| texts(values));
    let in_values: BTreeSet<String> = values.flat_map(|value| variables_of(&value).collect::<Vec<_>>()).collect();
    let at = if in_resource.is_empty() { statement.at_condition() } else { statement.at_resource() };
    let all: BTreeSet<String> = in_resource.into_iter().chain(in_values).collect();
    if all.is_empty() {
        return;
    }
    let message = format!("what the statement is about depends on the request: {}", list(all));
    found.push(role.statement_finding(&POLICY_VARIABLE, &at, message, "check who decides on the value"));
}

/// `${aws:userid}` and the like; `${*}`, `${?}` and `${$}` are characters.
fn variables_of(text: &str) -> impl Iterator<Item = String> {
    let parts = text.split("${").skip(1).filter_map(|rest| rest.split_once('}'));
    parts.filter(|(name, _)| !["*", "?", "$"].contains(name)).map(|(name, _)| format!("${{{name}}}"))
}

#[cfg(test)]
mod tests {
    use super::super::rules::CONDITION_MATCHES_ALL;
    use super::super::tests::{Scene, allow, none, one};
    use super::*;
    use crate::review::report::FindingLevel::{Note, Warning};

    const NEVER: &str = "so the condition never holds and the statement does nothing";
    const ALWAYS: &str = "so the condition always holds and limits nothing";

    fn volume(condition: &str) -> Scene {
        Scene::with(&allow("'ec2:DeleteVolume'", "*", condition))
    }

    #[test]
    fn keys_that_aws_does_not_have_are_named() {
        let scene = volume("StringEquals: {'ec2:ResourceTags/a': b, 'aws:ResourceTag/a': b}");
        let message = |so| format!("condition on ec2:ResourceTags/a, which AWS does not have, {so}");
        assert_eq!(scene.by(&UNKNOWN_CONDITION_KEY), one(Warning, 1, 13, &message(NEVER)));
        for operator in ["StringNotEquals", "StringEqualsIfExists", "'ForAllValues:StringEquals'"] {
            let scene = volume(&format!("{operator}: {{'ec2:ResourceTags/a': b}}"));
            assert_eq!(scene.by(&UNKNOWN_CONDITION_KEY), one(Warning, 1, 13, &message(ALWAYS)), "{operator}");
        }
        assert_eq!(volume("StringEquals: {'AWS:resourcetag/a': b}").by(&UNKNOWN_CONDITION_KEY), none());
    }

    #[test]
    fn keys_that_no_action_takes_are_named() {
        let scene = volume("Bool: {'kms:GrantIsForAWSResource': true}");
        let message =
            format!("condition on kms:GrantIsForAWSResource, which no action of the statement takes, {NEVER}");
        assert_eq!(scene.by(&CONDITION_KEY_NOT_TAKEN), one(Warning, 1, 13, &message));
        let scene = volume("'Null': {'kms:ViaService': true}");
        let message = format!("condition on kms:ViaService, which no action of the statement takes, {ALWAYS}");
        assert_eq!(scene.by(&CONDITION_KEY_NOT_TAKEN), one(Warning, 1, 13, &message));
        let known = "StringEquals: {'ec2:VolumeType': gp3, 'aws:SourceVpc': vpc-1}";
        assert_eq!(volume(known).by(&CONDITION_KEY_NOT_TAKEN), none());
        // What AWS does not have may take any key.
        let scene = Scene::with(&allow("'ec2:DeleteVolumez'", "*", "StringEquals: {'kms:ViaService': a}"));
        assert_eq!(scene.by(&CONDITION_KEY_NOT_TAKEN), none());
    }

    #[test]
    fn actions_that_do_not_take_a_key_are_named() {
        let with = |condition| Scene::with(&allow("'kms:CreateGrant', 'kms:Decrypt', 'kms:ListKeys'", "*", condition));
        let scene = with("Bool: {'kms:GrantIsForAWSResource': true}");
        let message = "kms:Decrypt and kms:ListKeys do not take the condition key kms:GrantIsForAWSResource, so not granted by this statement";
        assert_eq!(scene.by(&CONDITION_KEY_PARTLY_TAKEN), one(Note, 1, 13, message));
        let scene = with("BoolIfExists: {'kms:GrantIsForAWSResource': true}");
        let message = "kms:Decrypt and kms:ListKeys do not take the condition key kms:GrantIsForAWSResource, so not limited by it";
        assert_eq!(scene.by(&CONDITION_KEY_PARTLY_TAKEN), one(Note, 1, 13, message));
        let all = "Bool: {'kms:GrantIsForAWSResource': true}";
        let grants = Scene::with(&allow("'kms:RevokeGrant', 'kms:CreateGrant', 'kms:ListGrants'", "*", all));
        assert_eq!(grants.by(&CONDITION_KEY_PARTLY_TAKEN), none());
    }

    #[test]
    fn for_all_values_needs_a_check_for_the_key() {
        let set = "'ForAllValues:StringEquals': {'aws:TagKeys': [a, b]}";
        let scene = Scene::with(&allow("'ec2:CreateTags'", "*", set));
        let message = "ForAllValues:StringEquals aws:TagKeys also holds for a request without the key";
        assert_eq!(scene.by(&CONDITION_FOR_ALL_VALUES), one(Warning, 1, 13, message));
        let checked = format!("{set}, 'Null': {{'aws:TagKeys': false}}");
        assert_eq!(Scene::with(&allow("'ec2:CreateTags'", "*", &checked)).by(&CONDITION_FOR_ALL_VALUES), none());
        let refused =
            format!("    - {{effect: Deny, action: ['ec2:CreateTags'], resource: '*', policyCondition: {{{set}}}}}\n");
        assert_eq!(Scene::with(&refused).by(&CONDITION_FOR_ALL_VALUES), none());
    }

    #[test]
    fn if_exists_is_named() {
        let scene = volume("StringEqualsIfExists: {'aws:ResourceTag/a': b}");
        let message = "StringEqualsIfExists aws:ResourceTag/a also holds for a request without the key";
        assert_eq!(scene.by(&CONDITION_IF_EXISTS), one(Note, 1, 13, message));
        for other in
            ["StringEquals: {'aws:ResourceTag/a': b}", "StringEqualsIfExists: {'aws:RequestedRegion': us-east-2}"]
        {
            assert_eq!(volume(other).by(&CONDITION_IF_EXISTS), none(), "{other}");
        }
    }

    #[test]
    fn sets_are_for_keys_with_several_values() {
        let scene = volume("'ForAnyValue:StringEquals': {'aws:ResourceTag/a': b}");
        let message = "ForAnyValue:StringEquals aws:ResourceTag/a compares a set, and a request has at most one value";
        assert_eq!(scene.by(&CONDITION_SET_OPERATOR), one(Warning, 1, 13, message));
        let tags = |condition| Scene::with(&allow("'ec2:CreateTags'", "*", condition)).by(&CONDITION_SET_OPERATOR);
        let message = "StringEquals aws:TagKeys compares one value, and a request may have several";
        assert_eq!(tags("StringEquals: {'aws:TagKeys': a}"), one(Warning, 1, 13, message));
        assert_eq!(tags("'ForAnyValue:StringEquals': {'aws:TagKeys': a}, 'Null': {'aws:TagKeys': false}"), none());
    }

    #[test]
    fn a_pod_has_no_user_and_no_second_factor() {
        let message = |key, so| format!("condition on {key}, which the session of a pod does not have, {so}");
        let scene = volume("Bool: {'aws:MultiFactorAuthPresent': true}");
        let expected = message("aws:MultiFactorAuthPresent", NEVER);
        assert_eq!(scene.by(&CONDITION_SESSION), one(Warning, 1, 13, &expected));
        let scene = volume("StringNotEquals: {'aws:username': root}");
        assert_eq!(scene.by(&CONDITION_SESSION), one(Warning, 1, 13, &message("aws:username", ALWAYS)));
        assert_eq!(volume("StringLike: {'aws:userid': 'x*'}").by(&CONDITION_SESSION), none());
    }

    #[test]
    fn conditions_that_every_request_fulfils_are_named() {
        let scene =
            volume("IpAddress: {'aws:SourceIp': [10.0.0.0/8, 0.0.0.0/0]}, StringLike: {'aws:PrincipalArn': '*'}");
        let message = "IpAddress aws:SourceIp and StringLike aws:PrincipalArn hold for every request";
        assert_eq!(scene.by(&CONDITION_MATCHES_ALL), one(Warning, 1, 13, message));
        let limits = "IpAddress: {'aws:SourceIp': 10.0.0.0/8}, StringLike: {'aws:ResourceTag/a': '*', 'aws:SourceVpce': '*'}, \
                      NotIpAddress: {'aws:SourceIp': '::/0'}";
        assert_eq!(volume(limits).by(&CONDITION_MATCHES_ALL), none());
    }

    #[test]
    fn operators_fit_their_key() {
        let scene = volume("StringEquals: {'ec2:Encrypted': 'true', 'aws:SourceIp': '203.0.113.7'}");
        let message = "StringEquals aws:SourceIp and StringEquals ec2:Encrypted compare values of another type: aws:SourceIp is of type \
                       IP address and ec2:Encrypted is of type boolean";
        assert_eq!(scene.by(&super::super::rules::CONDITION_OPERATOR), one(Warning, 1, 13, message));
        let fits = "Bool: {'ec2:Encrypted': true}, StringLike: {'aws:PrincipalArn': 'arn:*'}";
        assert_eq!(volume(fits).by(&super::super::rules::CONDITION_OPERATOR), none());
    }

    #[test]
    fn values_that_never_match_are_named() {
        let scene = volume(
            "Bool: {'ec2:Encrypted': 'yes'}, IpAddress: {'aws:SourceIp': [10.0.0.0/8, 10.0.0.0/40]}, \
             StringEquals: {'aws:ResourceTag/a': 'b-*'}, DateLessThan: {'aws:CurrentTime': tomorrow}",
        );
        let message = "a condition has a value that never matches: Bool ec2:Encrypted \"yes\": it is neither true nor false; \
                       DateLessThan aws:CurrentTime \"tomorrow\": it is no date in the form 2026-01-31T12:00:00Z; IpAddress \
                       aws:SourceIp \"10.0.0.0/40\": it is neither an IP address nor a range such as 203.0.113.0/24; and 1 more";
        assert_eq!(scene.by(&super::super::rules::CONDITION_VALUE), one(Warning, 1, 13, message));
        let right = "Bool: {'ec2:Encrypted': 'True'}, StringLike: {'aws:ResourceTag/a': 'b-*'}, \
                     StringEquals: {'ec2:ResourceTag/a': '${*}${aws:PrincipalTag/a}'}, NumericLessThan: {'ec2:VolumeSize': 5}, \
                     ArnLike: {'aws:PrincipalArn': 'arn:*:iam::*:role/a'}";
        assert_eq!(volume(right).by(&super::super::rules::CONDITION_VALUE), none());
    }

    #[test]
    fn variables_are_named() {
        let scene = volume("StringEquals: {'aws:ResourceTag/a': '${aws:PrincipalTag/a}', 'ec2:ResourceTag/b': '${*}'}");
        let message = "what the statement is about depends on the request: ${aws:PrincipalTag/a}";
        assert_eq!(scene.by(&POLICY_VARIABLE), one(Note, 1, 13, message));
        let scene = Scene::with(&allow("'s3:GetObject'", "arn:aws:s3:::demo/${aws:userid}/*", ""));
        let message = "what the statement is about depends on the request: ${aws:userid}";
        assert_eq!(scene.by(&POLICY_VARIABLE), one(Note, 1, 12, message));
        assert_eq!(volume("StringEquals: {'aws:ResourceTag/a': '${$}'}").by(&POLICY_VARIABLE), none());
    }
}
