//! A cluster that moves to another issuer: its roles go from the former issuer's record to its own, and the former issuer is deleted without them.
//!
//! Input: the account's state. Output: the actions that hand the roles over; and, of a role's live trust policy, which identity providers it trusts.

use std::collections::BTreeSet;

use bundle_schema::documents::index::Header;
use serde_json::Value;

use crate::account::live::LiveState;
use crate::plan::action::{Action, Call, RecordVersion};

/// Each former issuer's record that does not say yet that the cluster has moved.
pub(super) fn hand_overs(header: &Header, live: &LiveState) -> Vec<Action> {
    let mut actions = Vec::new();
    let Some(to) = &header.issuer_url else { return actions };
    for former in live.former() {
        let Some((read, record)) = former.record.as_ref().zip(former.content()) else { continue };
        if record.state.is_moved() {
            continue;
        }
        let (place, known) = (former.place.clone(), record.made.clone());
        let before = RecordVersion::of(&read.etag, record);
        let (from, to) = (former.issuer_url.clone(), to.clone());
        actions.push(Action { resource: place.arn(header), call: Call::HandOver { place, before, known, from, to } });
    }
    actions
}

/// The ARNs of the identity providers that a trust policy names, whatever its effect.
pub(super) fn trusted_providers(policy: &str) -> BTreeSet<String> {
    let policy: Value = serde_json::from_str(policy).unwrap_or_default();
    let statements = policy.get("Statement").map(as_list).unwrap_or_default();
    let principals = statements.iter().filter_map(|statement| statement.pointer("/Principal/Federated"));
    principals.flat_map(as_list).filter_map(Value::as_str).map(str::to_owned).collect()
}

/// IAM takes one value where a list may stand.
fn as_list(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(values) => values.iter().collect(),
        one => vec![one],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_are_found_in_every_spelling() {
        let found = |policy: &str| trusted_providers(policy).into_iter().collect::<Vec<_>>();
        assert_eq!(found(r#"{"Statement": {"Principal": {"Federated": "a"}}}"#), ["a"]);
        assert_eq!(
            found(r#"{"Statement": [{"Principal": {"Federated": ["b", "a"]}}, {"Principal": {"Federated": "c"}}]}"#),
            ["a", "b", "c"]
        );
        for none in ["", "[]", r#"{"Statement": [{"Principal": "*"}, 7, {"Principal": {"AWS": "a"}}]}"#] {
            assert!(trusted_providers(none).is_empty(), "{none}");
        }
    }
}
