//! Comparing policies by what they mean.
//!
//! Input: our policy and the one that AWS answers, both as text; the live one is untrusted. Output: whether they
//! mean the same, and a layout in which only differences of meaning show. IAM takes one value where it takes a list of
//! one, gives no meaning to the order of actions, resources and condition values, and compares condition values as text
//! [IAM user guide, grammar of the IAM JSON policy language]. The order of statements is kept.

use bundle_schema::json::parse_value;
use serde_json::{Map, Value};

/// Whether two policies mean the same. What does not parse equals nothing.
pub(crate) fn same_policy(ours: &str, live: &str) -> bool {
    ours == live || normalised(ours).is_some_and(|ours| Some(ours) == normalised(live))
}

/// A policy's lines for a person, with lists in order, or another JSON document's; text that is no JSON stays as it is.
pub(crate) fn readable_policy(text: &str) -> String {
    normalised(text).and_then(|value| serde_json::to_string_pretty(&value).ok()).unwrap_or_else(|| text.to_owned())
}

/// The key IDs of a JWKS; none where it is not one.
pub(crate) fn key_ids(body: &str) -> Vec<String> {
    let Ok(value) = parse_value(body.as_bytes()) else { return Vec::new() };
    let keys = value.get("keys").and_then(Value::as_array).into_iter().flatten();
    keys.filter_map(|key| key.get("kid")?.as_str().map(str::to_owned)).collect()
}

fn normalised(text: &str) -> Option<Value> {
    let Value::Object(mut policy) = parse_value(text.as_bytes()).ok()? else { return None };
    if let Some(statement) = policy.get_mut("Statement") {
        let statements = match statement.take() {
            Value::Array(statements) => statements,
            one => vec![one],
        };
        *statement = Value::Array(statements.into_iter().map(normalised_statement).collect());
    }
    Some(Value::Object(policy))
}

fn normalised_statement(statement: Value) -> Value {
    let Value::Object(statement) = statement else { return statement };
    let element = |(key, value): (String, Value)| {
        let value = match key.as_str() {
            "Action" | "NotAction" | "Resource" | "NotResource" => sorted_list(value),
            "Principal" | "NotPrincipal" => principal(value),
            "Condition" => match value {
                Value::Object(operators) => {
                    operators.into_iter().map(|(operator, keys)| (operator, lists_of_object(keys))).collect()
                }
                other => other,
            },
            _ => value,
        };
        (key, value)
    };
    Value::Object(statement.into_iter().map(element).collect::<Map<_, _>>())
}

/// Everybody is `*` or `{"AWS": "*"}` [IAM user guide, Principal element].
fn principal(value: Value) -> Value {
    match lists_of_object(value) {
        Value::Object(object) if object.len() == 1 && object.get("AWS") == Some(&Value::from(vec!["*"])) => "*".into(),
        other => other,
    }
}

fn lists_of_object(value: Value) -> Value {
    match value {
        Value::Object(object) => object.into_iter().map(|(key, value)| (key, sorted_list(value))).collect(),
        other => other,
    }
}

/// One value or a list as a sorted list of different texts; anything else as it is.
fn sorted_list(value: Value) -> Value {
    let values = match value {
        Value::Array(values) => values,
        one => vec![one],
    };
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        _ => None,
    };
    match values.iter().map(text).collect::<Option<Vec<String>>>() {
        Some(mut texts) => {
            texts.sort();
            texts.dedup();
            texts.into()
        }
        None => values.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:Get*","s3:Put*"],"Resource":"*","Condition":{"Bool":{"kms:GrantIsForAWSResource":true}}}]}"#;

    #[test]
    fn order_spelling_and_single_values_mean_nothing() {
        for live in [
            r#"{"Statement":{"Resource":["*"],"Action":["s3:Put*","s3:Get*"],"Effect":"Allow","Condition":{"Bool":{"kms:GrantIsForAWSResource":["true"]}}},"Version":"2012-10-17"}"#,
            &serde_json::to_string_pretty(&serde_json::from_str::<Value>(OURS).unwrap()).unwrap(),
        ] {
            assert!(same_policy(OURS, live), "{live}");
        }
    }

    #[test]
    fn everybody_has_two_spellings() {
        let policy =
            |principal: &str| format!(r#"{{"Statement":[{{"Principal":{principal},"Action":"s3:GetObject"}}]}}"#);
        assert!(same_policy(&policy(r#""*""#), &policy(r#"{"AWS":"*"}"#)));
        assert!(same_policy(&policy(r#""*""#), &policy(r#"{"AWS":["*"]}"#)));
        assert!(!same_policy(&policy(r#""*""#), &policy(r#"{"Federated":"*"}"#)));
        assert!(!same_policy(&policy(r#""*""#), &policy(r#"{"AWS":"arn:aws:iam::1:root"}"#)));
    }

    #[test]
    fn every_other_difference_counts() {
        for (from, to) in [
            ("s3:Put*", "s3:Delete*"),
            ("\"*\"", "\"arn:aws:s3:::b\""),
            ("Allow", "Deny"),
            ("true", "false"),
            ("Bool", "BoolIfExists"),
            ("\"Resource\"", "\"NotResource\""),
            ("2012-10-17", "2008-10-17"),
            ("\"Effect\"", "\"Principal\":\"*\",\"Effect\""),
            ("{\"Version\"", "{\"Version\":\"2012-10-17\",\"Version\""),
        ] {
            assert!(!same_policy(OURS, &OURS.replacen(from, to, 1)), "{from} {to}");
        }
        assert!(!same_policy(OURS, "") && !same_policy("x", "y"));
    }

    #[test]
    fn a_readable_policy_is_indented_and_sorted() {
        assert_eq!(
            readable_policy(r#"{"Statement":{"Action":["b:B","a:A"]}}"#),
            "{\n  \"Statement\": [\n    {\n      \"Action\": [\n        \"a:A\",\n        \"b:B\"\n      ]\n    }\n  ]\n}"
        );
        assert_eq!(readable_policy("not JSON"), "not JSON");
    }
}
