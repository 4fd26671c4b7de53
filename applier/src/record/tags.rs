//! A record as tags of an identity provider, for bundles that make no bucket.
//!
//! Input: a record; or the provider's tags, which are untrusted: whoever may tag the provider can write them. Output: tags; or
//! the record without its roles, and [`Marks`] by which these are recognised. Rules: IAM user guide, tagging rules (at most 50
//! tags a provider, values of at most 256 letters, digits, spaces and `_.:/=+-@`).
//!
//! A value has no room for the names and IDs of roles, so each role is a mark: 48 bits of a SHA-256 over both. IAM chooses the
//! IDs, so nobody can make a role that fits a mark but by trying, with a `CreateRole` for each of some 2^48 attempts.

use std::collections::{BTreeMap, BTreeSet};

use bundle_schema::limits::MAX_SERIAL;
use bundle_schema::names::{ClusterName, Sha256, Timestamp};

use super::{Made, Making, Record, RecordError, RecordState};

/// What the keys of every such record begin with. A cluster's name has no `/`, so no key is another bundle's, and none is
/// one of the cluster's own tags.
const PREFIX: &str = "sts-airlock/roles/";
/// Tags of one provider [IAM quotas].
pub(crate) const MAX_TAGS: usize = 50;
/// Hexadecimal digits of a mark.
const MARK: usize = 12;
/// Marks of one tag: as many as 256 characters hold.
const MARKS_A_TAG: usize = 21;
/// Characters of the caller that are kept. All else in the first tag has at most 154.
const MAX_CALLER: usize = 100;

const STATES: [(RecordState, &str); 5] = [
    (RecordState::Applying, "applying"),
    (RecordState::Stopped, "stopped"),
    (RecordState::Applied, "applied"),
    (RecordState::Deleting, "deleting"),
    (RecordState::DeletionStopped, "deletion-stopped"),
];

/// The key of a record's first tag.
pub(crate) fn key(name: &ClusterName) -> String {
    format!("{PREFIX}{name}")
}

/// The key of a tag with marks, counted from 1.
fn list_key(name: &ClusterName, number: usize) -> String {
    format!("{PREFIX}{name}/{number}")
}

/// The keys of a record with this many roles.
pub(crate) fn keys(name: &ClusterName, roles: usize) -> impl Iterator<Item = String> {
    let lists = (1..=roles.div_ceil(MARKS_A_TAG)).map(|number| list_key(name, number));
    std::iter::once(key(name)).chain(lists)
}

/// The bundle whose record a tag belongs to, where it does.
pub(crate) fn bundle_of(key: &str) -> Option<ClusterName> {
    let rest = key.strip_prefix(PREFIX)?;
    let (name, number) = rest.split_once('/').map_or((rest, None), |(name, number)| (name, Some(number)));
    if number.is_some_and(|number| canonical(number).is_none_or(|number| number == 0)) {
        return None;
    }
    ClusterName::new(name).ok()
}

/// The roles of a record, without their names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Marks(BTreeSet<String>);

impl Marks {
    /// Those of roles that were made, and of names that were about to be.
    fn of(made: &Made, making: &Making) -> Self {
        let made = made.roles.iter().map(|(name, id)| made_mark(name.as_str(), id.as_str()));
        Self(made.chain(making.roles.iter().map(|name| making_mark(name.as_str()))).collect())
    }

    /// Whether the record has this role, by its identity.
    pub(crate) fn has_made(&self, name: &str, id: &str) -> bool {
        self.0.contains(&made_mark(name, id))
    }

    /// Whether the run was about to make a role of this name.
    pub(crate) fn has_making(&self, name: &str) -> bool {
        self.0.contains(&making_mark(name))
    }
}

/// No role's name has a space.
fn made_mark(name: &str, id: &str) -> String {
    mark(&format!("made {name} {id}"))
}

fn making_mark(name: &str) -> String {
    mark(&format!("making {name}"))
}

fn mark(text: &str) -> String {
    Sha256::of(text.as_bytes()).as_str().chars().take(MARK).collect()
}

/// A record as it was read: its version, and what it says.
pub(crate) struct TagRecord {
    /// The SHA-256 of its tags.
    pub(crate) etag: String,
    /// The record without its roles, and these.
    pub(crate) content: Result<(Record, Marks), RecordError>,
}

/// The tags of a record, and the version that they will be.
pub(crate) fn write(record: &Record) -> (BTreeMap<String, String>, String) {
    let marks = Marks::of(&record.made, &record.making);
    let tags = to_tags(record, &marks);
    let etag = etag(&tags);
    (tags, etag)
}

fn to_tags(record: &Record, Marks(marks): &Marks) -> BTreeMap<String, String> {
    let Record { version, name, state, serial, sha256, time, caller, run, made: _, making: _ } = record;
    let state = STATES.iter().find(|(other, _)| other == state).map_or("", |(_, word)| word);
    let count = marks.len();
    let first = format!("{version} {state} {serial} {sha256} {time} {run} {count} {}", short_caller(caller));
    let all: Vec<&String> = marks.iter().collect();
    let lists = all.chunks(MARKS_A_TAG).zip(1..);
    let lists = lists.map(|(marks, number)| (list_key(name, number), marks.iter().map(|mark| mark.as_str()).collect()));
    std::iter::once((key(name), first)).chain(lists).collect()
}

/// Who writes, without the account and in the characters that a tag may have: for people, who find the rest in CloudTrail.
fn short_caller(arn: &str) -> String {
    let rest = arn.splitn(6, ':').last().unwrap_or_default();
    let allowed = |c: char| if is_allowed(c) { c } else { '_' };
    let short: String = rest.chars().map(allowed).take(MAX_CALLER).collect();
    if short.is_empty() { "_".to_owned() } else { short }
}

fn is_allowed(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_.:/=+-@".contains(c)
}

fn etag<'a>(tags: impl IntoIterator<Item = (&'a String, &'a String)>) -> String {
    let lines: Vec<String> = tags.into_iter().map(|(key, value)| format!("{key}={value}\n")).collect();
    Sha256::of(lines.concat().as_bytes()).to_string()
}

/// The record of the bundle of this name: none where the provider has no tag of it.
pub(crate) fn read(tags: &BTreeMap<String, String>, name: &ClusterName) -> Option<TagRecord> {
    let ours = || tags.iter().filter(|(key, _)| bundle_of(key).as_ref() == Some(name));
    ours().next()?;
    Some(match parse(tags, name) {
        // What is left of a longer list of marks is no part of the record.
        Ok((record, marks)) => TagRecord { etag: etag(&to_tags(&record, &marks)), content: Ok((record, marks)) },
        Err(error) => TagRecord { etag: etag(ours()), content: Err(error) },
    })
}

fn parse(tags: &BTreeMap<String, String>, name: &ClusterName) -> Result<(Record, Marks), RecordError> {
    let get = |key: String| tags.get(&key).ok_or(RecordError::MissingTag { key });
    let first = get(key(name))?;
    let malformed = || RecordError::Tag { key: key(name) };
    let (record, count) = parse_first(first, name).ok_or_else(malformed)?;
    if record.version != Record::VERSION {
        return Err(RecordError::Version { found: record.version });
    }
    let mut marks = BTreeSet::new();
    for (number, left) in (1..).zip((1..=count).rev().step_by(MARKS_A_TAG)) {
        let key = list_key(name, number);
        let list = get(key.clone())?;
        let is_hex = list.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        if list.len() != MARK * left.min(MARKS_A_TAG) || !is_hex {
            return Err(RecordError::Tag { key });
        }
        let digits: Vec<char> = list.chars().collect();
        marks.extend(digits.chunks(MARK).map(|mark| mark.iter().collect::<String>()));
    }
    let marks = Marks(marks);
    // One spelling only: a mark that stands twice or out of order, or a number with a zero before it, is not of this program.
    let written = to_tags(&record, &marks);
    match written.into_iter().find(|(key, value)| tags.get(key) != Some(value)) {
        Some((key, _)) => Err(RecordError::Tag { key }),
        None => Ok((record, marks)),
    }
}

/// The first tag: the record without its roles, and how many there are.
fn parse_first(text: &str, name: &ClusterName) -> Option<(Record, usize)> {
    let fields: Vec<&str> = text.split(' ').collect();
    let [version, state, serial, sha256, time, run, count, caller] = fields.as_slice() else { return None };
    let is_run = run.len() == 32 && run.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    let is_caller = (1..=MAX_CALLER).contains(&caller.len()) && caller.chars().all(is_allowed);
    let count = canonical(count).filter(|count| count.div_ceil(MARKS_A_TAG) < MAX_TAGS)?;
    let record = Record {
        version: u32::try_from(canonical(version)?).ok()?,
        name: name.clone(),
        state: STATES.iter().find(|(_, word)| word == state)?.0,
        serial: canonical(serial)
            .and_then(|serial| u64::try_from(serial).ok())
            .filter(|n| (1..=MAX_SERIAL).contains(n))?,
        sha256: Sha256::new(*sha256).ok()?,
        time: Timestamp::parse(time).ok()?,
        caller: (*caller).to_owned(),
        run: (*run).to_owned(),
        made: Made::default(),
        making: Making::default(),
    };
    (is_run && is_caller).then_some((record, count))
}

/// A number in its one spelling.
fn canonical(text: &str) -> Option<usize> {
    text.parse::<usize>().ok().filter(|number| number.to_string() == text)
}

/// A bundle whose record stands on a provider, and the serial that it says; none where it cannot be read.
pub(crate) fn bundles(tags: &BTreeMap<String, String>) -> BTreeMap<ClusterName, Option<u64>> {
    let names: BTreeSet<ClusterName> = tags.keys().filter_map(|key| bundle_of(key)).collect();
    let serial = |name: &ClusterName| Some(read(tags, name)?.content.ok()?.0.serial);
    names.into_iter().map(|name| (name.clone(), serial(&name))).collect()
}
