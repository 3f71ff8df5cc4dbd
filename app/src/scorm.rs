//! A workshop as a package for learning platforms: SCORM 1.2, Content Packaging (ADL, 2001).
//! Its page holds a frame with the workshop at this page's address, and tells the platform
//! how far a person has come.

use crate::share::{embed_address, escaped};
use rawzip::{Error, ZipArchiveWriter};
use std::io::Write as _;

const FILES: [(&str, &str); 3] = [
    ("imsmanifest.xml", include_str!("scorm/imsmanifest.xml")),
    ("index.html", include_str!("scorm/index.html")),
    ("scorm.js", include_str!("scorm/scorm.js")),
];

/// The package. `home` is where Patchbay lies, `link` the end of the workshop's link, `id`
/// its checksum.
///
/// # Errors
/// None that are known: it is written to memory.
pub fn package(home: &str, link: &str, title: &str, id: &str) -> Result<Vec<u8>, Error> {
    // A frame in a platform's page is in view at once.
    let address = embed_address(home, link).replace("embed.html#", "embed.html?autorun#");
    let mut zip = ZipArchiveWriter::new(Vec::new());
    for (name, text) in FILES {
        let text = text
            .replace("{{id}}", id)
            .replace("{{title}}", &escaped(title))
            .replace("{{address}}", &escaped(&address));
        let (mut entry, config) = zip.new_file(name).start()?;
        let mut writer = config.wrap(&mut entry);
        writer.write_all(text.as_bytes())?;
        let (_, descriptor) = writer.finish()?;
        entry.finish(descriptor)?;
    }
    zip.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rawzip::ZipArchive;

    #[test]
    fn a_package_holds_the_workshop_and_escapes_its_name() {
        let zip = package("https://x/y/", "v2=abc", "<A> & \"B\"", "0123").unwrap();
        let archive = ZipArchive::from_slice(&zip).unwrap();
        let mut entries = archive.entries();
        let mut names = Vec::new();
        while let Some(entry) = entries.next_entry().unwrap() {
            let path = entry.file_path();
            names.push(path.try_normalize().unwrap().as_ref().to_owned());
        }
        assert_eq!(names, FILES.map(|(name, _)| name));
        let all = String::from_utf8_lossy(&zip);
        assert!(all.contains("https://x/y/embed.html?autorun#v2=abc"));
        assert!(all.contains("<title>&lt;A> &amp; &quot;B&quot;</title>"));
        assert!(!all.contains("{{"));
    }
}
