//! Reading action data.
//!
//! Input: the bytes of `action-data/actions.json.gz`, or of a newer file of somebody else's. Output: data whose places all exist
//! and whose lists are sorted, so that nothing has to be checked again; or what is wrong with it.

use std::collections::BTreeMap;

use bundle_schema::archive::{ArchiveError, gunzip};
use bundle_schema::escape::Escaped;
use bundle_schema::json::{self, JsonError};
use bundle_schema::limits::MAX_ARCHIVE_BYTES;
use serde::Deserialize;

use super::{AccessLevel, ActionData, ActionRow, KeyType, Of, ResourceRow, Service, Use, in_any_case};

/// The version of the format.
const FORMAT: u32 = 1;
/// A name, a key or an ARN, in bytes; the longest has 144.
const MAX_TEXT_BYTES: usize = 256;

/// Why bytes are not action data.
#[derive(Debug, thiserror::Error)]
pub enum ActionDataError {
    /// The gzip member.
    #[error("action data cannot be decompressed")]
    Gzip(#[from] ArchiveError),
    /// Too much, without being packed.
    #[error("action data has {0} bytes; at most {MAX_ARCHIVE_BYTES} are allowed")]
    TooLarge(usize),
    /// Not JSON, or not of the format.
    #[error("action data is not of the expected form\n  make it with generator/action-data/make_action_data.py")]
    Json(#[from] JsonError),
    /// Another version of the format.
    #[error(
        "action data has format {0}; this program reads format {FORMAT}\n  make it with the make_action_data.py of this program's version"
    )]
    Format(u32),
    /// A value that is none.
    #[error("action data has {what} \"{}\" in {}, which is none", Escaped(.value), Escaped(.place))]
    Value {
        /// What it should be.
        what: &'static str,
        /// What it is.
        value: String,
        /// The service.
        place: String,
    },
    /// A list that is not sorted.
    #[error("action data has \"{}\" after \"{}\" in {}; each has to come once, sorted without regard to case", Escaped(.second), Escaped(.first), Escaped(.place))]
    Order {
        /// The name that comes first.
        first: String,
        /// The name that follows it.
        second: String,
        /// The service.
        place: String,
    },
    /// A place that is not there.
    #[error("action data of {} names place {found} of {list}, which has {length}", Escaped(.service))]
    Place {
        /// The service.
        service: String,
        /// The list.
        list: &'static str,
        /// The place, from 0.
        found: u16,
        /// How many the list has.
        length: usize,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireData {
    format: u32,
    version: String,
    date: String,
    services: Vec<WireService>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct WireService {
    prefix: String,
    name: String,
    keys: Vec<(String, WireType)>,
    key_sets: Vec<Vec<u16>>,
    resources: Vec<(String, Vec<String>, u16)>,
    uses: Vec<(Vec<u16>, Vec<u16>, u16)>,
    actions: Vec<(String, WireLevel, u16)>,
}

#[derive(Clone, Copy, Deserialize)]
enum WireLevel {
    P,
    W,
    T,
    R,
    L,
}

#[derive(Clone, Copy, Deserialize)]
enum WireType {
    String,
    #[serde(rename = "ARN")]
    Arn,
    Bool,
    Date,
    #[serde(rename = "IPAddress")]
    IpAddress,
    Numeric,
    ArrayOfString,
    #[serde(rename = "ArrayOfARN")]
    ArrayOfArn,
    ArrayOfBool,
    ArrayOfDate,
    #[serde(rename = "ArrayOfIPAddress")]
    ArrayOfIpAddress,
    ArrayOfNumeric,
}

impl From<WireLevel> for AccessLevel {
    fn from(level: WireLevel) -> Self {
        match level {
            WireLevel::P => Self::PermissionsManagement,
            WireLevel::W => Self::Write,
            WireLevel::T => Self::Tagging,
            WireLevel::R => Self::Read,
            WireLevel::L => Self::List,
        }
    }
}

impl From<WireType> for KeyType {
    fn from(wire: WireType) -> Self {
        let (of, several) = match wire {
            WireType::String => (Of::String, false),
            WireType::Arn => (Of::Arn, false),
            WireType::Bool => (Of::Bool, false),
            WireType::Date => (Of::Date, false),
            WireType::IpAddress => (Of::IpAddress, false),
            WireType::Numeric => (Of::Numeric, false),
            WireType::ArrayOfString => (Of::String, true),
            WireType::ArrayOfArn => (Of::Arn, true),
            WireType::ArrayOfBool => (Of::Bool, true),
            WireType::ArrayOfDate => (Of::Date, true),
            WireType::ArrayOfIpAddress => (Of::IpAddress, true),
            WireType::ArrayOfNumeric => (Of::Numeric, true),
        };
        Self { of, several }
    }
}

/// Reads data of others: every limit and every rule of the format is checked.
pub(super) fn strict(bytes: &[u8]) -> Result<ActionData, ActionDataError> {
    let data = wire(bytes, json::parse_any_layout)?;
    check_text("version", &data.version, "its head")?;
    check_text("date", &data.date, "its head")?;
    check_order(data.services.iter().map(|service| service.prefix.as_str()), "its services")?;
    for service in &data.services {
        check_service(service)?;
    }
    Ok(data.into())
}

/// Reads the data of this program, which a test reads strictly.
pub(super) fn trusted(bytes: &[u8]) -> Result<ActionData, ActionDataError> {
    let parse = |json: &[u8]| serde_json::from_slice(json).map_err(|error| JsonError::Refused(error.to_string()));
    wire(bytes, parse).map(Into::into)
}

fn wire(bytes: &[u8], parse: impl Fn(&[u8]) -> Result<WireData, JsonError>) -> Result<WireData, ActionDataError> {
    if bytes.len() as u64 > MAX_ARCHIVE_BYTES {
        return Err(ActionDataError::TooLarge(bytes.len()));
    }
    let data = if bytes.starts_with(&[0x1f, 0x8b]) { parse(&gunzip(bytes)?)? } else { parse(bytes)? };
    if data.format == FORMAT { Ok(data) } else { Err(ActionDataError::Format(data.format)) }
}

fn check_service(service: &WireService) -> Result<(), ActionDataError> {
    let prefix = service.prefix.as_str();
    let is_name = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    check("service", prefix, prefix, is_name)?;
    check_text("name", &service.name, prefix)?;
    for (key, _) in &service.keys {
        check_text("key", key, prefix)?;
    }
    for (name, arns, set) in &service.resources {
        check_text("resource type", name, prefix)?;
        for arn in arns {
            check("ARN", arn, prefix, |arn| arn.starts_with("arn:") && arn.split(':').count() >= 6)?;
        }
        check_place("keySets", *set, service.key_sets.len(), prefix)?;
    }
    for set in &service.key_sets {
        check_places("keys", set, service.keys.len(), prefix)?;
    }
    for (required, optional, set) in &service.uses {
        check_places("resources", required, service.resources.len(), prefix)?;
        check_places("resources", optional, service.resources.len(), prefix)?;
        check_place("keySets", *set, service.key_sets.len(), prefix)?;
    }
    for (name, _, uses) in &service.actions {
        check("action", name, prefix, is_name)?;
        check_place("uses", *uses, service.uses.len(), prefix)?;
    }
    check_order(service.keys.iter().map(|(key, _)| key.as_str()), prefix)?;
    check_order(service.resources.iter().map(|(name, _, _)| name.as_str()), prefix)?;
    check_order(service.actions.iter().map(|(name, _, _)| name.as_str()), prefix)
}

fn check_text(what: &'static str, value: &str, place: &str) -> Result<(), ActionDataError> {
    check(what, value, place, |_| true)
}

/// A text of printable ASCII for which a rule holds.
fn check(what: &'static str, value: &str, place: &str, rule: impl Fn(&str) -> bool) -> Result<(), ActionDataError> {
    let printable =
        (1..=MAX_TEXT_BYTES).contains(&value.len()) && value.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if printable && rule(value) {
        return Ok(());
    }
    Err(ActionDataError::Value { what, value: value.to_owned(), place: place.to_owned() })
}

fn check_order<'a>(names: impl Iterator<Item = &'a str>, place: &str) -> Result<(), ActionDataError> {
    let mut before: Option<&str> = None;
    for name in names {
        if let Some(first) = before
            && in_any_case(first, name).is_ge()
        {
            return Err(ActionDataError::Order {
                first: first.to_owned(),
                second: name.to_owned(),
                place: place.to_owned(),
            });
        }
        before = Some(name);
    }
    Ok(())
}

/// Places that exist, each once and in order.
fn check_places(list: &'static str, places: &[u16], length: usize, service: &str) -> Result<(), ActionDataError> {
    if let Some([first, second]) = places.array_windows().find(|[first, second]| first >= second) {
        let (first, second) = (first.to_string(), second.to_string());
        return Err(ActionDataError::Order { first, second, place: format!("{list} of {service}") });
    }
    places.iter().try_for_each(|place| check_place(list, *place, length, service))
}

fn check_place(list: &'static str, found: u16, length: usize, service: &str) -> Result<(), ActionDataError> {
    if usize::from(found) < length {
        return Ok(());
    }
    Err(ActionDataError::Place { service: service.to_owned(), list, found, length })
}

impl From<WireData> for ActionData {
    fn from(WireData { format: _, version, date, services }: WireData) -> Self {
        let services: Vec<Service> = services.into_iter().map(Into::into).collect();
        let mut shared = BTreeMap::new();
        for service in &services {
            let own = |key: &str| key.split_once(':').is_some_and(|(prefix, _)| prefix == service.prefix);
            shared.extend(service.keys.iter().filter(|(key, _)| !own(key)).cloned());
        }
        Self { version, date, services, shared_keys: shared.into_iter().collect() }
    }
}

impl From<WireService> for Service {
    fn from(WireService { prefix, name, keys, key_sets, resources, uses, actions }: WireService) -> Self {
        Self {
            prefix,
            name,
            keys: keys.into_iter().map(|(name, kind)| (name, kind.into())).collect(),
            key_sets,
            resources: resources.into_iter().map(|(name, arns, key_set)| ResourceRow { name, arns, key_set }).collect(),
            uses: uses.into_iter().map(|(required, optional, key_set)| Use { required, optional, key_set }).collect(),
            actions: actions
                .into_iter()
                .map(|(name, level, uses)| ActionRow { name, level: level.into(), uses })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn small() -> Value {
        json!({"format": 1, "version": "1", "date": "2026-10-27", "services": [{
            "prefix": "sqs", "name": "Amazon SQS", "keys": [["aws:ResourceTag/${TagKey}", "String"]], "keySets": [[], [0]],
            "resources": [["queue", ["arn:*:sqs:*:*:*"], 1]], "uses": [[[0], [], 1], [[], [], 0]],
            "actions": [["ListQueues", "L", 1], ["SendMessage", "W", 0]]
        }]})
    }

    /// What is said of the small data with one part of it changed.
    fn with(place: &str, value: Value) -> String {
        let mut data = small();
        *data.pointer_mut(place).unwrap() = value;
        said(data.to_string().as_bytes())
    }

    fn said(bytes: &[u8]) -> String {
        let error = strict(bytes).unwrap_err();
        match std::error::Error::source(&error) {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        }
    }

    #[test]
    fn the_built_in_data_passes_every_check() {
        let bytes = include_bytes!("../../../action-data/actions.json.gz");
        let data = strict(bytes).unwrap();
        assert_eq!(data, trusted(bytes).unwrap());
        assert_eq!(data.services.len(), 457);
        assert_eq!(data.services.iter().map(|service| service.actions.len()).sum::<usize>(), 22_321);
    }

    #[test]
    fn data_may_be_unpacked() {
        let data = strict(small().to_string().as_bytes()).unwrap();
        assert_eq!(data.action("sqs:sendmessage").unwrap().to_string(), "sqs:SendMessage");
    }

    #[test]
    fn places_that_do_not_exist_are_refused() {
        let service = "/services/0";
        for (place, value, expected) in [
            ("/keySets/1/0", 1, "action data of sqs names place 1 of keys, which has 1"),
            ("/resources/0/2", 2, "action data of sqs names place 2 of keySets, which has 2"),
            ("/uses/0/0/0", 1, "action data of sqs names place 1 of resources, which has 1"),
            ("/uses/1/2", 7, "action data of sqs names place 7 of keySets, which has 2"),
            ("/actions/0/2", 2, "action data of sqs names place 2 of uses, which has 2"),
        ] {
            assert_eq!(with(&format!("{service}{place}"), json!(value)), expected);
        }
    }

    #[test]
    fn sets_of_places_are_sorted() {
        assert_eq!(
            with("/services/0/keySets/1", json!([0, 0])),
            "action data has \"0\" after \"0\" in keys of sqs; each has to come once, sorted without regard to case"
        );
    }

    #[test]
    fn lists_are_sorted_and_have_nothing_twice() {
        let order = "in sqs; each has to come once, sorted without regard to case";
        for (name, first) in [("listqueues", "ListQueues"), ("AddPermission", "ListQueues")] {
            let expected = format!("action data has \"{name}\" after \"{first}\" {order}");
            assert_eq!(with("/services/0/actions/1/0", json!(name)), expected);
        }
        let mut data = small();
        let service = data["services"][0].clone();
        data["services"].as_array_mut().unwrap().push(service);
        assert_eq!(
            said(data.to_string().as_bytes()),
            "action data has \"sqs\" after \"sqs\" in its services; each has to come once, sorted without regard to case"
        );
    }

    #[test]
    fn other_values_are_refused() {
        assert_eq!(
            with("/format", json!(2)),
            "action data has format 2; this program reads format 1\n  make it with the make_action_data.py of this program's version"
        );
        assert_eq!(
            with("/services/0/actions/0/0", json!("List\u{1b}[2J")),
            "action data has action \"List\\u{1b}[2J\" in sqs, which is none"
        );
        assert_eq!(
            with("/services/0/resources/0/1/0", json!("queue")),
            "action data has ARN \"queue\" in sqs, which is none"
        );
        let form =
            "action data is not of the expected form\n  make it with generator/action-data/make_action_data.py: ";
        assert!(with("/services/0/actions/0/1", json!("X")).starts_with(&format!("{form}unknown variant `X`")));
        assert!(said(b"{\"format\":1,\"format\":1}").starts_with(&format!("{form}repeated key \"format\"")));
        assert_eq!(said(b"[]"), format!("{form}an array stands at / where an object belongs"));
    }

    #[test]
    fn damaged_gzip_is_refused() {
        let bytes = include_bytes!("../../../action-data/actions.json.gz");
        let gzip = "action data cannot be decompressed: ";
        assert!(said(&bytes[..1000]).starts_with(&format!("{gzip}archive is cut off")));
        let twice = [bytes.as_slice(), bytes].concat();
        assert_eq!(said(&twice), format!("{gzip}a second gzip member follows the first"));
        let large = vec![b' '; usize::try_from(MAX_ARCHIVE_BYTES).unwrap() + 1];
        assert_eq!(said(&large), "action data has 16777217 bytes; at most 16777216 are allowed");
    }
}
