//! The roles of a bundle: what each may do, and who may assume it.

use super::{Problems, shown};
use crate::documents::contents::{RoleDocuments, path};
use crate::documents::index::{Component, Header};
use crate::documents::policy::{ASSUME_ROLE_ACTION, Effect, PermissionPolicy, RoleTrustPolicy};
use crate::json::Embedded;
use crate::limits::{MAX_DESCRIPTION_CHARS, MAX_ROLE_POLICY_CHARS, MAX_TRUST_POLICY_CHARS};
use crate::names::Tag;

pub(super) fn check_role(header: &Header, component: &Component, role: &RoleDocuments, problems: &mut Problems) {
    let RoleDocuments { create, policy } = role;
    let at = &path::role(&component.role_name);
    problems.equal(at, "RoleName", &create.role_name, &component.role_name);
    problems.equal(at, "Path", &create.path, &header.role_path);
    problems.equal(at, "Description", &create.description, &component.role_description());
    problems.at_most(at, "characters of Description", create.description.chars().count(), MAX_DESCRIPTION_CHARS);
    problems.equal::<[Tag]>(at, "Tags", &create.tags, &header.tags);
    if let Some(boundary) = &create.permissions_boundary {
        let fits = ["aws", header.account_id.as_str()]
            .iter()
            .any(|account| boundary.as_str().starts_with(&format!("arn:{}:iam::{account}:policy/", header.partition)));
        if !fits {
            let expected =
                format!("a policy of account {} (or aws) in partition {}", header.account_id, header.partition);
            problems.add(at, format!("PermissionsBoundary: expected {expected}, found {}", shown(boundary)));
        }
    }
    check_trust(header, component, &create.assume_role_policy_document, at, problems);

    let at = &path::role_policy(&component.role_name);
    problems.equal(at, "RoleName", &policy.role_name, &component.role_name);
    problems.equal(at, "PolicyName", &policy.policy_name, &component.role_name);
    check_permissions(header, &policy.policy_document, at, problems);
}

/// One Allow statement for each issuer: this bundle's own, then the former ones, each with its provider and exactly the component's
/// service accounts.
fn check_trust(
    header: &Header,
    component: &Component,
    document: &Embedded<RoleTrustPolicy>,
    at: &str,
    problems: &mut Problems,
) {
    problems.at_most(at, "characters of the trust policy", document.text().chars().count(), MAX_TRUST_POLICY_CHARS);
    // Of roles without an issuer the index itself is refused.
    if header.issuer_url.is_none() {
        return;
    }
    let (statements, expected) = (&document.0.statement, 1 + header.former_issuers.len());
    if statements.len() != expected {
        let words = if expected == 1 { "statement" } else { "statements" };
        let found = statements.len();
        return problems.add(at, format!("trust policy: expected exactly {expected} {words}, found {found}"));
    }
    for ((index, statement), issuer) in statements.iter().enumerate().zip(header.trusted_issuers()) {
        // The statement of the cluster's own issuer is the one that is meant where none is named.
        let named = |what: &str| match index {
            0 => format!("trust policy's {what}"),
            index => format!("{what} of statement {} of the trust policy", index + 1),
        };
        problems.equal(at, &named("Effect"), &statement.effect, &Effect::Allow);
        problems.equal(at, &named("Action"), statement.action.as_str(), ASSUME_ROLE_ACTION);
        problems.equal(at, &named("Principal"), &statement.principal.federated, &header.provider_arn_of(issuer));
        let key = format!("{}:sub", issuer.without_scheme());
        let keys: Vec<&String> = statement.condition.string_equals.keys().collect();
        problems.equal(at, &named("StringEquals keys"), &keys, &vec![&key]);
        if let Some(subjects) = statement.condition.string_equals.get(&key) {
            problems.equal(at, &named("subjects"), subjects, &component.subjects());
        }
    }
}

fn check_permissions(header: &Header, document: &Embedded<PermissionPolicy>, at: &str, problems: &mut Problems) {
    problems.at_most(at, "characters of the policy", document.text().chars().count(), MAX_ROLE_POLICY_CHARS);
    if document.0.statement.is_empty() {
        problems.add(at, "the policy has no statement");
    }
    for (number, statement) in document.0.statement.iter().enumerate() {
        let actions = match (&statement.action, &statement.not_action) {
            (Some(actions), None) | (None, Some(actions)) => actions.len(),
            _ => 0,
        };
        if !statement.resource.is_in(&header.partition) {
            let (resource, partition) = (shown(&statement.resource), &header.partition);
            problems.add(
                at,
                format!("statement {} is about {resource}, which is not in partition {partition}", number + 1),
            );
        }
        if actions == 0 {
            problems.add(at, format!("statement {} needs actions, in exactly one of Action and NotAction", number + 1));
        }
    }
}
