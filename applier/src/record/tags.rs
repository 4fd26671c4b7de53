//! A record as tags of an identity provider, for bundles that make no bucket.
//!
//! Input: a record; or the provider's tags, which are untrusted: whoever may tag the provider can write them. Output: tags; or
//! the record without its roles, and [`Marks`] by which these are recognised. Rules: IAM user guide, tagging rules (at most 50
//! tags a provider, values of at most 256 letters, digits, spaces and `_.:/=+-@`).
//!
//! A value has no room for the names and IDs of roles, so each role is a mark: 48 bits of a SHA-256 over both. IAM chooses the
//! IDs, so nobody can make a role that fits a mark but by trying, with a `CreateRole` for each of some 2^48 attempts. A provider
//! that is the bundle's own is a mark too, over the time when IAM made it.

use std::collections::{BTreeMap, BTreeSet};

use bundle_schema::limits::MAX_SERIAL;
use bundle_schema::names::{ClusterName, Sha256, Timestamp};

use super::{Made, MadeProvider, Making, Record, RecordError, RecordState};

/// What the keys of every such record begin with. A cluster's name has no `/`, so no key is another bundle's, and none is
/// one of the cluster's own tags.
const PREFIX: &str = "sts-airlock/record/";
/// Tags of one provider [IAM quotas].
pub(crate) const MAX_TAGS: usize = 50;
/// Hexadecimal digits of a mark.
const MARK: usize = 12;
/// Marks of one tag: as many as 256 characters hold.
const MARKS_A_TAG: usize = 21;
/// Characters of the caller that are kept. All else in the first tag has at most 218.
const MAX_CALLER: usize = 37;
/// What stands for the digest of a plan where there is none.
const NO_PLAN: &str = "-";

const STATES: [(RecordState, &str); 7] = [
    (RecordState::Applying, "applying"),
    (RecordState::Stopped, "stopped"),
    (RecordState::Applied, "applied"),
    (RecordState::Deleting, "deleting"),
    (RecordState::DeletionStopped, "deletion-stopped"),
    (RecordState::Moved, "moved"),
    (RecordState::MovedDeleting, "moved-deleting"),
];

/// The key of a record's first tag.
pub(crate) fn key(name: &ClusterName) -> String {
    format!("{PREFIX}{name}")
}

/// The key of a tag with marks, counted from 1.
fn list_key(name: &ClusterName, number: usize) -> String {
    format!("{PREFIX}{name}/{number}")
}

/// The keys of a record with this many marks.
pub(crate) fn keys(name: &ClusterName, marks: usize) -> impl Iterator<Item = String> {
    let lists = (1..=marks.div_ceil(MARKS_A_TAG)).map(|number| list_key(name, number));
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

/// What a record says is the bundle's, without names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Marks(BTreeSet<String>);

impl Marks {
    /// Those of the provider and the roles that were made, and of names that were about to be.
    fn of(made: &Made, making: &Making) -> Self {
        let provider = made.provider.iter().map(|MadeProvider { created, .. }| provider_mark(*created));
        let roles = made.roles.iter().map(|(name, id)| made_mark(name.as_str(), id.as_str()));
        let making = making.roles.iter().map(|name| making_mark(name.as_str()));
        Self(provider.chain(roles).chain(making).collect())
    }

    /// Whether the provider that IAM made at this time is the bundle's own.
    pub(crate) fn has_provider(&self, created: Timestamp) -> bool {
        self.0.contains(&provider_mark(created))
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

fn provider_mark(created: Timestamp) -> String {
    mark(&format!("provider {created}"))
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
    let Record { version, name, state, serial, sha256, time, caller, run, plan_digest, made: _, making: _ } = record;
    let state = STATES.iter().find(|(other, _)| other == state).map_or("", |(_, word)| word);
    let count = marks.len();
    let plan = plan_digest.as_ref().map_or(NO_PLAN, Sha256::as_str);
    let first = format!("{version} {state} {serial} {sha256} {time} {run} {plan} {count} {}", short_caller(caller));
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
    let [version, state, serial, sha256, time, run, plan, count, caller] = fields.as_slice() else { return None };
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
        plan_digest: if *plan == NO_PLAN { None } else { Some(Sha256::new(*plan).ok()?) },
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::parsed;
    use crate::record::RoleId;

    /// A record of so many roles that were made, and of one that is about to be.
    fn record(roles: usize) -> Record {
        let id = |number: usize| RoleId::try_from(format!("AROAEXAMPLE{number:09}")).unwrap();
        let made = (0..roles).map(|number| (parsed(&format!("addons-{number}")), id(number))).collect();
        Record {
            version: Record::VERSION,
            name: parsed("addons"),
            state: RecordState::DeletionStopped,
            serial: MAX_SERIAL,
            sha256: Sha256::of(b"bundle"),
            time: Timestamp::from_unix(0).unwrap(),
            caller: format!("arn:aws:sts::123456789012:assumed-role/Admin/{},", "x".repeat(300)),
            run: "0".repeat(32),
            plan_digest: Some(Sha256::of(b"plan")),
            made: Made { roles: made, ..Made::default() },
            making: Making { roles: [parsed("addons-new")].into(), ..Making::default() },
        }
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        for roles in [0, 20, 21, 1_000] {
            let record = record(roles);
            let (mut tags, version) = write(&record);
            tags.insert("sts-airlock/serial".to_owned(), "1".to_owned());
            tags.insert("sts-airlock/record/addons2/1".to_owned(), "x".to_owned());
            let found = read(&tags, &parsed("addons")).unwrap();
            let (read, marks) = found.content.unwrap();
            assert_eq!(found.etag, version);
            let caller = format!("assumed-role/Admin/{}", "x".repeat(18));
            let expected =
                Record { made: Made::default(), making: Making::default(), caller: caller.clone(), ..record.clone() };
            assert_eq!(read, expected);
            assert!(record.made.roles.iter().all(|(name, id)| marks.has_made(name.as_str(), id.as_str())));
            assert!(
                !marks.has_made("addons-0", "AROAEXAMPLEOTHER") && !marks.has_made("addons-1", "AROAEXAMPLE000000000")
            );
            assert!(marks.has_making("addons-new") && !marks.has_making("addons-0"));
            let expected: BTreeSet<String> = keys(&record.name, roles + 1).collect();
            assert_eq!(write(&record).0.into_keys().collect::<BTreeSet<_>>(), expected);
        }
    }

    #[test]
    fn every_value_is_one_that_iam_takes() {
        let (tags, _) = write(&record(1_000));
        assert_eq!(tags.len(), 1 + 48);
        for (key, value) in &tags {
            assert!(key.len() <= 128 && value.len() <= 256, "{key} {}", value.len());
            assert!(value.chars().all(|c| is_allowed(c) || c == ' '), "{value}");
        }
        assert_eq!(tags["sts-airlock/record/addons"].len(), 255);
        assert_eq!(tags["sts-airlock/record/addons/1"].len(), 252);
    }

    #[test]
    fn what_is_left_of_a_longer_record_says_nothing() {
        let (mut tags, _) = write(&record(30));
        let (shorter, version) = write(&record(3));
        tags.extend(shorter);
        let found = read(&tags, &parsed("addons")).unwrap();
        let (_, marks) = found.content.unwrap();
        assert_eq!(found.etag, version);
        assert!(marks.has_made("addons-2", "AROAEXAMPLE000000002"));
        assert!(!marks.has_made("addons-29", "AROAEXAMPLE000000029"));
    }

    #[test]
    fn nothing_else_is_a_record() {
        assert!(read(&BTreeMap::new(), &parsed("addons")).is_none());
        let first = key(&parsed("addons"));
        let refuse = |change: &dyn Fn(&mut BTreeMap<String, String>)| {
            let (mut tags, _) = write(&record(30));
            change(&mut tags);
            read(&tags, &parsed("addons")).unwrap().content.unwrap_err()
        };
        let malformed = RecordError::Tag { key: first.clone() };
        for (from, to) in [
            ("deletion-stopped", "gone"),
            ("deletion-stopped", "Deletion-Stopped"),
            (" 999999999 ", " 1000000000 "),
            (" 999999999 ", " 0 "),
            (" 999999999 ", " 0999999999 "),
            (" 999999999 ", " +999999999 "),
            ("1970-01-01T00:00:00Z", "1970-01-01 00:00:00Z"),
            ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00+00:00"),
            (" 00000000000000000000000000000000 ", " 0000000000000000000000000000000 "),
            (" 31 assumed", " 1030 assumed"),
            (" 31 assumed", " 18446744073709551616 assumed"),
            (" 31 assumed", " -1 assumed"),
            (" 31 assumed", " 31  assumed"),
            ("Admin/", "Admin/\u{e9}"),
            ("Admin/", "Admin/xx"),
            ("1 ", ""),
        ] {
            let error = refuse(&|tags| {
                let text = tags.get_mut(&first).unwrap();
                assert!(text.contains(from), "{text} {from}");
                *text = text.replacen(from, to, 1);
            });
            assert_eq!(error, malformed, "{to}");
        }
        let version = refuse(&|tags| tags.get_mut(&first).unwrap().insert(0, '2'));
        assert_eq!(version, RecordError::Version { found: 21 });
        assert_eq!(refuse(&|tags| drop(tags.remove(&first))), RecordError::MissingTag { key: first.clone() });

        let list = |number| list_key(&parsed("addons"), number);
        assert_eq!(refuse(&|tags| drop(tags.remove(&list(2)))), RecordError::MissingTag { key: list(2) });
        let changed = |number, change: &dyn Fn(&mut String)| {
            let error = refuse(&|tags| change(tags.get_mut(&list(number)).unwrap()));
            assert_eq!(error, RecordError::Tag { key: list(number) });
        };
        changed(1, &|text| text.truncate(251));
        changed(2, &|text| text.push_str("000000000000"));
        changed(2, &|text| *text = text.to_uppercase().replace('0', "A"));
        changed(2, &|text| text.replace_range(..2, "\u{e9}"));
        changed(1, &|text| text.replace_range(..12, "ffffffffffff"));
        // Twice the same: they are fewer than the first tag says.
        let repeated = refuse(&|tags| {
            let text = tags.get_mut(&list(2)).unwrap();
            let first = text[..12].to_owned();
            text.replace_range(12..24, &first);
        });
        assert_eq!(repeated, malformed);
    }

    #[test]
    fn a_key_belongs_to_one_bundle() {
        let of = |key: &str| bundle_of(key).map(|name| name.to_string());
        assert_eq!(of("sts-airlock/record/addons").as_deref(), Some("addons"));
        assert_eq!(of("sts-airlock/record/serial/12").as_deref(), Some("serial"));
        for other in [
            "sts-airlock/serial",
            "sts-airlock/roles",
            "sts-airlock/record/",
            "sts-airlock/record/Addons",
            "sts-airlock/record/addons/",
            "sts-airlock/record/addons/0",
            "sts-airlock/record/addons/01",
            "sts-airlock/record/addons/x",
            "sts-airlock/record/addons/1/1",
            "Sts-airlock/roles/addons",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
    }

    #[test]
    fn bundles_on_a_provider_are_named_with_their_serials() {
        let (mut tags, _) = write(&record(1));
        tags.insert("sts-airlock/record/more/1".to_owned(), "x".to_owned());
        tags.insert("sts-airlock/record/more".to_owned(), "x".to_owned());
        let bundles: Vec<(String, Option<u64>)> =
            super::bundles(&tags).into_iter().map(|(name, serial)| (name.to_string(), serial)).collect();
        assert_eq!(bundles, [("addons".to_owned(), Some(MAX_SERIAL)), ("more".to_owned(), None)]);
    }
}
