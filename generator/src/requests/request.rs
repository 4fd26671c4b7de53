//! One CredentialsRequest for AWS, as typed values.
//!
//! Input: an untrusted YAML document. Output: what the bundle needs of it, or the field that is wrong. The fields are
//! those of cloud-credential-operator's `pkg/apis/cloudcredential/v1`; an unknown one is refused, because something would
//! be asked for and not granted. `metadata` and `status` may hold anything.

use std::collections::{BTreeMap, HashSet};

use bundle_schema::documents::policy::{
    ActionPattern, Condition, ConditionOperator, ConditionValue, ConditionValues, Effect, PermissionStatement,
    PolicyText,
};
use bundle_schema::names::{Namespace, ObjectName, TokenPath};

use crate::settings::MAX_SERVICE_ACCOUNTS;
use crate::yaml::{Cursor, FieldError, KeyedEntry, Plain};

/// What a component of the cluster asks of AWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `metadata.name`.
    pub name: ObjectName,
    /// `spec.secretRef.namespace`.
    pub secret_namespace: Namespace,
    /// `spec.secretRef.name`.
    pub secret_name: ObjectName,
    /// `spec.serviceAccountNames`; empty where the request has none, as those of OpenShift 4.1 to 4.7.
    pub service_accounts: Vec<ObjectName>,
    /// `spec.cloudTokenPath`, or where OpenShift's components mount their token.
    pub token_path: TokenPath,
    /// `spec.providerSpec.statementEntries`; at least one.
    pub statements: Vec<PermissionStatement>,
    /// Where they stand in the file, statement by statement.
    pub lines: Vec<StatementLines>,
    /// The line of `spec.serviceAccountNames`, or of the document where it has none.
    pub service_accounts_line: usize,
}

/// Where a statement stands in its file. Lines count from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementLines {
    /// Its first line.
    pub statement: usize,
    /// The line of each action.
    pub actions: Vec<usize>,
    /// The line of its resource.
    pub resource: usize,
    /// The line of its condition, where it has one.
    pub condition: Option<usize>,
}

impl Request {
    /// `<namespace>/<secret>`, which tells a cluster's requests apart.
    #[must_use]
    pub fn secret(&self) -> String {
        format!("{}/{}", self.secret_namespace, self.secret_name)
    }

    pub(crate) fn read(document: &Cursor<'_>) -> Result<Self, FieldError> {
        let fields = document.fields(&["apiVersion", "kind", "metadata", "spec", "status"])?;
        let metadata = fields.required("metadata")?.entries()?;
        let name = metadata.into_iter().find(|(key, _)| *key == "name").map(|(_, name)| name);
        let name = match name {
            Some(name) => name.parse()?,
            None => return Err(fields.required("metadata")?.refused("it has no field \"name\"")),
        };
        let spec =
            fields.required("spec")?.fields(&["cloudTokenPath", "providerSpec", "secretRef", "serviceAccountNames"])?;
        let secret = spec.required("secretRef")?.fields(&["name", "namespace"])?;
        let provider = spec.required("providerSpec")?;
        let provider = provider.fields(&["apiVersion", "kind", "statementEntries", "stsIAMRoleARN"])?;
        let entries = provider.required("statementEntries")?;
        let read = entries.items()?.iter().map(statement).collect::<Result<Vec<_>, _>>()?;
        let (statements, lines): (Vec<_>, Vec<_>) = read.into_iter().unzip();
        if statements.is_empty() {
            return Err(entries.refused("it is empty; a role needs at least one statement"));
        }
        Ok(Self {
            name,
            secret_namespace: secret.required("namespace")?.parse()?,
            secret_name: secret.required("name")?.parse()?,
            service_accounts: service_accounts(spec.optional("serviceAccountNames"))?,
            token_path: spec.optional("cloudTokenPath").map_or(Ok(TokenPath::default()), |path| path.parse())?,
            statements,
            lines,
            service_accounts_line: spec.optional("serviceAccountNames").map_or(document.line(), |field| field.line()),
        })
    }
}

/// The names; none where the list is missing, empty, or `[""]` as some add-ons have it.
fn service_accounts(field: Option<Cursor<'_>>) -> Result<Vec<ObjectName>, FieldError> {
    let Some(field) = field else { return Ok(Vec::new()) };
    let items = field.items()?;
    if let [only] = items.as_slice()
        && matches!(only.scalar(), Ok(("", _)))
    {
        return Ok(Vec::new());
    }
    if items.len() > MAX_SERVICE_ACCOUNTS {
        let found = items.len();
        return Err(field.refused(format_args!("{found} service accounts; at most {MAX_SERVICE_ACCOUNTS} are allowed")));
    }
    let mut seen = HashSet::with_capacity(items.len());
    let mut names: Vec<ObjectName> = Vec::with_capacity(items.len());
    for item in items {
        let name: ObjectName = item.parse()?;
        if !seen.insert(name.as_str().to_owned()) {
            return Err(item.refused(format_args!("{name} is named twice")));
        }
        names.push(name);
    }
    Ok(names)
}

fn statement(entry: &Cursor<'_>) -> Result<(PermissionStatement, StatementLines), FieldError> {
    let fields = entry.fields(&["action", "effect", "policyCondition", "resource"])?;
    let effect = fields.required("effect")?;
    let actions = fields.required("action")?;
    let items = actions.items()?;
    let action: Vec<ActionPattern> = items.iter().map(Cursor::parse).collect::<Result<_, _>>()?;
    if action.is_empty() {
        return Err(actions.refused("it is empty; a statement needs at least one action"));
    }
    let (resource, block) = (fields.required("resource")?, fields.optional("policyCondition"));
    let lines = StatementLines {
        statement: entry.line(),
        actions: items.iter().map(Cursor::line).collect(),
        resource: resource.line(),
        condition: block.as_ref().map(Cursor::line),
    };
    let statement = PermissionStatement {
        effect: match effect.text()? {
            "Allow" => Effect::Allow,
            "Deny" => Effect::Deny,
            _ => return Err(effect.refused("it is neither Allow nor Deny")),
        },
        action: Some(action),
        not_action: None,
        resource: resource.parse()?,
        condition: block.map(|block| condition(&block)).transpose()?,
    };
    Ok((statement, lines))
}

/// Operator, key, values. An empty block would be no condition at all, which nobody writes on purpose.
fn condition(block: &Cursor<'_>) -> Result<Condition, FieldError> {
    let operators = not_empty(block)?;
    operators
        .into_iter()
        .map(|(operator, _, keys)| {
            // No operator looks like a boolean or a number, and none means null: `Null` is text, quoted or not.
            let operator = ConditionOperator::new(operator).map_err(|error| keys.refused(error))?;
            let values = not_empty(&keys)?.into_iter().map(|(key, plain, value)| match plain {
                None | Some(Plain::Text) => Ok((policy_text(key, &value)?, condition_values(&value)?)),
                Some(plain) => Err(value.quote(key, plain)),
            });
            Ok((operator, values.collect::<Result<BTreeMap<_, _>, _>>()?))
        })
        .collect()
}

fn not_empty<'a>(mapping: &Cursor<'a>) -> Result<Vec<KeyedEntry<'a>>, FieldError> {
    let entries = mapping.keyed_entries()?;
    if entries.is_empty() { Err(mapping.refused("it is empty")) } else { Ok(entries) }
}

fn policy_text(text: &str, at: &Cursor<'_>) -> Result<PolicyText, FieldError> {
    PolicyText::new(text).map_err(|error| at.refused(error))
}

fn condition_values(cursor: &Cursor<'_>) -> Result<ConditionValues, FieldError> {
    if !cursor.is_list() {
        return condition_value(cursor).map(ConditionValues::One);
    }
    let values = cursor.items()?.iter().map(condition_value).collect::<Result<Vec<_>, _>>()?;
    if values.is_empty() { Err(cursor.refused("it is an empty list")) } else { Ok(ConditionValues::Many(values)) }
}

/// Booleans, whole numbers and text as they are; what readers of YAML disagree about must be quoted.
fn condition_value(cursor: &Cursor<'_>) -> Result<ConditionValue, FieldError> {
    match cursor.scalar()? {
        (_, Some(Plain::Boolean(value))) => Ok(ConditionValue::Boolean(value)),
        (_, Some(Plain::Integer(value))) => Ok(ConditionValue::Integer(value)),
        (text, None | Some(Plain::Text)) => policy_text(text, cursor).map(ConditionValue::Text),
        (text, Some(plain)) => Err(cursor.quote(text, plain)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml;

    const GOOD: &str = "\
apiVersion: cloudcredential.openshift.io/v1
kind: CredentialsRequest
metadata: {name: disks, labels: {on: no}}
spec:
  secretRef: {name: disk-credentials, namespace: openshift-disks}
  serviceAccountNames: [disk-operator, disk-node]
  providerSpec:
    apiVersion: cloudcredential.openshift.io/v1
    kind: AWSProviderSpec
    statementEntries:
    - effect: Allow
      action: ['ec2:Describe*', kms:CreateGrant]
      resource: '*'
      policyCondition: {Bool: {aws:x: true}}
";

    fn read(text: &str) -> Result<Request, String> {
        let documents = yaml::parse(text).unwrap();
        Request::read(&Cursor::root(&documents[0])).map_err(|error| error.to_string())
    }

    fn change(from: &str, to: &str) -> Result<Request, String> {
        assert!(GOOD.contains(from), "{from}");
        read(&GOOD.replace(from, to))
    }

    fn condition_json(block: &str) -> Result<String, String> {
        let request = change("{Bool: {aws:x: true}}", block)?;
        Ok(serde_json::to_string(&request.statements[0].condition).unwrap())
    }

    #[test]
    fn a_request_is_read() {
        let request = read(GOOD).unwrap();
        assert_eq!(request.secret(), "openshift-disks/disk-credentials");
        assert_eq!(
            request.service_accounts.iter().map(ObjectName::as_str).collect::<Vec<_>>(),
            ["disk-operator", "disk-node"]
        );
        assert_eq!(request.token_path, TokenPath::default());
        assert_eq!(request.service_accounts_line, 6);
        assert_eq!(
            request.lines,
            [StatementLines { statement: 11, actions: vec![12, 12], resource: 13, condition: Some(14) }]
        );
        assert_eq!(
            serde_json::to_string(&request.statements).unwrap(),
            r#"[{"Effect":"Allow","Action":["ec2:Describe*","kms:CreateGrant"],"Resource":"*","Condition":{"Bool":{"aws:x":true}}}]"#
        );
    }

    #[test]
    fn conditions_keep_booleans_strings_numbers_and_lists() {
        let json = condition_json(
            "{Bool: {a: 'true', b: true}, StringEquals: {c: [x, 'no'], d: [z]}, NumericLessThan: {e: 3600}}",
        );
        assert_eq!(
            json.unwrap(),
            r#"{"Bool":{"a":"true","b":true},"NumericLessThan":{"e":3600},"StringEquals":{"c":["x","no"],"d":["z"]}}"#
        );
        assert_eq!(
            condition_json("{IpAddress: {aws:SourceIp: 10.0.0.0/8}}").unwrap(),
            r#"{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}"#
        );
        assert_eq!(condition_json("").unwrap(), "null");
    }

    #[test]
    fn operators_are_text_however_they_are_quoted() {
        for block in ["{\"Null\": {aws:x: 'true'}}", "{Null: {aws:x: 'true'}}", "{'Null': {'aws:x': 'true'}}"] {
            assert_eq!(condition_json(block).unwrap(), r#"{"Null":{"aws:x":"true"}}"#, "{block}");
        }
        let error = condition_json("{Evil: {aws:x: 'true'}}").unwrap_err();
        assert!(
            error.starts_with(
                "spec.providerSpec.statementEntries[0].policyCondition.Evil (line 14): invalid condition operator \"Evil\""
            ),
            "{error}"
        );
        assert_eq!(
            condition_json("{Bool: {no: 'true'}}").unwrap_err(),
            "spec.providerSpec.statementEntries[0].policyCondition.Bool.no (line 14) is no, which is read differently by different readers of YAML, not text\n  quote it: \"no\""
        );
        assert_eq!(condition_json("{Bool: {'no': 'true'}}").unwrap(), r#"{"Bool":{"no":"true"}}"#);
    }

    #[test]
    fn what_changes_meaning_has_to_be_quoted() {
        for value in ["no", "010", "012345678901", "12:30", "1.5", "2026-01-01T00:00:00Z", "[ab, 0x1f]"] {
            let error = condition_json(&format!("{{StringEquals: {{aws:x: {value}}}}}")).unwrap_err();
            assert!(
                error.starts_with("spec.providerSpec.statementEntries[0].policyCondition.StringEquals.aws:x"),
                "{error}"
            );
            assert!(error.contains("\n  quote it: \""), "{error}");
        }
        assert_eq!(
            condition_json("{StringEquals: {aws:x: '012345678901'}}").unwrap(),
            r#"{"StringEquals":{"aws:x":"012345678901"}}"#
        );
        assert_eq!(
            change("disk-node", "on").unwrap_err(),
            "spec.serviceAccountNames[1] (line 6) is on, which is read differently by different readers of YAML, not text\n  quote it: \"on\""
        );
    }

    #[test]
    fn unknown_fields_are_refused_where_something_could_be_lost() {
        assert_eq!(
            change("effect: Allow", "notAction: [a:b]\n      effect: Allow").unwrap_err(),
            "spec.providerSpec.statementEntries[0] (line 11) has the unknown field \"notAction\"; known are action, effect, policyCondition, resource"
        );
        assert!(
            change("  secretRef", "  secret: x\n  secretRef")
                .unwrap_err()
                .starts_with("spec (line 5) has the unknown field \"secret\"")
        );
        assert!(read(&format!("{GOOD}status: {{anything: [1]}}\n")).is_ok());
        assert!(
            read(&format!("{GOOD}data: 1\n"))
                .unwrap_err()
                .starts_with("the document (line 15) has the unknown field \"data\"")
        );
    }

    #[test]
    fn missing_and_wrong_values_are_named() {
        for (from, to, error) in [
            ("name: disks, ", "", "metadata (line 3): it has no field \"name\""),
            ("name: disk-credentials, ", "", "spec.secretRef (line 5) has no field \"name\""),
            (
                "[disk-operator, disk-node]",
                "disk-operator",
                "spec.serviceAccountNames (line 6): expected a list, found a single value",
            ),
            ("[disk-operator, disk-node]", "[a, a]", "spec.serviceAccountNames[1] (line 6): a is named twice"),
            (
                "effect: Allow",
                "effect: allow",
                "spec.providerSpec.statementEntries[0].effect (line 11): it is neither Allow nor Deny",
            ),
            (
                "['ec2:Describe*', kms:CreateGrant]",
                "ec2:x",
                "spec.providerSpec.statementEntries[0].action (line 12): expected a list, found a single value",
            ),
            (
                "['ec2:Describe*', kms:CreateGrant]",
                "[]",
                "spec.providerSpec.statementEntries[0].action (line 12): it is empty; a statement needs at least one action",
            ),
            (
                "resource: '*'",
                "resource: ['*']",
                "spec.providerSpec.statementEntries[0].resource (line 13): expected a single value, found a list",
            ),
            (
                "{Bool: {aws:x: true}}",
                "{Bool: {}}",
                "spec.providerSpec.statementEntries[0].policyCondition.Bool (line 14): it is empty",
            ),
            (
                "{Bool: {aws:x: true}}",
                "{Bool: {a: []}}",
                "spec.providerSpec.statementEntries[0].policyCondition.Bool.a (line 14): it is an empty list",
            ),
            (
                "{Bool: {aws:x: true}}",
                "{Bool: {a: {b: c}}}",
                "spec.providerSpec.statementEntries[0].policyCondition.Bool.a (line 14): expected a single value, found a mapping",
            ),
        ] {
            assert_eq!(change(from, to).unwrap_err(), error);
        }
    }

    #[test]
    fn no_service_accounts_are_told_apart_from_wrong_ones() {
        for none in ["", "[]", "[\"\"]", "~"] {
            assert_eq!(change("[disk-operator, disk-node]", none).unwrap().service_accounts, [], "{none}");
        }
        assert!(change("[disk-operator, disk-node]", "[a, \"\"]").is_err());
        let many = |count: usize| (0..count).map(|number| format!("a{number}")).collect::<Vec<_>>().join(", ");
        assert_eq!(change("disk-operator, disk-node", &many(300)).unwrap().service_accounts.len(), 300);
        assert_eq!(
            change("disk-operator, disk-node", &many(94_000)).unwrap_err(),
            "spec.serviceAccountNames (line 6): 94000 service accounts; at most 300 are allowed"
        );
        assert_eq!(
            change("  secretRef", "  cloudTokenPath: /run/token\n  secretRef").unwrap().token_path.as_str(),
            "/run/token"
        );
    }
}
