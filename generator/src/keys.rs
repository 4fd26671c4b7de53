//! Keys and the passwords that protect them.
//!
//! Input: randomness, key files, a terminal. Output: the cluster's key pair ([`service_account::PrivateKey`]) and the key
//! that signs bundles ([`signing::SigningKey`]). No type here that holds a secret can be printed.

pub(crate) mod password;
pub mod published;
pub mod service_account;
pub mod signing;
