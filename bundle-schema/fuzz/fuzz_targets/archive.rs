//! A tar inside a good gzip member: what the reader accepts, the writer writes, byte for byte.

#![no_main]

use std::io::{Read, Write};

use bundle_schema::bundle::{Inspection, write};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|tar: &[u8]| {
    // The bytes as they are, which is about gzip, and compressed, which is about tar.
    let _ = Inspection::read(tar.to_vec());
    let mut gzip = flate2::GzBuilder::new().write(Vec::new(), flate2::Compression::fast());
    gzip.write_all(tar).unwrap();
    // The writer's mark for its own compression level is part of the canonical header.
    let mut archive = gzip.finish().unwrap();
    archive[8] = 0;
    if let Ok(inspection) = Inspection::read(archive) {
        let written = write(inspection.contents()).unwrap();
        let mut again = Vec::new();
        flate2::read::GzDecoder::new(written.as_slice()).read_to_end(&mut again).unwrap();
        assert_eq!(again, tar);
    }
});
