//! Random pairs of policies: what the comparison says is held against a plain evaluation of every request over a small
//! alphabet.
//!
//! `AIRLOCK_POLICY_PAIRS` is how many pairs, `AIRLOCK_POLICY_SEED` where they begin.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what is wrong by failing")]

mod plain;
mod random;

use std::collections::BTreeMap;

use generator::review::comparison::{Known, PolicyComparison, compare};
use generator::review::report::{Verdict, Witness};

use self::plain::{Universe, allows, readings};
use self::random::{Policy, Random, Scope};

struct Keys;

impl Known for Keys {
    fn actions<'a>(&'a self, _pattern: &str) -> Box<dyn Iterator<Item = String> + 'a> {
        Box::new(["a:Xy", "b:Yx", "c:Zz"].into_iter().map(str::to_owned))
    }

    fn is_multivalued(&self, key: &str) -> Option<bool> {
        match key {
            "s:unclear" => None,
            key => Some(key == "s:many"),
        }
    }
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// What is wrong with a comparison.
fn wrong(old: &Policy, new: &Policy, scope: Scope, found: &PolicyComparison) -> Option<String> {
    let PolicyComparison { verdict, witnesses, undecided } = found;
    for Witness { action, resource, context } in witnesses {
        for reading in readings() {
            if !allows(new, action, resource, context, reading) || allows(old, action, resource, context, reading) {
                return Some(format!("{action} on {resource} in {context:?} is no witness ({reading:?})"));
            }
        }
    }
    let expected = match (witnesses.is_empty(), undecided.is_empty()) {
        (false, _) => *verdict == Verdict::Widened,
        (true, false) => *verdict == Verdict::Undecided,
        (true, true) => matches!(verdict, Verdict::Same | Verdict::Narrowed),
    };
    if !expected {
        return Some(format!("{verdict:?} with {} witnesses and {} undecided", witnesses.len(), undecided.len()));
    }
    // That a flag is true or false, and a number is one, is not taken for granted.
    let is_of_kind = |why: &String| why.ends_with("is not specified where the value is of another kind");
    if *verdict == Verdict::Undecided && !scope.variables && !scope.unclear && !undecided.iter().all(is_of_kind) {
        return Some(format!("could be decided: {undecided:?}"));
    }
    if matches!(verdict, Verdict::Same | Verdict::Narrowed) {
        let universe = Universe::of(old, new);
        // Where everything is specified, all readings are the same.
        for reading in readings().take(if scope.unclear { usize::MAX } else { 1 }) {
            match universe.differences(reading) {
                [Some(request), _] => {
                    return Some(format!("{verdict:?}, but {request:?} is newly allowed ({reading:?})"));
                }
                [None, Some(request)] if *verdict == Verdict::Same => {
                    return Some(format!("Same, but {request:?} is lost ({reading:?})"));
                }
                _ => {}
            }
        }
    }
    None
}

/// Fewer statements and conditions, as long as it stays wrong.
fn smallest(mut old: Policy, mut new: Policy, scope: Scope) -> (Policy, Policy, String) {
    let check = |old: &Policy, new: &Policy| wrong(old, new, scope, &compare(old, new, &Keys));
    loop {
        let mut smaller: Vec<(Policy, Policy)> = Vec::new();
        for at in 0..old.len() {
            smaller.extend(without(&old, at).into_iter().map(|old| (old, new.clone())));
        }
        for at in 0..new.len() {
            smaller.extend(without(&new, at).into_iter().map(|new| (old.clone(), new)));
        }
        let Some(next) = smaller.into_iter().find(|(old, new)| check(old, new).is_some()) else {
            let why = check(&old, &new).unwrap();
            return (old, new, why);
        };
        (old, new) = next;
    }
}

fn without(policy: &Policy, at: usize) -> Vec<Policy> {
    let changed = |change: &dyn Fn(&mut Policy)| {
        let mut policy = policy.clone();
        change(&mut policy);
        policy
    };
    let mut all = vec![changed(&|policy| drop(policy.remove(at)))];
    if policy[at].condition.is_some() {
        all.push(changed(&|policy| policy[at].condition = None));
    }
    for list in [&policy[at].action, &policy[at].not_action].into_iter().flatten().filter(|list| list.len() > 1) {
        for item in 0..list.len() {
            all.push(changed(&|policy| {
                let statement = &mut policy[at];
                drop(statement.action.as_mut().or(statement.not_action.as_mut()).unwrap().remove(item));
            }));
        }
    }
    all
}

#[test]
fn the_verdict_holds_for_every_request() {
    let pairs = setting("AIRLOCK_POLICY_PAIRS", 600);
    let seed = setting("AIRLOCK_POLICY_SEED", 0);
    let mut shares: BTreeMap<(bool, bool, Verdict), u64> = BTreeMap::new();
    for number in seed..seed + pairs {
        let mut random = Random(number.wrapping_mul(0x2545_F491_4F6C_DD1D));
        let scope = Scope { variables: random.below(5) == 0, unclear: random.below(5) == 0 };
        let old = random::policy(&mut random, scope);
        let new = if random.below(8) == 0 {
            random::policy(&mut random, scope)
        } else {
            random::changed(&mut random, &old, scope)
        };
        let found = compare(&old, &new, &Keys);
        if wrong(&old, &new, scope, &found).is_some() {
            let (old, new, why) = smallest(old, new, scope);
            let json = |policy: &Policy| serde_json::to_string(policy).unwrap();
            panic!("pair {number}: {why}\nold: {}\nnew: {}", json(&old), json(&new));
        }
        *shares.entry((scope.variables, scope.unclear, found.verdict)).or_default() += 1;
    }
    println!("{pairs} pairs (variables, unclear, verdict): {shares:#?}");
    for verdict in [Verdict::Same, Verdict::Narrowed, Verdict::Widened] {
        assert!(shares.get(&(false, false, verdict)).is_some_and(|count| count * 20 > pairs), "{verdict:?} is rare");
    }
}
