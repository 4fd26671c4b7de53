//! Whether a policy allows a request: IAM's rules, read off plainly. A witness is named only when this says so.
//!
//! Input: statements and a request. Output: yes, no, or that it is not known, because a policy variable has no value, a value
//! is of another kind than the operator, or IAM does not say what the operator means [IAM user guide, policy evaluation
//! logic; set operators].

use std::collections::BTreeMap;

use super::glob::{Budget, Exceeded, Globs, Token};
use super::pattern::{Reading, resource_tokens, variable_key};
use super::statement::{Kind, Set, Statement, Test};
use super::value::{doubt, is_of_kind, matches, truth};

/// The values of condition keys, whose names are in lower case. A key that is not there is absent.
pub(super) type Context = BTreeMap<String, Vec<String>>;

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    /// The action, in lower case.
    pub(super) action: String,
    /// The resource; `*` for an action that takes none.
    pub(super) resource: String,
    /// The context.
    pub(super) context: Context,
}

/// Whether the statements allow a request: one that grants matches, and none that refuses.
pub(super) fn allows(
    statements: &[Statement],
    request: &Request,
    reading: Reading,
    budget: &Budget,
) -> Result<Option<bool>, Exceeded> {
    let (mut granted, mut refused) = (Some(false), Some(false));
    for statement in statements {
        let outcome = applies(statement, request, reading, budget)?;
        let effect = if statement.denies { &mut refused } else { &mut granted };
        *effect = or(*effect, outcome);
    }
    Ok(and(granted, not(refused)))
}

/// Whether a statement matches a request.
pub(super) fn applies(
    statement: &Statement,
    request: &Request,
    reading: Reading,
    budget: &Budget,
) -> Result<Option<bool>, Exceeded> {
    if !statement.is_about(&request.action, budget)? {
        return Ok(Some(false));
    }
    let mut outcome = takes_resource(statement, request, reading, budget)?;
    for test in &statement.tests {
        if outcome == Some(false) {
            break;
        }
        outcome = and(outcome, holds(test, &request.context, budget)?);
    }
    Ok(outcome)
}

fn takes_resource(
    statement: &Statement,
    request: &Request,
    reading: Reading,
    budget: &Budget,
) -> Result<Option<bool>, Exceeded> {
    let mut known = true;
    let tokens = resource_tokens(&statement.resource, reading, |variable| {
        let value = single(&request.context, variable_key(variable));
        known &= value.is_some();
        value.map_or(vec![Token::Run { colon: true }], |value| value.chars().map(Token::Literal).collect())
    });
    budget.spend(tokens.len() / 8)?;
    // What not even any value makes match does not match.
    let can_match = Globs::one(tokens).matches(&request.resource, budget)?;
    Ok(if can_match { known.then_some(true) } else { Some(false) })
}

/// The value of a key that has one.
fn single<'a>(context: &'a Context, key: &str) -> Option<&'a str> {
    match context.get(key).map(Vec::as_slice) {
        Some([value]) => Some(value.as_str()),
        _ => None,
    }
}

/// Whether a test holds.
pub(super) fn holds(test: &Test, context: &Context, budget: &Budget) -> Result<Option<bool>, Exceeded> {
    let Some(values) = context.get(&test.key).filter(|values| !values.is_empty()) else {
        return Ok(when_absent(test));
    };
    if test.kind == Kind::Null {
        return Ok(when_present(test));
    }
    let mut outcomes = Vec::with_capacity(values.len());
    for value in values {
        let known = is_of_kind(test.kind, value);
        outcomes.push(if known { satisfied(test, value, context, budget)? } else { None });
    }
    Ok(match (test.set, outcomes.as_slice()) {
        (Some(Set::Any), outcomes) => outcomes.iter().copied().fold(Some(false), or),
        (Some(Set::All), outcomes) => outcomes.iter().copied().fold(Some(true), and),
        (None, [outcome]) => *outcome,
        // IAM asks for a set operator here, and does not say what happens without one.
        (None, _) => None,
    })
}

/// Whether a single value satisfies a test; that it is of another kind aside.
pub(super) fn satisfied(
    test: &Test,
    value: &str,
    context: &Context,
    budget: &Budget,
) -> Result<Option<bool>, Exceeded> {
    let mut any = Some(false);
    for policy in &test.values {
        let variable = |name: &str| single(context, variable_key(name));
        let outcome = matches(test.kind, policy, value, variable, budget)?;
        any = or(any, outcome.filter(|_| is_of_kind(test.kind, policy) || policy.contains("${")));
    }
    Ok(if test.negated { not(any) } else { any })
}

/// Whether a test holds where its key is absent.
pub(super) fn when_absent(test: &Test) -> Option<bool> {
    match (test.kind, test.set) {
        (Kind::Unknown, _) | (Kind::Null, Some(_)) => None,
        (Kind::Null, None) => null(test, true),
        (_, Some(Set::All)) => Some(true),
        // Sources differ on whether `IfExists` counts here.
        (_, Some(Set::Any)) => (!test.if_exists).then_some(false),
        (_, None) => Some(test.negated || test.if_exists),
    }
}

/// Whether `Null` holds where its key is there.
pub(super) fn when_present(test: &Test) -> Option<bool> {
    if test.set.is_some() { None } else { null(test, false) }
}

fn null(test: &Test, absent: bool) -> Option<bool> {
    test.values.iter().map(|value| truth(value).map(|wanted| wanted == absent)).fold(Some(false), or)
}

/// Why it is not known whether a statement matches a request, in words; `None` where it is known.
pub(super) fn unknown(
    statement: &Statement,
    request: &Request,
    reading: Reading,
    budget: &Budget,
) -> Result<Option<String>, Exceeded> {
    if applies(statement, request, reading, budget)?.is_some() {
        return Ok(None);
    }
    for test in &statement.tests {
        if holds(test, &request.context, budget)?.is_none() {
            let several = request.context.get(&test.key).is_some_and(|values| values.len() > 1);
            let why = doubt(test).unwrap_or(if several && test.set.is_none() {
                "is not specified where the key has several values"
            } else {
                "is not specified where the value is of another kind"
            });
            return Ok(Some(format!("{test} {why}")));
        }
    }
    Ok(Some("its resource depends on a policy variable".to_owned()))
}

fn or(a: Option<bool>, b: Option<bool>) -> Option<bool> {
    match (a, b) {
        (Some(true), _) | (_, Some(true)) => Some(true),
        (Some(false), Some(false)) => Some(false),
        _ => None,
    }
}

fn not(a: Option<bool>) -> Option<bool> {
    a.map(|a| !a)
}

fn and(a: Option<bool>, b: Option<bool>) -> Option<bool> {
    not(or(not(a), not(b)))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn outcome(condition: &Value, values: Option<&[&str]>) -> Option<bool> {
        let statement = Statement::of(
            &serde_json::from_value(
                json!({"Effect": "Allow", "Action": ["*"], "Resource": "*", "Condition": condition}),
            )
            .unwrap(),
        );
        let values = values.map(|values| ("k".to_owned(), values.iter().map(ToString::to_string).collect()));
        let request =
            Request { action: "a:b".to_owned(), resource: "*".to_owned(), context: values.into_iter().collect() };
        applies(&statement, &request, Reading::Whole, &Budget::new(10_000)).unwrap()
    }

    #[test]
    fn operators_hold_as_documented() {
        let (yes, no, unknown) = (Some(true), Some(false), None);
        for (operator, absent, matching, other, both) in [
            ("StringEquals", no, yes, no, unknown),
            ("StringEqualsIfExists", yes, yes, no, unknown),
            ("StringNotEquals", yes, no, yes, unknown),
            ("ForAnyValue:StringEquals", no, yes, no, yes),
            ("ForAnyValue:StringNotEquals", no, no, yes, yes),
            ("ForAnyValue:StringEqualsIfExists", unknown, yes, no, yes),
            ("ForAllValues:StringEquals", yes, yes, no, no),
            ("ForAllValues:StringNotEquals", yes, no, yes, no),
        ] {
            let condition = json!({operator: {"k": "a"}});
            let outcomes = [None, Some(["a"].as_slice()), Some(&["b"]), Some(&["a", "b"])]
                .map(|values| outcome(&condition, values));
            assert_eq!(outcomes, [absent, matching, other, both], "{operator}");
        }
    }

    #[test]
    fn null_is_about_presence() {
        for (wanted, absent, present) in [
            (json!("true"), Some(true), Some(false)),
            (json!(false), Some(false), Some(true)),
            (json!(["true", "false"]), Some(true), Some(true)),
            (json!("maybe"), None, None),
        ] {
            let condition = json!({"Null": {"k": wanted}});
            assert_eq!(
                (outcome(&condition, None), outcome(&condition, Some(&["x"]))),
                (absent, present),
                "{condition}"
            );
        }
    }

    #[test]
    fn what_is_unspecified_is_not_known() {
        assert_eq!(outcome(&json!({"Bool": {"k": "true"}}), Some(&["maybe"])), None);
        assert_eq!(outcome(&json!({"NumericEquals": {"k": 1}}), Some(&["x"])), None);
        assert_eq!(outcome(&json!({"StringLike": {"k": ["${aws:username}", "a"]}}), Some(&["b"])), None);
        assert_eq!(outcome(&json!({"StringLike": {"k": ["${aws:username}", "a"]}}), Some(&["a"])), Some(true));
    }
}
