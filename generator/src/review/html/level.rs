//! How risky it is what a role may do: its actions by access level, the riskiest first.
//!
//! Input: a role of a review. Output: its services with their levels, counted. Source of the levels: AWS service
//! authorization reference; that of their order: what an action of the level can do to the account.

use std::collections::{BTreeMap, BTreeSet};

use bundle_schema::documents::policy::Effect;

use crate::review::report::Role;

/// An access level, the riskiest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    Permissions,
    Write,
    /// The data does not know the action, so it may be anything.
    Unknown,
    Tagging,
    Read,
    List,
}

impl Level {
    pub(super) const ALL: [Self; 6] =
        [Self::Permissions, Self::Write, Self::Unknown, Self::Tagging, Self::Read, Self::List];

    pub(super) fn of(name: &str) -> Self {
        Self::ALL.into_iter().find(|level| level.name() == name).unwrap_or(Self::Unknown)
    }

    /// As AWS calls it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Permissions => "Permissions management",
            Self::Write => "Write",
            Self::Unknown => "Unknown",
            Self::Tagging => "Tagging",
            Self::Read => "Read",
            Self::List => "List",
        }
    }

    /// For a narrow column.
    pub(super) fn short(self) -> &'static str {
        if self == Self::Permissions { "Permissions" } else { self.name() }
    }

    /// Its class in the style and its value in the select.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Permissions => "pm",
            Self::Write => "wr",
            Self::Unknown => "un",
            Self::Tagging => "tg",
            Self::Read => "rd",
            Self::List => "ls",
        }
    }
}

/// What a role is granted, its refusals left aside.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Access<'a> {
    /// Its services, each with the riskiest level and the number of its actions. `*` is every service.
    pub(super) services: BTreeMap<&'a str, (Level, usize)>,
    /// How many actions it has of each level.
    pub(super) levels: BTreeMap<Level, usize>,
}

impl<'a> Access<'a> {
    pub(super) fn of(role: &'a Role) -> Self {
        let mut actions: BTreeSet<(Level, &str, &str)> = BTreeSet::new();
        for statement in role.statements.iter().filter(|statement| statement.effect == Effect::Allow) {
            if statement.not_actions.is_some() {
                // Everything but a list: all that AWS has, and what it adds later.
                actions.insert((Level::Permissions, "*", "*"));
            }
            for service in &statement.access {
                for level in &service.levels {
                    let of_level = level.actions.iter().map(String::as_str);
                    actions.extend(of_level.map(|action| (Level::of(&level.level), service.service.as_str(), action)));
                }
            }
        }
        let mut access = Self::default();
        for (level, service, _) in actions {
            access.services.entry(service).or_insert((level, 0)).1 += 1;
            *access.levels.entry(level).or_default() += 1;
        }
        access
    }

    /// The riskiest level of all.
    pub(super) fn riskiest(&self) -> Option<Level> {
        self.levels.keys().next().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::review::sample;

    #[test]
    fn the_riskiest_level_of_a_service_counts() {
        let review = sample::review();
        let disks = Access::of(&review.roles[1]);
        assert_eq!(disks.services, [("ec2", (Level::Write, 4)), ("kms", (Level::Permissions, 2))].into());
        let levels = [(Level::Permissions, 1), (Level::Write, 3), (Level::Tagging, 1), (Level::List, 1)];
        assert_eq!(disks.levels, levels.into());
        assert_eq!(disks.riskiest(), Some(Level::Permissions));
    }

    #[test]
    fn all_actions_but_some_is_everything_and_a_refusal_is_nothing() {
        let review = sample::review();
        assert_eq!(Access::of(&review.roles[0]).services, [("*", (Level::Permissions, 1))].into());
        let registry = Access::of(&review.roles[2]);
        assert_eq!(registry.services, [("s3", (Level::Permissions, 4))].into(), "without the refusal of s3:*");
    }

    #[test]
    fn a_level_that_nobody_knows_is_unknown() {
        assert_eq!(Level::of("Sorcery"), Level::Unknown);
        assert!(Level::ALL.into_iter().all(|level| Level::of(level.name()) == level));
    }
}
