//! The parts of a review in words, for the formats that people read.
//!
//! Input: parts of a review. Output: words that hold values of the bundle as they are: each format escapes them in its own way.

use std::collections::BTreeSet;

use bundle_schema::documents::index::{Kind, Skipped};
use bundle_schema::documents::policy::{Condition, ConditionValue, ConditionValues, Effect};
use bundle_schema::documents::settings::{Capabilities, FeatureGates, OtherGates};
use bundle_schema::names::{ObjectName, RoleNaming, Thumbprint};

use super::report::{
    Acceptance, BundleComparison, CameAndWent, Change, Changed, Difference, Finding, FindingLevel, Key, Presence,
    PrivateBucket, RequestsFrom, Review, Role, RoleComparison, Statement, Verdict, Witness,
};
use crate::requests::file_name;

/// Role names without the cluster's name before them, where no two roles get the same name by that.
pub(super) struct RoleNames<'a> {
    prefix: String,
    all: BTreeSet<&'a str>,
}

impl<'a> RoleNames<'a> {
    /// The names of this review's roles.
    pub(super) fn of(review: &'a Review) -> Self {
        let compared = review.comparison.iter().flat_map(|comparison| &comparison.roles);
        let all = review.roles.iter().map(|role| role.role.as_str()).chain(compared.map(|role| role.role.as_str()));
        Self { prefix: format!("{}-", review.bundle.name), all: all.collect() }
    }

    /// This name, as short as it can be.
    pub(super) fn short<'b>(&self, name: &'b str) -> &'b str {
        name.strip_prefix(&self.prefix).filter(|short| !short.is_empty() && !self.all.contains(short)).unwrap_or(name)
    }
}

/// The verdict as one sentence, without its subject.
pub(super) fn verdict(review: &Review) -> String {
    review.verdict().into_iter().map(|part| part.text).collect::<Vec<_>>().join("; ")
}

/// The heading over what the rebuild showed.
pub(super) const DIFFERENCES: &str = "Not what the requests and settings give";

/// Which bundle it is, by label.
pub(super) fn identity(review: &Review) -> Vec<(&'static str, String)> {
    let bundle = &review.bundle;
    let mut rows = vec![
        ("Bundle", format!("{} serial {}", bundle.name, bundle.serial)),
        ("Account", format!("{} ({}, {})", bundle.account_id, bundle.partition, bundle.region)),
        ("Created", format!("{}, expires {}", bundle.created, bundle.expires)),
        ("SHA-256", bundle.sha256.to_string()),
        ("Issuer", issuer(review)),
    ];
    rows.extend(former_issuers(review));
    rows.extend(bundle.private_bucket.iter().flat_map(PrivateBucket::rows));
    rows.extend(
        review.keys.iter().map(|key| ("Key", format!("{} {}{}", key.key, key.kid, key_use(key, &review.keys)))),
    );
    rows.extend(review.signers.iter().map(|signer| ("Signed", format!("{} {}", signer.role, signer.key))));
    if review.signatures_checked && review.signers.is_empty() {
        rows.push(("Signed", "by none of the keys that were asked for".to_owned()));
    }
    if !review.signatures_checked {
        rows.push(("Signed", "not checked: --trust or --trusted-key says whose signatures to ask for".to_owned()));
    }
    if review.bundle.kind == Kind::Endpoint {
        return rows;
    }
    let requests = match review.rebuild.requests {
        RequestsFrom::Bundle => "those in the bundle; --credentials-requests-dir takes the release's",
        RequestsFrom::Directory => "those of --credentials-requests-dir",
    };
    rows.push(("Requests", requests.to_owned()));
    rows
}

/// The issuer of the cluster's tokens, and whether the bundle makes it.
pub(super) fn issuer(review: &Review) -> String {
    match (&review.bundle.issuer_url, review.bundle.kind) {
        (Some(url), Kind::Roles) => format!("{url}; somebody else manages it, and the bundle makes roles alone"),
        (Some(url), _) => url.clone(),
        (None, _) => "none yet: the receipt of its apply says the name".to_owned(),
    }
}

/// The issuers that the roles trust besides.
pub(super) fn former_issuers(review: &Review) -> impl Iterator<Item = (&'static str, String)> {
    review.bundle.former_issuers.iter().map(|url| ("Former issuer", format!("{url}; the roles still take its tokens")))
}

/// What a difference is, and in which role and statement.
pub(super) fn difference(difference: &Difference, names: &RoleNames<'_>) -> String {
    let message = &difference.message;
    match (&difference.role, difference.statement) {
        (Some(role), Some(statement)) => format!("role {}, statement {statement}: {message}", names.short(role)),
        (Some(role), None) => format!("role {}: {message}", names.short(role)),
        (None, _) => message.clone(),
    }
}

/// Where a finding is: the role and the statement, the file and the line.
pub(super) fn finding_place(finding: &Finding, names: &RoleNames<'_>) -> String {
    let mut parts = Vec::new();
    match (&finding.role, finding.statement) {
        (Some(role), Some(statement)) => parts.push(format!("{}, statement {statement}", names.short(role))),
        (Some(role), None) => parts.push(names.short(role).to_owned()),
        (None, _) => {}
    }
    match (&finding.source, finding.line) {
        (Some(source), Some(line)) => parts.push(format!("{}:{line}", file_name(source))),
        (Some(source), None) => parts.push(file_name(source).to_owned()),
        (None, _) => {}
    }
    if parts.is_empty() { "the bundle".to_owned() } else { parts.join(", ") }
}

/// `error`, or `accepted` where somebody took responsibility.
pub(super) fn finding_level(finding: &Finding) -> &'static str {
    match (&finding.accepted, finding.level) {
        (Some(_), _) => "accepted",
        (None, FindingLevel::Error) => "error",
        (None, FindingLevel::Warning) => "warning",
        (None, FindingLevel::Note) => "note",
    }
}

/// Who accepted a finding, until when and why.
pub(super) fn accepted(acceptance: &Acceptance) -> String {
    format!("accepted by {} until {}: {}", acceptance.by, acceptance.until, acceptance.reason)
}

/// The findings in the order of the review, those that were accepted behind the others.
pub(super) fn findings(review: &Review) -> impl Iterator<Item = &Finding> {
    let open = review.findings.iter().filter(|finding| finding.accepted.is_none());
    open.chain(review.findings.iter().filter(|finding| finding.accepted.is_some()))
}

/// `s3:GetObject`, or `*` for all actions of all services.
pub(super) fn action(service: &str, action: &str) -> String {
    if service == "*" { action.to_owned() } else { format!("{service}:{action}") }
}

/// What a statement does, before its resource: `allows`, `DENIES`, `ALLOWS ALL ACTIONS BUT iam:*`.
pub(super) fn effect(statement: &Statement) -> String {
    match (statement.effect, &statement.not_actions) {
        (Effect::Allow, None) => "allows".to_owned(),
        (Effect::Deny, None) => "DENIES".to_owned(),
        (Effect::Allow, Some(but)) => format!("ALLOWS ALL ACTIONS BUT {}", but.join(", ")),
        (Effect::Deny, Some(but)) => format!("DENIES ALL ACTIONS BUT {}", but.join(", ")),
    }
}

/// Where a statement is in its request.
pub(super) fn statement_place(statement: &Statement) -> String {
    statement.line.map_or_else(|| "NOT IN THE REQUEST".to_owned(), |line| format!("line {line}"))
}

/// Each condition of a block: `Bool kms:GrantIsForAWSResource is true`.
pub(super) fn conditions(block: Option<&Condition>) -> Vec<String> {
    let operators = block.into_iter().flatten();
    let keys = operators.flat_map(|(operator, keys)| keys.iter().map(move |(key, values)| (operator, key, values)));
    keys.map(|(operator, key, values)| format!("{operator} {key} is {}", condition_values(values))).collect()
}

fn condition_values(values: &ConditionValues) -> String {
    let text = |value: &ConditionValue| match value {
        ConditionValue::Boolean(value) => value.to_string(),
        ConditionValue::Integer(value) => value.to_string(),
        ConditionValue::Text(value) => value.to_string(),
    };
    match values {
        ConditionValues::One(value) => text(value),
        ConditionValues::Many(values) => values.iter().map(text).collect::<Vec<_>>().join(" or "),
    }
}

/// Who may use a role: its service accounts and their namespace.
pub(super) fn service_accounts(role: &Role) -> String {
    format!("{} (namespace {})", role.service_accounts.join(", "), role.namespace)
}

/// What a comparison says of a role in a few words: `WIDENED`, `new, WIDENED`.
pub(super) fn role_verdict(role: &RoleComparison) -> String {
    let verdict = match role.verdict {
        Verdict::Same => "allows the same",
        Verdict::Narrowed => "allows less",
        Verdict::Undecided => "MAY BE WIDENED",
        Verdict::Widened => "WIDENED",
    };
    match role.presence {
        Presence::Came => format!("NEW, {verdict}"),
        Presence::Went => "gone".to_owned(),
        Presence::Both => verdict.to_owned(),
    }
}

/// `action s3:PutBucketPolicy (statement 1)`.
pub(super) fn change(change: &Change) -> String {
    let what = match change.what {
        Changed::ServiceAccount => "service account",
        Changed::Boundary => "boundary",
        Changed::Statement => "statement",
        Changed::Action => "action",
        Changed::Resource => "resource",
        Changed::Condition => "condition",
        Changed::TokenPath => "token path",
    };
    let statement = match (change.statement, change.came) {
        (Some(number), true) => format!(" (statement {number})"),
        (Some(number), false) => format!(" (statement {number} before)"),
        (None, _) => String::new(),
    };
    format!("{what} {}{statement}", change.value)
}

/// What a key is there for, where there are several.
pub(crate) fn key_use(key: &Key, all: &[Key]) -> &'static str {
    match (all.len(), key.signs) {
        (0 | 1, _) => "",
        (_, true) => ", signs now",
        (_, false) => ", published besides",
    }
}

/// What came and went of the bundle itself: whether it came, and what it is.
pub(super) fn bundle_changes(comparison: &BundleComparison) -> Vec<(bool, String)> {
    let lists = [
        ("key", &comparison.keys),
        ("audience", &comparison.audiences),
        ("thumbprint", &comparison.thumbprints),
        ("tag", &comparison.tags),
    ];
    let changes = lists.into_iter().flat_map(|(what, list)| {
        let went = list.went.iter().map(move |value| (false, format!("{what} {value}")));
        went.chain(list.came.iter().map(move |value| (true, format!("{what} {value}"))))
    });
    changes.collect()
}

/// A request that was refused and is allowed.
pub(super) fn witness(witness: &Witness) -> String {
    let value = |(key, values): (&String, &Vec<String>)| format!("{key} = {}", values.join(" and "));
    let context: Vec<String> = witness.context.iter().map(value).collect();
    let with = if context.is_empty() { "" } else { ", with " };
    let Witness { action, resource, .. } = witness;
    format!("was refused and is allowed: {action} on {resource}{with}{}", context.join(" and "))
}

/// What cannot be decided.
pub(super) fn undecided(reason: &str) -> String {
    format!("cannot be decided: {reason}")
}

/// What two bundles have in common and a reader looks for.
pub(super) fn unchanged(comparison: &BundleComparison) -> impl Iterator<Item = &'static str> {
    let CameAndWent { came, went } = &comparison.keys;
    let keys = came.is_empty() && went.is_empty();
    let lines = [(keys, "the keys are the same"), (comparison.roles.is_empty(), "no role has changed")];
    lines.into_iter().filter(|(same, _)| *same).map(|(_, line)| line)
}

/// The document that made no role.
pub(super) fn skipped(skipped: &Skipped) -> String {
    let request = skipped.request.as_ref().map_or("without a name", ObjectName::as_str);
    format!("{request} ({}, document {})", file_name(&skipped.source), skipped.document)
}

/// What shaped the bundle, by label.
pub(super) fn settings(review: &Review) -> Vec<(&'static str, String)> {
    let settings = &review.settings;
    let recorded = &settings.recorded;
    let generator = ("Generator", settings.generator_version.clone());
    let tag = |tag: &bundle_schema::names::Tag| format!("{}={}", tag.key, tag.value);
    let tags = settings.tags.iter().map(tag).collect::<Vec<_>>();
    if review.bundle.kind == Kind::Endpoint {
        return vec![("Tags", tags.join(", ")), generator];
    }
    let list = |values: Vec<String>| if values.is_empty() { "none".to_owned() } else { values.join(", ") };
    let role_names = match recorded.role_names {
        RoleNaming::Ccoctl => "as ccoctl names them",
        RoleNaming::Hashed => "as ccoctl names them, long ones with a hash",
    };
    let mut rows = vec![
        ("Role names", role_names.to_owned()),
        ("Role path", settings.role_path.to_string()),
        ("Boundary", recorded.permissions_boundary_arn.as_ref().map_or("none".to_owned(), ToString::to_string)),
        ("Feature set", recorded.feature_set.to_string()),
        ("Feature gates", recorded.feature_gates.as_ref().map_or("not known".to_owned(), feature_gates)),
        ("Capabilities", recorded.capabilities.as_ref().map_or("not known".to_owned(), capabilities)),
    ];
    rows.extend(recorded.service_accounts.iter().map(|given| {
        let accounts: Vec<&str> = given.service_accounts.iter().map(ObjectName::as_str).collect();
        ("Service accounts", format!("{}/{} = {}", given.secret_namespace, given.secret_name, accounts.join(", ")))
    }));
    rows.extend([
        ("Tags", list(tags)),
        ("Audiences", list(settings.audiences.iter().map(ToString::to_string).collect())),
    ]);
    if review.bundle.kind == Kind::Cluster {
        let given = |thumbprints: &Vec<Thumbprint>| list(thumbprints.iter().map(ToString::to_string).collect());
        let thumbprints = settings.thumbprints.as_ref().map_or("fetched by IAM".to_owned(), given);
        rows.push(("Thumbprints", thumbprints));
    }
    rows.push(generator);
    rows.push(("Action data", format!("{} of {}", review.action_data.version, review.action_data.date)));
    rows
}

fn feature_gates(gates: &FeatureGates) -> String {
    let states = gates.gates.iter().map(|(name, on)| format!("{name} {}", if *on { "on" } else { "off" }));
    let others = match gates.others {
        OtherGates::Off => "all others off",
        OtherGates::Unknown => "others not known",
    };
    states.chain([others.to_owned()]).collect::<Vec<_>>().join(", ")
}

fn capabilities(capabilities: &Capabilities) -> String {
    match capabilities {
        Capabilities::All => "all".to_owned(),
        Capabilities::Only(names) if names.is_empty() => "none".to_owned(),
        Capabilities::Only(names) => names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    }
}

/// `Roles (2)`.
pub(super) fn heading(what: &str, count: usize) -> String {
    format!("{what} ({count})")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::review::sample;

    #[test]
    fn a_role_is_short_where_no_other_has_that_name() {
        let mut review = sample::review();
        assert_eq!(RoleNames::of(&review).short("prod-a-kube-system-odd"), "kube-system-odd");
        review.roles[1].role = "kube-system-odd".to_owned();
        assert_eq!(RoleNames::of(&review).short("prod-a-kube-system-odd"), "prod-a-kube-system-odd");
        assert_eq!(RoleNames::of(&review).short("prod-b-x"), "prod-b-x");
        assert_eq!(RoleNames::of(&review).short("prod-a-"), "prod-a-");
    }

    #[test]
    fn conditions_have_their_operator_key_and_values() {
        let block: Condition = serde_json::from_str(
            r#"{"Bool":{"kms:GrantIsForAWSResource":true},"StringLike":{"aws:RequestTag/a":["x","y*"],"s3:prefix":3}}"#,
        )
        .unwrap();
        assert_eq!(
            conditions(Some(&block)),
            [
                "Bool kms:GrantIsForAWSResource is true",
                "StringLike aws:RequestTag/a is x or y*",
                "StringLike s3:prefix is 3"
            ]
        );
        assert!(conditions(None).is_empty());
    }

    #[test]
    fn a_witness_names_what_was_refused() {
        let context = [("aws:a".to_owned(), vec!["x".to_owned()]), ("aws:b".to_owned(), vec!["y".to_owned()])];
        let request = Witness { action: "s3:Get".to_owned(), resource: "*".to_owned(), context: context.into() };
        assert_eq!(witness(&request), "was refused and is allowed: s3:Get on *, with aws:a = x and aws:b = y");
        let bare = Witness { context: std::collections::BTreeMap::new(), ..request };
        assert_eq!(witness(&bare), "was refused and is allowed: s3:Get on *");
    }

    #[test]
    fn who_signed_is_said_in_any_case() {
        let signed = |review: &Review| {
            identity(review).into_iter().filter(|(label, _)| *label == "Signed").map(|(_, who)| who).collect::<Vec<_>>()
        };
        let mut review = sample::review();
        assert_eq!(signed(&review), ["generator RWQgenerator"]);
        review.signers.clear();
        assert_eq!(signed(&review), ["by none of the keys that were asked for"]);
        review.signatures_checked = false;
        assert_eq!(signed(&review), ["not checked: --trust or --trusted-key says whose signatures to ask for"]);
    }

    #[test]
    fn settings_that_are_not_known_say_so() {
        let mut review = sample::review();
        let value = |review: &Review, label| {
            settings(review).into_iter().find(|(name, _)| *name == label).map(|(_, value)| value).unwrap()
        };
        assert_eq!(value(&review, "Capabilities"), "not known");
        assert_eq!(value(&review, "Feature gates"), "not known");
        review.settings.recorded.capabilities = Some(Capabilities::Only(BTreeSet::new()));
        review.settings.recorded.feature_gates = Some(FeatureGates {
            gates: [(bundle_schema::documents::settings::FeatureName::new("A").unwrap(), true)].into(),
            others: OtherGates::Off,
        });
        assert_eq!(value(&review, "Capabilities"), "none");
        assert_eq!(value(&review, "Feature gates"), "A on, all others off");
    }
}
