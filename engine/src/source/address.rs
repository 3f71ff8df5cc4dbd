//! Addresses whose host is the one that they show. No network here.
//!
//! A person agrees to a host by its name, so what is shown must be what a browser
//! asks. The URL standard lets one host be written in many ways (backslashes,
//! credentials, percent signs, letters of other scripts, 127.1); here each has one.

use crate::sentence::Says;
use serde_json::Value;
use std::fmt;

/// An address of the one form `scheme://host[:port]/path/`, in plain ASCII, so that
/// it reads to a person as to the URL standard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// In full, with a slash at its end.
    pub text: String,
    /// With the port, where it is not the scheme's own: `new URL(text).host`.
    pub host: String,
    /// Whether it is HTTPS.
    pub secure: bool,
}

/// Why an address is not of that form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It begins with neither `https://` nor `http://`.
    Scheme,
    /// Without HTTPS, from another computer.
    Insecure,
    /// It has a `?` or a `#`, which would swallow the names of files.
    Query,
    /// It has a backslash, which a browser takes for a slash.
    Backslash,
    /// It has an `@`, before which a browser finds a user's name.
    Credentials,
    /// Its host is empty, or written otherwise than a browser would write it.
    Host,
    /// What follows the host's colon is no port.
    Port,
    /// It has a character that is not visible ASCII; in the address of a file, also a
    /// `#`.
    Letter(char),
}

impl Fault {
    /// What an error about an address says, in which this is the reason.
    #[inline]
    pub(super) fn says_of(&self, code: &str, found: &str) -> Says {
        let fault = Value::from(match self {
            Self::Scheme => "scheme",
            Self::Insecure => "insecure",
            Self::Query => "query",
            Self::Backslash => "backslash",
            Self::Credentials => "credentials",
            Self::Host => "host",
            Self::Port => "port",
            Self::Letter(_) => "letter",
        });
        let letter = match self {
            Self::Letter(letter) => Some(("letter", Value::from(u32::from(*letter)))),
            _ => None,
        };
        let args = [("found", found.into()), ("fault", fault)];
        Says::new(code, args.into_iter().chain(letter))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => "it should begin with https:// or http://",
            Self::Insecure => "it should begin with https://; http:// is for this computer alone",
            Self::Query => "it should end with the folder, without ? and #",
            Self::Backslash => {
                "a backslash ends the host's name for a browser, whatever follows; write / instead"
            }
            Self::Credentials => {
                "what stands before @ is a user's name, not the host; leave it out"
            }
            Self::Host => {
                "its host should be a name of letters, digits, hyphens and dots, or four plain numbers"
            }
            Self::Port => "what follows the colon should be a port, from 0 to 65535",
            Self::Letter(letter) => {
                return write!(
                    f,
                    "it has the character U+{:04X}; write it as a browser's address bar gives it when copied, with xn-- in the host's name and %.. elsewhere",
                    u32::from(*letter)
                );
            }
        })
    }
}

impl Address {
    /// Reads an address. Capitals of the scheme and host become small, and the
    /// scheme's own port goes.
    ///
    /// # Errors
    /// [`Fault`] where a browser would read it otherwise than a person, or in no way.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        if text.contains('\\') {
            return Err(Fault::Backslash);
        }
        // A browser leaves white space and control characters out.
        if let Some(letter) = text.chars().find(|c| !c.is_ascii_graphic()) {
            return Err(Fault::Letter(letter));
        }
        let (scheme, rest) = text.split_once("://").ok_or(Fault::Scheme)?;
        let (scheme, own) = match scheme {
            s if s.eq_ignore_ascii_case("https") => ("https", 443),
            s if s.eq_ignore_ascii_case("http") => ("http", 80),
            _ => return Err(Fault::Scheme),
        };
        // A query or fragment would swallow the file names.
        if rest.contains(['?', '#']) {
            return Err(Fault::Query);
        }
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        if authority.contains('@') {
            return Err(Fault::Credentials);
        }
        let (name, port) = match authority.strip_prefix("[::1]") {
            Some("") => ("[::1]", None),
            Some(rest) => ("[::1]", Some(rest.strip_prefix(':').ok_or(Fault::Host)?)),
            None => match authority.split_once(':') {
                Some((name, port)) => (name, Some(port)),
                None => (authority, None),
            },
        };
        let mut host = name.to_ascii_lowercase();
        if !is_host(&host) {
            return Err(Fault::Host);
        }
        if let Some(port) = port {
            let digits = port.bytes().all(|b| b.is_ascii_digit());
            let port: u16 = port.parse().ok().filter(|_| digits).ok_or(Fault::Port)?;
            if port != own {
                host += &format!(":{port}");
            }
        }
        Ok(Self {
            text: format!(
                "{scheme}://{}/",
                format!("{host}/{path}").trim_end_matches('/')
            ),
            host,
            secure: scheme == "https",
        })
    }

    /// Reads an address that may be asked: other computers need HTTPS.
    ///
    /// # Errors
    /// As [`Address::parse`], and [`Fault::Insecure`].
    pub fn safe(text: &str) -> Result<Self, Fault> {
        match Self::parse(text) {
            Ok(address) if !address.secure && !address.is_local() => Err(Fault::Insecure),
            address => address,
        }
    }

    /// Whether it is this computer itself, which needs no HTTPS.
    #[must_use]
    pub fn is_local(&self) -> bool {
        let name = match self.host.strip_prefix("[::1]") {
            Some(_) => return true,
            None => self.host.split(':').next().unwrap_or_default(),
        };
        name == "localhost" || name == "127.0.0.1" || name.ends_with(".localhost")
    }
}

/// A name in small letters, or an address as the URL standard would write it: what
/// ends in a number it takes for four numbers, however they are written.
fn is_host(host: &str) -> bool {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b);
    let is_name = |label: &str| !label.is_empty() && label.bytes().all(fits);
    let last = host.rsplit('.').next().unwrap_or_default();
    let hex = last.strip_prefix("0x");
    let is_hex = hex.is_some_and(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
    // As long as names can be.
    if host.len() > 253 || host.split('.').any(|label| label.len() > 63) {
        false
    } else if host == "[::1]" {
        true
    } else if is_hex || last.bytes().all(|b| b.is_ascii_digit()) {
        let plain = |n: &str| n.parse::<u8>().is_ok_and(|byte| byte.to_string() == n);
        host.split('.').count() == 4 && host.split('.').all(plain)
    } else {
        host.split('.').all(is_name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Addresses, and the host that each shows; the browser tests ask a browser's
    /// own parser about the same ones.
    fn table() -> Vec<(String, Option<String>)> {
        let table = include_str!("../../../tests/browser/addresses.json");
        serde_json::from_str(table).unwrap()
    }

    #[test]
    fn the_host_is_the_one_shown_or_it_is_no_address() {
        let table = table();
        assert!(table.len() > 40);
        for (text, host) in table {
            let found = Address::parse(&text).map(|a| a.host).ok();
            assert_eq!(found, host, "{text:?}");
        }
    }

    #[test]
    fn what_is_written_is_read_again_as_it_is() {
        for (text, host) in table() {
            let Some(host) = host else { continue };
            let address = Address::parse(&text).unwrap();
            assert_eq!(Address::parse(&address.text).unwrap(), address, "{text}");
            let start = format!(
                "{}://{host}/",
                if address.secure { "https" } else { "http" }
            );
            assert!(address.text.starts_with(&start), "{}", address.text);
            assert!(address.text.ends_with('/') && !address.text.ends_with("//"));
        }
    }

    #[test]
    fn each_fault_is_named() {
        for (text, fault) in [
            ("ftp://x/y", Fault::Scheme),
            ("https:x.example", Fault::Scheme),
            ("https://x/y?z", Fault::Query),
            ("https://x#@y/", Fault::Query),
            ("https://evil.example\\.huggingface.co/m/", Fault::Backslash),
            ("https://huggingface.co@evil.example/m/", Fault::Credentials),
            ("https://", Fault::Host),
            ("https:///x", Fault::Host),
            ("https://127.1/", Fault::Host),
            ("https://%65vil.example/", Fault::Host),
            ("https://x.example:65536/", Fault::Port),
            ("https://x.example:+1/", Fault::Port),
            ("https://huggingf\u{430}ce.co/m/", Fault::Letter('\u{430}')),
            ("https://x.example/\u{202e}m/", Fault::Letter('\u{202e}')),
            ("https://x.exa\tmple/", Fault::Letter('\t')),
        ] {
            assert_eq!(Address::parse(text), Err(fault), "{text:?}");
        }
    }

    #[test]
    fn this_computer_is_known() {
        let local = |text| Address::parse(text).unwrap().is_local();
        for text in [
            "http://localhost:8090",
            "http://a.localhost/",
            "http://127.0.0.1:1/",
            "http://[::1]:8/x",
        ] {
            assert!(local(text), "{text}");
        }
        for text in ["http://localhost.example/", "http://127.0.0.1.example/"] {
            assert!(!local(text), "{text}");
        }
    }
}
