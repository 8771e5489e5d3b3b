//! What can be seen from here of the address that DocSpace is to send to. DocSpace looks from where
//! it runs, so nothing that is seen here is final.

use std::net::IpAddr;
use std::time::Duration;

use url::{Host, Url};

use crate::call::{CallName, Cause, OTHER};
use crate::http::Http;

const PROBE: CallName = CallName { system: &OTHER, call: "probe" };
const TIMEOUT: Duration = Duration::from_secs(5);

/// What a HEAD request says, which DocSpace sends before it registers an address.
pub(super) async fn by_head(http: &Http, endpoint: &Url) -> String {
    let http = http.clone().reading_no_bodies();
    match http.send(PROBE, TIMEOUT, http.client().head(endpoint.clone())).await {
        Ok(answer) if answer.status.is_success() => {
            format!("HEAD {endpoint} is answered with {} from here", answer.status.as_u16())
        }
        Ok(answer) => format!(
            "HEAD {endpoint} is answered with {} from here, and DocSpace needs 200: is “ticketroom serve” running with \
             [docspace] webhook_secret, and does the proxy in front pass HEAD on?",
            answer.status.as_u16()
        ),
        Err(failure) => {
            let why = match failure.cause {
                Cause::Unreachable(why) | Cause::NoAnswer(why) => why,
                other => format!("{other:?}"),
            };
            format!(
                "HEAD {endpoint} gets no answer from here ({why}). Not every network lets a machine reach its own public \
                 address; DocSpace has to reach it"
            )
        }
    }
}

/// Whether an address is one that DocSpace refuses, and why.
pub(super) async fn refused(endpoint: &Url) -> Option<String> {
    let addresses: Vec<IpAddr> = match endpoint.host()? {
        Host::Ipv4(address) => vec![address.into()],
        Host::Ipv6(address) => vec![address.into()],
        Host::Domain(name) => {
            let port = endpoint.port_or_known_default().unwrap_or(443);
            let found = tokio::time::timeout(TIMEOUT, tokio::net::lookup_host((name, port))).await;
            found.ok()?.ok()?.map(|address| address.ip()).collect()
        }
    };
    let private = addresses.into_iter().find(|address| is_refused(*address))?;
    let host = endpoint.host_str().unwrap_or_default();
    Some(format!(
        "{host} is a private address ({private} from here): DocSpace refuses these, unless webhooks:blacklist of a server of \
         your own says otherwise"
    ))
}

/// DocSpace's own list (`webhooks:blacklist`), as it is by default.
fn is_refused(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            let is_shared = first == 100 && (64..128).contains(&second);
            first == 0
                || is_shared
                || address.is_private()
                || address.is_loopback()
                || address.is_link_local()
        }
        IpAddr::V6(address) => {
            address.is_unspecified()
                || address.is_loopback()
                || address.is_unique_local()
                || address.is_unicast_link_local()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses_are_those_of_docspaces_list() {
        for address in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.1.1",
            "172.16.0.1",
            "192.168.1.1",
            "::",
            "::1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "::ffff:10.0.0.1",
        ] {
            assert!(is_refused(address.parse().unwrap()), "{address}");
        }
        for address in ["100.63.0.1", "100.128.0.1", "172.32.0.1", "203.0.113.7", "2001:db8::1"] {
            assert!(!is_refused(address.parse().unwrap()), "{address}");
        }
    }

    #[tokio::test]
    async fn what_docspace_refuses_is_said() {
        let said = async |url: &str| refused(&Url::parse(url).unwrap()).await;
        assert!(
            said("https://[::1]:8443/webhooks/docspace")
                .await
                .unwrap()
                .contains("[::1] is a private address")
        );
        assert!(said("https://localhost/webhooks/docspace").await.is_some());
        assert_eq!(said("https://203.0.113.7/webhooks/docspace").await, None);
    }
}
