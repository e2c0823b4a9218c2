//! Where a service is: `https://HOST[:PORT]`, and nothing that a reader of the name could misunderstand.

use std::fmt;
use std::net::IpAddr;

/// Metadata services answer without TLS on addresses that never leave the machine's own host; nothing else may.
const WITHOUT_TLS: &[&str] = &["169.254.169.254", "169.254.170.2", "169.254.170.23"];

/// Scheme, host and port. There is no TLS to this machine itself and to metadata services; everywhere else it is required.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    origin: String,
    #[cfg(feature = "azure-kv")]
    host: String,
}

impl Address {
    /// An address, and what follows it from the first `/` on.
    pub fn parse(text: &str) -> Result<(Address, &str), String> {
        let (tls, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (true, rest),
            (None, Some(rest)) => (false, rest),
            (None, None) => return Err("its address does not begin with https://".to_owned()),
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let host =
            host_of(authority).ok_or("its address is not https://HOST or https://HOST:PORT")?;
        if !tls && !may_be_plain(host) {
            return Err("its address must begin with https://, except on 127.0.0.1".to_owned());
        }
        let scheme = if tls { "https" } else { "http" };
        let address = Address {
            origin: format!("{scheme}://{authority}"),
            #[cfg(feature = "azure-kv")]
            host: host.to_ascii_lowercase(),
        };
        Ok((address, path))
    }

    /// An address with nothing after it.
    #[cfg(any(feature = "aws-kms", feature = "azure-kv", feature = "gcp-kms"))]
    pub fn alone(text: &str) -> Result<Address, String> {
        match Address::parse(text)? {
            (address, "" | "/") => Ok(address),
            _ => Err("its address has a path".to_owned()),
        }
    }

    /// The address of something on it; the path begins with `/`.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    #[cfg(feature = "azure-kv")]
    pub fn host(&self) -> &str {
        &self.host
    }

    #[cfg(feature = "azure-kv")]
    pub fn is_this_machine(&self) -> bool {
        is_loopback(&self.host)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin)
    }
}

fn may_be_plain(host: &str) -> bool {
    is_loopback(host) || WITHOUT_TLS.contains(&host)
}

/// Only addresses: the name `localhost` means what the resolver says.
fn is_loopback(host: &str) -> bool {
    let number = host.trim_start_matches('[').trim_end_matches(']');
    number.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

/// The host, with its brackets where it has some. None: there is a user in front of it, or a character that hosts do not have.
fn host_of(authority: &str) -> Option<&str> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (inside, after) = rest.split_once(']')?;
            inside.parse::<std::net::Ipv6Addr>().ok()?;
            (authority.get(..inside.len() + 2)?, after)
        }
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    let good = host.starts_with('[') || (!host.is_empty() && host.chars().all(named));
    let port_good = port.is_empty()
        || port.strip_prefix(':').is_some_and(|p| {
            p.bytes().all(|b| b.is_ascii_digit()) && p.parse::<u16>().is_ok_and(|n| n > 0)
        });
    (good && port_good).then_some(host)
}

/// Whether a text can stand between two slashes of an address as it is.
#[cfg(any(test, feature = "vault", feature = "azure-kv", feature = "gcp-kms"))]
pub(crate) fn path_segment(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '~');
    !text.is_empty() && text != "." && text != ".." && text.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_strictly() {
        let check = |text: &str, expected: Option<(&str, &str)>| {
            let found = Address::parse(text).ok();
            let found = found.as_ref().map(|(a, path)| (a.origin.as_str(), *path));
            assert_eq!(found, expected, "{text}");
        };
        check(
            "https://vault.example.com",
            Some(("https://vault.example.com", "")),
        );
        check("https://V:8200/a/b", Some(("https://V:8200", "/a/b")));
        check("https://[::1]:8200/a", Some(("https://[::1]:8200", "/a")));
        check(
            "http://127.0.0.1:8200/a",
            Some(("http://127.0.0.1:8200", "/a")),
        );
        check("http://[::1]/", Some(("http://[::1]", "/")));
        check(
            "http://169.254.169.254/x",
            Some(("http://169.254.169.254", "/x")),
        );
        check("http://vault.example.com", None);
        check("http://localhost:8200", None);
        check("http://127.0.0.1.example.com", None);
        check("http://169.254.169.25", None);
        check("http://10.0.0.1", None);
        check("ftp://127.0.0.1", None);
        check("vault.example.com", None);
        check("https://", None);
        check("https:///a", None);
        check("https://user@host", None);
        check("https://user:word@host/a", None);
        check("https://host:", None);
        check("https://host:0", None);
        check("https://host:65536", None);
        check("https://host:+1", None);
        check("https://ho st", None);
        check("https://host\\evil", None);
        check("https://host?x", None);
        check("https://host#x", None);
        check("https://[::1", None);
        check("https://[vault]", None);
    }

    #[test]
    fn segments_of_a_path_need_no_escapes() {
        for good in ["a", "A-1_b.c~", "..."] {
            assert!(path_segment(good), "{good}");
        }
        for wrong in ["", ".", "..", "a/b", "a b", "a%2f", "a?b", "ä"] {
            assert!(!path_segment(wrong), "{wrong}");
        }
    }
}
