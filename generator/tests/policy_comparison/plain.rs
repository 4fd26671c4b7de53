//! A plain evaluator of requests, and all requests over the small alphabet: nothing here is shared with what is tested.

use std::collections::{BTreeMap, BTreeSet};

use bundle_schema::documents::policy::{ConditionValue, ConditionValues, Effect, PermissionStatement};

use crate::random::Policy;

pub(crate) type Context = BTreeMap<String, Vec<String>>;

/// How what IAM does not specify is taken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading {
    /// Whether only a `*` at the end of an ARN's segment takes a colon.
    pub(crate) segments: bool,
    /// Whether an operator without a set operator asks for some of several values, and not for all.
    pub(crate) some: bool,
    /// The same of a negated one.
    pub(crate) negated_some: bool,
}

/// All readings.
pub(crate) fn readings() -> impl Iterator<Item = Reading> {
    (0..8).map(|bits| Reading { segments: bits & 1 != 0, some: bits & 2 != 0, negated_some: bits & 4 != 0 })
}

/// A pattern's parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Literal(char),
    One(bool),
    Run(bool),
}

fn parts(pattern: &str, context: &Context, segments: bool) -> Option<Vec<Part>> {
    let mut text = pattern.replace("${*}", "\u{1}");
    if text.contains("${aws:username}") {
        text = text.replace("${aws:username}", &context.get("aws:username")?[0].replace('*', "\u{1}"));
    }
    let characters: Vec<char> = text.chars().collect();
    let part = |(at, character): (usize, &char)| match character {
        '\u{1}' => Part::Literal('*'),
        '?' => Part::One(!segments),
        '*' => Part::Run(!segments || matches!(characters.get(at + 1), None | Some(':'))),
        character => Part::Literal(*character),
    };
    Some(characters.iter().enumerate().map(part).collect())
}

fn glob(pattern: &[Part], text: &[char]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, rest) => rest.is_none(),
        (Some((Part::Run(colon), others)), rest) => {
            glob(others, text) || rest.is_some_and(|(first, after)| (*colon || *first != ':') && glob(pattern, after))
        }
        (Some((Part::One(colon), others)), Some((first, after))) => (*colon || *first != ':') && glob(others, after),
        (Some((Part::Literal(own), others)), Some((first, after))) => own == first && glob(others, after),
        (Some(_), None) => false,
    }
}

fn like(pattern: &str, text: &str, context: &Context, segments: bool) -> bool {
    let text: Vec<char> = text.chars().collect();
    parts(pattern, context, segments).is_some_and(|parts| glob(&parts, &text))
}

pub(crate) fn is_about(statement: &PermissionStatement, action: &str) -> bool {
    let action = action.to_lowercase();
    let none = Context::new();
    let listed = |list: &[bundle_schema::documents::policy::ActionPattern]| {
        list.iter().any(|pattern| like(&pattern.as_str().to_lowercase(), &action, &none, false))
    };
    match (&statement.action, &statement.not_action) {
        (Some(list), _) => listed(list),
        (None, Some(list)) => !listed(list),
        (None, None) => false,
    }
}

pub(crate) fn takes(statement: &PermissionStatement, resource: &str, context: &Context, reading: Reading) -> bool {
    like(statement.resource.as_str(), resource, context, reading.segments)
}

pub(crate) fn meets(statement: &PermissionStatement, context: &Context, reading: Reading) -> bool {
    statement.condition.iter().flatten().all(|(operator, keys)| {
        keys.iter()
            .all(|(key, values)| holds(operator.as_str(), context.get(key.as_str()), &texts(values), context, reading))
    })
}

fn texts(values: &ConditionValues) -> Vec<String> {
    match values {
        ConditionValues::One(value) => vec![text(value)],
        ConditionValues::Many(values) => values.iter().map(text).collect(),
    }
}

fn text(value: &ConditionValue) -> String {
    match value {
        ConditionValue::Boolean(value) => value.to_string(),
        ConditionValue::Integer(value) => value.to_string(),
        ConditionValue::Text(value) => value.as_str().to_owned(),
    }
}

fn holds(
    operator: &str,
    present: Option<&Vec<String>>,
    policy: &[String],
    context: &Context,
    reading: Reading,
) -> bool {
    if operator == "Null" {
        return policy.iter().any(|wanted| (wanted == "true") == present.is_none());
    }
    let (set, operator) = operator.split_once(':').map_or(("", operator), |(set, rest)| (set, rest));
    let (operator, if_exists) = operator.strip_suffix("IfExists").map_or((operator, false), |plain| (plain, true));
    let negated = operator.contains("Not");
    let positive = operator.replace("Not", "");
    let Some(present) = present else {
        return if_exists || set == "ForAllValues" || (negated && set.is_empty());
    };
    let satisfied = |value: &String| policy.iter().any(|own| matches(&positive, own, value, context)) != negated;
    let some = match set {
        "ForAnyValue" => true,
        "ForAllValues" => false,
        _ if negated => reading.negated_some,
        _ => reading.some,
    };
    if some { present.iter().any(satisfied) } else { present.iter().all(satisfied) }
}

fn matches(operator: &str, own: &str, value: &str, context: &Context) -> bool {
    let number = |text: &str| text.parse::<f64>().unwrap_or(f64::NAN);
    let same = || {
        let own = own.replace("${*}", "*");
        if own == "${aws:username}" {
            context.get("aws:username").is_some_and(|name| name[0] == value)
        } else {
            own == value
        }
    };
    match operator {
        "StringEquals" => same(),
        "StringEqualsIgnoreCase" if own.contains("${aws") => {
            context.get("aws:username").is_some_and(|name| name[0].eq_ignore_ascii_case(value))
        }
        "StringEqualsIgnoreCase" => own.replace("${*}", "*").eq_ignore_ascii_case(value),
        "StringLike" => like(own, value, context, false),
        "ArnLike" | "ArnEquals" => {
            let (own, value): (Vec<&str>, Vec<&str>) = (own.splitn(6, ':').collect(), value.splitn(6, ':').collect());
            own.len() == 6
                && value.len() == 6
                && own.iter().zip(value).all(|(own, value)| like(own, value, context, false))
        }
        "Bool" => own == value,
        "NumericEquals"
        | "NumericLessThan"
        | "NumericLessThanEquals"
        | "NumericGreaterThan"
        | "NumericGreaterThanEquals" => {
            let (own, value) = (number(own), number(value));
            match operator {
                "NumericEquals" => (own - value).abs() < 1e-9,
                "NumericLessThan" => value < own,
                "NumericLessThanEquals" => value <= own,
                "NumericGreaterThan" => value > own,
                _ => value >= own,
            }
        }
        // The dates of the alphabet are in order as texts.
        "DateEquals" => date(own) == date(value),
        "DateLessThan" => date(value) < date(own),
        "DateLessThanEquals" => date(value) <= date(own),
        "DateGreaterThan" => date(value) > date(own),
        "IpAddress" => in_range(own, value),
        other => unreachable!("{other}"),
    }
}

fn date(text: &str) -> String {
    let plain = text.trim_end_matches('Z');
    if plain.contains('.') { plain.to_owned() } else { format!("{plain}.0") }
}

fn in_range(range: &str, address: &str) -> bool {
    // Another value than an address is in no range.
    let Ok(address) = address.parse::<std::net::IpAddr>() else { return false };
    match (range, address) {
        ("10.0.0.0/8", std::net::IpAddr::V4(address)) => address.octets()[0] == 10,
        ("10.0.0.0/9", std::net::IpAddr::V4(address)) => address.octets()[0] == 10 && address.octets()[1] < 128,
        ("10.128.0.0/9", std::net::IpAddr::V4(address)) => address.octets()[0] == 10 && address.octets()[1] >= 128,
        ("10.0.0.1", std::net::IpAddr::V4(address)) => address.octets() == [10, 0, 0, 1],
        ("2001:db8::/32", std::net::IpAddr::V6(address)) => address.segments()[..2] == [0x2001, 0xdb8],
        _ => false,
    }
}

/// Whether a policy allows a request.
pub(crate) fn allows(policy: &Policy, action: &str, resource: &str, context: &Context, reading: Reading) -> bool {
    let matching = |effect| {
        policy.iter().any(|statement| {
            statement.effect == effect
                && is_about(statement, action)
                && takes(statement, resource, context, reading)
                && meets(statement, context, reading)
        })
    };
    matching(Effect::Allow) && !matching(Effect::Deny)
}

fn words(letters: &[char], longest: usize) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut last = words.clone();
    for _ in 0..longest {
        last = last.iter().flat_map(|word| letters.iter().map(move |letter| format!("{word}{letter}"))).collect();
        words.extend(last.clone());
    }
    words.remove(0);
    words
}

/// All actions.
pub(crate) fn actions() -> Vec<String> {
    let names = words(&['x', 'y', 'z'], 3);
    ["a", "b", "c"].iter().flat_map(|service| names.iter().map(move |name| format!("{service}:{name}"))).collect()
}

/// All resources.
pub(crate) fn resources() -> Vec<String> {
    let mut all = vec!["*".to_owned(), "arn:aws:other:::x".to_owned(), "arn:other:s:::p".to_owned()];
    let names = words(&['p', 'q', '*'], 3);
    all.extend(names.iter().chain(&words(&[':', 'p', 'q'], 2)).map(|name| format!("arn:aws:s:::{name}")));
    all
}

fn values(key: &str) -> Vec<Vec<String>> {
    let single = |values: &[&str]| values.iter().map(|value| vec![(*value).to_owned()]).collect::<Vec<_>>();
    let texts = ["m", "n", "mn", "nm", "mnm", "M", "o", "*", "N"];
    match key {
        "s:text" => single(&texts),
        "s:many" | "s:unclear" => {
            let mut sets = single(&texts);
            for (at, a) in texts.iter().enumerate() {
                for b in &texts[at + 1..] {
                    sets.push(vec![(*a).to_owned(), (*b).to_owned()]);
                    sets.push(vec![(*a).to_owned(), (*b).to_owned(), "nm".to_owned()]);
                }
            }
            sets
        }
        "s:number" => single(&["4", "5", "5.25", "5.5", "5.75", "6", "6.5", "7", "8"]),
        "s:flag" => single(&["true", "false"]),
        "s:address" => single(&[
            "9.0.0.0",
            "10.0.0.0",
            "10.0.0.1",
            "10.0.0.2",
            "10.127.255.255",
            "10.128.0.0",
            "11.0.0.0",
            "2001:db8::1",
            "::1",
        ]),
        "s:date" => single(&[
            "2025-01-01T00:00:00Z",
            "2026-01-01T00:00:00Z",
            "2026-01-01T00:00:00.5Z",
            "2026-01-01T00:00:01Z",
            "2026-06-01T00:00:00Z",
            "2027-01-01T00:00:00Z",
            "2028-01-01T00:00:00Z",
        ]),
        "s:arn" => single(&[
            "arn:aws:s:::p",
            "arn:aws:s:::pq",
            "arn:b:s:::p",
            "arn:aws:s:r:1:p",
            "arn:aws:s:::q:p",
            "arn:aws:t:::p",
        ]),
        "aws:username" => single(&["p", "q", "pq", "m", "*"]),
        other => unreachable!("{other}"),
    }
}

/// All contexts of the keys that the policies name; one for all those in which the same operators hold.
pub(crate) fn contexts(policies: [&Policy; 2], reading: Reading) -> Vec<Context> {
    type Test<'a> = (&'a str, Vec<String>);
    let mut keys: BTreeMap<&str, Vec<Test<'_>>> = BTreeMap::new();
    for statement in policies.into_iter().flatten() {
        for (operator, tests) in statement.condition.iter().flatten() {
            for (key, values) in tests {
                keys.entry(key.as_str()).or_default().push((operator.as_str(), texts(values)));
            }
        }
        if serde_json::to_string(statement).unwrap().contains("${aws:username}") {
            keys.entry("aws:username").or_default();
        }
    }
    let mut contexts = vec![Context::new()];
    for (key, tests) in keys {
        let mut seen = BTreeSet::new();
        // A test may depend on the user's name too.
        let names: Vec<Context> = std::iter::once(Context::new())
            .chain(values("aws:username").iter().map(|name| with(&Context::new(), "aws:username", name)))
            .collect();
        let holds = |values: Option<&Vec<String>>| -> Vec<bool> {
            let with_each = |(operator, own): &Test<'_>| -> Vec<bool> {
                names.iter().map(|name| holds(operator, values, own, name, reading)).collect()
            };
            tests.iter().flat_map(with_each).collect()
        };
        seen.insert(holds(None));
        let mut all = values(key);
        all.retain(|values| key == "aws:username" || seen.insert(holds(Some(values))));
        let more: Vec<Context> =
            contexts.iter().flat_map(|context| all.iter().map(|values| with(context, key, values))).collect();
        contexts.extend(more);
    }
    contexts
}

fn with(context: &Context, key: &str, values: &[String]) -> Context {
    let mut context = context.clone();
    context.insert(key.to_owned(), values.to_vec());
    context
}

/// Action, resource and context.
pub(crate) type Request = (String, String, Context);

fn allowed(policy: &Policy, matching: u64) -> bool {
    let any =
        |effect| policy.iter().enumerate().any(|(at, statement)| statement.effect == effect && matching >> at & 1 == 1);
    any(Effect::Allow) && !any(Effect::Deny)
}

/// All requests to two policies.
pub(crate) struct Universe<'a> {
    old: &'a Policy,
    new: &'a Policy,
    /// Bits of the statements that are about an action, and one such action: those of the older policy are first.
    actions: BTreeMap<u64, String>,
    resources: Vec<String>,
}

impl<'a> Universe<'a> {
    pub(crate) fn of(old: &'a Policy, new: &'a Policy) -> Self {
        let mut universe = Self { old, new, actions: BTreeMap::new(), resources: resources() };
        universe.actions = actions()
            .into_iter()
            .map(|action| (universe.bits(|statement| is_about(statement, &action)), action))
            .collect();
        universe
    }

    fn bits(&self, holds: impl Fn(&PermissionStatement) -> bool) -> u64 {
        let all = self.old.iter().chain(self.new).enumerate();
        all.map(|(at, statement)| u64::from(holds(statement)) << at).sum()
    }

    /// A request that the newer one alone allows, and one that the older one alone does. Requests that the same statements
    /// match come to the same: one of each is looked at.
    pub(crate) fn differences(&self, reading: Reading) -> [Option<Request>; 2] {
        let mut differences = [None, None];
        let mut seen: BTreeSet<u64> = BTreeSet::new();
        let mut by_name: BTreeMap<Option<Vec<String>>, BTreeMap<u64, &String>> = BTreeMap::new();
        for context in contexts([self.old, self.new], reading) {
            let met = self.bits(|statement| meets(statement, &context, reading));
            let taken = by_name.entry(context.get("aws:username").cloned()).or_insert_with(|| {
                let bits = |text| self.bits(|statement| takes(statement, text, &context, reading));
                self.resources.iter().map(|text| (bits(text), text)).collect()
            });
            for (about, action) in &self.actions {
                for (takes, resource) in taken.iter() {
                    let matching = about & takes & met;
                    if !seen.insert(matching) {
                        continue;
                    }
                    let old = allowed(self.old, matching);
                    let new = allowed(self.new, matching >> self.old.len());
                    if old != new {
                        differences[usize::from(old)] = Some((action.clone(), (*resource).clone(), context.clone()));
                    }
                }
            }
        }
        differences
    }
}
