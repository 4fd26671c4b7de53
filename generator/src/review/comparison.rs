//! Whether a role's newer policy allows anything that its older one refused.
//!
//! Input: two lists of statements from two bundles, neither of which is trusted. Output: a verdict. "Nothing new" is said
//! only where it is so for every action, also those that AWS adds later, every resource and every context; each widening
//! names a request that was refused and is allowed; everything else is undecided. The rules are IAM's
//! [IAM user guide, policy evaluation logic; policy elements reference].
//!
//! For each statement that newly grants, the requests that it matches are reduced to finitely many cases: one for each
//! combination of other statements that can match as well ([`search`]). The work is bounded whatever the input.

mod bits;
mod confirm;
mod context;
mod evaluate;
mod explore;
mod glob;
mod pattern;
mod resource;
mod search;
mod statement;
mod value;

use std::cell::Cell;
use std::collections::HashSet;

use bundle_schema::documents::policy::PermissionStatement;

use self::glob::Budget;
use self::search::{Outcome, Part, Policies, search};
use self::statement::Statement;
use super::report::{Verdict, Witness};

/// What is known about AWS's actions and condition keys.
pub trait Known {
    /// The actions that a pattern such as `ec2:Describe*` matches, as AWS spells them. A witness is one of them where it can
    /// be; the verdict does not depend on them.
    fn actions<'a>(&'a self, pattern: &str) -> Box<dyn Iterator<Item = String> + 'a>;

    /// Whether a condition key, in lower case, can have several values at once; `None` where that is unknown. The verdict
    /// depends on it: a key of one value is never looked at with several.
    fn is_multivalued(&self, key: &str) -> Option<bool>;
}

/// What a change of a policy means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyComparison {
    /// In a word.
    pub verdict: Verdict,
    /// Requests that were refused and are allowed now: one for each statement that widens, at most [`MAX_NAMED`].
    pub witnesses: Vec<Witness>,
    /// What cannot be decided, and why, in sentences with the statement's number in the newer policy; at most
    /// [`MAX_NAMED`]. Values of the policies are escaped.
    pub undecided: Vec<String>,
}

/// Witnesses of one role, and sentences about what is undecided: who has read this many knows.
pub const MAX_NAMED: usize = 10;

/// Steps that looking at one role in one direction may take: some 50 ms. Real roles take about a hundredth of it.
const MAX_STEPS: u64 = 2_000_000;

/// Steps that looking at all roles of a bundle may take: some 5 s. 1,000 real roles that changed take a twentieth of it.
const MAX_STEPS_OF_ALL: u64 = 200_000_000;

/// Compares the policies of a bundle's roles, with so much work for all of them.
pub struct Comparer<'a> {
    known: &'a dyn Known,
    steps_left: Cell<u64>,
}

/// Compares two policies of one role.
#[must_use]
pub fn compare(old: &[PermissionStatement], new: &[PermissionStatement], known: &dyn Known) -> PolicyComparison {
    Comparer::new(known).compare(old, new)
}

impl<'a> Comparer<'a> {
    /// With all of the work still to do.
    #[must_use]
    pub fn new(known: &'a dyn Known) -> Self {
        Self { known, steps_left: Cell::new(MAX_STEPS_OF_ALL) }
    }

    /// Compares two policies of one role.
    #[must_use]
    pub fn compare(&self, old: &[PermissionStatement], new: &[PermissionStatement]) -> PolicyComparison {
        if old == new {
            return PolicyComparison { verdict: Verdict::Same, witnesses: Vec::new(), undecided: Vec::new() };
        }
        let read = |statements: &[PermissionStatement]| statements.iter().map(Statement::of).collect::<Vec<_>>();
        let (old_read, new_read) = (read(old), read(new));
        let (witnesses, undecided) = self.newly_allowed((&old_read, &new_read, new), MAX_NAMED);
        let verdict = if !witnesses.is_empty() {
            Verdict::Widened
        } else if !undecided.is_empty() {
            Verdict::Undecided
        } else if self.newly_allowed((&new_read, &old_read, old), 1) == (Vec::new(), Vec::new()) {
            Verdict::Same
        } else {
            Verdict::Narrowed
        };
        PolicyComparison { verdict, witnesses, undecided }
    }

    /// What the newer policy, read and as it was written, allows and the older one does not, and what is undecided of it.
    fn newly_allowed(
        &self,
        (old, new, written): (&[Statement], &[Statement], &[PermissionStatement]),
        at_most: usize,
    ) -> (Vec<Witness>, Vec<String>) {
        let (granted, refused): (Vec<&Statement>, Vec<&Statement>) =
            old.iter().partition(|statement| !statement.denies);
        let still_refused: Vec<&Statement> = new.iter().filter(|statement| statement.denies).collect();
        // What is still refused cannot be newly allowed.
        let still: HashSet<&Statement> = still_refused.iter().copied().collect();
        let refused: Vec<&Statement> = refused.into_iter().filter(|statement| !still.contains(statement)).collect();
        let same: HashSet<&Statement> = granted.iter().copied().collect();
        let mut seen = HashSet::new();
        let widening: Vec<(usize, &Statement, &PermissionStatement)> = (1..)
            .zip(new.iter().zip(written))
            .map(|(number, (statement, written))| (number, statement, written))
            .filter(|(_, statement, _)| !statement.denies && seen.insert(*statement))
            .filter(|(_, statement, _)| !(refused.is_empty() && same.contains(statement)))
            .collect();
        let others: Vec<(Part, &Statement)> = still_refused
            .iter()
            .map(|statement| (Part::Refuses, *statement))
            .chain(granted.iter().map(|statement| (Part::Granted, *statement)))
            .chain(refused.iter().map(|statement| (Part::Refused, *statement)))
            .collect();
        let steps = MAX_STEPS.min(self.steps_left.get()) / u64::try_from(widening.len().max(1)).unwrap_or(u64::MAX);
        let policies = Policies { old, new, known: self.known };
        let (mut witnesses, mut undecided): (Vec<Witness>, Vec<String>) = (Vec::new(), Vec::new());
        for (number, statement, written) in widening {
            if witnesses.len() >= at_most {
                break;
            }
            let statements: Vec<(Part, &Statement)> =
                std::iter::once((Part::Grants, statement)).chain(others.iter().copied()).collect();
            let budget = Budget::new(steps);
            let outcome = search(&policies, written, &statements, &budget);
            self.steps_left.set(self.steps_left.get().saturating_sub(steps.saturating_sub(budget.left())));
            match outcome {
                Outcome::Nothing => {}
                Outcome::Found(witness) => witnesses.push(witness),
                Outcome::Undecided(_) if undecided.len() >= at_most => {}
                Outcome::Undecided(why) => undecided.push(format!("statement {number}: {why}")),
            }
        }
        (witnesses, undecided)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    struct Actions;

    impl Known for Actions {
        fn actions<'a>(&'a self, pattern: &str) -> Box<dyn Iterator<Item = String> + 'a> {
            let all = ["ec2:DescribeVolumes", "ec2:RunInstances", "s3:GetObject", "s3:PutObject"];
            let pattern = bundle_schema::names::Pattern::new(pattern).unwrap();
            Box::new(all.into_iter().filter(move |action| pattern.covers(action)).map(str::to_owned))
        }

        fn is_multivalued(&self, key: &str) -> Option<bool> {
            match key {
                "many" => Some(true),
                "unclear" => None,
                _ => Some(false),
            }
        }
    }

    fn comparison(old: &Value, new: &Value) -> PolicyComparison {
        let read = |policy: &Value| -> Vec<PermissionStatement> { serde_json::from_value(policy.clone()).unwrap() };
        compare(&read(old), &read(new), &Actions)
    }

    #[test]
    fn work_for_all_roles_is_bounded() {
        let (old, new): (Vec<PermissionStatement>, Vec<PermissionStatement>) = (
            serde_json::from_value(json!([allow(&["s3:Get*", "s3:Put*"], "*")])).unwrap(),
            serde_json::from_value(json!([allow(&["s3:G*", "s3:Put*"], "*")])).unwrap(),
        );
        let comparer = Comparer::new(&Actions);
        assert_eq!(comparer.compare(&old, &new).verdict, Verdict::Widened);
        let left = comparer.steps_left.get();
        assert!(left < MAX_STEPS_OF_ALL && left > MAX_STEPS_OF_ALL - MAX_STEPS, "{left}");
        comparer.steps_left.set(0);
        assert_eq!(comparer.compare(&old, &new).verdict, Verdict::Undecided);
    }

    /// The verdicts in both directions.
    fn verdicts(one: &Value, other: &Value) -> (Verdict, Verdict) {
        (comparison(one, other).verdict, comparison(other, one).verdict)
    }

    fn statement(effect: &str, actions: &[&str], resource: &str, condition: Option<Value>) -> Value {
        let mut statement = json!({"Effect": effect, "Action": actions, "Resource": resource});
        if let Some(condition) = condition {
            statement["Condition"] = condition;
        }
        statement
    }

    fn allow(actions: &[&str], resource: &str) -> Value {
        statement("Allow", actions, resource, None)
    }

    fn deny(actions: &[&str], resource: &str) -> Value {
        statement("Deny", actions, resource, None)
    }

    fn allow_if(condition: Value) -> Value {
        json!([statement("Allow", &["s3:GetObject"], "*", Some(condition))])
    }

    fn only_witness(old: &Value, new: &Value) -> (String, String, Value) {
        let PolicyComparison { verdict, witnesses, undecided } = comparison(old, new);
        assert_eq!(
            (verdict, witnesses.len(), undecided.len()),
            (Verdict::Widened, 1, 0),
            "{witnesses:?} {undecided:?}"
        );
        let Witness { action, resource, context } = witnesses[0].clone();
        (action, resource, json!(context))
    }

    use Verdict::{Narrowed, Same, Undecided, Widened};

    #[test]
    fn the_order_and_spelling_of_statements_mean_nothing() {
        let one = json!([allow(&["ec2:A", "s3:*"], "*"), deny(&["iam:*"], "*")]);
        let other = json!([deny(&["IAM:*"], "*"), allow(&["s3:*"], "*"), allow(&["EC2:a"], "*")]);
        assert_eq!(verdicts(&one, &other), (Same, Same));
        assert_eq!(verdicts(&one, &one), (Same, Same));
        assert_eq!(verdicts(&json!([]), &json!([deny(&["*"], "*")])), (Same, Same));
    }

    #[test]
    fn a_wildcard_is_more_than_the_actions_of_today() {
        let wide = json!([allow(&["s3:Get*"], "*")]);
        let listed = json!([allow(&["s3:GetO*", "s3:GetB*", "s3:GetA*"], "*")]);
        assert_eq!(verdicts(&wide, &listed), (Narrowed, Widened));
        // The one known action is covered: a made-up one stands for those of the future.
        assert_eq!(only_witness(&listed, &wide), ("s3:get".to_owned(), "*".to_owned(), json!({})));
        let (action, ..) = only_witness(&json!([allow(&["ec2:Describe*"], "*")]), &json!([allow(&["ec2:*"], "*")]));
        assert_eq!(action, "ec2:RunInstances");
    }

    #[test]
    fn several_patterns_cover_together() {
        let rest: Vec<String> =
            ('a'..='z').chain('0'..='9').filter(|first| *first != 'd').map(|first| format!("ec2:{first}*")).collect();
        let mut patterns: Vec<&str> = rest.iter().map(String::as_str).collect();
        let all = json!([allow(&["ec2:*"], "*")]);
        assert_eq!(verdicts(&json!([allow(&patterns, "*")]), &all), (Widened, Narrowed));
        let half = json!([allow(&patterns, "*"), allow(&["ec2:D*"], "*")]);
        assert_eq!(verdicts(&half, &all), (Same, Same));
        patterns.push("ec2:D?*");
        assert_eq!(only_witness(&json!([allow(&patterns, "*")]), &all).0, "ec2:d");
    }

    #[test]
    fn not_action_is_all_but_its_list() {
        let spares = |actions: &[&str]| json!([{"Effect": "Allow", "NotAction": actions, "Resource": "*"}]);
        assert_eq!(verdicts(&spares(&["iam:*"]), &json!([allow(&["s3:*", "ec2:*"], "*")])), (Narrowed, Widened));
        assert_eq!(verdicts(&spares(&["iam:*"]), &spares(&["iam:*", "s3:*"])), (Narrowed, Widened));
        assert_eq!(verdicts(&spares(&["iam:*"]), &json!([allow(&["*"], "*"), deny(&["iam:*"], "*")])), (Same, Same));
        assert_eq!(
            only_witness(&spares(&["s3:PutObject", "s3:GetObject"]), &spares(&["s3:GetObject"])).0,
            "s3:PutObject"
        );
    }

    #[test]
    fn a_deny_counts_in_both_directions() {
        let (all, some) = (allow(&["s3:*"], "*"), deny(&["s3:Put*"], "*"));
        let denied = json!([all, some]);
        assert_eq!(verdicts(&denied, &json!([all])), (Widened, Narrowed));
        assert_eq!(only_witness(&denied, &json!([all])).0, "s3:PutObject");
        let narrower = json!([all, deny(&["s3:PutObject"], "*")]);
        assert_eq!(verdicts(&denied, &narrower), (Widened, Narrowed));
        let limited = json!([all, deny(&["s3:Put*"], "arn:aws:s3:::b/*")]);
        assert_eq!(verdicts(&denied, &limited), (Widened, Narrowed));
        // What is refused all the same makes no difference.
        assert_eq!(verdicts(&denied, &json!([all, some, allow(&["s3:PutObject"], "*")])), (Same, Same));
    }

    #[test]
    fn resources_are_compared_with_case_and_actions_without() {
        let on = |resource| json!([allow(&["s3:GetObject"], resource)]);
        assert_eq!(verdicts(&on("arn:aws:s3:::b/*"), &on("arn:aws:s3:::B/*")), (Widened, Widened));
        assert_eq!(verdicts(&on("arn:aws:s3:::b/*"), &on("arn:aws:s3:::b/c")), (Narrowed, Widened));
        assert_eq!(only_witness(&on("arn:aws:s3:::b/*"), &on("*")).1, "*");
        assert_eq!(only_witness(&on("arn:aws:s3:::b/c"), &on("arn:aws:s3:::b/*")).1, "arn:aws:s3:::b/x");
        assert_eq!(verdicts(&json!([allow(&["S3:getobject"], "*")]), &on("*")), (Same, Same));
    }

    #[test]
    fn a_wildcard_inside_a_segment_is_taken_in_both_readings() {
        let on = |resource| json!([allow(&["s3:GetObject"], resource)]);
        // Whether ...:b:1t is taken is not clear; that ...:bxt is, is.
        let wide = json!([allow(&["s3:GetObject"], "arn:aws:s3:::b?t"), allow(&["s3:GetObject"], "arn:aws:s3:::b*t")]);
        assert_eq!(verdicts(&on("arn:aws:s3:::b*t"), &wide), (Same, Same));
        assert_eq!(verdicts(&on("arn:aws:s3:::b*t"), &on("arn:aws:s3:::b:t")), (Undecided, Widened));
        assert_eq!(
            comparison(&on("arn:aws:s3:::b*t"), &on("arn:aws:s3:::b:t")).undecided,
            ["statement 1: it depends on whether a wildcard inside an ARN's segment reaches beyond a colon"]
        );
    }

    #[test]
    fn a_condition_dropped_or_changed_is_a_change() {
        let some = |operator: &str, values: Value| allow_if(json!({operator: {"k": values}}));
        let always = json!([allow(&["s3:GetObject"], "*")]);
        for (narrow, wide) in [
            (some("StringEquals", json!("a")), always.clone()),
            (some("StringEquals", json!("a")), some("StringEquals", json!(["a", "b"]))),
            (some("StringEquals", json!("a*")), some("StringLike", json!("a*"))),
            (some("StringEquals", json!("a")), some("StringEqualsIgnoreCase", json!("A"))),
            (some("StringEquals", json!("a")), some("StringEqualsIfExists", json!("a"))),
            (some("StringNotEquals", json!(["a", "b"])), some("StringNotEquals", json!("a"))),
            (some("Null", json!("true")), some("StringNotLike", json!("a"))),
            (some("StringLike", json!("*")), some("StringLikeIfExists", json!("*"))),
            (some("NumericLessThan", json!(5)), some("NumericLessThanEquals", json!(5))),
            (some("IpAddress", json!("10.1.0.0/16")), some("IpAddress", json!("10.0.0.0/8"))),
            (some("DateLessThan", json!("2026-01-01T00:00:00Z")), some("DateLessThan", json!("2026-01-01T00:00:01Z"))),
            (some("ArnEquals", json!("arn:aws:s3:::b*t")), some("StringLike", json!("arn:*:s3:::b*t"))),
            (
                allow_if(json!({"StringLike": {"k": "a*"}, "StringNotLike": {"k": "*b"}})),
                some("StringLike", json!("a*")),
            ),
        ] {
            assert_eq!(verdicts(&narrow, &wide), (Widened, Narrowed), "{narrow} {wide}");
        }
        assert_eq!(only_witness(&some("Bool", json!(true)), &always).2, json!({}));
        assert_eq!(only_witness(&some("Bool", json!(true)), &some("Bool", json!(false))).2, json!({"k": ["false"]}));
    }

    #[test]
    fn conditions_cover_together() {
        let two = |one: Value, other: Value| {
            json!([
                statement("Allow", &["s3:GetObject"], "*", Some(one)),
                statement("Allow", &["s3:GetObject"], "*", Some(other))
            ])
        };
        let present = allow_if(json!({"Null": {"k": false}}));
        for (one, other) in [
            (json!({"StringLike": {"k": "a*"}}), json!({"StringNotLike": {"k": "a*"}, "Null": {"k": "false"}})),
            (json!({"StringEquals": {"K": "a"}}), json!({"StringNotEquals": {"k": "a"}, "Null": {"K": "false"}})),
        ] {
            assert_eq!(verdicts(&two(one, other), &present), (Same, Same));
        }
        let small = allow_if(json!({"NumericLessThan": {"k": 10}}));
        let ranges = two(
            json!({"NumericLessThan": {"k": 5}}),
            json!({"NumericGreaterThanEquals": {"k": "5"}, "NumericLessThan": {"k": 10}}),
        );
        assert_eq!(verdicts(&ranges, &small), (Same, Same));
        let gap = two(
            json!({"NumericLessThan": {"k": 5}}),
            json!({"NumericGreaterThan": {"k": 5}, "NumericLessThan": {"k": 10}}),
        );
        assert_eq!(only_witness(&gap, &small).2, json!({"k": ["5"]}));
        let halves = two(json!({"IpAddress": {"k": "10.0.0.0/9"}}), json!({"IpAddress": {"k": "10.128.0.0/9"}}));
        assert_eq!(verdicts(&halves, &allow_if(json!({"IpAddress": {"k": "10.0.0.0/8"}}))), (Same, Same));
        // Each key by itself is covered, both together are not.
        let apart = two(json!({"StringEquals": {"a": "1"}}), json!({"StringEquals": {"b": "1"}}));
        assert_eq!(verdicts(&apart, &allow_if(json!({"StringEquals": {"a": "1", "b": "1"}}))), (Narrowed, Widened));
    }

    #[test]
    fn keys_of_several_values_are_sets() {
        let on = |operator: &str, values: Value| allow_if(json!({operator: {"many": values}}));
        let (any, all) = (on("ForAnyValue:StringEquals", json!("a")), on("ForAllValues:StringEquals", json!("a")));
        assert_eq!(verdicts(&any, &all), (Widened, Widened));
        // The empty set satisfies all.
        assert_eq!(only_witness(&any, &all).2, json!({}));
        assert_eq!(only_witness(&all, &any).2, json!({"many": ["a", "x"]}));
        let both = on("ForAllValues:StringEquals", json!(["a", "b"]));
        let apart = json!([all[0], on("ForAllValues:StringEquals", json!("b"))[0]]);
        assert_eq!(only_witness(&apart, &both).2, json!({"many": ["a", "b"]}));
        let not_empty = allow_if(json!({"ForAllValues:StringEquals": {"many": "a"}, "Null": {"many": false}}));
        assert_eq!(verdicts(&any, &not_empty), (Narrowed, Widened));
    }

    #[test]
    fn several_values_without_a_set_operator_are_undecided() {
        let on = |key: &str, values: Value| allow_if(json!({"StringEquals": {key: values}}));
        let apart = |key: &str| json!([on(key, json!("a"))[0], on(key, json!("b"))[0]]);
        assert_eq!(verdicts(&apart("k"), &on("k", json!(["a", "b"]))), (Same, Same));
        assert_eq!(
            comparison(&apart("unclear"), &on("unclear", json!(["a", "b"]))).undecided,
            ["statement 1: StringEquals unclear is a, b is not specified where the key has several values"]
        );
        assert_eq!(
            only_witness(&on("unclear", json!("a")), &on("unclear", json!(["a", "b"]))).2,
            json!({"unclear": ["b"]})
        );
    }

    #[test]
    fn variables_in_conditions_are_the_same_for_all_statements() {
        let on = |text: &str| allow_if(json!({"StringLike": {"k": text}}));
        let always = json!([allow(&["s3:*"], "*")]);
        assert_eq!(verdicts(&always, &on("${aws:username}")), (Narrowed, Widened));
        let more = json!([statement("Allow", &["s3:*"], "*", Some(json!({"StringLike": {"k": "${aws:username}"}})))]);
        assert_eq!(verdicts(&more, &on("${aws:username}")), (Narrowed, Widened));
        let of = |text: &str, name: &str| json!({"k": [text], "aws:username": [name]});
        assert_eq!(only_witness(&on("a"), &on("${aws:username}")).2, of("value-2", "value-2"));
        assert_eq!(only_witness(&on("${aws:username}"), &on("a")).2, of("a", "value-2"));
        let but = |text: &str| allow_if(json!({"StringLike": {"k": "a*"}, "StringNotLike": {"k": text}}));
        assert_eq!(
            comparison(&but("a${aws:username}"), &but("a${aws:userid}b")).undecided,
            ["statement 1: StringNotLike k is a${aws:userid}b depends on a policy variable"]
        );
        assert_eq!(verdicts(&on("a*b"), &on("a${*}b")), (Narrowed, Widened));
    }

    #[test]
    fn variables_in_resources_match_themselves() {
        let on = |resource: &str| json!([allow(&["s3:GetObject"], resource)]);
        let home = on("arn:aws:s3:::b/${aws:username}/*");
        assert_eq!(verdicts(&home, &on("arn:aws:s3:::b/${aws:UserName}/x")), (Narrowed, Widened));
        assert_eq!(verdicts(&on("arn:aws:s3:::b/*"), &home), (Narrowed, Widened));
        assert_eq!(
            only_witness(&on("arn:aws:s3:::b/x"), &home),
            ("s3:GetObject".into(), "arn:aws:s3:::b/value-1/x".into(), json!({"aws:username": ["value-1"]}))
        );
        assert_eq!(verdicts(&on("arn:aws:s3:::b/${*}"), &on("arn:aws:s3:::b/*")), (Widened, Narrowed));
        let but = |resource: &str| json!([allow(&["s3:*"], "*"), deny(&["s3:*"], resource)]);
        assert_eq!(
            verdicts(&but("arn:aws:s3:::b/${aws:username}"), &json!([allow(&["s3:*"], "*")])),
            (Widened, Narrowed)
        );
        assert_eq!(verdicts(&but("arn:aws:s3:::b/${aws:username}"), &but("arn:aws:s3:::b/*")), (Narrowed, Widened));
        // What was refused may be what the variable stands for.
        let with_deny = json!([home[0], deny(&["s3:*"], "arn:aws:s3:::b/p/*")]);
        assert_eq!(verdicts(&with_deny, &home), (Undecided, Narrowed));
        // Another variable may have another value, or the same.
        assert_eq!(verdicts(&but("arn:aws:s3:::${a}"), &but("arn:aws:s3:::${b}")), (Widened, Widened));
    }

    #[test]
    fn hostile_policies_end_undecided() {
        let stars = |letter: &str| format!("arn:aws:s3:::{}", format!("*{letter}?").repeat(600));
        let (old, new) = (json!([allow(&["s3:*"], &stars("a"))]), json!([allow(&["s3:*"], &stars("b"))]));
        assert_eq!(comparison(&old, &new).verdict, Undecided);
        let many = |last: &str| {
            let one = |n: usize| allow(&["s3:*"], &format!("arn:aws:s3:::*{}{last}", "a?".repeat(n)));
            Value::Array((1..60).map(one).collect())
        };
        let PolicyComparison { verdict, undecided, .. } = comparison(&many(""), &many("*"));
        assert!(verdict == Undecided || verdict == Widened, "{verdict:?}");
        assert!(undecided.iter().all(|why| why.ends_with("there are too many cases to compare")), "{undecided:?}");
    }
}
