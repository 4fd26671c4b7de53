//! Whether a statement limits what it grants.
//!
//! A resource limits where it does not take in every resource of a type; a condition limits where a request that is not
//! meant cannot fulfil it.

use std::collections::HashMap;

use super::target::Target;
use super::view::{Context, StatementView, texts};
use crate::review::action_data::{Action, KeyPlace, is_global_key};

/// How a condition operator compares.
#[derive(Clone, Copy)]
pub(super) struct Operator<'a> {
    /// `ForAnyValue`, `ForAllValues` or none.
    pub(super) set: Option<&'a str>,
    /// Without set and ending, such as `StringLike`.
    pub(super) plain: &'a str,
    /// Whether it also holds without the key.
    pub(super) if_exists: bool,
}

impl<'a> Operator<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let (set, rest) = text.split_once(':').map_or((None, text), |(set, rest)| (Some(set), rest));
        let ending = rest.strip_suffix("IfExists");
        Self { set, plain: ending.unwrap_or(rest), if_exists: ending.is_some() }
    }

    pub(super) fn is_for_all(&self) -> bool {
        self.set == Some("ForAllValues")
    }

    /// Whether it compares for being different.
    pub(super) fn is_negated(&self) -> bool {
        self.plain.contains("Not")
    }

    /// Whether it holds for a request without the key.
    pub(super) fn holds_without_key(&self, values: &[String]) -> bool {
        if self.plain == "Null" {
            return values.iter().any(|value| value.eq_ignore_ascii_case("true"));
        }
        self.if_exists || self.is_for_all() || self.is_negated()
    }
}

/// Which actions of a statement take a key. It is looked for once in each service, and not for each action.
pub(super) struct Takers {
    is_global: bool,
    /// By service.
    places: HashMap<usize, Option<KeyPlace>>,
}

impl Takers {
    pub(super) fn of(key: &str, statement: &StatementView<'_>) -> Self {
        let is_global = is_global_key(key);
        let mut places = HashMap::new();
        if !is_global {
            for service in statement.services() {
                places.entry(service.id()).or_insert_with(|| service.key_place(key));
            }
        }
        Self { is_global, places }
    }

    pub(super) fn has(&self, action: Action<'_>) -> bool {
        let place = || self.places.get(&action.service().id()).copied().flatten();
        self.is_global || place().is_some_and(|place| action.takes_key_at(place))
    }
}

/// What limits a statement.
pub(super) struct Limits {
    is_everything: bool,
    target: Target,
    /// For each condition that limits, the actions that it limits.
    conditions: Vec<Takers>,
}

impl Limits {
    pub(super) fn of(context: &Context<'_>, statement: &StatementView<'_>) -> Self {
        let limiting = statement.conditions().filter(|(operator, key, values)| {
            !Operator::of(operator).holds_without_key(&texts(values)) && says_what(key)
        });
        Self {
            is_everything: statement.resource() == "*",
            target: Target::new(statement.resource(), context.header),
            conditions: limiting.map(|(_, key, _)| Takers::of(key, statement)).collect(),
        }
    }

    /// Whether the statement grants this action without a limit.
    pub(super) fn leave(&self, action: Action<'_>) -> bool {
        if self.conditions.iter().any(|condition| condition.has(action)) {
            return false;
        }
        let mut types = action.resource_types().peekable();
        if types.peek().is_none() { self.is_everything } else { types.any(|kind| self.target.covers(kind)) }
    }
}

/// Whether a key says something about the resource or the request's parameters, and not only about who asks from where: keys
/// of one service, tags, and those of the resource's owner. Any request can be given the others.
fn says_what(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    !is_global_key(&key) || key.starts_with("aws:resource")
}
