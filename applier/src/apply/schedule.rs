//! Which actions of a plan may begin, and when.
//!
//! Input: a plan's actions. Output: the next that may begin, as others end. What an action waits for is the rule of
//! [`Stage::waits_for`] alone. It waits for whole stages, so each stage has nodes that are finished when everything of it so far
//! is: what is kept grows as the plan does, not as its square.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bundle_schema::receipt::Change;

use crate::plan::action::{Action, Stage, Waits};

/// Which actions may begin.
pub(super) struct Schedule {
    graph: Graph,
    /// The nodes below are actions, the others stand for all that a group had so far.
    actions: usize,
    ready: BTreeSet<usize>,
}

/// What waits for what.
struct Graph {
    /// How many nodes each one still waits for.
    waiting: Vec<usize>,
    /// Which nodes wait for each one.
    dependents: Vec<Vec<usize>>,
}

impl Graph {
    fn add(&mut self) -> usize {
        self.waiting.push(0);
        self.dependents.push(Vec::new());
        self.waiting.len() - 1
    }

    fn edge(&mut self, earlier: usize, later: usize) {
        if let (Some(list), Some(count)) = (self.dependents.get_mut(earlier), self.waiting.get_mut(later)) {
            list.push(later);
            *count += 1;
        }
    }
}

/// The actions of one stage whose resources stay, or go.
#[derive(Default)]
struct Group {
    /// Finished when all but the newest are.
    older: Option<usize>,
    newest: Vec<usize>,
}

impl Group {
    /// A node that is finished when all of them are.
    fn all(&mut self, graph: &mut Graph) -> Option<usize> {
        match (self.older, self.newest.as_slice()) {
            (older, []) => return older,
            (None, [one]) => self.older = Some(*one),
            (older, newest) => {
                let all = graph.add();
                newest.iter().chain(&older).for_each(|earlier| graph.edge(*earlier, all));
                self.older = Some(all);
            }
        }
        self.newest.clear();
        self.older
    }
}

impl Schedule {
    pub(super) fn of(actions: &[Action]) -> Self {
        let removed: BTreeSet<&str> = actions
            .iter()
            .filter(|action| action.change() == Change::Delete)
            .map(|action| action.resource.as_str())
            .collect();
        let mut graph = Graph { waiting: vec![0; actions.len()], dependents: vec![Vec::new(); actions.len()] };
        let mut groups: BTreeMap<(Stage, bool), Group> = BTreeMap::new();
        // Of one stage and resource, each waits for the one before it.
        let mut last: HashMap<(Stage, &str), usize> = HashMap::new();
        for (index, action) in actions.iter().enumerate() {
            let (stage, resource) = (action.stage(), action.resource.as_str());
            let goes = removed.contains(resource);
            for ((earlier, other_goes), group) in &mut groups {
                // What is removed loses its first permission when everything before it that stays is in place.
                let waits = if goes && !other_goes { Waits::ForAll } else { stage.waits_for(*earlier) };
                let node = match waits {
                    Waits::ForAll => group.all(&mut graph),
                    Waits::ForSameResource => last.get(&(*earlier, resource)).copied(),
                    Waits::Not => None,
                };
                if let Some(node) = node {
                    graph.edge(node, index);
                }
            }
            groups.entry((stage, goes)).or_default().newest.push(index);
            last.insert((stage, resource), index);
        }
        let ready = graph.waiting.iter().take(actions.len()).enumerate().filter(|(_, count)| **count == 0);
        let ready = ready.map(|(index, _)| index).collect();
        Self { graph, actions: actions.len(), ready }
    }

    /// The first in the plan's order that may begin.
    pub(super) fn next(&mut self) -> Option<usize> {
        self.ready.pop_first()
    }

    pub(super) fn finish(&mut self, index: usize) {
        let mut finished = vec![index];
        while let Some(node) = finished.pop() {
            for dependent in self.graph.dependents.get_mut(node).map(std::mem::take).unwrap_or_default() {
                let Some(count) = self.graph.waiting.get_mut(dependent) else { continue };
                *count -= 1;
                if *count > 0 {
                    continue;
                }
                if dependent < self.actions {
                    self.ready.insert(dependent);
                } else {
                    finished.push(dependent);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::remains::Remains;
    use crate::fixture::{Held, contents, endpoint_contents, plan, plan_with};
    use crate::plan::Plan;
    use crate::plan::choices::{Choices, ForeignPolicies};
    use crate::plan::desired::Desired;
    use bundle_schema::documents::contents::Contents;
    use bundle_schema::names::Timestamp;

    /// The bundle of the other tests with so many roles.
    fn with_roles(count: usize) -> Contents {
        let mut contents = contents();
        let role = contents.roles[0].clone();
        contents.roles.clear();
        for number in 0..count {
            let mut role = role.clone();
            role.create.role_name = crate::fixture::parsed(&format!("prod-{number:05}"));
            (role.policy.role_name, role.policy.policy_name) =
                (role.create.role_name.clone(), role.create.role_name.clone());
            contents.roles.push(role);
        }
        contents
    }

    fn removal(contents: &Contents, held: &Held) -> Plan {
        let (digest, live) = (crate::fixture::digest(), held.state());
        let (desired, now) = (Desired::for_test(contents, &digest), Timestamp::from_unix(0).unwrap());
        Plan::removal_of(&desired, &live, &Remains::default(), &Choices::default(), &[], now).unwrap()
    }

    /// What an action waits for, by the rule itself.
    fn waits(actions: &[Action], later: usize, earlier: usize) -> bool {
        let goes = |index: usize| {
            let is_removed =
                |action: &Action| action.change() == Change::Delete && action.resource == actions[index].resource;
            actions.iter().any(is_removed)
        };
        earlier < later && (actions[later].waits_for(&actions[earlier]) || (goes(later) && !goes(earlier)))
    }

    /// Numbers that look like chance and are the same every time.
    struct Dice(u64);

    impl Dice {
        fn throw(&mut self, below: usize) -> usize {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(self.0 >> 33).unwrap() % below
        }
    }

    /// Every kind of action that these plans have.
    fn kinds() -> Vec<Action> {
        let mut held = Held::everything(&contents());
        let orphan = held.role("prod-disk").clone();
        held.others.insert(crate::fixture::parsed("prod-old"), orphan);
        held.role("prod-disk").policy = None;
        held.role("prod-registry").description = None;
        let prune = Choices { foreign_policies: ForeignPolicies::Prune, adopt: true, ..Choices::default() };
        let mut kinds = plan_with(&contents(), &held.state(), &prune).unwrap().actions().to_vec();
        for contents in [contents(), endpoint_contents()] {
            kinds.extend(plan(&contents, &Held::nothing().state()).unwrap().actions().iter().cloned());
        }
        kinds.extend(removal(&contents(), &Held::everything(&contents())).actions().iter().cloned());
        kinds
    }

    #[test]
    fn it_is_the_rule_between_every_two_actions() {
        let (kinds, mut dice) = (kinds(), Dice(7));
        for _ in 0..300 {
            let mut one = || {
                let resource = format!("r{}", dice.throw(4));
                Action { resource, ..kinds[dice.throw(kinds.len())].clone() }
            };
            let actions: Vec<Action> = (0..24).map(|_| one()).collect();
            let mut schedule = Schedule::of(&actions);
            let (mut begun, mut finished, mut under_way) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
            while finished.len() < actions.len() {
                let may_begin = |index: &usize| {
                    !begun.contains(index)
                        && (0..*index).all(|earlier| !waits(&actions, *index, earlier) || finished.contains(&earlier))
                };
                let expected = (0..actions.len()).find(may_begin);
                if expected.is_some() && (under_way.is_empty() || dice.throw(2) == 0) {
                    let next = schedule.next();
                    assert_eq!(next, expected);
                    begun.extend(next);
                    under_way.extend(next);
                } else {
                    let ended = under_way.swap_remove(dice.throw(under_way.len()));
                    schedule.finish(ended);
                    finished.insert(ended);
                }
            }
            assert_eq!(schedule.next(), None);
        }
    }

    /// How many rounds it takes where everything that may begin does, and ends at once.
    fn depth(actions: &[Action]) -> usize {
        let mut schedule = Schedule::of(actions);
        let rounds = std::iter::from_fn(|| {
            let round: Vec<usize> = std::iter::from_fn(|| schedule.next()).collect();
            for index in &round {
                schedule.finish(*index);
            }
            (!round.is_empty()).then_some(round.len())
        });
        let rounds: Vec<usize> = rounds.collect();
        assert_eq!(rounds.iter().sum::<usize>(), actions.len());
        rounds.len()
    }

    #[test]
    fn however_many_roles_there_are_the_longest_chain_is_short() {
        for count in [1, 30, 1_000] {
            let contents = with_roles(count);
            let new = plan(&contents, &Held::nothing().state()).unwrap();
            assert_eq!(new.actions().len(), 9 + 2 * count);
            assert_eq!(depth(new.actions()), 8, "bucket, record, block, policy, provider, role, its policy, record");
            let gone = removal(&contents, &Held::everything(&contents));
            assert_eq!(depth(gone.actions()), 6, "record, a role's policy, role, provider, record, bucket");
        }
    }

    #[test]
    fn what_is_kept_grows_as_the_plan_does() {
        let edges = |count| {
            let contents = with_roles(count);
            let of = |plan: &Plan| Schedule::of(plan.actions()).graph.dependents.iter().map(Vec::len).sum::<usize>();
            let new = of(&plan(&contents, &Held::nothing().state()).unwrap());
            (new, of(&removal(&contents, &Held::everything(&contents))))
        };
        let ((new, gone), (twice_new, twice_gone)) = (edges(1_000), edges(2_000));
        assert!(twice_new < 2 * new + 100 && twice_gone < 2 * gone + 100, "{new} {twice_new} {gone} {twice_gone}");
        assert!(new < 20 * 2_009 && gone < 20 * 2_009, "{new} {gone}");
    }
}
