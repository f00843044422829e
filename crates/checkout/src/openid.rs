//! The payer's way to WeChat and back, for an openid [seed 000, 获取openid;
//! channels document, section 2].

use crate::{Checkout, Failure, numbers};
use payment::address::Address;
use payment::channel::Channel;
use payment::domain::Domain;
use payment::pairs::Pairs;
use payment::ports::{Gateway, Kind, OauthError, OpenidTrip};
use payment::printable::printable;
use payment::refusal::Refusal;
use std::sync::Arc;

/// Where WeChat sends the payer back to, below our own address.
pub const OPENID_PATH: &str = "/pay/api/h5/openid";

/// Where the payer's browser goes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// To WeChat: the trip begins, or begins anew.
    Authorize(String),
    /// Back, with the openid, which a cookie of the account keeps.
    Back {
        /// The WeChat account that the openid belongs to.
        account: String,
        /// The payer's openid there.
        openid: String,
        /// backUrl with `openid` in it.
        url: String,
    },
}

impl Checkout {
    /// The WeChat account whose openid a domain's payers need.
    #[must_use]
    pub fn openid_account(&self, domain: &Domain) -> Option<String> {
        self.oauth_gateway(domain)
            .map(|gateway| gateway.account().to_owned())
    }

    /// A payer sets out; `browser` is the cookie that the trip is bound to.
    ///
    /// # Errors
    /// [`Failure`] when a name is missing, backUrl may not be named, or the
    /// domain has no WeChat account.
    pub async fn openid_begin(&self, pairs: &Pairs, browser: &str) -> Result<Arrival, Failure> {
        let domain = self.domain(pairs).await?;
        let back_url = pairs.get("backUrl").filter(|url| !url.is_empty());
        let back_url = back_url.ok_or(Refusal::missing("backUrl"))?;
        if !self.may_return(&domain, back_url) {
            return Err(Refusal::AddressRefused("backUrl".to_owned()).into());
        }
        self.set_out(&domain, back_url, browser, 0).await
    }

    /// WeChat sent the payer back. A code or state that is not taken begins the
    /// trip anew, once; `known` gives the openid that this browser's cookie keeps.
    ///
    /// # Errors
    /// [`Failure`] when the state is not this browser's, or WeChat gives nothing.
    pub async fn openid_end(
        &self,
        state: &str,
        code: &str,
        browser: &str,
        known: impl Fn(&str) -> Option<String> + Send,
    ) -> Result<Arrival, Failure> {
        let refused = || Refusal::malformed("state", "as this browser was given it");
        let trip = self.parts.store.use_trip(state).await?;
        let trip = trip.filter(|trip| !browser.is_empty() && trip.browser == browser);
        let trip = trip.ok_or_else(refused)?;
        let domain = self.domain_named(&trip.domain_code).await?;
        let gateway = self.gateway(Channel::Wechat, &trip.account);
        let gateway = gateway.ok_or(Failure::UnsupportedChannel)?;
        let answer = match gateway.oauth() {
            _ if trip.used => Err(OauthError::Code("the state was used".to_owned())),
            Some(oauth) => oauth.openid(code).await,
            None => return Err(Failure::UnsupportedChannel),
        };
        let openid = match answer {
            Ok(openid) => openid,
            Err(OauthError::Code(cause)) => match known(&trip.account) {
                // A reload or a page that is opened twice: the first time was enough.
                Some(openid) => openid,
                None if trip.restarts == 0 => {
                    tracing::info!(cause = printable(&cause), "openid: begun anew");
                    return self.set_out(&domain, &trip.back_url, browser, 1).await;
                }
                None => return Err(Failure::ChannelUnavailable(cause)),
            },
            Err(error) => return Err(Failure::ChannelUnavailable(error.to_string())),
        };
        Ok(Arrival::Back {
            url: with_openid(&trip.back_url, &openid),
            account: trip.account,
            openid,
        })
    }

    async fn set_out(
        &self,
        domain: &Domain,
        back_url: &str,
        browser: &str,
        restarts: i64,
    ) -> Result<Arrival, Failure> {
        let gateway = self.oauth_gateway(domain);
        let gateway = gateway.ok_or(Failure::UnsupportedChannel)?;
        let oauth = gateway.oauth().ok_or(Failure::UnsupportedChannel)?;
        let state = numbers::token().map_err(|error| Failure::Internal(error.to_string()))?;
        let trip = OpenidTrip {
            state: state.clone(),
            browser: browser.to_owned(),
            account: gateway.account().to_owned(),
            domain_code: domain.code.clone(),
            back_url: back_url.to_owned(),
            restarts,
            created_ms: self.now_ms(),
            used: false,
        };
        self.parts.store.begin_trip(&trip).await?;
        let redirect_uri = format!("{}{OPENID_PATH}", self.parts.public_url);
        Ok(Arrival::Authorize(
            oauth.authorize_url(&redirect_uri, &state),
        ))
    }

    fn oauth_gateway(&self, domain: &Domain) -> Option<Arc<dyn Gateway>> {
        self.accounts(domain, Channel::Wechat, Kind::Jsapi)
            .into_iter()
            .find(|gateway| gateway.oauth().is_some())
    }

    /// Our own pages, and the hosts that the domain lists.
    fn may_return(&self, domain: &Domain, url: &str) -> bool {
        let ours = url.strip_prefix(self.parts.public_url.as_str());
        let plain = !url
            .chars()
            .any(|c| c.is_whitespace() || c.is_control() || c == '\\');
        let listed = || {
            let address = Address::parse(url).ok();
            let mut hosts = domain.settings.return_hosts.iter();
            address.is_some_and(|address| hosts.any(|host| host == address.host()))
        };
        plain && (ours.is_some_and(|rest| rest.starts_with('/')) || listed())
    }
}

/// backUrl with `openid` in its query, or in its fragment's where that has one,
/// as the seed's pages read it.
fn with_openid(back_url: &str, openid: &str) -> String {
    let pair = Pairs::from_stored(vec![("openid".to_owned(), openid.to_owned())]).to_query();
    if let Some((before, fragment)) = back_url.split_once('#') {
        if fragment.contains('?') {
            return format!("{before}#{}", replaced(fragment, &pair));
        }
        return format!("{}#{fragment}", replaced(before, &pair));
    }
    replaced(back_url, &pair)
}

/// `address?…` with `pair` as its only openid.
fn replaced(address: &str, pair: &str) -> String {
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let kept = query
        .split('&')
        .filter(|old| !old.is_empty() && !old.starts_with("openid="));
    let query: Vec<_> = kept.chain([pair]).collect();
    format!("{path}?{}", query.join("&"))
}

#[cfg(test)]
mod tests {
    use super::with_openid;

    #[test]
    fn the_openid_goes_where_the_page_reads_it() {
        let cases = [
            ("http://a/mpay.html", "http://a/mpay.html?openid=o1"),
            ("http://a/mpay.html?x=1", "http://a/mpay.html?x=1&openid=o1"),
            (
                "http://a/mpay.html#/?x=1",
                "http://a/mpay.html#/?x=1&openid=o1",
            ),
            ("http://a/m?x=1#top", "http://a/m?x=1&openid=o1#top"),
            ("http://a/m?openid=old&x=1", "http://a/m?x=1&openid=o1"),
            ("http://a/m#/?openid=", "http://a/m#/?openid=o1"),
        ];
        for (back_url, expected) in cases {
            assert_eq!(with_openid(back_url, "o1"), expected);
        }
    }
}
