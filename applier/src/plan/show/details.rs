//! One action in words: the rows of what is new, or the lines before and after of what changes.

use bundle_schema::documents::PublicAccessBlock;
use bundle_schema::documents::contents::JWKS_KEY;
use bundle_schema::documents::policy::{Effect, PermissionStatement};

use crate::account::live::Tags;
use crate::account::live::cloudfront::AccessControlSettings;
use crate::plan::action::{Action, Call, NewObject, Object, RoleSettings};
use crate::plan::desired::tags;
use crate::plan::diff::{self, Line};
use crate::plan::meaning::{key_ids, readable_policy};
use crate::record::Place;

/// What an action does, for a person.
pub(super) enum Item {
    /// It makes something, or deletes it: what it will be or was, by label.
    New(Vec<(&'static str, String)>),
    /// It changes a setting: which one, and its lines before and after.
    Changed(String, Vec<Line>),
    /// It writes the record again.
    Bookkeeping,
}

/// An action in words.
pub(super) fn item(action: &Action) -> Item {
    let changed = |label: &str, lines| Item::Changed(label.to_owned(), lines);
    match &action.call {
        Call::CreateBucket { input, tags } => {
            let place = input.create_bucket_configuration.as_ref();
            let region = place.map_or("us-east-1".to_owned(), |place| place.location_constraint.to_string());
            Item::New(vec![("region", region), ("tags", one_line(tags))])
        }
        Call::OpenRecord { place, before: None, .. } => Item::New(vec![("record", record(place))]),
        // The head says what the record holds; that it is written goes without saying.
        Call::OpenRecord { before: Some(_), .. } | Call::CloseRecord { .. } | Call::OpenRemoval { .. } => {
            Item::Bookkeeping
        }
        Call::HandOver { before, from, to, .. } => {
            let held = format!("the roles are those of issuer {from}, serial {}", before.serial);
            changed("record", vec![Line::Removed(held), Line::Added(format!("the cluster has moved to issuer {to}"))])
        }
        Call::DeleteRole { .. }
        | Call::DeleteProvider { .. }
        | Call::DeleteObject { .. }
        | Call::DeleteVersions { .. }
        | Call::DeleteRecord { .. }
        | Call::DeleteBucket { .. } => Item::New(removed(&action.call)),
        Call::DetachPolicy { policy_arn, .. } => changed("attached policy", vec![Line::Removed(policy_arn.clone())]),
        // The bundle's own: the role goes with it.
        Call::DeletePolicy { role, policy_name } if policy_name == role.as_str() => {
            Item::New(vec![("policy", policy_name.clone())])
        }
        Call::DeletePolicy { policy_name, .. } => changed("inline policy", vec![Line::Removed(policy_name.clone())]),
        Call::TagBucket { before, after, .. } if before.is_empty() => Item::New(vec![("tags", one_line(after))]),
        Call::CreateAccessControl { .. }
        | Call::UpdateAccessControl { .. }
        | Call::CreateDistribution { .. }
        | Call::UpdateDistribution { .. }
        | Call::DisableDistribution { .. }
        | Call::DeleteDistribution { .. }
        | Call::DeleteAccessControl { .. } => cloudfront(&action.call),
        Call::TagBucket { before, after, .. }
        | Call::TagDistribution { before, after }
        | Call::TagProvider { before, after }
        | Call::TagRole { before, after, .. } => changed("tags", tag_lines(before, after)),
        Call::SetOwnership { .. } | Call::BlockPublicAccess { .. } | Call::SetBucketPolicy { .. } => {
            bucket_setting(&action.call)
        }
        Call::PutObject { before: None, after, .. } => Item::New(new_object(after)),
        Call::PutObject { before: Some(before), after, .. } => {
            changed(&format!("document {}", after.key), object_lines(before, after))
        }
        Call::CreateProvider { input, .. } => {
            let mut rows = vec![("audiences", joined(&input.client_id_list))];
            rows.extend(input.thumbprint_list.iter().map(|thumbprints| ("thumbprints", joined(thumbprints))));
            Item::New(rows)
        }
        Call::AddClientId { client_id } => changed("audience", vec![Line::Added(client_id.to_string())]),
        Call::RemoveClientId { client_id } => changed("audience", vec![Line::Removed(client_id.clone())]),
        Call::SetThumbprints { before, after } => {
            changed("thumbprints", diff::lines(&before.join("\n"), &lines_of(after)))
        }
        Call::CreateRole { input } => {
            let statements = input.assume_role_policy_document.0.statement.iter();
            let subjects = statements.flat_map(|statement| statement.condition.string_equals.values().flatten());
            let accounts: Vec<String> = subjects.map(|subject| service_account(subject)).collect();
            let mut rows = vec![("assumed by", accounts.join(", "))];
            rows.extend(input.permissions_boundary.iter().map(|arn| ("boundary", arn.to_string())));
            Item::New(rows)
        }
        Call::SetTrustPolicy { before, after, .. } => {
            changed("trust policy", policy_lines(Some(before), &after.text()))
        }
        Call::UpdateRole { before, after, .. } => {
            changed("settings", diff::lines(&settings_lines(before), &settings_lines(after)))
        }
        Call::SetBoundary { before, after, .. } => {
            changed("permissions boundary", value_lines(before.as_deref(), after.as_str()))
        }
        Call::RemoveBoundary { before, .. } => changed("permissions boundary", vec![Line::Removed(before.clone())]),
        Call::SetRolePolicy { input, before: None } => {
            let words = |statement: &PermissionStatement| {
                let text = statement.to_string();
                match (statement.effect, text.split_once(' ')) {
                    (Effect::Allow, Some((_, rest))) => ("allows", rest.to_owned()),
                    (Effect::Deny, Some((_, rest))) => ("denies", rest.to_owned()),
                    (_, None) => ("allows", text),
                }
            };
            Item::New(input.policy_document.0.statement.iter().map(words).collect())
        }
        Call::SetRolePolicy { input, before } => {
            changed("permissions", policy_lines(before.as_deref(), &input.policy_document.text()))
        }
    }
}

/// A setting of a bucket that is no tag.
fn bucket_setting(call: &Call) -> Item {
    let changed = |label: &str, lines| Item::Changed(label.to_owned(), lines);
    match call {
        Call::SetOwnership { before: None, after, .. } => Item::New(vec![("ownership", json_text(after))]),
        Call::SetOwnership { before, after, .. } => {
            changed("object ownership", value_lines(before.as_deref(), &json_text(after)))
        }
        Call::BlockPublicAccess { input, before: None } => {
            let is_private = input.public_access_block_configuration == PublicAccessBlock::PRIVATE;
            let text = if is_private { "none" } else { "by bucket policy only; ACLs are blocked" };
            Item::New(vec![("public access", text.to_owned())])
        }
        Call::BlockPublicAccess { input, before: Some(before) } => changed(
            "public access block",
            diff::lines(&pretty(before), &pretty(&input.public_access_block_configuration)),
        ),
        Call::SetBucketPolicy { input, before: None } => {
            let is_public = input.policy.0.statement.iter().all(|statement| statement.condition.is_none());
            let who =
                if is_public { "everybody may read" } else { "CloudFront may read, for this distribution alone," };
            Item::New(vec![("policy", format!("{who} the issuer's documents"))])
        }
        Call::SetBucketPolicy { input, before } => {
            changed("bucket policy", policy_lines(before.as_deref(), &input.policy.text()))
        }
        _ => Item::New(Vec::new()),
    }
}

/// What is deleted.
fn removed(call: &Call) -> Vec<(&'static str, String)> {
    match call {
        Call::DeleteRole { role_id, .. } => vec![("ID", role_id.to_string())],
        Call::DeleteProvider { created } => vec![("made", created.to_string())],
        Call::DeleteObject { key, .. } => vec![("document", key.clone())],
        Call::DeleteVersions { key, version_ids, .. } => {
            let versions = if version_ids.len() == 1 { "version" } else { "versions" };
            vec![("document", format!("{key}, {} {versions}", version_ids.len()))]
        }
        Call::DeleteRecord { place, versions } => {
            let all = if *versions { ", with all versions" } else { "" };
            vec![("record", format!("{}{all}", place.key()))]
        }
        _ => Vec::new(),
    }
}

/// What serves a private bucket.
fn cloudfront(call: &Call) -> Item {
    let id = ("ID", "the one that CloudFront gives it".to_owned());
    let changed =
        |label: &str, before: String, after: String| Item::Changed(label.to_owned(), diff::lines(&before, &after));
    match call {
        Call::CreateAccessControl { input } => {
            Item::New(vec![id, ("name", input.origin_access_control_config.name.clone())])
        }
        Call::CreateDistribution { input, .. } => {
            let config = &input.distribution_config_with_tags.distribution_config;
            let origins = config.origins.items.iter().map(|origin| origin.domain_name.clone());
            let mut rows = vec![id, ("origin", origins.collect::<Vec<_>>().join(", "))];
            rows.extend(config.aliases.items.iter().map(|alias| ("alias", alias.clone())));
            let certificate = &config.viewer_certificate;
            let acm = certificate.acm_certificate_arn.iter().map(ToString::to_string);
            let all = acm.chain(certificate.iam_certificate_id.iter().map(ToString::to_string));
            rows.extend(all.map(|certificate| ("certificate", certificate)));
            rows.push(("tags", one_line(&tags(&input.distribution_config_with_tags.tags.items))));
            Item::New(rows)
        }
        Call::UpdateAccessControl { before, after, .. } => {
            changed("settings", pretty(before), pretty(&AccessControlSettings::from(after)))
        }
        Call::UpdateDistribution { before, after, .. } => changed("settings", pretty(before), pretty(after)),
        Call::DisableDistribution { .. } => {
            Item::New(vec![("first", "disabled, and waited for until it answers nowhere".to_owned())])
        }
        _ => Item::New(Vec::new()),
    }
}

/// Where it will stand.
fn record(place: &Place) -> String {
    match place {
        Place::Bucket(_) => format!("{}, private", place.key()),
        Place::Provider { .. } => format!("tags {}", place.key()),
    }
}

/// `namespace/name`, from a token's subject.
fn service_account(subject: &str) -> String {
    let name = subject.strip_prefix("system:serviceaccount:").unwrap_or(subject);
    name.replacen(':', "/", 1)
}

/// The JWKS is published twice; its keys are shown once.
fn new_object(after: &NewObject) -> Vec<(&'static str, String)> {
    let kids = if after.key == JWKS_KEY { key_ids(&after.body) } else { Vec::new() };
    let keys = kids.into_iter().enumerate();
    let keys = keys.map(|(index, kid)| (if index == 0 { "signing key" } else { "further key" }, kid));
    std::iter::once(("document", after.key.clone())).chain(keys).collect()
}

fn settings_lines(RoleSettings { description, max_session_duration }: &RoleSettings) -> String {
    let description = description.iter().map(|text| format!("description: {text}"));
    let duration = max_session_duration.iter().map(|seconds| format!("session duration: {seconds} seconds"));
    description.chain(duration).collect::<Vec<_>>().join("\n")
}

fn one_line(tags: &Tags) -> String {
    tags.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(", ")
}

fn joined<T: ToString>(values: &[T]) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn lines_of<T: ToString>(values: &[T]) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn pretty(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// A value that JSON has as a string, without its quotes.
fn json_text(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn value_lines(before: Option<&str>, after: &str) -> Vec<Line> {
    before.map(|before| Line::Removed(before.to_owned())).into_iter().chain([Line::Added(after.to_owned())]).collect()
}

fn policy_lines(before: Option<&str>, after: &str) -> Vec<Line> {
    diff::lines(&before.map(readable_policy).unwrap_or_default(), &readable_policy(after))
}

fn tag_lines(before: &Tags, after: &Tags) -> Vec<Line> {
    let line = |(key, value): (&String, &String)| format!("{key} = {value}");
    let text = |tags: &Tags| tags.iter().map(line).collect::<Vec<_>>().join("\n");
    diff::lines(&text(before), &text(after))
}

fn object_lines(before: &Object, after: &NewObject) -> Vec<Line> {
    let mut lines = Vec::new();
    if before.content_type.as_deref() != Some(after.content_type) {
        let content_type = before.content_type.iter();
        lines.extend(content_type.map(|content_type| Line::Removed(format!("content type {content_type}"))));
        lines.push(Line::Added(format!("content type {}", after.content_type)));
    }
    if before.encryption.as_deref().is_some_and(|encryption| encryption != after.encryption) {
        lines.extend(before.encryption.iter().map(|encryption| Line::Removed(format!("encryption {encryption}"))));
        lines.push(Line::Added(format!("encryption {}", after.encryption)));
    }
    if before.tags != after.tags {
        lines.extend(tag_lines(&before.tags, &after.tags));
    }
    match &before.body {
        Some(body) if *body == after.body => {}
        // Documents of other tools are spelled in another way; what differs in meaning is what a person looks for.
        Some(body) if readable_policy(body) == readable_policy(&after.body) => {
            lines.push(Line::Same("the same content, spelled in another way".to_owned()));
        }
        Some(body) => lines.extend(diff::lines(&readable_policy(body), &readable_policy(&after.body))),
        None => lines.push(Line::Removed("content that is too long, or not text".to_owned())),
    }
    lines
}
