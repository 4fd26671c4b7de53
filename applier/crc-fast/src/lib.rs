//! What the SDK calls of the crate `crc-fast`, by [`crc`]: the checksums that S3 has in headers.
//!
//! The crate of that name computes a hundred checksums with the CPU's vector instructions: 0.7 MB of tables in the applier, and
//! thousands of lines of unsafe code. What the applier sends and reads of S3 are a few kilobytes, so nothing is lost. An answer whose
//! checksum is wrong is refused by the SDK, a request by S3.
//!
//! Input: a document's bytes. Output: their checksum, in the lower bits.

use crc::{CRC_32_ISCSI, CRC_32_ISO_HDLC, CRC_64_NVME, Crc, Table};

static CRC32: Crc<u32, Table<1>> = Crc::<u32, Table<1>>::new(&CRC_32_ISO_HDLC);
static CRC32C: Crc<u32, Table<1>> = Crc::<u32, Table<1>>::new(&CRC_32_ISCSI);
static CRC64: Crc<u64, Table<1>> = Crc::<u64, Table<1>>::new(&CRC_64_NVME);

/// A checksum that S3 knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CrcAlgorithm {
    /// CRC32: `x-amz-checksum-crc32`.
    Crc32IsoHdlc,
    /// CRC32C: `x-amz-checksum-crc32c`.
    Crc32Iscsi,
    /// CRC64NVME: `x-amz-checksum-crc64nvme`.
    Crc64Nvme,
}

/// The checksum of all bytes.
#[must_use]
pub fn checksum(algorithm: CrcAlgorithm, bytes: &[u8]) -> u64 {
    let mut digest = Digest::new(algorithm);
    digest.update(bytes);
    digest.finalize()
}

/// A checksum under way.
#[derive(Clone)]
pub struct Digest(Width);

#[derive(Clone)]
enum Width {
    Of32(crc::Digest<'static, u32, Table<1>>),
    Of64(crc::Digest<'static, u64, Table<1>>),
}

impl Digest {
    /// The checksum of nothing.
    #[must_use]
    pub fn new(algorithm: CrcAlgorithm) -> Self {
        Self(match algorithm {
            CrcAlgorithm::Crc32IsoHdlc => Width::Of32(CRC32.digest()),
            CrcAlgorithm::Crc32Iscsi => Width::Of32(CRC32C.digest()),
            CrcAlgorithm::Crc64Nvme => Width::Of64(CRC64.digest()),
        })
    }

    /// With these bytes behind the others.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            Width::Of32(digest) => digest.update(bytes),
            Width::Of64(digest) => digest.update(bytes),
        }
    }

    /// The checksum of all of them.
    #[must_use]
    pub fn finalize(self) -> u64 {
        match self.0 {
            Width::Of32(digest) => digest.finalize().into(),
            Width::Of64(digest) => digest.finalize(),
        }
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Digest").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check values of the catalogue of CRC algorithms, which the algorithms are named in: of `123456789`.
    #[test]
    fn checksums_are_those_of_the_catalogue() {
        for (algorithm, check) in [
            (CrcAlgorithm::Crc32IsoHdlc, 0xcbf4_3926),
            (CrcAlgorithm::Crc32Iscsi, 0xe306_9283),
            (CrcAlgorithm::Crc64Nvme, 0xae8b_1486_0a79_9888),
        ] {
            assert_eq!(checksum(algorithm, b"123456789"), check, "{algorithm:?}");
            let mut digest = Digest::new(algorithm);
            digest.update(b"1234");
            digest.update(b"");
            digest.update(b"56789");
            assert_eq!(digest.finalize(), check, "{algorithm:?}, in parts");
        }
    }
}
