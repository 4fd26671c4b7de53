//! The roles of a bundle, as a report has them: who may use each, and for what.
//!
//! Input: the contents of a bundle, the requests that it was made again from, and what is known of IAM's actions. Output: one
//! row a role. A statement's actions stand by service and by access level; a pattern stands under each level of the actions
//! that it stands for, because it grants all of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bundle_schema::documents::contents::{Contents, RoleDocuments};
use bundle_schema::documents::index::Component;
use bundle_schema::documents::policy::{ActionPattern, PermissionStatement};
use bundle_schema::names::EntryPath;

use super::action_data::{AccessLevel, Action, ActionData};
use super::report::{ACCESS_LEVELS, LevelAccess, Role, ServiceAccess, Statement};
use crate::requests::Selected;

/// The level of actions that the data does not know.
const UNKNOWN: &str = "Unknown";

/// The requests of a bundle by the file that holds them and their Secret.
pub(crate) struct Sources<'a>(HashMap<(&'a EntryPath, String), &'a Selected>);

impl<'a> Sources<'a> {
    pub(crate) fn new(requests: &'a [Selected]) -> Self {
        Self(requests.iter().map(|one| ((&one.source, one.request.secret()), one)).collect())
    }

    /// The request that a role was made for; none where the bundle is not what its requests ask for.
    pub(crate) fn of(&self, component: &'a Component) -> Option<&'a Selected> {
        self.0.get(&(&component.source, component.secret())).copied()
    }
}

/// The rows, in the bundle's order.
pub(crate) fn roles(contents: &Contents, sources: &Sources<'_>, levels: &mut Levels<'_>) -> Vec<Role> {
    contents
        .each_role()
        .map(|(component, documents)| role(component, documents, sources.of(component), levels))
        .collect()
}

fn role(component: &Component, documents: &RoleDocuments, source: Option<&Selected>, levels: &mut Levels<'_>) -> Role {
    let statements = (0..).zip(documents.statements());
    Role {
        role: component.role_name.to_string(),
        request: component.request.to_string(),
        source: component.source.clone(),
        namespace: component.secret_namespace.to_string(),
        secret: component.secret_name.to_string(),
        service_accounts: component.service_accounts.iter().map(ToString::to_string).collect(),
        boundary: documents.create.permissions_boundary.as_ref().map(ToString::to_string),
        statements: statements.map(|(at, one)| levels.statement(one, line(one, at, source))).collect(),
    }
}

/// The line of the request's statement that is the same; the one at the same place, where several are.
fn line(statement: &PermissionStatement, at: usize, source: Option<&Selected>) -> Option<usize> {
    let request = &source?.request;
    let same = |place: &usize| request.statements.get(*place) == Some(statement);
    let place = Some(at).filter(same).or_else(|| (0..request.statements.len()).find(same))?;
    request.lines.get(place).map(|lines| lines.statement)
}

/// The access levels of the patterns that policies have. Most policies have the same few.
pub(crate) struct Levels<'a> {
    data: &'a ActionData,
    known: HashMap<ActionPattern, Vec<&'static str>>,
}

impl<'a> Levels<'a> {
    pub(crate) fn new(data: &'a ActionData) -> Self {
        Self { data, known: HashMap::new() }
    }

    /// A statement with its actions by service and level.
    pub(crate) fn statement(&mut self, statement: &PermissionStatement, line: Option<usize>) -> Statement {
        let PermissionStatement { effect, action, not_action, resource, condition } = statement;
        let texts = |actions: &Vec<ActionPattern>| actions.iter().map(ToString::to_string).collect::<Vec<_>>();
        Statement {
            effect: *effect,
            actions: action.as_ref().map(texts),
            not_actions: not_action.as_ref().map(texts),
            access: self.access(action.as_deref().unwrap_or_default()),
            resource: resource.to_string(),
            conditions: condition.clone(),
            line,
        }
    }

    /// Actions by service, and within it by level, the riskiest first; the actions themselves as they stand in the policy.
    fn access(&mut self, actions: &[ActionPattern]) -> Vec<ServiceAccess> {
        let mut services: BTreeMap<String, HashMap<&str, Vec<String>>> = BTreeMap::new();
        for pattern in actions {
            let (service, name) = pattern.as_str().split_once(':').unwrap_or(("*", "*"));
            let levels = services.entry(service.to_ascii_lowercase()).or_default();
            for level in self.of(pattern) {
                levels.entry(level).or_default().push(name.to_owned());
            }
        }
        let service = |(service, mut levels): (String, HashMap<&str, Vec<String>>)| {
            let level = |level: &str| Some(LevelAccess { level: level.to_owned(), actions: levels.remove(level)? });
            ServiceAccess { service, levels: ACCESS_LEVELS.into_iter().filter_map(level).collect() }
        };
        services.into_iter().map(service).collect()
    }

    /// The levels of the actions that a pattern stands for; that of unknown ones, where the data knows no such action.
    fn of(&mut self, pattern: &ActionPattern) -> &[&'static str] {
        self.known.entry(pattern.clone()).or_insert_with(|| {
            let actions = self.data.matching(pattern.as_str());
            let levels: BTreeSet<AccessLevel> = actions.iter().map(Action::level).collect();
            if levels.is_empty() { vec![UNKNOWN] } else { levels.into_iter().map(AccessLevel::name).collect() }
        })
    }
}
