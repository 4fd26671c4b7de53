//! Contexts that tell conditions apart: for each combination of statements whose conditions a context can meet, one.
//!
//! Input: tests of conditions, untrusted. Output: contexts and what holds in each. Each key is looked at by itself: it is
//! absent, has one value, or several; its values are chosen so that every combination of outcomes is among them. A test
//! whose outcome cannot be known is taken to come out either way, the same for all statements that have it. The work is
//! bounded by a [`Budget`].

use std::collections::{BTreeMap, HashMap, HashSet};

use super::bits::Bits;
use super::evaluate::{Context, satisfied, when_absent, when_present};
use super::explore::{Language, texts};
use super::glob::{Budget, Exceeded, Globs, Token};
use super::statement::{Kind, Set, Statement, Test};
use super::value::{addresses, dates, doubt, example, is_of_kind, numbers, pattern};

/// A context, and the statements whose conditions it meets.
#[derive(Debug, Clone)]
pub(super) struct ContextCase {
    /// The statements.
    pub(super) meets: Bits,
    /// Whether the outcome of every test is known.
    pub(super) certain: bool,
    /// The context.
    pub(super) context: Context,
}

/// Tests of one key whose outcome is unknown at once, at most: each doubles the cases.
const MAX_UNKNOWN: usize = 8;
/// What one case costs besides its size: a context is made for it.
const CASE_COST: usize = 16;

/// Contexts in which the conditions of the first statement are met: for each set of further statements that such a context
/// can meet, one that is certain and one that is not, where there are such. Those that are certain come first.
pub(super) fn cases(
    statements: &[&Statement],
    is_multivalued: impl Fn(&str) -> Option<bool>,
    budget: &Budget,
) -> Result<Vec<ContextCase>, Exceeded> {
    let mut keys: BTreeMap<&str, Vec<&Test>> = BTreeMap::new();
    for test in statements.iter().flat_map(|statement| &statement.tests) {
        keys.entry(&test.key).or_default().push(test);
    }
    let all = Bits::of(statements.iter().map(|_| true));
    let mut cases = vec![ContextCase { meets: all, certain: true, context: Context::new() }];
    for (key, mut tests) in keys {
        tests.sort_unstable();
        tests.dedup();
        let of_key = key_cases(&tests, is_multivalued(key), budget)?;
        let mut next = Vec::new();
        let mut seen = HashSet::new();
        budget.spend(of_key.len() * statements.len())?;
        let of_key: Vec<(Bits, KeyCase)> =
            of_key.into_iter().map(|case| (met(statements, key, &tests, &case), case)).collect();
        for case in &cases {
            for (meets, of_key) in &of_key {
                budget.spend(meets.words())?;
                let (meets, certain) = (case.meets.and(meets), case.certain && of_key.certain);
                if !meets.has(0) || !seen.insert((meets.clone(), certain)) {
                    continue;
                }
                budget.spend(CASE_COST * (1 + case.context.len()))?;
                let mut context = case.context.clone();
                if !of_key.values.is_empty() {
                    context.insert(key.to_owned(), of_key.values.clone());
                }
                next.push(ContextCase { meets, certain, context });
            }
        }
        cases = next;
    }
    cases.sort_by_key(|case| !case.certain);
    Ok(cases)
}

/// Values of a key, none where it is absent, and the outcomes of its tests.
#[derive(Debug, Clone)]
struct KeyCase {
    outcomes: Vec<bool>,
    certain: bool,
    values: Vec<String>,
}

/// The statements all of whose tests of this key hold.
fn met(statements: &[&Statement], key: &str, tests: &[&Test], case: &KeyCase) -> Bits {
    let holds = |test: &Test| {
        test.key != key || tests.binary_search(&test).ok().and_then(|at| case.outcomes.get(at)) == Some(&true)
    };
    Bits::of(statements.iter().map(|statement| statement.tests.iter().all(holds)))
}

/// What can come out of the tests, and with which values. `None` is either.
type Outcomes = Vec<Option<bool>>;

fn key_cases(tests: &[&Test], is_multivalued: Option<bool>, budget: &Budget) -> Result<Vec<KeyCase>, Exceeded> {
    let mut cases = Cases { seen: HashSet::new(), found: Vec::new(), budget };
    cases.add(&tests.iter().map(|test| when_absent(test)).collect(), true, &[])?;
    let singles = single_values(tests, budget)?;
    for Single { outcomes, certain, value } in &singles {
        cases.add(outcomes, *certain, std::slice::from_ref(value))?;
    }
    if is_multivalued != Some(false) {
        several_values(tests, &singles, &mut cases)?;
    }
    Ok(cases.found)
}

struct Cases<'a> {
    seen: HashSet<(Vec<bool>, bool)>,
    found: Vec<KeyCase>,
    budget: &'a Budget,
}

impl Cases<'_> {
    /// Adds a case for each way in which what is unknown can come out.
    fn add(&mut self, outcomes: &Outcomes, certain: bool, values: &[String]) -> Result<(), Exceeded> {
        let unknown = outcomes.iter().filter(|outcome| outcome.is_none()).count();
        if unknown > MAX_UNKNOWN {
            return Err(Exceeded);
        }
        let certain = certain && unknown == 0;
        for choice in 0..1_u32 << unknown {
            self.budget.spend(outcomes.len())?;
            let mut left = choice;
            let chosen = outcomes.iter().map(|outcome| {
                outcome.unwrap_or_else(|| {
                    let bit = left & 1 == 1;
                    left >>= 1;
                    bit
                })
            });
            let outcomes: Vec<bool> = chosen.collect();
            if self.seen.insert((outcomes.clone(), certain)) {
                self.budget.spend(CASE_COST)?;
                self.found.push(KeyCase { outcomes, certain, values: values.to_vec() });
            }
        }
        Ok(())
    }
}

/// One value, and what comes out with it alone.
struct Single {
    outcomes: Outcomes,
    certain: bool,
    value: String,
}

fn single_values(tests: &[&Test], budget: &Budget) -> Result<Vec<Single>, Exceeded> {
    let known: Vec<&Test> = tests.iter().copied().filter(|test| doubt(test).is_none()).collect();
    let families: HashSet<Family> = known.iter().filter_map(|test| family(test.kind)).collect();
    // A key's values are of one kind. Where a policy says otherwise, its tests come out one way or the other.
    let is_mixed = families.len() > 1;
    let is_known = |test: &Test| doubt(test).is_none() && (!is_mixed || test.kind == Kind::Null);
    let values = if is_mixed { vec!["x".to_owned()] } else { values(&known, families.iter().next(), budget)? };
    let mut seen = HashSet::new();
    let mut singles = Vec::new();
    for value in values {
        let mut outcomes = Outcomes::with_capacity(tests.len());
        for test in tests {
            outcomes.push(match test.kind {
                Kind::Null => when_present(test),
                _ if is_known(test) => satisfied(test, &value, &Context::new(), budget)?,
                _ => None,
            });
        }
        let certain = tests.iter().all(|test| test.kind == Kind::Null || is_of_kind(test.kind, &value));
        if seen.insert((outcomes.clone(), certain)) {
            singles.push(Single { outcomes, certain, value });
        }
    }
    Ok(singles)
}

/// Kinds whose values can be compared with one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Family {
    Text,
    Number,
    Date,
    Address,
}

fn family(kind: Kind) -> Option<Family> {
    match kind {
        Kind::Text { .. } | Kind::Arn | Kind::Bool | Kind::Binary => Some(Family::Text),
        Kind::Number(_) => Some(Family::Number),
        Kind::Date(_) => Some(Family::Date),
        Kind::Address => Some(Family::Address),
        Kind::Null | Kind::Unknown => None,
    }
}

/// Values for every combination of outcomes, those that are usual for the key first.
fn values(tests: &[&Test], family: Option<&Family>, budget: &Budget) -> Result<Vec<String>, Exceeded> {
    let given = tests.iter().filter(|test| test.kind != Kind::Null).flat_map(|test| &test.values);
    let mut values = match family {
        Some(Family::Number) => numbers(given),
        Some(Family::Date) => dates(given),
        Some(Family::Address) => addresses(given),
        Some(Family::Text) | None => {
            let mut values: Vec<String> = tests.iter().flat_map(|test| usual(test)).collect();
            let mut groups = Vec::new();
            for test in tests.iter().filter(|test| test.kind != Kind::Null) {
                let mut globs = Globs::default();
                for tokens in test.values.iter().filter_map(|value| pattern(test.kind, value, |_| None)) {
                    globs.push(tokens);
                }
                groups.push(globs);
            }
            values.extend(texts(&Globs::one(vec![Token::Run { colon: true }]), &groups, Language::Text, budget)?);
            values
        }
    };
    // What a key of this kind does not have is last.
    values.extend(["x".to_owned(), String::new()]);
    Ok(values)
}

/// Values that a test is about.
fn usual(test: &Test) -> Vec<String> {
    let also: &[&str] = match test.kind {
        Kind::Bool => &["true", "false"],
        Kind::Arn => &["arn:aws:x:x:x:x"],
        Kind::Null => return Vec::new(),
        _ => &[],
    };
    let about = test.values.iter().map(|value| example(test.kind, value, |_| "x".to_owned()));
    about.chain(also.iter().map(ToString::to_string)).collect()
}

/// Sets of values: what some value and what every value satisfies decides the outcome.
fn several_values(tests: &[&Test], singles: &[Single], cases: &mut Cases<'_>) -> Result<(), Exceeded> {
    struct Several {
        some: Outcomes,
        every: Outcomes,
        certain: bool,
        values: Vec<String>,
    }
    let mut seen: HashMap<(Outcomes, Outcomes), bool> = HashMap::new();
    let mut sets: Vec<Several> = singles
        .iter()
        .map(|Single { outcomes, certain, value }| Several {
            some: outcomes.clone(),
            every: outcomes.clone(),
            certain: *certain,
            values: vec![value.clone()],
        })
        .collect();
    let mut next = 0;
    while let Some(Several { some, every, certain, values }) = sets.get(next) {
        next += 1;
        let mut larger = Vec::new();
        for single in singles {
            cases.budget.spend(tests.len())?;
            let merge = |a: &Outcomes, with: fn(bool, bool) -> bool| -> Outcomes {
                a.iter().zip(&single.outcomes).map(|(a, b)| a.zip(*b).map(|(a, b)| with(a, b))).collect()
            };
            let (some, every) = (merge(some, |a, b| a | b), merge(every, |a, b| a & b));
            let certain = *certain && single.certain;
            let before = seen.get(&(some.clone(), every.clone()));
            if before == Some(&true) || before == Some(&certain) || some == every {
                continue;
            }
            cases.budget.spend(CASE_COST + tests.len())?;
            seen.insert((some.clone(), every.clone()), certain);
            let values = values.iter().chain([&single.value]).cloned().collect();
            larger.push(Several { some, every, certain, values });
        }
        for set in larger {
            add_set(tests, &set.some, &set.every, set.certain, &set.values, cases)?;
            sets.push(set);
        }
    }
    Ok(())
}

/// Adds the outcomes of a set. IAM does not say what a test without a set operator makes of it: that some value or that
/// every value has to satisfy it, and for a negated one perhaps the other way, is all tried, and certain is none of it.
fn add_set(
    tests: &[&Test],
    some: &Outcomes,
    every: &Outcomes,
    certain: bool,
    values: &[String],
    cases: &mut Cases<'_>,
) -> Result<(), Exceeded> {
    let is_plain = |test: &&&Test| test.set.is_none() && test.kind != Kind::Null;
    let certain = certain && !tests.iter().any(|test| is_plain(&test));
    for (plain, negated) in [(true, false), (true, true), (false, false), (false, true)] {
        let outcomes = tests.iter().zip(some.iter().zip(every)).map(|(test, (some, every))| {
            let by_some = match test.set {
                Some(set) => set == Set::Any,
                None if test.negated => negated,
                None => plain,
            };
            if by_some { *some } else { *every }
        });
        cases.add(&outcomes.collect(), certain, values)?;
    }
    Ok(())
}
