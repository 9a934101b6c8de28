//! The URL of a database server, kept so that its password is printed nowhere.

use std::fmt;

use url::Url;

use super::tls::Trust;

/// Where a database server is, and as whom it is asked. Its `Debug` and `Display` hide the password.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerAddress {
    url: Url,
    trust: Trust,
}

impl ServerAddress {
    /// Reads `scheme://user:password@host:port/database?option=value`, where `scheme` is one of
    /// `schemes`; `sslmode` (or `ssl-mode`) and `sslrootcert` (or `ssl-ca`) say whom to trust. The message
    /// of a mistake does not repeat the URL, which may hold a password.
    pub fn parse(text: &str, schemes: &[&str]) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|error| {
            format!("not a URL like {}://user@host/database: {error}", schemes[0])
        })?;
        if !schemes.contains(&url.scheme()) {
            return Err(format!("a URL that begins with {}:// is wanted", schemes[0]));
        }
        // A password that was not encoded ends where a URL takes one of its characters for a sign of its
        // own, and its rest would be printed as the path.
        let behind_host = [Some(url.path()), url.query(), url.fragment()];
        if url.fragment().is_some() || behind_host.iter().flatten().any(|part| part.contains('@')) {
            return Err(
                "a `/`, `?`, `#` or `@` of a password is written %2F, %3F, %23 or %40".into()
            );
        }
        let option = |names: [&str; 2]| {
            let found = url.query_pairs().find(|(name, _)| names.contains(&name.as_ref()));
            found.map(|(_, value)| value.into_owned())
        };
        let mode = option(["sslmode", "ssl-mode"]);
        let trust = Trust::parse(mode.as_deref(), option(["sslrootcert", "ssl-ca"]))?;
        Ok(Self { url, trust })
    }

    /// Whether a password is part of the URL.
    pub fn has_password(&self) -> bool {
        self.url.password().is_some() || self.option("password").is_some()
    }

    /// How much the server must prove.
    pub(in crate::source) fn trust(&self) -> &Trust {
        &self.trust
    }

    /// The URL with its password and without what [`Trust`] was read from.
    pub(in crate::source) fn secret_url(&self) -> Url {
        let mut url = self.url.clone();
        let kept: Vec<(String, String)> = self
            .url
            .query_pairs()
            .filter(|(name, _)| {
                !["sslmode", "ssl-mode", "sslrootcert", "ssl-ca"].contains(&name.as_ref())
            })
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        url.set_query(None);
        if !kept.is_empty() {
            url.query_pairs_mut().extend_pairs(kept);
        }
        url
    }

    /// The value of an option of the URL.
    pub(in crate::source) fn option(&self, name: &str) -> Option<String> {
        let found = self.url.query_pairs().find(|(found, _)| found == name);
        found.map(|(_, value)| value.into_owned())
    }

    /// The name of the database.
    pub(in crate::source) fn database(&self) -> &str {
        self.url.path().trim_start_matches('/')
    }
}

impl fmt::Display for ServerAddress {
    /// Without password and options.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://", self.url.scheme())?;
        if !self.url.username().is_empty() {
            write!(f, "{}@", self.url.username())?;
        }
        match self.url.host_str() {
            Some(host) if !host.is_empty() => f.write_str(host)?,
            _ => f.write_str(&self.option("host").unwrap_or_default())?,
        }
        if let Some(port) = self.url.port() {
            write!(f, ":{port}")?;
        }
        f.write_str(self.url.path())
    }
}

impl fmt::Debug for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerAddress({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::ServerAddress;

    #[test]
    fn prints_no_password() {
        let text =
            "postgres://reader:s3cret@db.example:5433/crm?sslmode=require&application_name=x";
        let address = ServerAddress::parse(text, &["postgres", "postgresql"]).unwrap();
        assert!(address.has_password());
        assert_eq!(address.to_string(), "postgres://reader@db.example:5433/crm");
        assert!(!format!("{address:?}").contains("s3cret"));
        let url = address.secret_url();
        assert_eq!(url.as_str(), "postgres://reader:s3cret@db.example:5433/crm?application_name=x");
    }

    #[test]
    fn a_mistake_repeats_nothing_of_the_url() {
        for text in ["postgres://u:s3cret@:x/db", "mysql://u:s3cret@h/db", "s3cret"] {
            let error = ServerAddress::parse(text, &["postgres"]).unwrap_err();
            assert!(!error.contains("s3cret"), "{error}");
        }
        for password in ["1/s3cret", "1?s3cret", "1#s3cret", "s3/cret", "s3#cret@x"] {
            let error =
                ServerAddress::parse(&format!("postgres://u:{password}@h/db"), &["postgres"]);
            assert!(!error.unwrap_err().contains("cret"), "{password}");
        }
        let encoded = ServerAddress::parse("postgres://u:1%2Fs%40@h/db", &["postgres"]).unwrap();
        assert_eq!(encoded.to_string(), "postgres://u@h/db");
        let error = ServerAddress::parse("postgres://h/db?sslmode=s3cret", &["postgres"]);
        assert!(error.unwrap_err().contains("verify-full"));
    }
}
