//! What came and went between two bundles, and what that means for what may be done.
//!
//! Input: the contents of an older and a newer bundle, neither of them trusted. Output: a comparison in which the differences
//! of identity are said once. Where the older one was made for another account, region or partition, its ARNs are read as if
//! they were of the newer one's: otherwise every role would differ.
//!
//! Roles are compared by their Secret, which a request names; a role that was renamed is the same role.

use std::collections::{BTreeMap, BTreeSet};

use bundle_schema::bundle::Inspection;
use bundle_schema::documents::contents::{Contents, RoleDocuments};
use bundle_schema::documents::index::{Certificate, Component, Endpoint, Header};
use bundle_schema::documents::policy::{
    Condition, ConditionValue, ConditionValues, PermissionStatement, PolicyText, ResourcePattern,
};
use bundle_schema::names::Tag;

use super::action_data::ActionData;
use super::changes::changes;
use super::comparison::{Comparer, PolicyComparison};
use super::report::{
    Against, BundleComparison, CameAndWent, Change, Changed, FORMER_ISSUERS, NO_ISSUER, Presence, RoleComparison,
    ValueChange, Verdict, Witness,
};
use super::roles::Levels;

/// Compares two bundles.
pub(crate) fn comparison(old: &Inspection, new: &Contents, data: &ActionData) -> BundleComparison {
    let (digest, old) = (old.digest(), old.contents());
    let tags = came_and_went(&tags(&old.header, &new.header), &tags(&new.header, &new.header));
    let roles =
        Roles { place: Place { old: &old.header, new: &new.header }, tags: &tags, data, comparer: Comparer::new(data) };
    let roles = roles.compare(old, new);
    let audiences = came_and_went(old.audiences(), new.audiences());
    let of_audiences = match &audiences {
        CameAndWent { came, .. } if !came.is_empty() => Verdict::Widened,
        CameAndWent { went, .. } if !went.is_empty() => Verdict::Narrowed,
        _ => Verdict::Same,
    };
    let kids = |contents: &Contents| contents.keys().map(|key| key.kid().to_owned()).collect::<Vec<_>>();
    let thumbprints = |contents: &Contents| {
        contents.issuer.as_ref().and_then(|issuer| issuer.provider.thumbprint_list.clone()).unwrap_or_default()
    };
    BundleComparison {
        against: Against { name: old.header.name.to_string(), serial: old.header.serial, sha256: digest.clone() },
        verdict: roles.iter().map(|role| role.verdict).max().unwrap_or(Verdict::Same).max(of_audiences),
        identity: identity(&old.header, &new.header).into_iter().chain(signing_key(old, new)).collect(),
        keys: came_and_went(&kids(old), &kids(new)),
        audiences,
        thumbprints: came_and_went(&thumbprints(old), &thumbprints(new)),
        tags,
        roles,
    }
}

/// Its URL, where it has a name.
fn issuer(header: &Header) -> String {
    header.issuer_url.as_ref().map_or_else(|| NO_ISSUER.to_owned(), ToString::to_string)
}

/// What serves the issuer of a cluster; the bundle of an endpoint makes it, and has nothing to compare.
fn served(old: &Header, new: &Header) -> Vec<(&'static str, String, String)> {
    if old.kind != new.kind {
        return Vec::new();
    }
    // A public bucket's name is in the issuer's.
    let bucket =
        |header: &Header| if header.has_distribution() { header.bucket().to_string() } else { "none".to_owned() };
    let distribution =
        |header: &Header| header.distribution.as_ref().map_or_else(|| "none".to_owned(), |made| made.id.to_string());
    let certificate = |header: &Header| match &header.certificate {
        None => "none".to_owned(),
        Some(Certificate::Acm(arn)) => arn.to_string(),
        Some(Certificate::Iam(id)) => id.to_string(),
    };
    let server = |header: &Header| match header.endpoint {
        None => "none".to_owned(),
        Some(Endpoint::PublicBucket) => "the bucket itself".to_owned(),
        Some(Endpoint::Cloudfront) => "CloudFront".to_owned(),
        Some(Endpoint::Hosted) => "somebody else".to_owned(),
    };
    vec![
        ("server of the documents", server(old), server(new)),
        ("private bucket", bucket(old), bucket(new)),
        ("distribution", distribution(old), distribution(new)),
        ("certificate", certificate(old), certificate(new)),
    ]
}

/// The issuers that roles trust besides.
fn former(header: &Header) -> String {
    let urls: Vec<String> = header.former_issuers.iter().map(|former| former.issuer_url.to_string()).collect();
    if urls.is_empty() { "none".to_owned() } else { urls.join(", ") }
}

fn identity(old: &Header, new: &Header) -> Vec<ValueChange> {
    let fields = [
        ("kind", old.kind.to_string(), new.kind.to_string()),
        ("name", old.name.to_string(), new.name.to_string()),
        ("account", old.account_id.to_string(), new.account_id.to_string()),
        ("partition", old.partition.to_string(), new.partition.to_string()),
        ("region", old.region.to_string(), new.region.to_string()),
        ("issuer", issuer(old), issuer(new)),
        (FORMER_ISSUERS, former(old), former(new)),
        ("role path", old.role_path.to_string(), new.role_path.to_string()),
    ];
    fields
        .into_iter()
        .chain(served(old, new))
        .filter(|(_, old, new)| old != new)
        .map(|(field, old, new)| ValueChange { field, old, new })
        .collect()
}

/// Another of the published keys signs. One that was not published before is new, which says more.
fn signing_key(old: &Contents, new: &Contents) -> Option<ValueChange> {
    let (before, after) = (old.keys().next()?.kid(), new.keys().next()?.kid());
    let known = old.keys().any(|key| key.kid() == after);
    (before != after && known).then(|| ValueChange {
        field: "signing key",
        old: before.to_owned(),
        new: after.to_owned(),
    })
}

fn came_and_went<T: ToString>(old: &[T], new: &[T]) -> CameAndWent {
    let texts = |values: &[T]| values.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
    let (old, new) = (texts(old), texts(new));
    CameAndWent { came: new.difference(&old).cloned().collect(), went: old.difference(&new).cloned().collect() }
}

/// Tags as `key=value`; the two that say the cluster's name, as the newer bundle has them.
fn tags(of: &Header, new: &Header) -> Vec<String> {
    let text = |Tag { key, value }: &Tag| match key.as_str() {
        "Name" if value.as_str() == of.name.as_str() => format!("Name={}", new.name),
        own if own == of.name.ownership_tag_key() => format!("{}={value}", new.name.ownership_tag_key()),
        other => format!("{other}={value}"),
    };
    of.tags.iter().map(text).collect()
}

/// Where the two bundles belong.
struct Place<'a> {
    old: &'a Header,
    new: &'a Header,
}

impl Place<'_> {
    fn is_same(&self) -> bool {
        let of = |header: &Header| {
            (header.partition.clone(), header.region.clone(), header.account_id.clone(), header.name.clone())
        };
        of(self.old) == of(self.new)
    }

    /// An ARN of the older bundle, as it would be in the newer one.
    fn arn(&self, text: &str) -> String {
        let mut parts: Vec<&str> = text.splitn(6, ':').collect();
        if let [_, partition, _, region, account, _] = parts.as_mut_slice()
            && text.starts_with("arn:")
        {
            for (part, old, new) in [
                (partition, self.old.partition.as_str(), self.new.partition.as_str()),
                (region, self.old.region.as_str(), self.new.region.as_str()),
                (account, self.old.account_id.as_str(), self.new.account_id.as_str()),
            ] {
                if *part == old {
                    *part = new;
                }
            }
        }
        parts.join(":")
    }

    fn statement(&self, statement: &PermissionStatement) -> PermissionStatement {
        if self.is_same() {
            return statement.clone();
        }
        let mut moved = statement.clone();
        moved.resource = ResourcePattern::new(self.arn(statement.resource.as_str())).unwrap_or(moved.resource);
        moved.condition = statement.condition.as_ref().map(|block| self.condition(block));
        moved
    }

    fn condition(&self, block: &Condition) -> Condition {
        let text = |text: &PolicyText| PolicyText::new(self.arn(text.as_str())).unwrap_or_else(|_| text.clone());
        let value = |value: &ConditionValue| match value {
            ConditionValue::Text(one) => ConditionValue::Text(text(one)),
            other => other.clone(),
        };
        let values = |values: &ConditionValues| match values {
            ConditionValues::One(one) => ConditionValues::One(value(one)),
            ConditionValues::Many(many) => ConditionValues::Many(many.iter().map(value).collect()),
        };
        // A key may end in the tag by which the cluster's resources are known.
        let (own, new) = (self.old.name.ownership_tag_key(), self.new.name.ownership_tag_key());
        let key = |key: &PolicyText| {
            let moved = key.as_str().strip_suffix(own.as_str()).map(|start| PolicyText::new(format!("{start}{new}")));
            moved.and_then(Result::ok).unwrap_or_else(|| key.clone())
        };
        let keys =
            |keys: &BTreeMap<PolicyText, ConditionValues>| keys.iter().map(|(k, v)| (key(k), values(v))).collect();
        block.iter().map(|(operator, block)| (operator.clone(), keys(block))).collect()
    }
}

type Role<'a> = (&'a Component, &'a RoleDocuments);

struct Roles<'a> {
    place: Place<'a>,
    tags: &'a CameAndWent,
    data: &'a ActionData,
    comparer: Comparer<'a>,
}

impl Roles<'_> {
    /// The roles that differ.
    fn compare(&self, old: &Contents, new: &Contents) -> Vec<RoleComparison> {
        let (before, after) = (by_secret(old), by_secret(new));
        let secrets: BTreeSet<_> = before.keys().chain(after.keys()).collect();
        let one = |secret: &&String| match (before.get(*secret), after.get(*secret)) {
            (Some(old), Some(new)) => self.both(*old, *new),
            (None, Some(new)) => Some(self.came(*new)),
            (Some(old), None) => Some(self.went(*old)),
            (None, None) => None,
        };
        secrets.iter().filter_map(one).collect()
    }

    fn came(&self, (component, role): Role<'_>) -> RoleComparison {
        let new = role.statements();
        let PolicyComparison { verdict, witnesses, undecided } = self.comparer.compare(&[], new);
        let mut all = changes(&[], new);
        all.extend(component.service_accounts.iter().map(|account| change(Changed::ServiceAccount, true, account)));
        all.extend(role.create.permissions_boundary.iter().map(|arn| change(Changed::Boundary, true, arn)));
        RoleComparison {
            role: component.role_name.to_string(),
            secret: component.secret(),
            presence: Presence::Came,
            verdict,
            changes: all,
            witnesses,
            undecided,
            before: Vec::new(),
        }
    }

    fn went(&self, (component, role): Role<'_>) -> RoleComparison {
        let before: Vec<_> = role.statements().iter().map(|one| self.place.statement(one)).collect();
        let mut levels = Levels::new(self.data);
        RoleComparison {
            role: component.role_name.to_string(),
            secret: component.secret(),
            presence: Presence::Went,
            verdict: Verdict::Narrowed,
            changes: changes(&before, &[]),
            witnesses: Vec::new(),
            undecided: Vec::new(),
            before: before.iter().map(|one| levels.statement(one, None)).collect(),
        }
    }

    fn both(&self, (was, old): Role<'_>, (is, new): Role<'_>) -> Option<RoleComparison> {
        let before: Vec<_> = old.statements().iter().map(|one| self.place.statement(one)).collect();
        let after = new.statements();
        let PolicyComparison { mut verdict, mut witnesses, mut undecided } = self.comparer.compare(&before, after);
        let mut all = changes(&before, after);
        for account in is.service_accounts.iter().filter(|account| !was.service_accounts.contains(account)) {
            all.push(change(Changed::ServiceAccount, true, account));
            verdict = verdict.max(Verdict::Widened);
            witnesses.extend(self.used_by(after, &format!("system:serviceaccount:{}:{account}", is.secret_namespace)));
        }
        for account in was.service_accounts.iter().filter(|account| !is.service_accounts.contains(account)) {
            all.push(change(Changed::ServiceAccount, false, account));
            verdict = verdict.max(Verdict::Narrowed);
        }
        let old_boundary = old.create.permissions_boundary.as_ref().map(|arn| self.place.arn(arn.as_str()));
        let new_boundary = new.create.permissions_boundary.as_ref().map(ToString::to_string);
        if old_boundary != new_boundary {
            all.extend(new_boundary.iter().map(|arn| change(Changed::Boundary, true, arn)));
            all.extend(old_boundary.iter().map(|arn| change(Changed::Boundary, false, arn)));
            match old_boundary {
                None => verdict = verdict.max(Verdict::Narrowed),
                Some(old) => {
                    undecided.push(format!(
                        "the boundary {old} no longer bounds the role, and no bundle says what it refuses"
                    ));
                    verdict = verdict.max(Verdict::Undecided);
                }
            }
        }
        if let Some(reason) = self.principal_tags(&before, after) {
            undecided.push(reason);
            verdict = verdict.max(Verdict::Undecided);
        }
        if was.token_path != is.token_path {
            all.push(change(Changed::TokenPath, true, &is.token_path));
            all.push(change(Changed::TokenPath, false, &was.token_path));
        }
        if all.is_empty() && verdict == Verdict::Same {
            return None;
        }
        let mut levels = Levels::new(self.data);
        Some(RoleComparison {
            role: is.role_name.to_string(),
            secret: is.secret(),
            presence: Presence::Both,
            verdict,
            changes: all,
            witnesses,
            undecided,
            before: before.iter().map(|one| levels.statement(one, None)).collect(),
        })
    }

    /// Something that the role allows, as a subject that might not assume it before.
    fn used_by(&self, statements: &[PermissionStatement], subject: &str) -> Option<Witness> {
        let mut witness = self.comparer.compare(&[], statements).witnesses.into_iter().next()?;
        let key = format!("{}:sub", self.place.new.issuer_url.as_ref()?.without_scheme());
        witness.context.insert(key, vec![subject.to_owned()]);
        Some(witness)
    }

    /// A role's tags are its sessions' principal tags, on which its own policy may rest.
    fn principal_tags(&self, old: &[PermissionStatement], new: &[PermissionStatement]) -> Option<String> {
        let rests = |statement: &PermissionStatement| {
            serde_json::to_string(statement).is_ok_and(|text| text.to_ascii_lowercase().contains("aws:principaltag"))
        };
        let changed = !(self.tags.came.is_empty() && self.tags.went.is_empty());
        (changed && old.iter().chain(new).any(rests))
            .then(|| "the policy rests on aws:PrincipalTag, and the tags of the role changed".to_owned())
    }
}

fn change(what: Changed, came: bool, value: &impl ToString) -> Change {
    Change { what, statement: None, came, value: value.to_string() }
}

fn by_secret(contents: &Contents) -> BTreeMap<String, Role<'_>> {
    contents.each_role().map(|role| (role.0.secret(), role)).collect()
}
