//! The name of a source: its endpoint is `/webhooks/{name}`, and its deliveries are kept under it.

use std::fmt;
use std::str::FromStr;

use url::Url;

use crate::ticket::{DOCSPACE, HelpdeskName, InvalidId};

/// A helpdesk, by its name in the configuration, or DocSpace, which has a name that no helpdesk can
/// have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SourceName {
    /// A configured helpdesk.
    Helpdesk(HelpdeskName),
    /// DocSpace.
    DocSpace,
}

impl SourceName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Helpdesk(name) => name.as_str(),
            Self::DocSpace => DOCSPACE,
        }
    }

    /// The address of its endpoint, below the address at which others reach us.
    #[must_use]
    pub fn endpoint(&self, public_url: &Url) -> Url {
        let mut url = public_url.clone();
        url.set_path(&format!("{}/webhooks/{self}", public_url.path().trim_end_matches('/')));
        url
    }
}

impl FromStr for SourceName {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        if text == DOCSPACE { Ok(Self::DocSpace) } else { text.parse().map(Self::Helpdesk) }
    }
}

impl From<HelpdeskName> for SourceName {
    fn from(name: HelpdeskName) -> Self {
        Self::Helpdesk(name)
    }
}

impl fmt::Display for SourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_that_of_one_source_only() {
        assert_eq!("docspace".parse(), Ok(SourceName::DocSpace));
        assert!("docspace".parse::<HelpdeskName>().is_err());
        let desk: HelpdeskName = "docspace-eu".parse().unwrap();
        assert_eq!("docspace-eu".parse(), Ok(SourceName::Helpdesk(desk)));
        for name in ["docspace", "zendesk"] {
            assert_eq!(name.parse::<SourceName>().unwrap().to_string(), name);
        }
        for bad in ["", "DocSpace", "a b"] {
            assert!(bad.parse::<SourceName>().is_err(), "{bad}");
        }
    }
}
