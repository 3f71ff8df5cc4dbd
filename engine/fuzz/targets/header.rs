//! Any bytes as the beginning of `model.safetensors`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use patchbay_engine::model::Header;

fuzz_target!(|file: &[u8]| {
    if let Ok(Some(stop)) = Header::stop(file)
        && let Some(whole) = file.get(..stop)
    {
        read(whole);
    }
    // The same with a length that fits, which chance would seldom find.
    let json = file.get(8..).unwrap_or_default();
    let mut fitting = (json.len() as u64).to_le_bytes().to_vec();
    fitting.extend_from_slice(json);
    read(&fitting);
});

/// What is read must be consistent: the tensors fill the file, and each has the
/// bytes of its shape.
fn read(bytes: &[u8]) {
    let Ok(header) = Header::parse(bytes) else {
        return;
    };
    let mut end = bytes.len() as u64;
    for entry in &header.entries {
        let values = entry.shape.iter().map(|n| *n as u64).product::<u64>();
        assert_eq!(
            8 * entry.bytes,
            values * entry.dtype.bitsize() as u64,
            "{entry:?}"
        );
        end += entry.bytes;
    }
    assert_eq!(header.file_bytes, end);
}
