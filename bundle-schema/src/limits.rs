//! Every limit of the format in one place, each with its reason. `FORMAT.md` lists the same numbers.

/// The archive, in bytes, compressed and decompressed alike. 1,000 roles have about 8 MiB of tar and 0.5 MiB of gzip;
/// what is larger is no bundle but a decompression bomb. Reading one needs less than four times this much memory.
pub const MAX_ARCHIVE_BYTES: u64 = 16 * 1024 * 1024;
/// One entry, in bytes. The largest, `bundle.json`, has about 1.3 KiB a role.
pub const MAX_ENTRY_BYTES: u64 = 4 * 1024 * 1024;
/// Entries of an archive: four a role, and a dozen; enough for 2,000 roles, twice an account's default quota.
pub const MAX_ENTRIES: usize = 8192;
/// An entry's path, in bytes: what a ustar header holds in its prefix and name fields is at most 255.
pub const MAX_PATH_BYTES: usize = 255;
/// One part of an entry's path, in bytes: a ustar name field, which cannot be split.
pub const MAX_PATH_PART_BYTES: usize = 100;
/// Nesting of a JSON document; ours need 6, and a recursive reader should not be led further.
pub const MAX_JSON_DEPTH: usize = 12;
/// One string of a JSON document, in bytes: twice IAM's largest policy, which travels as a string.
pub const MAX_STRING_BYTES: usize = 24 * 1024;
/// A signature file, in bytes; `minisign` itself writes comments of at most 1,024 and 8,192 characters.
pub const MAX_SIGNATURE_BYTES: u64 = 10 * 1024;
/// Signature files beside one bundle, so that a full directory cannot keep the applier busy.
pub const MAX_SIGNATURES: usize = 16;
/// A receipt, in bytes. An action has 0.4 to 0.9 KiB: 2,000 roles that are made need 1.5 MiB, 2,000 roles of which everything
/// is put right, each call sent twice, 5.1 MiB; their record another 0.25 MiB.
pub const MAX_RECEIPT_BYTES: u64 = 8 * 1024 * 1024;
/// Request IDs that a receipt has of one action: a call is sent six times at most, and few actions are more than one call.
pub const MAX_REQUEST_IDS: usize = 64;
/// An ARN, in bytes [IAM API reference, arnType].
pub const MAX_ARN_BYTES: usize = 2048;
/// Why an action failed, in characters: AWS's message of up to 2,048, and what to do.
pub const MAX_ERROR_CHARS: usize = 4096;
/// A public key file or a trust file, in bytes.
pub const MAX_KEY_FILE_BYTES: u64 = 64 * 1024;
/// Keys of a trust policy.
pub const MAX_TRUSTED_KEYS: usize = 64;
/// Patterns of each list of a trust file, the actions of all exceptions counted as one list: every action that a bundle
/// grants is compared with every one of them, and a list of a few dozen is long.
pub const MAX_TRUST_PATTERNS: usize = 128;
/// An action, and a pattern of a trust file, in bytes: positions in it are the bits of one 128-bit number. The longest
/// action of IAM has about 80.
pub const MAX_PATTERN_BYTES: usize = 127;

/// The highest serial of a bundle: a bundle a second would take 31 years to reach it. It and the one after it, which no
/// bundle has, are exact in every reader of JSON.
pub const MAX_SERIAL: u64 = 999_999_999;
/// How long a bundle may be valid, in days: a year, and a month to renew it in.
pub const MAX_VALID_DAYS: u32 = 400;

/// Public keys of one bundle: two during a rotation, and two more for one that begins before the last has ended. IAM takes
/// 100 of each type [IAM user guide, creating OIDC identity providers].
pub const MAX_PUBLIC_KEYS: usize = 4;

/// Issuers that a cluster had before and that its roles still trust: one while it moves, and one more where it moves on before
/// the last pod has a token of the first. Each is a statement of every trust policy.
pub const MAX_FORMER_ISSUERS: usize = 2;

/// Tags of one IAM role or provider [IAM quotas]; two more of ours mark the bucket.
pub const MAX_TAGS: usize = 48;
/// Audiences of one identity provider [IAM quotas].
pub const MAX_AUDIENCES: usize = 100;
/// Thumbprints of one identity provider [IAM API reference, CreateOpenIDConnectProvider].
pub const MAX_THUMBPRINTS: usize = 5;
/// Inline policies of one role together, in characters, white space not counted [IAM quotas].
pub const MAX_ROLE_POLICY_CHARS: usize = 10_240;
/// A trust policy, in characters, white space not counted: the highest quota that can be asked for [IAM quotas].
pub const MAX_TRUST_POLICY_CHARS: usize = 8_192;
/// A trust policy's default quota: longer is possible only where the account's quota was raised.
pub const DEFAULT_TRUST_POLICY_CHARS: usize = 2_048;
/// A role's name, in characters [IAM API reference, CreateRole].
pub const MAX_ROLE_NAME_CHARS: usize = 64;
/// A role's description, in characters [IAM API reference, CreateRole].
pub const MAX_DESCRIPTION_CHARS: usize = 1_000;
/// An RSA key's modulus, in bits: NIST SP 800-57 asks for 2,048; beyond 8,192 verifying only costs time.
pub const RSA_BITS: std::ops::RangeInclusive<usize> = 2_048..=8_192;
