//! Which actions of a plan may begin, and when.

use std::collections::BTreeSet;

use bundle_schema::receipt::Change;

use crate::plan::action::Action;

/// Which actions may begin.
pub(super) struct Schedule {
    /// How many actions each one still waits for.
    waiting: Vec<usize>,
    /// Which actions wait for each one.
    dependents: Vec<Vec<usize>>,
    ready: BTreeSet<usize>,
}

impl Schedule {
    pub(super) fn of(actions: &[Action]) -> Self {
        let mut waiting = vec![0; actions.len()];
        let mut dependents: Vec<Vec<usize>> = vec![Vec::new(); actions.len()];
        let removed: BTreeSet<&str> = actions
            .iter()
            .filter(|action| action.change() == Change::Delete)
            .map(|action| action.resource.as_str())
            .collect();
        let is_removed: Vec<bool> = actions.iter().map(|action| removed.contains(action.resource.as_str())).collect();
        for (later, ((action, goes), count)) in actions.iter().zip(&is_removed).zip(&mut waiting).enumerate() {
            let others = actions.iter().zip(&is_removed).zip(&mut dependents).enumerate().take(later);
            for (earlier, ((other, other_goes), list)) in others {
                debug_assert!(earlier < later);
                // What is removed loses its first permission when everything before it that stays is in place.
                if action.waits_for(other) || (*goes && !other_goes) {
                    *count += 1;
                    list.push(later);
                }
            }
        }
        let ready = waiting.iter().enumerate().filter(|(_, count)| **count == 0).map(|(index, _)| index).collect();
        Self { waiting, dependents, ready }
    }

    /// The first in the plan's order that may begin.
    pub(super) fn next(&mut self) -> Option<usize> {
        self.ready.pop_first()
    }

    pub(super) fn finish(&mut self, index: usize) {
        for dependent in self.dependents.get_mut(index).map(std::mem::take).unwrap_or_default() {
            if let Some(count) = self.waiting.get_mut(dependent) {
                *count -= 1;
                if *count == 0 {
                    self.ready.insert(dependent);
                }
            }
        }
    }
}
