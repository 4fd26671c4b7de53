//! Makes bundles, good ones and hostile ones, without the generator: the attacker's workshop.
//!
//! A [`Kit`] holds three key pairs and one good bundle's contents. From there an attack changes the typed contents, the
//! text of one entry, a tar header, the gzip framing or a signature, and everything outside the change stays right, so
//! that a refusal is the refusal of that one thing.

#![allow(clippy::indexing_slicing, reason = "what is taken apart here was put together a moment before")]

pub mod contents;
pub mod heavy;
pub mod keys;
pub mod raw;
pub mod receipt;

use std::collections::BTreeMap;

use bundle_schema::documents::contents::Contents;
use bundle_schema::names::{EntryPath, INDEX_PATH, Sha256};
use bundle_schema::{archive, bundle};
use serde_json::json;

use self::keys::SigningKey;
use self::raw::Raw;

/// What an attack needs: keys, and a good bundle to start from.
#[derive(Clone)]
pub struct Kit {
    /// Signs for the role `generator`.
    pub generator: SigningKey,
    /// Signs for the role `reviewer`.
    pub reviewer: SigningKey,
    /// Is trusted for nothing.
    pub stranger: SigningKey,
    /// A good bundle's contents.
    pub contents: Contents,
}

/// What reaches the applier: an archive, the signatures beside it, and the trust file it is checked against.
#[derive(Clone)]
pub struct Delivery {
    /// The archive.
    pub archive: Vec<u8>,
    /// The signatures: what follows the bundle's file name, and the bytes.
    pub signatures: Vec<(String, Vec<u8>)>,
    /// The trust file.
    pub trust: String,
}

impl Kit {
    /// New keys, and the good bundle.
    ///
    /// # Panics
    /// Where the operating system gives no random bytes.
    #[must_use]
    pub fn new() -> Self {
        Self {
            generator: SigningKey::generate(),
            reviewer: SigningKey::generate(),
            stranger: SigningKey::generate(),
            contents: contents::good(),
        }
    }

    /// The same keys, and a good bundle of kind `roles`.
    #[must_use]
    pub fn of_roles(&self) -> Self {
        self.of(contents::roles_only())
    }

    /// The same keys, and another good bundle.
    #[must_use]
    pub fn of(&self, contents: Contents) -> Self {
        Self { contents, ..self.clone() }
    }

    /// The trust file that demands both teams' keys.
    #[must_use]
    pub fn trust(&self) -> serde_json::Value {
        json!({ "roles": { "generator": [self.generator.public()], "reviewer": [self.reviewer.public()] } })
    }

    /// An archive as both teams would sign it.
    #[must_use]
    pub fn signed(&self, archive: Vec<u8>) -> Delivery {
        let signatures = vec![
            (".minisig".to_owned(), self.generator.sign(&archive)),
            (".reviewer.minisig".to_owned(), self.reviewer.sign(&archive)),
        ];
        Delivery { archive, signatures, trust: self.trust().to_string() }
    }

    /// The good bundle.
    #[must_use]
    pub fn good(&self) -> Delivery {
        self.signed(self.good_archive())
    }

    /// The good bundle's archive.
    ///
    /// # Panics
    /// Where the writer refuses the good contents.
    #[must_use]
    pub fn good_archive(&self) -> Vec<u8> {
        bundle::write(&self.contents).expect("good contents are written")
    }

    /// The good bundle with its typed contents changed: every document is well-formed, and the index is right.
    ///
    /// # Panics
    /// Where the writer refuses the contents.
    #[must_use]
    pub fn with_contents(&self, change: impl FnOnce(&mut Contents)) -> Delivery {
        let mut contents = self.contents.clone();
        change(&mut contents);
        self.signed(bundle::write(&contents).expect("the contents are written"))
    }

    /// The good bundle with one entry's text changed, and the index right for it.
    ///
    /// # Panics
    /// Where the bundle has no such entry, or the change changes nothing.
    #[must_use]
    pub fn with_text(&self, path: &str, change: impl FnOnce(String) -> String) -> Delivery {
        self.with_bytes(path, |bytes| change(String::from_utf8(bytes).expect("entries are text")).into_bytes())
    }

    /// As [`Self::with_text`], for bytes.
    ///
    /// # Panics
    /// Where the bundle has no such entry, or the change changes nothing.
    #[must_use]
    pub fn with_bytes(&self, path: &str, change: impl FnOnce(Vec<u8>) -> Vec<u8>) -> Delivery {
        let mut entries = self.entries();
        let before = entries.get(path).expect("the entry exists").clone();
        let after = change(before.clone());
        assert_ne!(before, after, "the attack on {path} changes nothing");
        entries.insert(path.to_owned(), after);
        if path != INDEX_PATH {
            reindex(&mut entries);
        }
        self.signed(pack(&entries))
    }

    /// The good bundle with entries added, renamed or removed, and the index right for what is there.
    #[must_use]
    pub fn with_entries(&self, change: impl FnOnce(&mut BTreeMap<String, Vec<u8>>)) -> Delivery {
        let mut entries = self.entries();
        change(&mut entries);
        reindex(&mut entries);
        self.signed(pack(&entries))
    }

    /// The good bundle with entries changed behind the index's back.
    #[must_use]
    pub fn with_entries_unlisted(&self, change: impl FnOnce(&mut BTreeMap<String, Vec<u8>>)) -> Delivery {
        let mut entries = self.entries();
        change(&mut entries);
        self.signed(pack(&entries))
    }

    /// The good bundle with its tar taken apart and put together again.
    #[must_use]
    pub fn with_tar(&self, change: impl FnOnce(&mut Raw)) -> Delivery {
        let mut raw = Raw::of(&self.good_archive());
        change(&mut raw);
        self.signed(raw::gzip(&raw.tar()))
    }

    /// The good bundle with the bytes of its tar changed.
    #[must_use]
    pub fn with_tar_bytes(&self, change: impl FnOnce(&mut Vec<u8>)) -> Delivery {
        let mut tar = raw::gunzip(&self.good_archive());
        change(&mut tar);
        self.signed(raw::gzip(&tar))
    }

    /// The good bundle with the bytes of its gzip member changed.
    #[must_use]
    pub fn with_gzip_bytes(&self, change: impl FnOnce(&mut Vec<u8>)) -> Delivery {
        let mut archive = self.good_archive();
        change(&mut archive);
        self.signed(archive)
    }

    /// The good bundle with its signatures changed.
    #[must_use]
    pub fn with_signatures(&self, change: impl FnOnce(&mut Vec<(String, Vec<u8>)>, &[u8])) -> Delivery {
        let mut delivery = self.good();
        change(&mut delivery.signatures, &delivery.archive);
        delivery
    }

    /// The good bundle, checked against another trust file.
    #[must_use]
    pub fn with_trust(&self, trust: impl ToString) -> Delivery {
        Delivery { trust: trust.to_string(), ..self.good() }
    }

    /// The good bundle's entries.
    #[must_use]
    pub fn entries(&self) -> BTreeMap<String, Vec<u8>> {
        Raw::of(&self.good_archive()).entries.into_iter().map(|entry| (entry.path(), entry.body)).collect()
    }
}

impl Default for Kit {
    fn default() -> Self {
        Self::new()
    }
}

/// Writes the index's file list again, for the entries as they are.
fn reindex(entries: &mut BTreeMap<String, Vec<u8>>) {
    let index = String::from_utf8(entries.remove(INDEX_PATH).expect("there is an index")).expect("the index is text");
    let (head, _) = index.split_once("  \"files\": [").expect("the index has a file list");
    let records: Vec<String> = entries
        .iter()
        .map(|(path, body)| {
            format!(
                "    {{\n      \"path\": \"{path}\",\n      \"size\": {},\n      \"sha256\": \"{}\"\n    }}",
                body.len(),
                Sha256::of(body)
            )
        })
        .collect();
    let index = format!("{head}  \"files\": [\n{}\n  ]\n}}\n", records.join(",\n"));
    entries.insert(INDEX_PATH.to_owned(), index.into_bytes());
}

fn pack(entries: &BTreeMap<String, Vec<u8>>) -> Vec<u8> {
    let path = |path: &str| EntryPath::new(path).expect("the path is plain");
    let index = entries.get(INDEX_PATH).map(|index| (path(INDEX_PATH), index));
    let rest = entries.iter().filter(|(name, _)| *name != INDEX_PATH).map(|(name, body)| (path(name), body));
    let all: Vec<_> = index.into_iter().chain(rest).collect();
    archive::pack(all.iter().map(|(path, body)| (path, body.as_slice())), archive::BUNDLE_MODE)
        .expect("the archive is packed")
}
