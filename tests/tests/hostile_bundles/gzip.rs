//! Attacks on the gzip framing.

use flate2::GzBuilder;
use tests::forge::{Kit, raw};

use crate::{Attack, archive_refused};

pub(crate) fn attacks(kit: &Kit) -> Vec<Attack> {
    let tar = raw::gunzip(&kit.good_archive());
    let gzipped = |header: GzBuilder| kit.signed(raw::gzip_with(header, &tar));
    vec![
        archive_refused("empty file", kit.with_gzip_bytes(Vec::clear), "archive is not gzip: it begins with []"),
        archive_refused(
            "a zip instead",
            kit.signed(b"PK\x03\x04zip".to_vec()),
            "archive is not gzip: it begins with [50, 4b, 03, 04]",
        ),
        archive_refused(
            "a plain tar instead",
            kit.signed(tar.clone()),
            "archive is not gzip: it begins with [62, 75, 6e, 64]",
        ),
        archive_refused(
            "another compression method",
            kit.with_gzip_bytes(|gzip| gzip[2] = 7),
            "archive is not gzip: it begins with [1f, 8b, 07, 00]",
        ),
        archive_refused(
            "a second member with another bundle",
            kit.with_gzip_bytes(|gzip| gzip.extend(gzip.clone())),
            "a second gzip member follows the first",
        ),
        archive_refused(
            "an empty second member",
            kit.with_gzip_bytes(|gzip| gzip.extend(raw::gzip(b""))),
            "a second gzip member follows the first",
        ),
        archive_refused("one trailing byte", kit.with_gzip_bytes(|gzip| gzip.push(0)), "1 bytes follow the gzip data"),
        archive_refused(
            "trailing text",
            kit.with_gzip_bytes(|gzip| gzip.extend(b"note")),
            "4 bytes follow the gzip data",
        ),
        archive_refused(
            "wrong checksum",
            kit.with_gzip_bytes(|gzip| {
                let at = gzip.len() - 8;
                gzip[at] ^= 1;
            }),
            "gzip data is damaged: corrupt gzip stream does not have a matching checksum",
        ),
        archive_refused(
            "wrong length",
            kit.with_gzip_bytes(|gzip| {
                let at = gzip.len() - 4;
                gzip[at] ^= 1;
            }),
            "gzip data is damaged: corrupt gzip stream does not have a matching checksum",
        ),
        archive_refused("cut trailer", kit.with_gzip_bytes(|gzip| gzip.truncate(gzip.len() - 3)), CUT),
        archive_refused("cut in the middle", kit.with_gzip_bytes(|gzip| gzip.truncate(gzip.len() / 2)), CUT),
        archive_refused("cut header", kit.with_gzip_bytes(|gzip| gzip.truncate(5)), CUT),
        archive_refused(
            "damaged deflate data",
            kit.with_gzip_bytes(|gzip| gzip[10] = 0xff),
            "gzip data is damaged: corrupt deflate stream",
        ),
        archive_refused(
            "a bomb",
            kit.signed(raw::gzip(&vec![0; 64 * 1024 * 1024])),
            "archive decompresses to more than 16777216 bytes",
        ),
        archive_refused("file name in the header", gzipped(GzBuilder::new().filename("x.tar")), FLAGS),
        archive_refused("comment in the header", gzipped(GzBuilder::new().comment("hello")), FLAGS),
        archive_refused("extra field in the header", gzipped(GzBuilder::new().extra(vec![1, 2, 3, 4])), FLAGS),
        archive_refused(
            "time in the header",
            gzipped(GzBuilder::new().mtime(1)),
            "gzip header has a time, which a bundle's never has",
        ),
        archive_refused(
            "system in the header",
            gzipped(GzBuilder::new().operating_system(3)),
            "gzip header has another compression or system mark, which a bundle's never has",
        ),
    ]
}

const CUT: &str = "archive is cut off: the gzip data ends too early\n  copy the file again and compare its SHA-256";
const FLAGS: &str = "gzip header has a name, a comment, an extra field or another flag, which a bundle's never has";
