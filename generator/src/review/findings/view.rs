//! The roles of a bundle as the rules look at them: each statement with the actions that it stands for and its lines in the
//! request.
//!
//! Input: the contents of a bundle, which are consistent in themselves and otherwise not trusted, and the requests that were
//! found for its roles. Output: views. Patterns are compared with the actions of AWS once, and not more than
//! [`MAX_PATTERNS`] of them.

use std::cell::{Cell, OnceCell};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use bundle_schema::documents::contents::RoleDocuments;
use bundle_schema::documents::index::{Component, Header};
use bundle_schema::documents::policy::{ActionPattern, ConditionValue, ConditionValues, Effect, PermissionStatement};

use super::limits::Limits;
use super::lists::Lists;
use super::rules::Rule;
use crate::requests::Selected;
use crate::requests::request::StatementLines;
use crate::review::action_data::{Action, ActionData, Service};
use crate::review::report::{Finding, FindingLevel};

/// Different patterns of actions with wildcards that are compared with the actions of AWS; a release has one.
const MAX_PATTERNS: usize = 2_000;
/// Misspelled names for which a similar one is sought.
const MAX_SUGGESTIONS: usize = 20;

/// What rules ask besides the role.
pub(super) struct Context<'a> {
    pub(super) header: &'a Header,
    pub(super) data: &'a ActionData,
    /// The date of the data.
    pub(super) date: String,
    pub(super) lists: Lists,
    /// How many more names may be sought that are like a misspelled one: each is compared with hundreds.
    suggestions: Cell<usize>,
    known: HashMap<String, Rc<[Action<'a>]>>,
    patterns: usize,
}

/// One role.
pub(super) struct RoleView<'a> {
    pub(super) component: &'a Component,
    pub(super) documents: &'a RoleDocuments,
    pub(super) request: Option<&'a Selected>,
    pub(super) statements: Vec<StatementView<'a>>,
}

/// One statement of its policy.
pub(super) struct StatementView<'a> {
    /// Its number, from 1.
    pub(super) number: usize,
    pub(super) statement: &'a PermissionStatement,
    pub(super) lines: Option<&'a StatementLines>,
    /// Its actions; empty where it has `NotAction`.
    pub(super) patterns: Vec<PatternView<'a>>,
    /// Those that AWS has, and by which place of `patterns`.
    known: Vec<(Action<'a>, usize)>,
    limits: OnceCell<Limits>,
}

/// One action of a statement.
pub(super) struct PatternView<'a> {
    pub(super) pattern: &'a ActionPattern,
    pub(super) line: Option<usize>,
    /// The actions that it stands for. Empty for `*`, which stands for all, and for what AWS does not have.
    pub(super) known: Rc<[Action<'a>]>,
    /// False where there were too many patterns.
    pub(super) examined: bool,
}

impl<'a> Context<'a> {
    pub(super) fn new(header: &'a Header, data: &'a ActionData) -> Self {
        let (suggestions, known) = (Cell::new(MAX_SUGGESTIONS), HashMap::new());
        Self { header, data, date: data.version().date, lists: Lists::of(data), suggestions, known, patterns: 0 }
    }

    /// Whether AWS has an action that this action or pattern stands for.
    pub(super) fn has_match(&self, action: &str) -> bool {
        match self.known.get(action) {
            Some(known) => !known.is_empty(),
            None => !self.data.matching(action).is_empty(),
        }
    }

    /// Whether one more similar name may be sought.
    pub(super) fn may_suggest(&self) -> bool {
        let left = self.suggestions.get();
        self.suggestions.set(left.saturating_sub(1));
        left > 0
    }

    /// One role and the request that it was made for.
    pub(super) fn role(
        &mut self,
        component: &'a Component,
        documents: &'a RoleDocuments,
        request: Option<&'a Selected>,
    ) -> RoleView<'a> {
        RoleView { component, documents, request, statements: self.statements(documents, request) }
    }

    fn statements(&mut self, documents: &'a RoleDocuments, request: Option<&'a Selected>) -> Vec<StatementView<'a>> {
        let all = &documents.policy.policy_document.0.statement;
        let denied = self.denied(all);
        all.iter()
            .zip(1..)
            .map(|(statement, number)| {
                let lines = request.and_then(|one| lines_of(statement, number, one));
                let patterns = statement.action.iter().flatten().enumerate().map(|(place, pattern)| {
                    let (known, examined) = self.known(pattern);
                    let known = if statement.effect == Effect::Allow { denied.leaves(known) } else { known };
                    let line = lines.and_then(|lines| lines.actions.get(place)).copied();
                    PatternView { pattern, line, known, examined }
                });
                let patterns: Vec<_> = patterns.collect();
                let (known, limits) = (once_each(&patterns), OnceCell::new());
                StatementView { number, statement, lines, patterns, known, limits }
            })
            .collect()
    }

    fn denied(&mut self, statements: &'a [PermissionStatement]) -> Denied {
        let plain = |one: &&PermissionStatement| {
            one.effect == Effect::Deny && one.condition.is_none() && one.resource.as_str() == "*"
        };
        let mut denied = Denied::default();
        for pattern in statements.iter().filter(plain).flat_map(|one| one.action.iter().flatten()) {
            denied.everything |= pattern.as_str() == "*";
            denied.actions.extend(self.known(pattern).0.iter().map(Action::id));
        }
        denied
    }

    fn known(&mut self, pattern: &ActionPattern) -> (Rc<[Action<'a>]>, bool) {
        let text = pattern.as_str();
        if text == "*" {
            return (Rc::default(), true);
        }
        if let Some(known) = self.known.get(text) {
            return (Rc::clone(known), true);
        }
        if is_wild(text) {
            if self.patterns >= MAX_PATTERNS {
                return (Rc::default(), false);
            }
            self.patterns += 1;
        }
        let known: Rc<[Action<'a>]> = self.data.matching(text).into();
        self.known.insert(text.to_owned(), Rc::clone(&known));
        (known, true)
    }
}

fn once_each<'a>(patterns: &[PatternView<'a>]) -> Vec<(Action<'a>, usize)> {
    let mut seen = HashSet::new();
    let all = patterns.iter().enumerate();
    let all = all.flat_map(|(place, pattern)| pattern.known.iter().map(move |action| (*action, place)));
    all.filter(|(action, _)| seen.insert(action.id())).collect()
}

/// What a policy refuses whatever the resource and the request: no other statement grants it.
#[derive(Default)]
struct Denied {
    everything: bool,
    actions: HashSet<usize>,
}

impl Denied {
    fn leaves<'a>(&self, known: Rc<[Action<'a>]>) -> Rc<[Action<'a>]> {
        match self {
            Self { everything: true, .. } => Rc::default(),
            Self { actions, .. } if actions.is_empty() => known,
            Self { actions, .. } => known.iter().filter(|action| !actions.contains(&action.id())).copied().collect(),
        }
    }
}

/// The lines of the request's statement that is the same: the one at the same place, or another.
fn lines_of<'a>(statement: &PermissionStatement, number: usize, request: &'a Selected) -> Option<&'a StatementLines> {
    let (asked, lines) = (&request.request.statements, &request.request.lines);
    let same = |place: &usize| asked.get(*place) == Some(statement);
    let place = Some(number - 1).filter(same).or_else(|| (0..asked.len()).find(same))?;
    lines.get(place)
}

pub(super) fn is_wild(text: &str) -> bool {
    text.contains(['*', '?'])
}

impl<'a> RoleView<'a> {
    pub(super) fn name(&self) -> &'a str {
        self.component.role_name.as_str()
    }

    /// The statements that grant something.
    pub(super) fn allowing(&self) -> impl Iterator<Item = &StatementView<'a>> {
        self.statements.iter().filter(|statement| statement.allows())
    }

    /// A finding about the whole role, at the line of its service accounts.
    pub(super) fn finding(&self, rule: &Rule, message: String, advice: impl Into<String>) -> Finding {
        Finding {
            id: rule.id,
            level: rule.level,
            role: Some(self.name().to_owned()),
            statement: None,
            source: Some(self.component.source.clone()),
            line: self.request.map(|one| one.request.service_accounts_line),
            message,
            advice: advice.into(),
            accepted: None,
        }
    }

    /// A finding about a statement, at the line of its part that it is about.
    pub(super) fn statement_finding(
        &self,
        rule: &Rule,
        at: &At<'_, 'a>,
        message: String,
        advice: impl Into<String>,
    ) -> Finding {
        let statement = Some(at.statement.number);
        Finding { statement, line: at.line, ..self.finding(rule, message, advice) }
    }
}

/// A place in a policy: a statement, and the line of one of its parts.
pub(super) struct At<'s, 'a> {
    statement: &'s StatementView<'a>,
    line: Option<usize>,
}

/// A finding of another level than its rule has.
pub(super) fn at_level(level: FindingLevel, finding: Finding) -> Finding {
    Finding { level, ..finding }
}

impl<'a> PatternView<'a> {
    /// The service of a pattern that stands for all its actions.
    pub(super) fn whole_service(&self) -> Option<&'a str> {
        let (service, actions) = self.pattern.as_str().split_once(':')?;
        actions.bytes().all(|byte| byte == b'*').then_some(service)
    }
}

impl<'a> StatementView<'a> {
    /// The services of its actions, some more than once.
    pub(super) fn services(&self) -> impl Iterator<Item = &'a Service> {
        self.patterns.iter().filter_map(|pattern| pattern.known.first()).map(Action::service)
    }

    pub(super) fn allows(&self) -> bool {
        self.statement.effect == Effect::Allow
    }

    /// Its actions that AWS has, each once and in its order; of a pattern those that it stands for.
    pub(super) fn known(&self) -> impl Iterator<Item = (Action<'a>, &PatternView<'a>)> {
        self.known.iter().filter_map(|(action, place)| Some((*action, self.patterns.get(*place)?)))
    }

    /// What limits it.
    pub(super) fn limits(&self, context: &Context<'_>) -> &Limits {
        self.limits.get_or_init(|| Limits::of(context, self))
    }

    /// Whether it is about all actions, or all but some.
    pub(super) fn is_about_everything(&self) -> bool {
        self.statement.not_action.is_some() || self.patterns.iter().any(|pattern| pattern.pattern.as_str() == "*")
    }

    pub(super) fn resource(&self) -> &'a str {
        self.statement.resource.as_str()
    }

    /// Each operator, key and its values.
    pub(super) fn conditions(&self) -> impl Iterator<Item = (&'a str, &'a str, &'a ConditionValues)> + use<'a> {
        let operators = self.statement.condition.iter().flatten();
        operators.flat_map(|(operator, keys)| {
            keys.iter().map(move |(key, values)| (operator.as_str(), key.as_str(), values))
        })
    }

    pub(super) fn at_action(&self, pattern: &PatternView<'a>) -> At<'_, 'a> {
        At { statement: self, line: pattern.line }
    }

    pub(super) fn at_line(&self, line: Option<usize>) -> At<'_, 'a> {
        At { statement: self, line }
    }

    pub(super) fn at_resource(&self) -> At<'_, 'a> {
        At { statement: self, line: self.lines.map(|lines| lines.resource) }
    }

    pub(super) fn at_condition(&self) -> At<'_, 'a> {
        At { statement: self, line: self.lines.and_then(|lines| lines.condition) }
    }

    pub(super) fn at_start(&self) -> At<'_, 'a> {
        At { statement: self, line: self.lines.map(|lines| lines.statement) }
    }
}

/// The values of a condition key as text.
pub(super) fn texts(values: &ConditionValues) -> Vec<String> {
    let one = |value: &ConditionValue| value.to_string();
    match values {
        ConditionValues::One(value) => vec![one(value)],
        ConditionValues::Many(values) => values.iter().map(one).collect(),
    }
}
