//! Who may assume the roles.

use std::collections::BTreeMap;

use bundle_schema::documents::contents::Contents;
use bundle_schema::documents::index::Component;

use super::rules::{
    MANY_SERVICE_ACCOUNTS, SHARED_SERVICE_ACCOUNT, TRUST_DEFAULT_SERVICE_ACCOUNT, TRUST_SHARED_NAMESPACE,
};
use super::view::RoleView;
use super::words::list;
use crate::requests::Selected;
use crate::review::report::Finding;

/// Namespaces in which others than one component make pods.
const SHARED: [&str; 5] = ["default", "kube-node-lease", "kube-public", "kube-system", "openshift"];
/// More service accounts than any request of OpenShift has.
const MANY: usize = 5;

pub(super) fn check(role: &RoleView<'_>, found: &mut Vec<Finding>) {
    let (namespace, accounts) = (&role.component.secret_namespace, &role.component.service_accounts);
    if accounts.iter().any(|account| account.as_str() == "default") {
        let message = format!(
            "service account default of namespace {namespace} may assume the role, and pods that name no service account run as \
             it"
        );
        let advice = "give the component a service account of its own";
        found.push(role.finding(&TRUST_DEFAULT_SERVICE_ACCOUNT, message, advice));
    }
    if SHARED.contains(&namespace.as_str()) {
        let message =
            format!("service accounts of namespace {namespace} may assume the role, and it is not one component's");
        found.push(role.finding(&TRUST_SHARED_NAMESPACE, message, "give the component a namespace of its own"));
    }
    if accounts.len() > MANY {
        let message = format!("{} service accounts may assume the role: {}", accounts.len(), list(accounts));
        let advice = "split the request where they do not need the same permissions";
        found.push(role.finding(&MANY_SERVICE_ACCOUNTS, message, advice));
    }
}

/// Service accounts that more than one role trusts. The finding is the first role's.
pub(super) fn check_bundle(contents: &Contents, selected: &[Selected], found: &mut Vec<Finding>) {
    let mut roles: BTreeMap<(&str, &str), Vec<&Component>> = BTreeMap::new();
    for component in &contents.header.components {
        for account in &component.service_accounts {
            roles.entry((component.secret_namespace.as_str(), account.as_str())).or_default().push(component);
        }
    }
    // Roles that trust the same service accounts are named once.
    let mut shared: BTreeMap<Vec<&str>, (&Component, &str, Vec<&str>)> = BTreeMap::new();
    for ((namespace, account), components) in roles {
        if let [first, _, ..] = components.as_slice() {
            let names = components.iter().map(|component| component.role_name.as_str()).collect();
            shared.entry(names).or_insert((first, namespace, Vec::new())).2.push(account);
        }
    }
    for (names, (first, namespace, accounts)) in shared {
        let request = selected
            .iter()
            .find(|one| one.source == first.source && one.request.secret_name == first.secret_name)
            .map(|one| one.request.service_accounts_line);
        found.push(Finding {
            id: SHARED_SERVICE_ACCOUNT.id,
            level: SHARED_SERVICE_ACCOUNT.level,
            role: Some(first.role_name.to_string()),
            statement: None,
            source: Some(first.source.clone()),
            line: request,
            message: format!(
                "{} of namespace {namespace} may assume each of the roles {}",
                list(accounts),
                list(names)
            ),
            advice: "check that it needs the permissions of all of them".to_owned(),
            accepted: None,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Scene, allow, none};
    use super::*;
    use crate::review::report::FindingLevel::{Note, Warning};

    fn role(namespace: &str, accounts: &str) -> Scene {
        Scene::of(&[(namespace, accounts, &allow("'ec2:DescribeVolumes'", "*", ""))])
    }

    /// A finding about the whole role, at its service accounts.
    fn whole(level: crate::review::report::FindingLevel, message: &str) -> Vec<super::super::tests::Found> {
        vec![(level, None, Some(6), message.to_owned())]
    }

    #[test]
    fn the_default_service_account_is_everybodys() {
        let message = "service account default of namespace openshift-x may assume the role, and pods that name no service account run \
                       as it";
        let scene = role("openshift-x", "operator, default");
        assert_eq!(scene.by(&TRUST_DEFAULT_SERVICE_ACCOUNT), whole(Warning, message));
        assert_eq!(role("openshift-x", "default-operator").by(&TRUST_DEFAULT_SERVICE_ACCOUNT), none());
    }

    #[test]
    fn some_namespaces_are_everybodys() {
        let message = "service accounts of namespace kube-system may assume the role, and it is not one component's";
        assert_eq!(role("kube-system", "operator").by(&TRUST_SHARED_NAMESPACE), whole(Warning, message));
        assert_eq!(role("openshift-ingress", "operator").by(&TRUST_SHARED_NAMESPACE), none());
    }

    #[test]
    fn many_service_accounts_are_named() {
        let message = "6 service accounts may assume the role: a, b, c, d, e and f";
        assert_eq!(role("openshift-x", "a, b, c, d, e, f").by(&MANY_SERVICE_ACCOUNTS), whole(Note, message));
        assert_eq!(role("openshift-x", "a, b, c, d, e").by(&MANY_SERVICE_ACCOUNTS), none());
    }

    #[test]
    fn a_service_account_of_several_roles_is_named_once() {
        let entries = allow("'ec2:DescribeVolumes'", "*", "");
        let mut scene = Scene::of(&[("openshift-x", "a, b, c", &entries), ("openshift-y", "b, c", &entries)]);
        assert_eq!(scene.by(&SHARED_SERVICE_ACCOUNT), none());
        let components = &mut scene.contents.header.components;
        components[1].secret_namespace = components[0].secret_namespace.clone();
        let message = "b and c of namespace openshift-x may assume each of the roles demo-openshift-x-secret and demo-openshift-y-secret";
        assert_eq!(scene.by(&SHARED_SERVICE_ACCOUNT), whole(Note, message));
    }
}
