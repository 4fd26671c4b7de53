//! Attacks on the tar: names, kinds, sizes, extensions, order, padding, end.

use tar::{EntryType, Header};
use tests::forge::raw::{Raw, RawEntry};
use tests::forge::{Delivery, Kit};

use crate::{Attack, archive_refused, refused};

pub(crate) fn attacks(kit: &Kit) -> Vec<Attack> {
    [names(kit), kinds(kit), sizes(kit), fields(kit), extensions(kit), order_and_end(kit)]
        .into_iter()
        .flatten()
        .collect()
}

fn file_named(kit: &Kit, name: &str) -> Delivery {
    kit.with_tar(|raw| raw.insert(RawEntry::new(name, b"x", |_| {})))
}

fn names(kit: &Kit) -> Vec<Attack> {
    let bad = |name: &'static str, path: &str, rule: &str| {
        let shown = path.replace('\u{1b}', "\\u{1b}");
        let error = format!(
            "tar has an entry with a path that a bundle cannot have\n  because: invalid entry path \"{shown}\": {rule}"
        );
        archive_refused(name, file_named(kit, path), &error)
    };
    let characters = "must consist of /, letters, digits and _+=,.@-";
    vec![
        bad("path with ..", "aws/../../etc/passwd", "must have no part . or .."),
        bad("path that is ..", "..", "must have no part . or .."),
        bad("path that begins with ./", "./aws/x.json", "must have no part . or .."),
        bad("absolute path", "/etc/passwd", "must be relative and have no empty part"),
        bad("path with an empty part", "aws//x.json", "must be relative and have no empty part"),
        bad("path that ends in /", "aws/", "must be relative and have no empty part"),
        bad("empty path", "", "must have 1 to 255 bytes"),
        bad("path with a backslash", "aws\\x.json", characters),
        bad("path with a drive letter", "c:x.json", characters),
        bad("path with a space", "aws/x y.json", characters),
        bad("path with an escape sequence", "aws/\u{1b}[2J.json", characters),
        archive_refused(
            "path that is not UTF-8",
            kit.with_tar(|raw| raw.insert(RawEntry::new("aws/x", b"x", |header| header.as_old_mut().name[4] = 0xff))),
            "entry path \"aws/\u{fffd}\" is not UTF-8",
        ),
        archive_refused(
            "bytes behind the NUL of a name",
            kit.with_tar(|raw| raw.second().change(|header| header.as_old_mut().name[60] = b'x')),
            "entry aws/bucket-policy.json has a name field that is not in canonical form",
        ),
        archive_refused(
            "path hidden in the prefix field",
            kit.with_tar(|raw| {
                raw.second().change(|header| {
                    let ustar = header.as_ustar_mut().unwrap();
                    ustar.name = [0; 100];
                    ustar.name[..18].copy_from_slice(b"bucket-policy.json");
                    ustar.prefix[..3].copy_from_slice(b"aws");
                });
            }),
            "entry aws/bucket-policy.json has a name field that is not in canonical form",
        ),
        archive_refused(
            "a twin",
            kit.with_tar(|raw| {
                let twin = raw.second().clone();
                raw.insert(twin);
            }),
            "entry aws/bucket-policy.json occurs twice (names are compared without regard to case)",
        ),
        archive_refused(
            "a twin without regard to case",
            file_named(kit, "AWS/bucket-policy.json"),
            "entry aws/bucket-policy.json occurs twice (names are compared without regard to case)",
        ),
        archive_refused(
            "a second index",
            file_named(kit, "bundle.json"),
            "entry bundle.json occurs twice (names are compared without regard to case)",
        ),
    ]
}

fn kinds(kit: &Kit) -> Vec<Attack> {
    let kind = |name: &'static str, flag: u8, shown: &str| {
        let delivery = kit.with_tar(|raw| {
            raw.insert(RawEntry::new("aws/a", b"", |header| {
                header.as_old_mut().linkflag = [flag];
                header.as_old_mut().linkname[..11].copy_from_slice(b"/etc/passwd");
            }));
        });
        archive_refused(name, delivery, &format!("entry aws/a is {shown}; only regular files are allowed"))
    };
    vec![
        kind("hard link", b'1', "a hard link"),
        kind("symbolic link", b'2', "a symbolic link"),
        kind("character device", b'3', "a character device"),
        kind("block device", b'4', "a block device"),
        kind("directory", b'5', "a directory"),
        kind("FIFO", b'6', "a FIFO"),
        kind("contiguous file", b'7', "a contiguous file"),
        kind("file of the format before ustar", 0, "a file in the format before ustar"),
        kind("GNU sparse file", b'S', "a GNU sparse file"),
        kind("GNU long name", b'L', "a GNU long name"),
        kind("GNU long link", b'K', "a GNU long link"),
        kind("GNU directory dump", b'D', "of an unknown type"),
        kind("GNU volume header", b'V', "of an unknown type"),
        kind("unknown type", b'Z', "of an unknown type"),
    ]
}

fn sizes(kit: &Kit) -> Vec<Attack> {
    let size = |name: &'static str, field: &[u8; 12], error: &str| {
        archive_refused(
            name,
            kit.with_tar(|raw| raw.second().change(|header| header.as_old_mut().size = *field)),
            error,
        )
    };
    let not_octal = "entry aws/bucket-policy.json has a size that is not in plain octal";
    vec![
        size("base-256 size", b"\x80\0\0\0\0\0\0\0\0\0\x01\x00", not_octal),
        size("negative size", b"-0000000001\0", not_octal),
        size("size with letters", b"0000000001z\0", not_octal),
        size(
            "size too large for an entry",
            b"77777777777\0",
            "entry aws/bucket-policy.json has 8589934591 bytes; at most 4194304 are allowed",
        ),
        size(
            "size of another spelling",
            b"      00643\0",
            "entry aws/bucket-policy.json has a size field that is not in canonical form",
        ),
        size("size beyond the end of the tar", b"00010000000\0", "tar is cut off in entry aws/bucket-policy.json"),
        archive_refused(
            "entry shorter than its data",
            kit.with_tar(|raw| raw.second().change(|header| header.set_size(10))),
            "entry aws/bucket-policy.json is followed by padding that is not zero",
        ),
    ]
}

fn fields(kit: &Kit) -> Vec<Attack> {
    let field = |name: &'static str, field: &str, change: fn(&mut Header)| {
        archive_refused(
            name,
            kit.with_tar(|raw| raw.second().change(change)),
            &format!("entry aws/bucket-policy.json has a {field} field that is not in canonical form"),
        )
    };
    vec![
        field("setuid", "mode", |header| header.set_mode(0o4644)),
        field("executable", "mode", |header| header.set_mode(0o755)),
        field("an owner", "uid", |header| header.set_uid(1000)),
        field("a group", "gid", |header| header.set_gid(1000)),
        field("a time", "mtime", |header| header.set_mtime(1_700_000_000)),
        field("a user name", "uname", |header| header.set_username("root").unwrap()),
        field("a group name", "gname", |header| header.set_groupname("wheel").unwrap()),
        field("a link name on a file", "linkname", |header| header.as_old_mut().linkname[0] = b'x'),
        field("a device number on a file", "devmajor", |header| header.set_device_major(8).unwrap()),
        field("bytes in the header's padding", "padding", |header| header.as_mut_bytes()[511] = b'x'),
        archive_refused(
            "wrong header checksum",
            kit.with_tar_bytes(|tar| tar[150] ^= 1),
            "header at byte 0 has a wrong checksum",
        ),
        archive_refused(
            "GNU magic",
            kit.with_tar(|raw| {
                raw.second().change(|header| header.as_mut_bytes()[257..265].copy_from_slice(b"ustar  \0"))
            }),
            &format!("header at byte {} is not in the ustar format", second_header(kit)),
        ),
        archive_refused(
            "no magic",
            kit.with_tar(|raw| raw.second().change(|header| header.as_mut_bytes()[257..265].copy_from_slice(&[0; 8]))),
            &format!("header at byte {} is not in the ustar format", second_header(kit)),
        ),
    ]
}

/// Where the header after the index's begins.
fn second_header(kit: &Kit) -> usize {
    let raw = Raw::of(&kit.good_archive());
    512 + raw.entries[0].body.len() + raw.entries[0].padding.len()
}

fn extensions(kit: &Kit) -> Vec<Attack> {
    let pax = |name: &'static str, entry_type: EntryType, record: &str, kind: &str| {
        let delivery = kit.with_tar(|raw| {
            raw.insert(RawEntry::new("PaxHeaders/x", record.as_bytes(), |header| header.set_entry_type(entry_type)));
        });
        archive_refused(name, delivery, &format!("entry PaxHeaders/x is {kind}; only regular files are allowed"))
    };
    let (local, global) = ("a PAX header", "a global PAX header");
    vec![
        pax("PAX path", EntryType::XHeader, "20 path=/etc/passwd\n", local),
        pax("PAX link path", EntryType::XHeader, "24 linkpath=/etc/passwd\n", local),
        pax("PAX size, smaller", EntryType::XHeader, "9 size=1\n", local),
        pax("PAX size, larger", EntryType::XHeader, "14 size=99999\n", local),
        pax("PAX comment", EntryType::XHeader, "17 comment=hello\n", local),
        pax("global PAX path", EntryType::XGlobalHeader, "20 path=/etc/passwd\n", global),
        pax("global PAX comment", EntryType::XGlobalHeader, "17 comment=hello\n", global),
        archive_refused(
            "GNU long name that renames the next entry",
            kit.with_tar(|raw| {
                raw.insert(RawEntry::new("././@LongLink", b"evil\0", |header| header.as_old_mut().linkflag = *b"L"))
            }),
            "entry ././@LongLink is a GNU long name; only regular files are allowed",
        ),
    ]
}

fn order_and_end(kit: &Kit) -> Vec<Attack> {
    vec![
        refused("no entry at all", kit.with_tar(|raw| raw.entries.clear()), "bundle is refused: it has no bundle.json"),
        archive_refused("an empty tar", kit.with_tar_bytes(Vec::clear), "tar has no end marker of two zero blocks"),
        archive_refused(
            "the index not first",
            kit.with_tar(|raw| raw.entries.swap(0, 1)),
            "entry aws/bucket-policy.json is out of order: bundle.json comes first, then the rest sorted by path",
        ),
        archive_refused(
            "entries out of order",
            kit.with_tar(|raw| raw.entries.swap(1, 2)),
            "entry aws/bucket-policy.json is out of order: bundle.json comes first, then the rest sorted by path",
        ),
        archive_refused(
            "padding that is not zero",
            kit.with_tar(|raw| *raw.second().padding.last_mut().unwrap() = 1),
            "entry aws/bucket-policy.json is followed by padding that is not zero",
        ),
        archive_refused(
            "no end marker",
            kit.with_tar(|raw| raw.tail.clear()),
            "tar has no end marker of two zero blocks",
        ),
        archive_refused(
            "half an end marker",
            kit.with_tar(|raw| raw.tail.truncate(512)),
            "tar has no end marker of two zero blocks",
        ),
        archive_refused(
            "data in the end marker",
            kit.with_tar(|raw| raw.tail[1000] = 1),
            "tar has no end marker of two zero blocks",
        ),
        archive_refused(
            "a block after the end",
            kit.with_tar(|raw| raw.tail.extend([0; 512])),
            "512 bytes follow the end of the tar",
        ),
        archive_refused(
            "a second archive after the end",
            kit.with_tar_bytes(|tar| tar.extend(tar.clone())),
            &format!("{} bytes follow the end of the tar", Raw::of(&kit.good_archive()).tar().len()),
        ),
        archive_refused(
            "an entry cut off",
            kit.with_tar_bytes(|tar| tar.truncate(1536)),
            "tar is cut off in entry bundle.json",
        ),
        archive_refused(
            "a header cut off",
            kit.with_tar_bytes(|tar| tar.truncate(100)),
            "tar is cut off in the header at byte 0",
        ),
        archive_refused(
            "more entries than allowed",
            kit.with_tar(|raw| {
                for number in 0..8192 {
                    raw.entries.push(RawEntry::new(&format!("x/{number:05}"), b"", |_| {}));
                }
            }),
            "tar has more than 8192 entries",
        ),
    ]
}
