//! A plan's digest: of everything that decides what is done, what it replaces, and what a person was told.
//!
//! Input: the JSON values of a plan, just computed or from a file. Output: the SHA-256 of one spelling of them: JSON without
//! white space, the keys of every object sorted. So it can be computed again from a file, and by others.

use bundle_schema::names::{AccountId, Sha256};
use serde::Serialize;
use serde_json::Value;

use super::Operation;
use super::choices::Flags;

/// What is digested. Fields are written in this order, which is the alphabet's.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Digested<'a> {
    pub(super) account_id: &'a AccountId,
    pub(super) actions: &'a [Value],
    pub(super) bundle_sha256: &'a Sha256,
    pub(super) choices: Flags,
    /// Each as [`lasting_part`] leaves it.
    pub(super) findings: &'a [Value],
    pub(super) operation: Operation,
}

impl Digested<'_> {
    pub(super) fn digest(&self) -> Sha256 {
        // Writing fails only for maps with keys that are not strings; JSON has none.
        Sha256::of(&serde_json::to_vec(self).unwrap_or_default())
    }
}

/// What counts of a finding. A role that stays may be used while the plan waits for its approval, and another bundle's next
/// serial changes nothing of it.
pub(super) fn lasting_part(mut finding: Value) -> Value {
    let stays = match finding.get("kind").and_then(Value::as_str) {
        Some("orphan") => finding.get("pruned") == Some(&Value::Bool(false)),
        // One that is deleted says so.
        Some("adopted") => finding.get("fate").is_none(),
        _ => false,
    };
    let is_other_bundle = finding.get("kind").and_then(Value::as_str) == Some("roles-bundle");
    if let Some(fields) = finding.as_object_mut() {
        let passing: &[&str] = match (stays, is_other_bundle) {
            (true, _) => &["lastUsed", "usedLately"],
            (false, true) => &["serial"],
            (false, false) => &[],
        };
        for field in passing {
            fields.remove(*field);
        }
    }
    finding
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn digested<'a>(
        actions: &'a [Value],
        findings: &'a [Value],
        (account, sha): &'a (AccountId, Sha256),
    ) -> Digested<'a> {
        Digested {
            account_id: account,
            actions,
            bundle_sha256: sha,
            choices: Flags { prune: true, ..Flags::default() },
            findings,
            operation: Operation::Apply,
        }
    }

    #[test]
    fn there_is_one_spelling() {
        let of = (AccountId::new("123456789012").unwrap(), Sha256::of(b"bundle"));
        let actions: Vec<Value> =
            vec![serde_json::from_str("{\"z\": 1, \"a\": {\"y\": \"\\u001b\\u00e9\", \"b\": null}}").unwrap()];
        let orphan = json!({"kind": "orphan", "pruned": false, "lastUsed": {"time": 1}, "usedLately": true});
        let findings = [lasting_part(orphan)];
        let text = format!(
            "{{\"accountId\":\"123456789012\",\"actions\":[{{\"a\":{{\"b\":null,\"y\":\"\\u001bé\"}},\"z\":1}}],\"bundleSha256\":\"{}\",\
             \"choices\":{{\"adopt\":false,\"allowRollback\":false,\"leaveForeignPolicies\":false,\"prune\":true}},\
             \"findings\":[{{\"kind\":\"orphan\",\"pruned\":false}}],\"operation\":\"apply\"}}",
            of.1
        );
        assert_eq!(digested(&actions, &findings, &of).digest(), Sha256::of(text.as_bytes()));
    }

    #[test]
    fn the_serial_of_another_bundle_does_not_count() {
        let finding = json!({"kind": "roles-bundle", "name": "addons", "serial": 7});
        assert_eq!(lasting_part(finding), json!({"kind": "roles-bundle", "name": "addons"}));
        let rollback = json!({"kind": "rollback", "serial": 7});
        assert_eq!(lasting_part(rollback.clone()), rollback);
    }

    #[test]
    fn the_use_of_a_role_counts_where_it_goes() {
        let role = |kind: &str, more: Value| {
            let mut role = json!({"kind": kind, "lastUsed": 1, "usedLately": true});
            role.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            lasting_part(role).get("lastUsed").is_some()
        };
        assert!(role("orphan", json!({"pruned": true})));
        assert!(!role("orphan", json!({"pruned": false})));
        assert!(role("adopted", json!({"fate": "deleted"})));
        assert!(!role("adopted", json!({})));
        assert!(role("hazard", json!({})));
    }
}
