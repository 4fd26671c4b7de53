//! Confirms that a request is newly allowed, and makes it one that a reviewer knows.
//!
//! Input: a combination of cases that seems to be newly allowed. Output: a witness, or why it is none. What
//! [`super::evaluate`] does not say yes to, in both readings of resources, is no witness.

use bundle_schema::documents::policy::{ActionPattern, PermissionStatement};

use super::bits::Bits;
use super::evaluate::{Context, Request, allows, unknown};
use super::glob::{Budget, Exceeded};
use super::pattern::{Reading, pieces, variables};
use super::resource::value_of;
use super::search::{Part, Policies, about as about_same};
use super::statement::{Statement, spelling};
use super::value::example;
use crate::review::report::Witness;

/// Known actions that are tried to take the place of a made-up one.
const MAX_KNOWN_TRIED: usize = 5_000;

/// What a request is confirmed with.
pub(super) struct Confirmation<'a> {
    /// Both policies, whole.
    pub(super) policies: &'a Policies<'a>,
    /// The statement that newly grants, as it was written.
    pub(super) written: &'a PermissionStatement,
    /// That statement, and all that share an action with it.
    pub(super) statements: Vec<(Part, &'a Statement)>,
    /// What is left of the work.
    pub(super) budget: &'a Budget,
}

impl Confirmation<'_> {
    /// Makes a witness of a request, or says why it is none. `about` are the statements that are about its action.
    pub(super) fn of(&self, request: Request, about: &Bits) -> Result<Result<Witness, String>, Exceeded> {
        let request = if self.is_new(&request)? {
            request
        } else {
            let more = Request { context: self.with_variables(&request.context), ..request.clone() };
            if more == request || !self.is_new(&more)? {
                return Ok(Err(self.why_not(&request)?));
            }
            more
        };
        // A made-up action is as good a witness as a known one.
        let action = self.named(about, &request).unwrap_or_else(|Exceeded| request.action.clone());
        Ok(Ok(Witness { action, resource: request.resource, context: request.context }))
    }

    fn is_new(&self, request: &Request) -> Result<bool, Exceeded> {
        for reading in [Reading::Whole, Reading::Segments] {
            if allows(self.policies.new, request, reading, self.budget)? != Some(true)
                || allows(self.policies.old, request, reading, self.budget)? != Some(false)
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The context, with values for all variables, and with what the first statement's conditions ask for where they have
    /// variables.
    fn with_variables(&self, context: &Context) -> Context {
        let mut context = context.clone();
        for test in self.statements.iter().take(1).flat_map(|(_, statement)| &statement.tests) {
            if let Some(value) = test.values.iter().find(|value| variables(&pieces(value)).next().is_some()) {
                let value = example(test.kind, value, |name| value_of(name, &mut context));
                context.insert(test.key.clone(), vec![value]);
            }
        }
        for (_, statement) in &self.statements {
            let values = statement.tests.iter().flat_map(|test| &test.values).map(|value| pieces(value));
            for pieces in values.chain([statement.resource.clone()]) {
                for name in variables(&pieces) {
                    value_of(name, &mut context);
                }
            }
        }
        context
    }

    fn why_not(&self, request: &Request) -> Result<String, Exceeded> {
        for (_, statement) in &self.statements {
            for reading in [Reading::Whole, Reading::Segments] {
                if let Some(reason) = unknown(statement, request, reading, self.budget)? {
                    return Ok(reason);
                }
            }
        }
        Ok("it depends on whether a wildcard inside an ARN's segment reaches beyond a colon".to_owned())
    }

    /// The action as AWS spells it; one that is known in the place of one that was made up.
    fn named(&self, about: &Bits, request: &Request) -> Result<String, Exceeded> {
        let made_up = request.action.as_str();
        if let Some(spelled) = spelling(self.written, made_up) {
            return Ok(spelled.to_owned());
        }
        let patterns: Vec<&str> = self.written.action.iter().flatten().map(ActionPattern::as_str).collect();
        let patterns = if patterns.is_empty() { vec!["*"] } else { patterns };
        let known = patterns.iter().flat_map(|pattern| self.policies.known.actions(pattern));
        for known in known.take(MAX_KNOWN_TRIED) {
            let action = known.to_ascii_lowercase();
            if about_same(&self.statements, &action, self.budget)? == *about
                && self.is_new(&Request { action, ..request.clone() })?
            {
                return Ok(known);
            }
        }
        Ok(made_up.to_owned())
    }
}
