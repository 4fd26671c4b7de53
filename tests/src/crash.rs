//! Runs that are disturbed at any of their requests, in six ways, and what the next run makes of it.
//!
//! Input: an account and a command. Output: for a request and a way, whether the command ends well when it is run again, finds
//! nothing to do after that, and leaves the account as a run leaves it that nothing disturbed.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::emulator::{Effect, Emulator, Which};
use crate::issuer_server::{CA_FILE, IssuerServer};
use crate::program::Program;
use crate::request::Request;
use crate::scene::Scene;

/// What happens at a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// It does not arrive; the same run sends it again.
    Cut,
    /// It is carried out and its answer is lost; the same run sends it again.
    AnswerLost,
    /// It and all later ones are answered with an error.
    OutageBefore,
    /// It is carried out; it and all later ones are answered with an error.
    OutageAfter,
    /// The program is killed before AWS acts.
    KilledBefore,
    /// The program is killed after AWS acted, before the answer.
    KilledAfter,
}

/// A code that is not sent again: waiting for every retry would take days.
const OUTAGE: (u16, &str, &str) = (409, "LimitExceeded", "an outage");
const ALL_LATER: usize = 1_000_000;
const RECORD: &str = "sts-airlock/record.json";

impl Way {
    /// All six.
    pub const ALL: [Self; 6] =
        [Self::Cut, Self::AnswerLost, Self::OutageBefore, Self::OutageAfter, Self::KilledBefore, Self::KilledAfter];

    /// Those that make sense at a request. An outage of what the public reads is waited out for a minute, and has a test of
    /// its own.
    pub fn at(request: &Request) -> &'static [Self] {
        const PUBLIC: &[Way] = &[Way::Cut, Way::AnswerLost, Way::KilledBefore, Way::KilledAfter];
        if request.is_signed() { &Self::ALL } else { PUBLIC }
    }

    /// Whether the run that is disturbed cannot end well.
    fn stops(self) -> bool {
        !matches!(self, Self::Cut | Self::AnswerLost)
    }
}

/// A command that changes an account.
#[derive(Debug, Clone, Copy)]
pub struct Operation<'a> {
    /// What it is called in a table.
    pub name: &'static str,
    /// `apply` or `delete`.
    pub command: &'a str,
    /// The bundle's file.
    pub bundle: &'a str,
    /// What `plan` is given too, such as `--prune`.
    pub more: &'a [&'a str],
}

/// An operation, and how a run of it goes and ends that nothing disturbs.
pub struct Matrix<'a> {
    scene: &'a Scene,
    emulator: &'a Emulator,
    operation: Operation<'a>,
    /// Through which the issuer is read, where it is not in the emulated account alone.
    server: Option<&'a IssuerServer>,
    before: Value,
    requests: Vec<Request>,
    after: Value,
    receipts: Cell<usize>,
}

impl<'a> Matrix<'a> {
    /// Runs the operation once on the account as it is now, which is where all later runs begin too.
    pub fn new(scene: &'a Scene, emulator: &'a Emulator, operation: Operation<'a>) -> Self {
        Self::with(scene, emulator, operation, None)
    }

    /// As [`Matrix::new`], of an issuer that is read through this server.
    pub fn through(
        server: &'a IssuerServer,
        scene: &'a Scene,
        emulator: &'a Emulator,
        operation: Operation<'a>,
    ) -> Self {
        Self::with(scene, emulator, operation, Some(server))
    }

    fn with(
        scene: &'a Scene,
        emulator: &'a Emulator,
        operation: Operation<'a>,
        server: Option<&'a IssuerServer>,
    ) -> Self {
        emulator.forget();
        emulator.save();
        let before = emulator.state();
        let mut matrix = Self {
            scene,
            emulator,
            operation,
            server,
            before,
            requests: vec![],
            after: Value::Null,
            receipts: Cell::new(0),
        };
        matrix.program(&[]).run().exits(0);
        matrix.requests = emulator.requests();
        matrix.after = matrix.comparable().expect("an undisturbed run leaves a record that holds");
        matrix.nothing_to_do().expect("an undisturbed run leaves nothing to do");
        matrix
    }

    /// The requests of the run that nothing disturbed, in their order.
    pub fn requests(&self) -> &[Request] {
        &self.requests
    }

    /// Disturbs a run at this request, of [`Matrix::requests`]; says what does not hold in the end.
    pub fn run(&self, at: usize, way: Way) -> Result<(), String> {
        self.emulator.restore();
        self.spoil(at, way);
        let program = self.program(&[]);
        match way {
            Way::KilledBefore | Way::KilledAfter => self.kill(&program)?,
            _ => self.disturbed(&program, at, way)?,
        }
        self.emulator.forget();
        if way.stops() {
            // At once, without waiting to see whether the run that was stopped is still alive.
            let again = self.program(&["--take-over-after", "0"]).run();
            expect(again.code == Some(0), || format!("the next run ends with {:?}: {}", again.code, again.stderr))?;
        }
        let after = self.comparable()?;
        difference(&after, &self.after, "")?;
        self.nothing_to_do()
    }

    fn program(&self, more: &[&str]) -> Program {
        let Operation { command, bundle, more: given, .. } = self.operation;
        self.receipts.set(self.receipts.get() + 1);
        let receipt = self.receipt();
        let arguments = [&["--yes", "--concurrency", "1", "--receipt", &receipt], given, more].concat();
        let Some(server) = self.server else { return self.scene.applies(self.emulator, command, bundle, &arguments) };
        let trusted: &[&str] = if command == "apply" { &["--ca-file", CA_FILE] } else { &[] };
        server.proxied(self.scene.applies(self.emulator, command, bundle, &[&arguments, trusted].concat()))
    }

    /// The receipt of the program that was made last.
    fn receipt(&self) -> String {
        format!("{} {}.json", self.operation.name, self.receipts.get())
    }

    fn spoil(&self, at: usize, way: Way) {
        let (status, code, message) = OUTAGE;
        let once = |effect| self.emulator.spoil(Which::Any, at, 1, effect);
        match way {
            Way::Cut => once(Effect::CutBefore),
            Way::AnswerLost => once(Effect::CutAfter),
            Way::KilledBefore => once(Effect::StallBefore),
            Way::KilledAfter => once(Effect::StallAfter),
            Way::OutageBefore => {}
            Way::OutageAfter => once(Effect::Lost { status, code, message }),
        }
        if matches!(way, Way::OutageBefore | Way::OutageAfter) {
            let signed = self.requests.iter().take(at).filter(|request| request.is_signed()).count();
            self.emulator.spoil(Which::Signed, signed, ALL_LATER, Effect::Error { status, code, message });
        }
    }

    fn kill(&self, program: &Program) -> Result<(), String> {
        let mut child = program.spawn();
        let is_reached = self.emulator.stalled(20_000) > 0;
        child.kill().and_then(|()| child.wait()).map_err(|error| error.to_string())?;
        expect(is_reached, || "the request is not reached".to_owned())
    }

    fn disturbed(&self, program: &Program, at: usize, way: Way) -> Result<(), String> {
        let outcome = program.run();
        let spoiled = self.emulator.requests().iter().filter(|request| request.fault.is_some()).count();
        expect(spoiled > 0 && (way.stops() || spoiled == 1), || format!("{spoiled} requests are spoiled"))?;
        let code = if way.stops() { 6 } else { 0 };
        expect(outcome.code == Some(code), || {
            format!("the run ends with {:?}, not {code}: {}", outcome.code, outcome.stderr)
        })?;
        if !self.requests.get(at).is_some_and(|request| request.write) {
            return Ok(());
        }
        let receipt: Value = serde_json::from_slice(&self.scene.read(&self.receipt())).expect("a receipt is JSON");
        let outcomes = |wanted: &str| {
            let actions = receipt["actions"].as_array().into_iter().flatten();
            actions.filter(|action| action["outcome"] == wanted).count()
        };
        let failed = usize::from(way.stops());
        let ending = if way.stops() { "failed" } else { "done" };
        expect(receipt["ending"] == ending && outcomes("failed") == failed, || format!("the receipt says {receipt:#}"))
    }

    fn nothing_to_do(&self) -> Result<(), String> {
        let Operation { command, bundle, more, .. } = self.operation;
        if command == "delete" {
            self.emulator.forget();
            let again = self.program(&[]).run();
            let written = self.emulator.writes().len();
            return expect(again.code == Some(0) && written == 0, || {
                format!("deleting again ends with {:?} and {written} writes: {}", again.code, again.stderr)
            });
        }
        let plan = self.scene.applies(self.emulator, "plan", bundle, &[more, &["--format", "json"]].concat()).run();
        let actions = if plan.code == Some(0) { plan.json()["actions"].clone() } else { Value::Null };
        expect(actions == json!([]), || format!("the plan ends with {:?}: {actions:#}{}", plan.code, plan.stderr))
    }

    /// What the account holds, without what differs between any two runs: times, and IDs of what is new. Roles that were there
    /// before are the same ones, and the record names what is there.
    fn comparable(&self) -> Result<Value, String> {
        let mut state = named_alike(self.emulator.state());
        let mut identities = json!({"roles": {}, "providers": {}});
        let state_ids: BTreeMap<&str, BTreeSet<String>> =
            ["distributions", "accessControls"].map(|kind| (kind, ids(&state, kind))).into();
        for kind in ["roles", "providers"] {
            for (name, held) in state[kind].as_object_mut().into_iter().flatten() {
                let identity = held["identity"].take();
                let before = &self.before[kind][name]["identity"];
                expect(before.is_null() || *before == identity, || format!("{name} was made again"))?;
                identities[kind][name] = identity;
            }
        }
        for bucket in state["buckets"].as_object_mut().into_iter().flat_map(|buckets| buckets.values_mut()) {
            let Some(body) = bucket["objects"].get_mut(RECORD).map(|record| &mut record["body"]) else { continue };
            let text = body.as_str().ok_or("the record is no text")?;
            let mut record: Value = serde_json::from_str(text).map_err(|error| format!("the record: {error}"))?;
            let made = record["made"].take();
            let created = &made["provider"]["created"];
            // A cluster that moves has two, and a record for each.
            let mut providers =
                identities["providers"].as_object().into_iter().flatten().map(|(_, made)| made).peekable();
            let is_there = providers.peek().is_none() && created.is_null() || providers.any(|made| made == created);
            let is_named = made["roles"] == identities["roles"] && is_there;
            let (distribution, access_control) = (&made["distribution"], &made["accessControl"]);
            let is_held = |id: &Value, kind: &str| id.as_str().is_none_or(|id| state_ids[kind].contains(id));
            let has_all = |id: &Value, kind: &str| state_ids[kind].is_empty() || !id.is_null();
            let is_named = is_named
                && [(distribution, "distributions"), (access_control, "accessControls")]
                    .iter()
                    .all(|(id, kind)| is_held(id, kind) && has_all(id, kind));
            expect(is_named, || format!("the record names {made:#}\nand there is {identities:#}"))?;
            for field in ["time", "run", "planDigest"] {
                record[field].take();
            }
            *body = record;
        }
        Ok(state)
    }
}

fn ids(state: &Value, kind: &str) -> BTreeSet<String> {
    state[kind].as_object().into_iter().flat_map(|held| held.keys().cloned()).collect()
}

/// The state with the same names for what CloudFront names anew each time.
fn named_alike(state: Value) -> Value {
    let mut text = state.to_string();
    for (number, (id, held)) in state["distributions"].as_object().into_iter().flatten().enumerate() {
        text = text.replace(held["domain"].as_str().unwrap_or(id), &format!("domain-{number}"));
        text = text.replace(id.as_str(), &format!("DISTRIBUTION{number}"));
    }
    for (number, id) in ids(&state, "accessControls").iter().enumerate() {
        text = text.replace(id.as_str(), &format!("CONTROL{number}"));
    }
    serde_json::from_str(&text).unwrap_or(state)
}

fn expect(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}

/// The first place where an account is not as expected.
fn difference(found: &Value, expected: &Value, place: &str) -> Result<(), String> {
    if let (Value::Object(held), Value::Object(wanted)) = (found, expected) {
        let names: BTreeSet<&String> = held.keys().chain(wanted.keys()).collect();
        return names
            .into_iter()
            .try_for_each(|name| difference(&found[name], &expected[name], &format!("{place} {name}")));
    }
    expect(found == expected, || format!("the account's{place} is {found}, and not {expected}"))
}
