//! What a reviewer should know about a bundle besides what it is.
//!
//! Input: the contents of a bundle, which are consistent in themselves and otherwise not trusted; the requests that were found
//! for its roles; what is known of AWS's actions. Output: findings, the worst first, each by one of [`RULES`]. Each part of a
//! policy is looked at a bounded number of times, and a role has a bounded number of findings.

pub(crate) mod around;
mod bundle;
mod conditions;
mod escalation;
mod exposure;
mod limits;
mod lists;
mod redundant;
mod resources;
pub(crate) mod rules;
mod scope;
mod target;
mod trust;
mod unknown;
mod view;
mod wildcards;
mod words;

use std::cmp::Reverse;

use bundle_schema::documents::contents::Contents;

pub use self::rules::{RULES, Rule};
use self::view::{Context, RoleView, at_level};
use super::action_data::ActionData;
use super::report::Finding;
use super::roles::Sources;
use crate::requests::Selected;

/// Findings of one role that are reported; the roles of a release have up to ten.
const MAX_FINDINGS_OF_ROLE: usize = 100;

/// What findings are sought in.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// The bundle.
    pub contents: &'a Contents,
    /// The requests of its roles, with their lines and the gates that nobody decided. A role whose request is not here has
    /// findings without a line.
    pub selected: &'a [Selected],
}

/// All findings, the worst first, then by role, statement and id.
#[must_use]
pub fn find(subject: &Subject<'_>, data: &ActionData) -> Vec<Finding> {
    let sources = Sources::new(subject.selected);
    let mut context = Context::new(&subject.contents.header, data);
    let mut findings = Vec::new();
    for (component, documents) in subject.contents.each_role() {
        let role = context.role(component, documents, sources.of(component));
        findings.extend(of_role(&context, &role));
    }
    bundle::check(subject.contents, &mut findings);
    trust::check_bundle(subject.contents, subject.selected, &mut findings);
    sort(&mut findings);
    findings
}

fn of_role(context: &Context<'_>, role: &RoleView<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    wildcards::check(context, role, &mut found);
    scope::check(context, role, &mut found);
    escalation::check(context, role, &mut found);
    exposure::check(context, role, &mut found);
    unknown::check(context, role, &mut found);
    conditions::check(context, role, &mut found);
    resources::check(context, role, &mut found);
    redundant::check(role, &mut found);
    trust::check(role, &mut found);
    bundle::check_role(context, role, &mut found);
    sort(&mut found);
    cut(role, &mut found);
    found
}

/// Leaves the worst, and says what was left out.
fn cut(role: &RoleView<'_>, found: &mut Vec<Finding>) {
    if found.len() <= MAX_FINDINGS_OF_ROLE {
        return;
    }
    let left_out = found.split_off(MAX_FINDINGS_OF_ROLE - 1);
    let Some(worst) = left_out.iter().map(|finding| finding.level).max() else { return };
    let message = format!("{} more findings about this role are not reported", left_out.len());
    found.push(at_level(worst, role.finding(&rules::MORE_FINDINGS, message, "look at the role's policy itself")));
}

pub(crate) fn sort(findings: &mut [Finding]) {
    findings.sort_by(|a, b| {
        let key = |one: &Finding| (Reverse(one.level), one.statement, one.id);
        let (first, second) = (key(a), key(b));
        first.0.cmp(&second.0).then_with(|| (&a.role, first.1, first.2).cmp(&(&b.role, second.1, second.2)))
    });
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use bundle_schema::documents::key::ServiceAccountKey;
    use bundle_schema::documents::policy::PermissionStatement;
    use bundle_schema::names::EntryPath;

    use super::*;
    use crate::build::build;
    use crate::requests::Requests;
    use crate::review::report::FindingLevel::{self, Error, Note, Warning};
    use crate::review::tests::reference;
    use crate::settings::features::{FeatureSet, Features};
    use crate::settings::options::BundleOptions;
    use crate::settings::sample;

    pub(super) static DATA: LazyLock<ActionData> = LazyLock::new(|| ActionData::built_in().unwrap());

    /// Made once for this test; its private half is nowhere.
    fn key() -> ServiceAccountKey {
        ServiceAccountKey::from_pem(
            "-----BEGIN PUBLIC KEY-----\n\
             MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEU32aCzpDs1Yr4DNT3byDmdkipD2v\n\
             70NYL5SJzmdXzNRqYMOpxDg4KIWc41rMdKeK7F9FPyugti0vu/tmS9worQ==\n\
             -----END PUBLIC KEY-----\n",
        )
        .unwrap()
    }

    /// A bundle and its requests.
    pub(super) struct Scene {
        pub(super) contents: Contents,
        pub(super) selected: Vec<Selected>,
    }

    impl Scene {
        pub(super) fn of_requests(requests: Requests, features: Features) -> Self {
            let selected = requests.selected.clone();
            let options = BundleOptions { features, ..sample::options() };
            let contents = build(&options, requests, Some(key().into())).unwrap().freeze().unwrap().contents().clone();
            Self { contents, selected }
        }

        pub(super) fn issuer(&mut self) -> &mut bundle_schema::documents::contents::IssuerDocuments {
            self.contents.issuer.as_mut().unwrap()
        }

        /// Of one request for each `(namespace, service accounts, statement entries)`, whose Secret is `secret`.
        pub(super) fn of(requests: &[(&str, &str, &str)]) -> Self {
            let files = requests.iter().enumerate().map(|(number, (namespace, accounts, entries))| {
                let text = format!(
                    "apiVersion: cloudcredential.openshift.io/v1\nkind: CredentialsRequest\nmetadata: {{name: request-{number}}}\n\
                     spec:\n  secretRef: {{name: secret, namespace: {namespace}}}\n  serviceAccountNames: [{accounts}]\n  \
                     providerSpec:\n    kind: AWSProviderSpec\n    statementEntries:\n{entries}"
                );
                (EntryPath::new(format!("credentials-requests/{number}.yaml")).unwrap(), text.into_bytes())
            });
            Self::of_requests(Requests::of_files(files.collect(), &Features::default()).unwrap(), Features::default())
        }

        /// Of one role with these statement entries; the first stands in line 10 of its request.
        pub(super) fn with(entries: &str) -> Self {
            Self::of(&[("openshift-x", "operator", entries)])
        }

        pub(super) fn find(&self) -> Vec<Finding> {
            find(&Subject { contents: &self.contents, selected: &self.selected }, &DATA)
        }

        /// Level, statement, line and message of the findings by this rule.
        pub(super) fn by(&self, rule: &Rule) -> Vec<Found> {
            let by_rule = self.find().into_iter().filter(|finding| finding.id == rule.id);
            by_rule.map(|finding| (finding.level, finding.statement, finding.line, finding.message)).collect()
        }

        /// Changes the first statement of the first role.
        pub(super) fn change(&mut self, change: impl Fn(&mut PermissionStatement)) {
            change(&mut self.contents.roles[0].policy.policy_document.0.statement[0]);
        }
    }

    /// Level, statement, line and message.
    pub(super) type Found = (FindingLevel, Option<usize>, Option<usize>, String);

    pub(super) fn one(level: FindingLevel, statement: usize, line: usize, message: &str) -> Vec<Found> {
        vec![(level, Some(statement), Some(line), message.to_owned())]
    }

    pub(super) fn none() -> Vec<Found> {
        Vec::new()
    }

    /// A statement entry that allows these actions on this resource, with conditions where some are given.
    pub(super) fn allow(actions: &str, resource: &str, conditions: &str) -> String {
        let conditions =
            if conditions.is_empty() { String::new() } else { format!("      policyCondition: {{{conditions}}}\n") };
        format!("    - effect: Allow\n      action: [{actions}]\n      resource: \"{resource}\"\n{conditions}")
    }

    /// Id, level, role without the cluster's name, and statement.
    fn outline(scene: &Scene) -> Vec<(&'static str, FindingLevel, String, Option<usize>)> {
        let role = |finding: &Finding| finding.role.as_deref().unwrap_or_default().replacen("demo-openshift-", "", 1);
        scene.find().iter().map(|one| (one.id, one.level, role(one), one.statement)).collect()
    }

    fn release(name: &str, feature_set: FeatureSet) -> Option<Scene> {
        let features = Features { feature_set, ..Features::default() };
        let directory = reference("credentials-requests")?.join(name);
        Some(Scene::of_requests(Requests::of_directory(&directory, &features).unwrap(), features))
    }

    #[test]
    fn the_findings_of_a_release_are_known_one_by_one() {
        let Some(scene) = release("release-4.20", FeatureSet::Default) else { return };
        let (ebs, machines) = ("cluster-csi-drivers-ebs-cloud-credentials", "machine-api-aws-cloud-credentials");
        let (registry, ingress) = ("image-registry-installer-cloud-credentials", "ingress-operator-cloud-credentials");
        let network = "cloud-network-config-controller-cloud-credentials";
        let expected = [
            ("airlock/unscoped-write", Warning, network, Some(1)),
            ("airlock/unscoped-write", Warning, ebs, Some(1)),
            ("airlock/unscoped-write", Warning, ebs, Some(2)),
            ("airlock/data-read", Warning, registry, Some(1)),
            ("airlock/sharing", Warning, registry, Some(1)),
            ("airlock/unscoped-write", Warning, registry, Some(1)),
            ("airlock/assume-any-role", Warning, ingress, Some(1)),
            ("airlock/unscoped-write", Warning, ingress, Some(1)),
            ("airlock/escalation-pass-role", Warning, machines, Some(1)),
            ("airlock/unscoped-write", Warning, machines, Some(1)),
            ("airlock/unscoped-write", Warning, machines, Some(2)),
            ("airlock/role-name-cut", Note, "cloud-credential-operator-cloud-credential-operat", None),
            ("airlock/action-wildcard", Note, ebs, Some(2)),
            ("airlock/permissions-management", Note, ebs, Some(3)),
            ("airlock/action-wildcard", Note, machines, Some(2)),
            ("airlock/permissions-management", Note, machines, Some(3)),
        ];
        let expected: Vec<_> = expected.map(|(id, level, role, number)| (id, level, role.to_owned(), number)).into();
        assert_eq!(outline(&scene), expected);
    }

    #[test]
    fn no_release_has_an_error() {
        for name in ["release-4.12", "release-4.16", "release-4.20", "release-main", "release-main-all-clouds"] {
            for feature_set in [FeatureSet::Default, FeatureSet::TechPreviewNoUpgrade] {
                let Some(scene) = release(name, feature_set) else { return };
                let found = scene.find();
                let errors: Vec<_> = found.iter().filter(|finding| finding.level == Error).collect();
                assert_eq!(errors, Vec::<&Finding>::new(), "{name} {feature_set}");
                let of_statements = found.iter().filter(|finding| finding.statement.is_some());
                assert!(
                    of_statements.clone().count() > 10 && of_statements.clone().all(|finding| finding.line.is_some())
                );
            }
        }
    }

    #[test]
    fn the_worst_comes_first_then_roles_and_statements() {
        let (harmless, bad) = (allow("'kms:ReEncrypt*'", "*", ""), allow("'*'", "*", ""));
        let both = harmless.clone() + &bad;
        let scene = Scene::of(&[("openshift-b", "a", &both), ("openshift-a", "a", &bad), ("openshift-c", "a", &both)]);
        let outline = outline(&scene);
        let errors: Vec<_> =
            outline.iter().take(3).map(|(id, _, role, number)| (*id, role.as_str(), *number)).collect();
        let everything = "airlock/all-actions";
        let expected =
            [(everything, "a-secret", Some(1)), (everything, "b-secret", Some(2)), (everything, "c-secret", Some(2))];
        assert_eq!(errors, expected);
        assert!(outline.is_sorted_by_key(|(_, level, _, _)| Reverse(*level)));
    }

    #[test]
    fn a_request_that_differs_leaves_no_line_and_one_that_moved_keeps_it() {
        let entries = allow("'ec2:DeleteVolume'", "*", "") + &allow("'ec2:DeleteSnapshot'", "*", "");
        let mut scene = Scene::with(&entries);
        scene.contents.roles[0].policy.policy_document.0.statement.reverse();
        let lines =
            |scene: &Scene| scene.by(&rules::UNSCOPED_WRITE).iter().map(|one| (one.1, one.2)).collect::<Vec<_>>();
        assert_eq!(lines(&scene), [(Some(1), Some(15)), (Some(2), Some(12))]);
        scene.change(|statement| statement.resource = "arn:aws:ec2:*:*:snapshot/*".parse().unwrap());
        assert_eq!(lines(&scene), [(Some(1), None), (Some(2), Some(12))]);
        scene.selected.clear();
        assert_eq!(lines(&scene), [(Some(1), None), (Some(2), None)]);
    }

    #[test]
    fn a_role_has_a_bounded_number_of_findings() {
        let entries: Vec<_> = (0..60).map(|n| allow(&format!("'ec2:RunInstances', 'x{n}:Y'"), "*", "")).collect();
        let found = Scene::with(&entries.concat()).find();
        assert_eq!(found.len(), MAX_FINDINGS_OF_ROLE);
        let more: Vec<_> = found.iter().filter(|finding| finding.id == rules::MORE_FINDINGS.id).collect();
        assert_eq!((more.len(), more[0].level), (1, Warning));
        assert_eq!(more[0].message, "21 more findings about this role are not reported");
    }
}
