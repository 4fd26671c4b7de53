//! The public keys that a cluster's issuer publishes, and how they change.
//!
//! Input: the keys of an older bundle, and what is to come and go. Output: the key that signs now and those that are published
//! besides. A key is added before the API server signs with it, and dropped once no token of it is left: AWS refuses a token
//! whose key is not published.

use bundle_schema::documents::contents::Contents;
use bundle_schema::documents::key::ServiceAccountKey;
use bundle_schema::escape::Escaped;
use bundle_schema::limits::MAX_PUBLIC_KEYS;

/// Why keys do not change in this way.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RotationError {
    /// A key that is published already, or given twice.
    #[error("key {0} of --add-public-key is published already, or given twice\n  leave it out")]
    Known(String),
    /// A key ID that no key has.
    #[error("--{flag} is \"{}\"; the bundle of --previous has {known}\n  give the key ID as `review` shows it", Escaped(.kid))]
    Unknown {
        /// The flag.
        flag: &'static str,
        /// What was given.
        kid: String,
        /// The key IDs that there are.
        known: String,
    },
    /// No key at all.
    #[error(
        "--drop-key leaves no key, so AWS would refuse every token\n  add the new one before: --add-public-key FILE"
    )]
    None,
    /// The key that signs is gone, and it is not known which one signs now.
    #[error("the key that signed is dropped, and {0} are left\n  say which one signs now: --signing-kid KID")]
    WhoSigns(String),
    /// More keys than a bundle has.
    #[error(
        "{0} keys would be published; at most {MAX_PUBLIC_KEYS} are allowed\n  drop those that no token is signed by any more: --drop-key KID"
    )]
    TooMany(usize),
}

/// The public keys of a cluster's tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedKeys {
    /// The key that signs now.
    pub signing: ServiceAccountKey,
    /// Those that are published besides, sorted by key ID.
    pub further: Vec<ServiceAccountKey>,
}

impl From<ServiceAccountKey> for PublishedKeys {
    fn from(signing: ServiceAccountKey) -> Self {
        Self { signing, further: Vec::new() }
    }
}

/// What is to come and go.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rotation {
    /// Keys to publish too.
    pub add: Vec<ServiceAccountKey>,
    /// The IDs of keys to publish no longer.
    pub drop: Vec<String>,
    /// The ID of the key that signs now.
    pub signing: Option<String>,
}

impl PublishedKeys {
    /// The keys of a bundle; none where somebody else manages the issuer.
    #[must_use]
    pub fn of_bundle(contents: &Contents) -> Option<Self> {
        let issuer = contents.issuer.as_ref()?;
        Some(Self { signing: issuer.public_key.clone(), further: issuer.further_keys.clone() })
    }

    /// All keys, the one that signs first.
    pub fn iter(&self) -> impl Iterator<Item = &ServiceAccountKey> {
        std::iter::once(&self.signing).chain(&self.further)
    }

    /// The keys after a change. The key that signed goes on signing; where it is dropped, the one that is left does.
    pub fn rotate(&self, rotation: &Rotation) -> Result<Self, RotationError> {
        let mut keys: Vec<ServiceAccountKey> = self.iter().cloned().collect();
        for key in &rotation.add {
            if keys.contains(key) {
                return Err(RotationError::Known(key.kid().to_owned()));
            }
            keys.push(key.clone());
        }
        for kid in &rotation.drop {
            if !self.iter().any(|key| key.kid() == kid) {
                return Err(unknown("drop-key", kid, self.iter()));
            }
            keys.retain(|key| key.kid() != kid);
        }
        if keys.len() > MAX_PUBLIC_KEYS {
            return Err(RotationError::TooMany(keys.len()));
        }
        let signing = match (&rotation.signing, keys.as_slice()) {
            (_, []) => return Err(RotationError::None),
            (Some(kid), keys) => keys.iter().find(|key| key.kid() == kid).cloned(),
            (None, [one]) => Some(one.clone()),
            (None, keys) => keys.iter().find(|key| **key == self.signing).cloned(),
        };
        let Some(signing) = signing else {
            return Err(match &rotation.signing {
                Some(kid) => unknown("signing-kid", kid, keys.iter()),
                None => RotationError::WhoSigns(listed(keys.iter())),
            });
        };
        keys.retain(|key| *key != signing);
        keys.sort_by(|a, b| a.kid().cmp(b.kid()));
        Ok(Self { signing, further: keys })
    }
}

fn unknown<'a>(flag: &'static str, kid: &str, known: impl Iterator<Item = &'a ServiceAccountKey>) -> RotationError {
    RotationError::Unknown { flag, kid: kid.to_owned(), known: listed(known) }
}

fn listed<'a>(keys: impl Iterator<Item = &'a ServiceAccountKey>) -> String {
    keys.map(ServiceAccountKey::kid).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::service_account::{KeyType, PrivateKey};

    fn keys<const N: usize>() -> [ServiceAccountKey; N] {
        std::array::from_fn(|_| PrivateKey::generate(KeyType::P256).unwrap().public().clone())
    }

    fn kid(key: &ServiceAccountKey) -> String {
        key.kid().to_owned()
    }

    fn adding(add: &[&ServiceAccountKey]) -> Rotation {
        Rotation { add: add.iter().map(|&key| key.clone()).collect(), ..Rotation::default() }
    }

    fn dropping(drop: &[&ServiceAccountKey]) -> Rotation {
        Rotation { drop: drop.iter().map(|&key| kid(key)).collect(), ..Rotation::default() }
    }

    #[test]
    fn a_key_is_added_and_then_the_old_one_dropped() {
        let [old, new] = keys();
        let before = PublishedKeys::from(old.clone());
        assert_eq!(before.rotate(&Rotation::default()), Ok(before.clone()));
        let both = before.rotate(&adding(&[&new])).unwrap();
        assert_eq!(both, PublishedKeys { signing: old.clone(), further: vec![new.clone()] });
        assert_eq!(both.rotate(&dropping(&[&old])), Ok(new.clone().into()));
        assert_eq!(both.rotate(&dropping(&[&new])), Ok(before.clone()));
        // At once, without a time in which both are published: for a key that is no longer trusted.
        assert_eq!(before.rotate(&Rotation { drop: vec![kid(&old)], ..adding(&[&new]) }), Ok(new.into()));
    }

    #[test]
    fn which_key_signs_is_said_where_it_is_not_clear() {
        let [old, a, b] = keys();
        let mut further = vec![a.clone(), b.clone()];
        further.sort_by_key(kid);
        let three = PublishedKeys { signing: old.clone(), further: further.clone() };
        let left = further.iter().map(kid).collect::<Vec<_>>().join(", ");
        assert_eq!(three.rotate(&dropping(&[&old])), Err(RotationError::WhoSigns(left)));
        let told = Rotation { signing: Some(kid(&b)), ..dropping(&[&old]) };
        assert_eq!(three.rotate(&told), Ok(PublishedKeys { signing: b.clone(), further: vec![a] }));
        let switched = three.rotate(&Rotation { signing: Some(kid(&b)), ..Rotation::default() }).unwrap();
        assert_eq!((switched.signing, switched.further.len()), (b, 2));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let [old, new, third, fourth, fifth] = keys();
        let one = PublishedKeys::from(old.clone());
        assert_eq!(one.rotate(&adding(&[&old])), Err(RotationError::Known(kid(&old))));
        assert_eq!(one.rotate(&adding(&[&new, &new])), Err(RotationError::Known(kid(&new))));
        assert_eq!(one.rotate(&dropping(&[&old])), Err(RotationError::None));
        let unknown = |flag| RotationError::Unknown { flag, kid: kid(&new), known: kid(&old) };
        assert_eq!(one.rotate(&dropping(&[&new])), Err(unknown("drop-key")));
        let signing = Rotation { signing: Some(kid(&new)), ..Rotation::default() };
        assert_eq!(one.rotate(&signing), Err(unknown("signing-kid")));
        assert_eq!(one.rotate(&adding(&[&new, &third, &fourth, &fifth])), Err(RotationError::TooMany(5)));
    }
}
