//! Random policies over a small alphabet, and changes of them.

use bundle_schema::documents::policy::{ConditionValues, Effect, PermissionStatement};
use serde_json::{Value, json};

/// A generator of numbers (SplitMix64): the same seed gives the same policies.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % u64::try_from(limit).unwrap()).unwrap()
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn one<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }

    fn some(&mut self, of: &[&str], at_most: usize) -> Vec<String> {
        (0..=self.below(at_most)).map(|_| self.one(of).to_owned()).collect()
    }
}

const ACTIONS: [&str; 22] = [
    "*", "a:*", "a:*", "a:x*", "a:y*", "a:xy", "a:xx", "a:x", "a:?", "a:?y", "a:*y", "a:X*", "b:*", "b:x", "b:?*",
    "B:xy*", "a:x?", "a:*x*", "b:y", "a:z*", "b:x*y", "a:??",
];
const RESOURCES: [&str; 12] = [
    "*",
    "*",
    "*",
    "arn:aws:s:::*",
    "arn:aws:s:::p*",
    "arn:aws:s:::p",
    "arn:aws:s:::pq",
    "arn:*:s:::p",
    "arn:aws:s:*:*:*",
    "arn:aws:s:::q",
    "arn:aws:s:::${*}",
    "arn:aws:s:::q*",
];
/// Resources whose reading is not clear.
const UNCLEAR: [&str; 4] = ["arn:aws:s:::p?", "arn:aws:s:::*q", "arn:aws:s:::p*q", "arn:aws:s:::?"];
const VARIABLE: [&str; 4] = [
    "arn:aws:s:::${aws:username}",
    "arn:aws:s:::p${aws:username}",
    "arn:aws:s:::${aws:username}*",
    "arn:aws:s:::${*}q",
];

/// What policies may have in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scope {
    /// Policy variables.
    pub(crate) variables: bool,
    /// Whatever is not specified: wildcards inside segments, several values without a set operator.
    pub(crate) unclear: bool,
}

pub(crate) type Policy = Vec<PermissionStatement>;

fn resource(random: &mut Random, scope: Scope) -> &'static str {
    if scope.variables && random.chance(30) {
        random.one(&VARIABLE)
    } else if scope.unclear && random.chance(25) {
        random.one(&UNCLEAR)
    } else {
        random.one(&RESOURCES)
    }
}

/// The name of an operator, with what may stand around it.
fn operator(random: &mut Random, plain: &str, set: bool) -> String {
    let prefix = if set { *random.one(&[&"ForAnyValue:", &"ForAllValues:"]) } else { "" };
    let suffix = if random.chance(20) && prefix != "ForAnyValue:" { "IfExists" } else { "" };
    format!("{prefix}{plain}{suffix}")
}

const TEXT: [&str; 8] = [
    "StringEquals",
    "StringEquals",
    "StringLike",
    "StringLike",
    "StringNotEquals",
    "StringNotLike",
    "StringEqualsIgnoreCase",
    "StringNotEqualsIgnoreCase",
];
const NUMERIC: [&str; 6] = [
    "NumericEquals",
    "NumericNotEquals",
    "NumericLessThan",
    "NumericLessThanEquals",
    "NumericGreaterThan",
    "NumericGreaterThanEquals",
];
const TEXTS: [&str; 10] = ["m", "n", "m*", "*n", "?", "mn", "M", "m?", "*", "${*}"];
const ARNS: [&str; 5] = ["arn:aws:s:::p", "arn:aws:s:::p*", "arn:*:s:::p", "arn:aws:s:*:*:*", "arn:aws:s:::?"];
const ADDRESSES: [&str; 5] = ["10.0.0.0/8", "10.0.0.0/9", "10.128.0.0/9", "10.0.0.1", "2001:db8::/32"];
const DATES: [&str; 3] = ["2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z", "2027-01-01T00:00:00Z"];

fn condition(random: &mut Random, scope: Scope) -> (String, &'static str, Value) {
    let keys = [
        "s:text",
        "s:text",
        "s:many",
        "s:many",
        "s:number",
        "s:flag",
        "s:address",
        "s:date",
        "s:arn",
        "s:unclear",
        "aws:username",
    ];
    let key = match *random.one(&keys.each_ref()) {
        "s:unclear" if !scope.unclear => "s:text",
        "aws:username" if !scope.variables => "s:many",
        key => key,
    };
    if random.chance(10) {
        // A flag that is there and is neither true nor false, and other values of another kind, are undecided.
        let wanted =
            if ["s:text", "s:many", "s:unclear", "aws:username"].contains(&key) { random.chance(50) } else { true };
        return ("Null".to_owned(), key, json!(wanted));
    }
    let (plain, values) = match key {
        "s:number" => (*random.one(&NUMERIC.each_ref()), random.some(&["5", "6", "7", "5.5"], 1)),
        "s:flag" => ("Bool", random.some(&["true", "false"], 1)),
        "s:address" => (*random.one(&[&"IpAddress", &"IpAddress", &"NotIpAddress"]), random.some(&ADDRESSES, 2)),
        "s:date" => (
            *random.one(&[&"DateLessThan", &"DateLessThanEquals", &"DateGreaterThan", &"DateEquals", &"DateNotEquals"]),
            random.some(&DATES, 1),
        ),
        "s:arn" => (*random.one(&[&"ArnLike", &"ArnEquals", &"ArnNotLike"]), random.some(&ARNS, 2)),
        "aws:username" => ("StringEquals", random.some(&["p", "q"], 2)),
        _ => {
            let mut values = random.some(&TEXTS, 3);
            if scope.variables && random.chance(30) {
                values.push("${aws:username}".to_owned());
            }
            (*random.one(&TEXT.each_ref()), values)
        }
    };
    let set = match key {
        "s:many" => !scope.unclear || random.chance(80),
        "s:unclear" => random.chance(20),
        _ => false,
    };
    let values = if values.len() == 1 && random.chance(50) { json!(values[0]) } else { json!(values) };
    (operator(random, plain, set), key, values)
}

fn conditions(random: &mut Random, scope: Scope) -> Value {
    let mut all = json!({});
    for _ in 0..=random.below(2) {
        let (operator, key, values) = condition(random, scope);
        all[operator][key] = values;
    }
    all
}

fn read(statement: Value) -> PermissionStatement {
    serde_json::from_value(statement).unwrap()
}

fn statement(random: &mut Random, scope: Scope) -> PermissionStatement {
    let list = if random.chance(15) { "NotAction" } else { "Action" };
    let mut value = json!({
        "Effect": if random.chance(25) { "Deny" } else { "Allow" },
        list: random.some(&ACTIONS, 3),
        "Resource": resource(random, scope),
    });
    if random.chance(40) {
        value["Condition"] = conditions(random, scope);
    }
    read(value)
}

pub(crate) fn policy(random: &mut Random, scope: Scope) -> Policy {
    (0..=random.below(4)).map(|_| statement(random, scope)).collect()
}

/// A policy after one to three changes.
pub(crate) fn changed(random: &mut Random, policy: &Policy, scope: Scope) -> Policy {
    let mut changed = policy.clone();
    for _ in 0..=random.below(3) {
        change(random, &mut changed, scope);
    }
    changed
}

/// Changes a policy: some changes mean nothing, some narrow, some widen.
fn change(random: &mut Random, policy: &mut Policy, scope: Scope) {
    if policy.is_empty() || random.chance(8) {
        policy.push(statement(random, scope));
        return;
    }
    let at = random.below(policy.len());
    let chosen = policy[at].clone();
    match random.below(13) {
        0 if policy.len() > 1 => drop(policy.remove(at)),
        1 => {
            let others = split_actions(&mut policy[at]);
            policy.push(others);
        }
        2 => {
            let others = split_values(&mut policy[at]);
            policy.push(others);
        }
        3 => narrow(random, &mut policy[at]),
        4 => policy[at].resource = resource(random, scope).parse().unwrap(),
        5 => policy[at] = with(chosen, "Condition", Some(conditions(random, scope))),
        6 => policy[at] = with(chosen, "Condition", None),
        7 => {
            let other = random.below(policy.len());
            policy.swap(at, other);
        }
        8 => policy.push(PermissionStatement { effect: Effect::Deny, ..statement(random, scope) }),
        9 => spare(policy, at),
        10 => policy.push(with(chosen, "Condition", Some(conditions(random, scope)))),
        11 => {
            let mut narrower = chosen;
            narrow(random, &mut narrower);
            policy.push(narrower);
        }
        _ => {
            if let Some(actions) = policy[at].action.as_mut().filter(|actions| actions.len() > 1) {
                actions.pop();
            } else {
                policy[at].resource = "arn:aws:s:::p".parse().unwrap();
            }
        }
    }
}

fn with(statement: PermissionStatement, field: &str, value: Option<Value>) -> PermissionStatement {
    let mut json = serde_json::to_value(statement).unwrap();
    json.as_object_mut().unwrap().remove(field);
    if let Some(value) = value {
        json[field] = value;
    }
    read(json)
}

/// Leaves the first action, and returns a statement of the others.
fn split_actions(statement: &mut PermissionStatement) -> PermissionStatement {
    let mut other = statement.clone();
    if let (Some(first), Some(others)) = (&mut statement.action, &mut other.action)
        && first.len() > 1
    {
        first.truncate(1);
        others.remove(0);
    }
    other
}

/// Leaves the first value of a condition, and returns a statement of the others.
fn split_values(statement: &mut PermissionStatement) -> PermissionStatement {
    let mut other = statement.clone();
    let values = |statement: &mut PermissionStatement, change: fn(&mut Vec<_>)| {
        let first = statement.condition.iter_mut().flatten().next().and_then(|(_, keys)| keys.values_mut().next());
        if let Some(ConditionValues::Many(values)) = first
            && values.len() > 1
        {
            change(values);
        }
    };
    values(statement, |values| values.truncate(1));
    values(&mut other, |values| drop(values.remove(0)));
    other
}

fn narrow(random: &mut Random, statement: &mut PermissionStatement) {
    for action in statement.action.iter_mut().flatten() {
        let narrower = match action.as_str() {
            "*" => random.one(&["a:*", "b:*", "a:?*"]),
            "a:*" => random.one(&["a:x*", "a:*x", "a:??", "a:y"]),
            "a:x*" => random.one(&["a:xy", "a:x", "a:x?"]),
            same => same,
        };
        *action = narrower.parse().unwrap();
    }
}

/// `NotAction` as an `Allow` of all and a `Deny`, which is the same where nothing else allows it.
fn spare(policy: &mut Policy, at: usize) {
    let chosen = policy[at].clone();
    if let (Effect::Allow, Some(spared)) = (chosen.effect, chosen.not_action.clone()) {
        policy[at] =
            PermissionStatement { action: Some(vec!["*".parse().unwrap()]), not_action: None, ..chosen.clone() };
        policy.push(PermissionStatement { effect: Effect::Deny, action: Some(spared), not_action: None, ..chosen });
    }
}
