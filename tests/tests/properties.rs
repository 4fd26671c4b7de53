//! Properties of the format, on random bundles and random damage.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test says what is wrong by failing"
)]

use bundle_schema::bundle::{self, Inspection};
use bundle_schema::documents::contents::Contents;
use bundle_schema::documents::key::ServiceAccountKey;
use bundle_schema::documents::policy::{ConditionValue, ConditionValues, pattern_covers, patterns_overlap};
use bundle_schema::json;
use bundle_schema::limits::MAX_SERIAL;
use bundle_schema::names::{RoleNaming, Tag};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;
use tests::forge::contents::{P256, RSA_2048, good, parsed};
use tests::forge::raw::{gunzip, gzip};

/// A Secret, its service accounts and its actions.
type Request = (String, Vec<String>, Vec<String>);

fn requests() -> impl Strategy<Value = Vec<Request>> {
    let request = (btree_set("[a-z][a-z0-9]{0,20}", 1..4), btree_set("[a-z0-9]{1,12}:[A-Za-z*?]{1,20}", 1..8));
    let requests = btree_map("[a-z]([a-z0-9-]{0,30}[a-z0-9])?", request, 1..6);
    requests.prop_map(|requests| {
        requests
            .into_iter()
            .map(|(secret, (accounts, actions))| {
                (secret, accounts.into_iter().collect(), actions.into_iter().collect())
            })
            .collect()
    })
}

fn condition_value() -> impl Strategy<Value = ConditionValue> {
    prop_oneof![
        any::<bool>().prop_map(ConditionValue::Boolean),
        any::<i64>().prop_map(ConditionValue::Integer),
        "[ -~¡-ÿ&&[^\u{ad}]]{1,40}".prop_map(|text| ConditionValue::Text(parsed(&text))),
    ]
}

prop_compose! {
    /// Contents that are in order, of every shape that the format has.
    fn contents()(
        requests in requests(),
        serial in 1u64..=MAX_SERIAL,
        p256 in any::<bool>(),
        boundary in any::<bool>(),
        thumbprints in proptest::option::of(btree_set("[0-9a-f]{40}", 1..=5)),
        tags in btree_map("[A-Za-z_.:/=+@ -]{1,20}[a-z]", "[a-zA-Z0-9 ]{0,40}", 0..5),
        path in prop_oneof![Just("/".to_owned()), "/([a-z]{1,8}/){1,3}"],
        value in condition_value(),
        many in vec(condition_value(), 0..3),
        file in vec(any::<u8>(), 0..1500),
    ) -> Contents {
        let mut contents = good();
        let header = &mut contents.header;
        header.serial = serial;
        header.role_path = parsed(&path);
        for (key, value) in tags {
            let taken = header.tags.iter().any(|tag| tag.key.as_str().eq_ignore_ascii_case(&key));
            if !taken && !key.to_lowercase().starts_with("aws:") {
                header.tags.push(Tag { key: parsed(&key), value: parsed(&value) });
            }
        }
        header.tags.sort();
        let (component, role) = (header.components[0].clone(), contents.roles[0].clone());
        header.components.clear();
        contents.roles.clear();
        for (secret, accounts, actions) in requests {
            let (mut component, mut role) = (component.clone(), role.clone());
            component.secret_name = parsed(&secret);
            component.role_name =
                RoleNaming::Ccoctl.role(&header.name, &component.secret_namespace, &component.secret_name).unwrap();
            component.service_accounts = accounts.iter().map(|account| parsed(account)).collect();
            role.create.role_name = component.role_name.clone();
            role.create.path = header.role_path.clone();
            role.create.description = component.role_description();
            if !boundary {
                role.create.permissions_boundary = None;
            }
            for statement in &mut role.create.assume_role_policy_document.0.statement {
                statement.condition.string_equals.values_mut().for_each(|subjects| *subjects = component.subjects());
            }
            role.create.tags.clone_from(&header.tags);
            role.policy.role_name = component.role_name.clone();
            role.policy.policy_name = component.role_name.clone();
            let statement = &mut role.policy.policy_document.0.statement[1];
            statement.action = Some(actions.iter().map(|action| parsed(action)).collect());
            let values = statement.condition.as_mut().unwrap().values_mut().next().unwrap();
            values.insert(parsed("aws:one"), ConditionValues::One(value.clone()));
            values.insert(parsed("aws:many"), ConditionValues::Many(many.clone()));
            header.components.push(component);
            contents.roles.push(role);
        }
        if p256 {
            contents.public_key = ServiceAccountKey::from_pem(P256).unwrap();
            contents.jwks.keys = vec![contents.public_key.jwk().clone()];
            contents.discovery.id_token_signing_alg_values_supported = vec!["ES256".to_owned()];
        }
        contents.provider.thumbprint_list = thumbprints.map(|list| list.iter().map(|thumbprint| parsed(thumbprint)).collect());
        contents.provider.tags.clone_from(&contents.header.tags);
        contents.bucket.tagging.tagging.tag_set.clone_from(&contents.header.tags);
        contents.requests[1].1 = file;
        contents
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_the_writer_writes_the_reader_reads(contents in contents()) {
        let archive = bundle::write(&contents).unwrap();
        prop_assert_eq!(Inspection::read(archive).map(|inspection| inspection.contents().clone()), Ok(contents));
    }

    #[test]
    fn what_the_reader_accepts_encodes_to_the_same_bytes(contents in contents(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut tar = gunzip(&bundle::write(&contents).unwrap());
        let at = at.index(tar.len());
        tar[at] = byte;
        if let Ok(inspection) = Inspection::read(gzip(&tar)) {
            prop_assert_eq!(gunzip(&bundle::write(inspection.contents()).unwrap()), tar);
        }
    }

    #[test]
    fn no_archive_makes_the_reader_panic(bytes in vec(any::<u8>(), 0..2000), at in any::<prop::sample::Index>()) {
        let mut archive = bundle::write(&good()).unwrap();
        let at = at.index(archive.len());
        archive.splice(at.., bytes.iter().copied());
        prop_assert!(Inspection::read(archive).is_err());
        prop_assert!(Inspection::read(gzip(&bytes)).is_err());
    }

    #[test]
    fn no_json_makes_the_parser_panic(text in "[\\[\\]{}\",:0-9truefalsn\\\\u-]{0,200}") {
        if let Ok(value) = json::parse_value(text.as_bytes()) {
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
        }
    }

    #[test]
    fn no_key_makes_the_parser_panic(bytes in vec(any::<u8>(), 0..600), at in any::<prop::sample::Index>()) {
        let _ = ServiceAccountKey::from_spki_der(&bytes);
        let mut pem = RSA_2048.as_bytes().to_vec();
        let at = at.index(pem.len());
        pem[at] = bytes.first().copied().unwrap_or(b'A');
        if let Ok(key) = ServiceAccountKey::from_pem(&String::from_utf8_lossy(&pem)) {
            prop_assert_eq!(ServiceAccountKey::from_pem(&key.to_pem()), Ok(key));
        }
    }

    /// Against a matcher that is slow and plain: every text of three letters.
    #[test]
    fn patterns_overlap_where_a_text_matches_both(a in "[ab*?]{0,5}", b in "[ab*?]{0,5}") {
        fn matches(pattern: &[u8], text: &[u8]) -> bool {
            match pattern.split_first() {
                None => text.is_empty(),
                Some((b'*', rest)) => (0..=text.len()).any(|at| matches(rest, &text[at..])),
                Some((first, rest)) => text.split_first().is_some_and(|(head, tail)| (*first == b'?' || first == head) && matches(rest, tail)),
            }
        }
        let texts: Vec<Vec<u8>> = (0..=10usize).flat_map(|length| (0..1u32 << length).map(move |bits| (0..length).map(|at| if bits >> at & 1 == 0 { b'a' } else { b'b' }).collect())).collect();
        let common = texts.iter().any(|text| matches(a.as_bytes(), text) && matches(b.as_bytes(), text));
        prop_assert_eq!(patterns_overlap(&a, &b), common);
        if pattern_covers(&a, &b) {
            prop_assert!(texts.iter().all(|text| !matches(b.as_bytes(), text) || matches(a.as_bytes(), text)));
        }
    }
}
