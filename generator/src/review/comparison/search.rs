//! Looks for a request that one statement newly allows.
//!
//! Input: the statement, and all others of both policies. Output: a request that was refused and is allowed, that there is
//! none, or why that cannot be decided. Actions, resources and contexts are each reduced to one case for every combination
//! of statements; a request is a combination of three cases. It is named only when [`super::evaluate`] confirms it.

use std::collections::HashSet;

use bundle_schema::documents::policy::PermissionStatement;

use super::Known;
use super::bits::Bits;
use super::confirm::Confirmation;
use super::context::{self, ContextCase};
use super::evaluate::{Context, Request};
use super::explore::{Language, texts};
use super::glob::{Budget, Exceeded, Globs, Token};
use super::pattern::{Reading, is_ambiguous};
use super::resource::{self, ResourceCase, Symbols, Taken};
use super::statement::Statement;
use crate::review::report::Witness;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It allows nothing new.
    Nothing,
    /// This was refused and is allowed.
    Found(Witness),
    /// It cannot be decided, and this is why.
    Undecided(String),
}

/// What a statement is to the search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// The newer policy grants; the statement that is looked at.
    Grants,
    /// The newer policy refuses.
    Refuses,
    /// The older policy granted.
    Granted,
    /// The older policy refused.
    Refused,
}

/// Both policies.
pub(super) struct Policies<'a> {
    /// The older one.
    pub(super) old: &'a [Statement],
    /// The newer one.
    pub(super) new: &'a [Statement],
    /// What is known about actions and keys.
    pub(super) known: &'a dyn Known,
}

/// Requests that are checked for one statement, at most: where so many were not confirmed, more will not be.
const MAX_ATTEMPTS: usize = 32;

/// An action, and the statements that are about it.
struct ActionCase {
    about: Bits,
    action: String,
}

/// Looks at one statement, which is given as it was written too.
pub(super) fn search(
    policies: &Policies<'_>,
    written: &PermissionStatement,
    statements: &[(Part, &Statement)],
    budget: &Budget,
) -> Outcome {
    match run(policies, written, statements, budget) {
        Ok(outcome) => outcome,
        Err(Exceeded) => Outcome::Undecided("there are too many cases to compare".to_owned()),
    }
}

fn run(
    policies: &Policies<'_>,
    written: &PermissionStatement,
    statements: &[(Part, &Statement)],
    budget: &Budget,
) -> Result<Outcome, Exceeded> {
    let mut actions = action_cases(statements, budget)?;
    // Statements that share no action with this one do not matter.
    let kept: Vec<usize> =
        (0..statements.len()).filter(|number| actions.iter().any(|case| case.about.has(*number))).collect();
    for case in &mut actions {
        case.about = Bits::of(kept.iter().map(|number| case.about.has(*number)));
    }
    let statements: Vec<(Part, &Statement)> =
        kept.iter().filter_map(|number| statements.get(*number)).copied().collect();
    let is_ambiguous = statements.iter().any(|(_, statement)| is_ambiguous(&statement.resource));
    let confirmation = Confirmation { policies, written, statements, budget };
    let mut search = Search { confirmation, actions, attempts: 0, reason: None };
    let mut found = search.in_reading(Reading::Whole)?;
    if found.is_none() && is_ambiguous {
        found = search.in_reading(Reading::Segments)?;
    }
    Ok(match (found, search.reason) {
        (Some(witness), _) => Outcome::Found(witness),
        (None, Some(reason)) => Outcome::Undecided(reason),
        (None, None) => Outcome::Nothing,
    })
}

/// An action that the first statement is about, for each set of the others.
fn action_cases(statements: &[(Part, &Statement)], budget: &Budget) -> Result<Vec<ActionCase>, Exceeded> {
    let Some(((_, granting), others)) = statements.split_first() else { return Ok(Vec::new()) };
    let mut actions = Vec::new();
    let is_open = granting.spares || granting.wild != Globs::default();
    if is_open {
        let mut groups: Vec<Globs> = others.iter().map(|(_, statement)| statement.listed()).collect();
        let required = if granting.spares {
            groups.push(granting.listed());
            Globs::one(vec![Token::Run { colon: true }])
        } else {
            granting.wild.clone()
        };
        groups.sort_unstable();
        groups.dedup();
        actions.extend(texts(&required, &groups, Language::Action, budget)?);
    }
    if !granting.spares {
        actions.extend(granting.exact.iter().cloned());
    }
    let mut seen = HashSet::new();
    let mut cases = Vec::new();
    for action in actions {
        let about = about(statements, &action, budget)?;
        if about.has(0) && seen.insert(about.clone()) {
            cases.push(ActionCase { about, action });
        }
    }
    Ok(cases)
}

/// The statements that are about an action.
pub(super) fn about(statements: &[(Part, &Statement)], action: &str, budget: &Budget) -> Result<Bits, Exceeded> {
    let mut members = Vec::with_capacity(statements.len());
    for (_, statement) in statements {
        members.push(statement.is_about(action, budget)?);
    }
    Ok(Bits::of(members))
}

struct Search<'a> {
    /// The statement that is looked at is the first of its statements.
    confirmation: Confirmation<'a>,
    actions: Vec<ActionCase>,
    attempts: usize,
    /// Why the first request that seems newly allowed was not confirmed.
    reason: Option<String>,
}

impl Search<'_> {
    fn in_reading(&mut self, reading: Reading) -> Result<Option<Witness>, Exceeded> {
        let mut symbols = Symbols::default();
        let Confirmation { statements, budget, .. } = &self.confirmation;
        let (statements, budget) = (statements.clone(), *budget);
        let taken: Vec<Taken<'_>> = statements
            .iter()
            .map(|(part, statement)| Taken { pieces: &statement.resource, loose: *part == Part::Refused })
            .collect();
        let resources = resource::cases(&taken, reading, &mut symbols, budget)?;
        let contexts = self.contexts(&resources)?;
        let parts = [Part::Refuses, Part::Granted, Part::Refused]
            .map(|wanted| Bits::of(statements.iter().map(|(part, _)| *part == wanted)));
        let [still_refuses, granted, refused] = parts;
        let is_new = |matching: &Bits| {
            let was_allowed = matching.meets(&granted) && !matching.meets(&refused);
            !matching.meets(&still_refuses) && !was_allowed
        };
        // Where one is certain, what is not certain does not matter.
        for certain in [true, false] {
            let contexts: Vec<&ContextCase> = contexts.iter().filter(|case| case.certain == certain).collect();
            let mut seen = HashSet::new();
            for (action, resource) in (0..self.actions.len()).flat_map(|a| resources.iter().map(move |r| (a, r))) {
                let Some(about) = self.actions.get(action).map(|case| case.about.and(&resource.takes)) else {
                    continue;
                };
                budget.spend(about.words() + 2)?;
                if !seen.insert(about.clone()) {
                    continue;
                }
                for context in &contexts {
                    budget.spend(about.words())?;
                    if !is_new(&about.and(&context.meets)) {
                        continue;
                    }
                    let mut values = context.context.clone();
                    let text = symbols.concrete(&resource.text, &mut values);
                    let found = self.confirm(action, text, values)?;
                    if found.is_some() || self.attempts >= MAX_ATTEMPTS {
                        return Ok(found);
                    }
                }
            }
        }
        Ok(None)
    }

    /// Contexts for the statements that share a resource with the first.
    fn contexts(&self, resources: &[ResourceCase]) -> Result<Vec<ContextCase>, Exceeded> {
        let without = Statement::default();
        let Confirmation { policies, statements, budget, .. } = &self.confirmation;
        let shares = |number| resources.iter().any(|case| case.takes.has(number));
        let statements: Vec<&Statement> = (0..)
            .zip(statements)
            .map(|(number, (_, statement))| if shares(number) { *statement } else { &without })
            .collect();
        context::cases(&statements, |key| policies.known.is_multivalued(key), budget)
    }

    /// Confirms a request of three cases.
    fn confirm(&mut self, action: usize, resource: String, context: Context) -> Result<Option<Witness>, Exceeded> {
        self.attempts += 1;
        let Some(ActionCase { about, action }) = self.actions.get(action) else { return Ok(None) };
        match self.confirmation.of(Request { action: action.clone(), resource, context }, about)? {
            Ok(witness) => Ok(Some(witness)),
            Err(reason) => {
                self.reason.get_or_insert(reason);
                Ok(None)
            }
        }
    }
}
