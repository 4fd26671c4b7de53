//! Properties of the format, on random bundles and random damage.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test says what is wrong by failing"
)]

use bundle_schema::bundle::{self, Inspection};
use bundle_schema::documents::DistributionDocuments;
use bundle_schema::documents::contents::Contents;
use bundle_schema::documents::key::ServiceAccountKey;
use bundle_schema::documents::policy::{ConditionValue, ConditionValues};
use bundle_schema::json;
use bundle_schema::limits::MAX_SERIAL;
use bundle_schema::names::{Pattern, RoleNaming, Tag};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;
use tests::forge::contents::{
    P256, RSA_2048, bucket, distribution, good, issuer, leave_issuer_to_others, own_host, parsed, publish,
};
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
        form in prop_oneof![Just(good()), Just(distribution()), Just(own_host())],
        requests in requests(),
        serial in 1u64..=MAX_SERIAL,
        p256 in any::<bool>(),
        roles_only in any::<bool>(),
        boundary in any::<bool>(),
        thumbprints in proptest::option::of(btree_set("[0-9a-f]{40}", 1..=5)),
        tags in btree_map("[A-Za-z_.:/=+@ -]{1,20}[a-z]", "[a-zA-Z0-9 ]{0,40}", 0..5),
        path in prop_oneof![Just("/".to_owned()), "/([a-z]{1,8}/){1,3}"],
        value in condition_value(),
        many in vec(condition_value(), 0..3),
        file in vec(any::<u8>(), 0..1500),
    ) -> Contents {
        let mut contents = form;
        contents.header.previous = None;
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
            issuer(&mut contents).public_key = ServiceAccountKey::from_pem(P256).unwrap();
            publish(&mut contents);
        }
        let tags = contents.header.tags.clone();
        let documents = issuer(&mut contents);
        documents.provider.thumbprint_list =
            thumbprints.map(|list| list.iter().map(|thumbprint| parsed(thumbprint)).collect());
        documents.provider.tags.clone_from(&tags);
        bucket(&mut contents).tagging.tagging.tag_set = tags;
        contents.distribution =
            contents.header.has_distribution().then(|| DistributionDocuments::of(&contents.header));
        if roles_only {
            leave_issuer_to_others(&mut contents);
        }
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

    /// Against a matcher that is slow and plain: every text of three letters, in both cases.
    #[test]
    fn patterns_are_compared_as_their_texts_are(a in "[abA*?]{1,6}", b in "[abB*?]{0,6}") {
        fn matches(pattern: &[u8], text: &[u8]) -> bool {
            match pattern.split_first() {
                None => text.is_empty(),
                Some((b'*', rest)) => (0..=text.len()).any(|at| matches(rest, &text[at..])),
                Some((first, rest)) => text.split_first().is_some_and(|(head, tail)| {
                    (*first == b'?' || first.eq_ignore_ascii_case(head)) && matches(rest, tail)
                }),
            }
        }
        let pattern = Pattern::new(a.clone()).unwrap();
        let of_a = |text: &Vec<u8>| matches(a.as_bytes(), text);
        let of_b = |text: &Vec<u8>| matches(b.as_bytes(), text);
        prop_assert_eq!(pattern.overlaps(&b), texts().iter().any(|text| of_a(text) && of_b(text)));
        let covers = texts().iter().all(|text| !of_b(text) || of_a(text));
        let is_covered = texts().iter().all(|text| !of_a(text) || of_b(text));
        prop_assert!(covers || !pattern.covers(&b), "{} does not cover {}", a, b);
        prop_assert!(is_covered || !pattern.is_covered_by(&b), "{} is not covered by {}", a, b);
        if !b.contains(['*', '?']) {
            prop_assert_eq!(pattern.covers(&b), covers);
        }
        if !a.contains(['*', '?']) {
            prop_assert_eq!(pattern.is_covered_by(&b), is_covered);
        }
        if let Ok(other) = Pattern::new(b.clone()) {
            prop_assert_eq!(pattern.overlaps(&b), other.overlaps(&a));
            prop_assert_eq!(pattern.covers(&b), other.is_covered_by(&a));
        }
    }
}

/// Every text of up to twelve letters a and b, and of up to four of a, b and c.
fn texts() -> &'static [Vec<u8>] {
    static TEXTS: std::sync::OnceLock<Vec<Vec<u8>>> = std::sync::OnceLock::new();
    TEXTS.get_or_init(|| {
        let of = |letters: &'static [u8], longest: u32| {
            let count = u32::try_from(letters.len()).unwrap();
            (0..=longest).flat_map(move |length| {
                (0..count.pow(length)).map(move |number| {
                    (0..length).map(|at| letters[(number / count.pow(at) % count) as usize]).collect()
                })
            })
        };
        of(b"ab", 12).chain(of(b"abc", 4)).collect()
    })
}
