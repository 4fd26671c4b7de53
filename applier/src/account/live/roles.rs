//! Which roles of the account are read: those of the bundle, and those of the cluster that the bundle does not have.
//!
//! Input: a bundle, the record, those of the issuers that the cluster had before, and one listing of the account's roles. Output: the roles, with their policies. The listing
//! has no tags, so those of a role that has the cluster's beginning and that neither bundle nor record knows are read first.
//!
//! IAM is eventually consistent: a listing may lack what was made, or have what was removed, a moment ago. For a plan that is
//! good enough. What a run that was cut off has made, or was about to make, stands in the record and is asked for by name,
//! whatever the listing says; a role that somebody else makes meanwhile is met by the writer, which looks at it when
//! `CreateRole` answers `EntityAlreadyExists`; and `DeleteRole` is content with a role that is gone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bundle_schema::documents::contents::Contents;
use bundle_schema::names::RoleName;
use tokio::task::JoinSet;

use super::{LiveError, LiveRole, ReadAccount, RoleReading, Roles, Scope, is_owned};
use crate::account::error::AwsError;
use crate::record::Record;
use crate::record::tags::Marks;

/// What the record knows of the roles.
#[derive(Clone, Copy)]
pub(super) enum Known<'a> {
    /// There is no record.
    Nothing,
    /// Their names.
    Names(&'a Record),
    /// Marks, by which they are recognised in a listing.
    Marks(&'a Marks),
}

impl<'a> Known<'a> {
    pub(super) fn of(record: Option<&'a Record>) -> Self {
        record.map_or(Self::Nothing, Self::Names)
    }
}

/// The roles of an account that a plan is about.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// Those that the bundle has.
    pub(super) bundled: Roles,
    /// Those that it does not have, and that carry the cluster's tag or that the record names.
    pub(super) others: Roles,
}

impl Read {
    /// A record that has marks alone, with the names and IDs of the roles that fit one. What fits none is gone.
    pub(super) fn named(&self, mut record: Record, marks: &Marks, contents: &Contents) -> Record {
        for (name, role) in self.bundled.iter().chain(&self.others) {
            if marks.has_made(name.as_str(), role.id.as_str()) {
                record.made.roles.insert(name.clone(), role.id.clone());
            }
        }
        let bundled = contents.roles.iter().map(|documents| &documents.create.role_name);
        let names = bundled.chain(self.others.keys()).filter(|name| marks.has_making(name.as_str()));
        record.making.roles = names.cloned().collect();
        record
    }
}

type Reads = JoinSet<Result<(RoleName, Option<LiveRole>), AwsError>>;

/// Reads them, those that have to be read in any case while the listing is under way.
pub(super) async fn read<A: ReadAccount>(
    account: &Arc<A>,
    contents: &Contents,
    known: &[Known<'_>],
    scope: Scope,
) -> Result<Read, LiveError> {
    let header = &contents.header;
    let bundled: BTreeMap<&RoleName, &RoleName> =
        contents.roles.iter().map(|role| (&role.create.role_name, &role.policy.policy_name)).collect();
    let (mut recorded, mut making, mut marks) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    for known in known {
        match known {
            Known::Names(record) => {
                recorded.extend(record.made.roles.keys().chain(&record.making.roles));
                making.extend(&record.making.roles);
            }
            Known::Marks(of_record) => marks.push(*of_record),
            Known::Nothing => {}
        }
    }
    // A role's name is taken whatever its path is, and the listing of a path does not have the roles of another. Whatever path
    // an earlier bundle had, its roles are recognised only where they are listed.
    let path = Some(&header.role_path).filter(|path| marks.is_empty() && path.as_str() != "/");
    let mut reads = Reads::new();
    let read = |reads: &mut Reads, name: &RoleName, policy: &RoleName, is_listed: bool| {
        let reading = match (recorded.contains(name) && !making.contains(name), is_listed) {
            // What a run that was cut off has made is known by all that it is.
            (true, _) if scope == Scope::Removal => RoleReading::ForRemoval,
            (true, _) | (false, true) => RoleReading::Expected,
            (false, false) => RoleReading::Guessed,
        };
        let (account, name, policy) = (Arc::clone(account), name.clone(), policy.clone());
        reads.spawn(async move {
            let live = account.role(&name, &policy, reading).await?;
            Ok((name, live))
        });
    };
    let must_be_read = |name: &RoleName| path.is_some() || !marks.is_empty() || recorded.contains(name);
    for (name, policy) in bundled.iter().filter(|(name, _)| must_be_read(name)) {
        read(&mut reads, name, policy, false);
    }
    for name in recorded.iter().filter(|name| !bundled.contains_key(*name)) {
        read(&mut reads, name, name, false);
    }

    let listed = account.list_roles(path).await?;
    // IAM takes two names for one that differ by case alone.
    let listed_folded: BTreeSet<String> = listed.iter().map(|role| role.name.to_ascii_lowercase()).collect();
    let bundled_folded: BTreeSet<String> = bundled.keys().map(|name| name.as_str().to_ascii_lowercase()).collect();
    let is_listed = |name: &RoleName| listed_folded.contains(&name.as_str().to_ascii_lowercase());
    for (name, policy) in bundled.iter().filter(|(name, _)| !must_be_read(name) && is_listed(name)) {
        read(&mut reads, name, policy, true);
    }
    let beginning = format!("{}-", header.name);
    let strangers = listed.iter().filter(|role| role.name.starts_with(&beginning));
    // A name that this project would refuse is none that it made.
    let strangers = strangers.filter_map(|role| Some((RoleName::new(&role.name).ok()?, &role.id)));
    for (name, id) in strangers
        .filter(|(name, _)| !recorded.contains(name) && !bundled_folded.contains(&name.as_str().to_ascii_lowercase()))
    {
        if marks.iter().any(|marks| marks.has_made(name.as_str(), id)) {
            read(&mut reads, &name, &name, true);
            continue;
        }
        let (account, cluster) = (Arc::clone(account), header.name.clone());
        reads.spawn(async move {
            let tags = account.role_tags(&name).await?;
            let is_owned = tags.is_some_and(|tags| is_owned(&tags, &cluster));
            let live = if is_owned { account.role(&name, &name, RoleReading::Expected).await? } else { None };
            Ok((name, live))
        });
    }

    let mut all = Read::default();
    let (mut done, of) = (0, reads.len());
    while let Some(read) = reads.join_next().await {
        done += 1;
        account.has_read(done, of);
        let (name, live) = read.map_err(|_| LiveError::CutOff)??;
        let roles = if bundled.contains_key(&name) { &mut all.bundled } else { &mut all.others };
        roles.extend(live.map(|live| (name, live)));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Fake, Held, contents, parsed, record, tag_set};

    fn names(roles: &Roles) -> Vec<String> {
        roles.keys().map(ToString::to_string).collect()
    }

    /// What is read of an account, and which roles were asked for.
    fn read_of(contents: &Contents, held: Held, record: Option<&Record>) -> (Read, Vec<String>) {
        let account = Arc::new(Fake::new(held));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let read = runtime.block_on(read(&account, contents, &[Known::of(record)], Scope::Whole)).unwrap();
        let mut asked = account.log.lock().unwrap().clone();
        asked.sort();
        (read, asked)
    }

    #[test]
    fn a_role_that_is_not_listed_is_not_asked_for() {
        let (read, asked) = read_of(&contents(), Held::nothing(), None);
        assert_eq!((names(&read.bundled), names(&read.others)), (vec![], vec![]));
        assert_eq!(asked, ["list /"]);
        let (read, asked) = read_of(&contents(), Held::everything(&contents()), None);
        assert_eq!(names(&read.bundled), ["prod-disk", "prod-registry"]);
        assert_eq!(asked, ["list /", "read prod-disk", "read prod-registry"]);
    }

    #[test]
    fn what_the_record_names_is_asked_for_whatever_the_listing_says() {
        let mut record = record();
        record.making.roles.insert(parsed("prod-late"));
        let (read, asked) = read_of(&contents(), Held::nothing(), Some(&record));
        assert_eq!((names(&read.bundled), names(&read.others)), (vec![], vec![]));
        assert_eq!(asked, ["list /", "read prod-disk", "read prod-late", "read prod-registry"]);
    }

    #[test]
    fn a_deletion_asks_for_no_policy_of_a_role_that_was_made() {
        let mut record = record();
        let disk: RoleName = parsed("prod-disk");
        record.made.roles.remove(&disk);
        record.making.roles.insert(disk.clone());
        let account = Arc::new(Fake::new(Held::everything(&contents())));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let known = [Known::of(Some(&record))];
        let read = runtime.block_on(read(&account, &contents(), &known, Scope::Removal)).unwrap().bundled;
        assert_eq!(read[&parsed("prod-registry")].policy.as_deref(), Some(""), "that it is there");
        assert_eq!(
            read[&disk].policy,
            account.held.lock().unwrap().roles[&disk].policy,
            "how it was made says whose it is"
        );
    }

    #[test]
    fn a_path_of_its_own_says_nothing_about_names_elsewhere() {
        let mut contents = contents();
        contents.header.role_path = parsed("/team/");
        let (_, asked) = read_of(&contents, Held::nothing(), None);
        assert_eq!(asked, ["list /team/", "read prod-disk", "read prod-registry"]);
    }

    #[test]
    fn what_carries_the_tag_is_read_and_what_another_cluster_has_is_not() {
        let mut held = Held::everything(&contents());
        let role = held.role("prod-disk").clone();
        let others = [
            ("prod-old", Some("openshift.io/cloud-credential-operator/prod")),
            ("prod-a-disk", Some("openshift.io/cloud-credential-operator/prod-a")),
            ("prod-none", None),
            ("prod-DISK", Some("openshift.io/cloud-credential-operator/prod")),
            ("production", Some("openshift.io/cloud-credential-operator/prod")),
        ];
        for (name, tag) in others {
            let tags = tag.map(|tag| tag_set(&[(tag, "owned")])).unwrap_or_default();
            held.others.insert(parsed(name), LiveRole { tags, ..role.clone() });
        }
        let (read, asked) = read_of(&contents(), held, Some(&record()));
        assert_eq!(
            (names(&read.bundled), names(&read.others)),
            (vec!["prod-disk".to_owned(), "prod-registry".to_owned()], vec!["prod-old".to_owned()])
        );
        assert_eq!(
            asked,
            [
                "list /",
                "read prod-disk",
                "read prod-old",
                "read prod-registry",
                "tags prod-a-disk",
                "tags prod-none",
                "tags prod-old"
            ]
        );
    }
}
