//! One action, and what it is about.

use std::fmt;

use super::{AccessLevel, ActionRow, ConditionKey, KeyPlace, ResourceRow, Service, Use, is_global_key};

/// One action of one service.
#[derive(Clone, Copy)]
pub struct Action<'a> {
    pub(super) service: &'a Service,
    pub(super) row: &'a ActionRow,
}

impl fmt::Debug for Action<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for Action<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.service.prefix, self.row.name)
    }
}

impl<'a> Action<'a> {
    /// A number that tells it from every other action of the same data.
    #[must_use]
    pub fn id(&self) -> usize {
        std::ptr::from_ref(self.row).addr()
    }

    /// Its name without the prefix.
    #[must_use]
    pub fn name(&self) -> &'a str {
        &self.row.name
    }

    /// Its service.
    #[must_use]
    pub fn service(&self) -> &'a Service {
        self.service
    }

    /// What it does.
    #[must_use]
    pub fn level(&self) -> AccessLevel {
        self.row.level
    }

    /// The types of resources that it is about; none where it is about the whole account, and only the resource `*` grants it.
    pub fn resource_types(&self) -> impl Iterator<Item = ResourceType<'a>> + use<'a> {
        let service = self.service;
        let places = self.uses().map(|uses| uses.required.iter().chain(&uses.optional)).into_iter().flatten();
        places
            .filter_map(move |place| service.resources.get(usize::from(*place)))
            .map(move |row| ResourceType { service, row })
    }

    /// Whether it always needs a resource of one of its types.
    #[must_use]
    pub fn needs_resource(&self) -> bool {
        self.uses().is_some_and(|uses| !uses.required.is_empty())
    }

    /// The condition keys that a request for it may have, the global ones left out.
    pub fn keys(&self) -> impl Iterator<Item = ConditionKey<'a>> + use<'a> {
        let service = self.service;
        self.uses().into_iter().flat_map(move |uses| service.keys_of(uses.key_set))
    }

    /// Whether a request for it may have this key.
    #[must_use]
    pub fn takes(&self, key: &str) -> bool {
        is_global_key(key) || self.keys().any(|known| known.is(key))
    }

    /// As [`Self::takes`], for a key that [`Service::key_place`] found: for many actions of one service.
    #[must_use]
    pub fn takes_key_at(&self, place: KeyPlace) -> bool {
        let set = self.uses().and_then(|uses| self.service.key_sets.get(usize::from(uses.key_set)));
        set.is_some_and(|set| set.binary_search(&place.0).is_ok())
    }

    fn uses(&self) -> Option<&'a Use> {
        self.service.uses.get(usize::from(self.row.uses))
    }
}

/// A type of resources.
#[derive(Clone, Copy)]
pub struct ResourceType<'a> {
    pub(super) service: &'a Service,
    pub(super) row: &'a ResourceRow,
}

impl<'a> ResourceType<'a> {
    /// A number that tells it from every other type of the same data.
    #[must_use]
    pub fn id(&self) -> usize {
        std::ptr::from_ref(self.row).addr()
    }

    /// Its name, such as `instance`.
    #[must_use]
    pub fn name(&self) -> &'a str {
        &self.row.name
    }

    /// Its ARNs, as patterns such as `arn:*:ec2:*:*:instance/*`; most have one.
    #[must_use]
    pub fn arns(&self) -> &'a [String] {
        &self.row.arns
    }

    /// The condition keys that are about it, such as its tags.
    pub fn keys(&self) -> impl Iterator<Item = ConditionKey<'a>> + use<'a> {
        self.service.keys_of(self.row.key_set)
    }
}
