//! The payer's way to WeChat and back, for an openid (docs/protocol.md, openid;
//! docs/reference/wechat.md, openid).

mod state;

use crate::links::{PICK, PICK_ANEW};
use crate::{Checkout, Failure};
use payment::address::Address;
use payment::channel::Channel;
use payment::domain::Domain;
use payment::pairs::Pairs;
use payment::ports::{Gateway, Kind, OauthError};
use payment::printable::printable;
use payment::refusal::Refusal;
use payment::verify;
use state::{Bound, State};
use std::sync::Arc;

/// Where WeChat sends the payer back to, below our own address.
pub const OPENID_PATH: &str = "/pay/api/h5/openid";

/// The name, never signed, under which the address of a page of ours holds when the
/// payer came back with an openid, seconds since 1970.
pub const LAP: &str = "lap";
/// A page that finds no openid so soon after it was given one says so, s.
const LAP_S: i64 = 120;

/// A longer backUrl is not carried through WeChat.
const BACK_URL_BYTES_MAX: usize = 2048;
/// A longer code is none of WeChat's.
const CODE_BYTES_MAX: usize = 512;
/// What a kept address rides as.
const KEPT: &str = "back";
const KEY_BYTES: usize = 32;

/// The payer's browser on its way to WeChat and back.
pub trait Traveller: Send + Sync {
    /// The mark that a cookie of ours keeps; the trip is bound to it.
    fn mark(&self) -> &str;
    /// Whether the mark came with the request: a cookie kept it.
    fn keeps_mark(&self) -> bool;
    /// The openid under an account that a cookie of ours keeps.
    fn openid(&self, account: &str) -> Option<String>;
    /// Whether WeChat is asked about a code of his.
    ///
    /// # Errors
    /// After how many seconds it is, where too many were unknown.
    fn may_exchange(&self) -> Result<(), u64>;
    /// WeChat did not know his code.
    fn sent_junk(&self);
}

/// Where a payer goes when he is back, and how that rides through WeChat.
struct Back {
    url: String,
    /// It is too long, and kept under this token.
    token: Option<String>,
}

impl Back {
    fn carried(&self) -> (&'static str, &str) {
        match &self.token {
            Some(token) => (KEPT, token),
            None => ("backUrl", &self.url),
        }
    }
}

/// Where the payer's browser goes next.
#[derive(Clone, Debug, PartialEq)]
pub enum Arrival {
    /// To WeChat: the trip begins, or begins anew.
    Authorize(String),
    /// Back, with the openid, which a cookie of the account keeps.
    Back {
        /// The WeChat account that the openid belongs to.
        account: String,
        /// The payer's openid there.
        openid: String,
        /// backUrl: with `openid` in it where that is another's page; a page of ours
        /// has [`LAP`] in it, since its address may be shared.
        url: String,
    },
    /// WeChat gives no openid now.
    Untold {
        /// Why.
        failure: Failure,
        /// A page of ours, where the payer picks another channel; none where backUrl is
        /// another's page.
        others: Option<String>,
    },
    /// The browser kept no mark: it would keep no openid either.
    NoCookie {
        /// backUrl as it was.
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

    /// A payer sets out. Nothing is kept of that, but a page address of ours that is too
    /// long to be carried, once its sign holds.
    ///
    /// # Errors
    /// [`Failure`] when a name is missing or comes twice, backUrl may not be named, or
    /// the domain has no WeChat account.
    pub async fn openid_begin(
        &self,
        pairs: &Pairs,
        payer: &dyn Traveller,
    ) -> Result<Arrival, Failure> {
        verify::each_once(pairs, &["domainCode", "backUrl"])?;
        let domain = self.domain(pairs).await?;
        let back_url = pairs.get("backUrl").filter(|url| !url.is_empty());
        let back_url = back_url.ok_or(Refusal::missing("backUrl"))?;
        if !self.may_return(&domain, back_url) {
            return Err(address_refused());
        }
        let (url, token) = if back_url.len() > BACK_URL_BYTES_MAX {
            let (url, token) = self.keep_address(&domain, back_url).await?;
            (url, Some(token))
        } else {
            (back_url.to_owned(), None)
        };
        let back = Back { url, token };
        self.set_out(&domain, &back, payer, false).await
    }

    /// WeChat sent the payer back. A code or state that is not taken begins the
    /// trip anew, once, unless this browser's cookie keeps an openid.
    ///
    /// # Errors
    /// [`Failure`] when the state is not this browser's.
    pub async fn openid_end(
        &self,
        pairs: &Pairs,
        payer: &dyn Traveller,
    ) -> Result<Arrival, Failure> {
        verify::each_once(pairs, &["domainCode", "backUrl"])?;
        let domain = self.domain(pairs).await?;
        let back = self.back(pairs).await?;
        let gateway = self.oauth_gateway(&domain);
        let gateway = gateway.ok_or(Failure::UnsupportedChannel)?;
        let bound = bound(&domain, gateway.account(), &back, payer);
        let text = pairs.get("state").unwrap_or_default();
        let state = State::read(text, self.trip_key().await?, &bound);
        if !self.may_return(&domain, &back.url) {
            return Err(address_refused());
        }
        if !payer.keeps_mark() {
            return Ok(Arrival::NoCookie { url: back.url });
        }
        let state = state.ok_or_else(strange_state)?;
        let untold = |failure| {
            let others = self.is_ours(&back.url);
            let others = others.then(|| with(&back.url, PICK, PICK_ANEW));
            Ok(Arrival::Untold { failure, others })
        };
        let openid = match self.exchange_code(&gateway, &state, pairs, payer).await {
            Ok(Ok(openid)) => openid,
            Err(failure) if failure.passes() => return untold(failure),
            Err(failure) => return Err(failure),
            Ok(Err(cause)) => match payer.openid(gateway.account()) {
                // A reload or a page that is opened twice: the first time was enough.
                Some(openid) => openid,
                None if !state.again => {
                    tracing::info!(cause = printable(&cause), "openid: begun anew");
                    return self.set_out(&domain, &back, payer, true).await;
                }
                None => return untold(Failure::ChannelUnavailable(cause)),
            },
        };
        Ok(Arrival::Back {
            url: if self.is_ours(&back.url) {
                with(&back.url, LAP, &(self.now_ms() / 1000).to_string())
            } else {
                with(&back.url, "openid", &openid)
            },
            account: gateway.account().to_owned(),
            openid,
        })
    }

    /// The openid of a code, by a state that was not used; else why the code or the
    /// state is not taken.
    async fn exchange_code(
        &self,
        gateway: &Arc<dyn Gateway>,
        state: &State,
        pairs: &Pairs,
        payer: &dyn Traveller,
    ) -> Result<Result<String, String>, Failure> {
        let oauth = gateway.oauth().ok_or(Failure::UnsupportedChannel)?;
        let code = pairs.get("code").unwrap_or_default();
        if !(1..=CODE_BYTES_MAX).contains(&code.len()) {
            return Err(Refusal::malformed("code", ("1 to 512 bytes", "1 到 512 字节")).into());
        }
        let (until_ms, now_ms) = (state.until_ms(), self.now_ms());
        if now_ms >= until_ms {
            return Ok(Err("the state has ended".to_owned()));
        }
        let wait = payer.may_exchange();
        wait.map_err(|wait_s| Failure::TooMany { wait_s })?;
        match oauth.openid(code).await {
            // Only what WeChat vouches for is written down.
            Ok(openid) => {
                let used = self.parts.store.use_trip(&state.nonce, until_ms, now_ms);
                let first = used.await?;
                Ok(first
                    .then_some(openid)
                    .ok_or("the state was used".to_owned()))
            }
            Err(OauthError::Code(cause)) => {
                payer.sent_junk();
                Ok(Err(cause))
            }
            Err(error) => Err(Failure::ChannelUnavailable(error.to_string())),
        }
    }

    /// The key that signs states, the same for all instances; made by the first.
    ///
    /// # Errors
    /// [`Failure::Internal`] when the database is in trouble.
    pub async fn trip_key(&self) -> Result<&[u8], Failure> {
        let key = self.trip_key.get_or_try_init(|| async {
            let mut offered = [0; KEY_BYTES];
            let drawn = getrandom::fill(&mut offered);
            drawn.map_err(|error| Failure::Internal(error.to_string()))?;
            Ok::<_, Failure>(self.parts.store.trip_key(&offered).await?)
        });
        key.await.map(Vec::as_slice)
    }

    async fn set_out(
        &self,
        domain: &Domain,
        back: &Back,
        payer: &dyn Traveller,
        again: bool,
    ) -> Result<Arrival, Failure> {
        let gateway = self.oauth_gateway(domain);
        let gateway = gateway.ok_or(Failure::UnsupportedChannel)?;
        let oauth = gateway.oauth().ok_or(Failure::UnsupportedChannel)?;
        let state = State::new(self.now_ms(), again);
        let state = state.map_err(|error| Failure::Internal(error.to_string()))?;
        let bound = bound(domain, gateway.account(), back, payer);
        let state = state.text(self.trip_key().await?, &bound);
        let carried = [("domainCode", domain.code.as_str()), back.carried()];
        let carried = carried.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let query = Pairs::from_stored(carried.to_vec()).to_query();
        let redirect_uri = format!("{}{OPENID_PATH}?{query}", self.parts.public_url);
        Ok(Arrival::Authorize(
            oauth.authorize_url(&redirect_uri, &state),
        ))
    }

    /// Where the payer goes, as the address tells that WeChat sent him back to.
    async fn back(&self, pairs: &Pairs) -> Result<Back, Failure> {
        let Some(token) = pairs.get(KEPT) else {
            let url = pairs.get("backUrl").unwrap_or_default().to_owned();
            return Ok(Back { url, token: None });
        };
        let url = self.parts.store.trip_address(token).await?;
        Ok(Back {
            url: url.ok_or_else(strange_state)?,
            token: Some(token.to_owned()),
        })
    }

    fn oauth_gateway(&self, domain: &Domain) -> Option<Arc<dyn Gateway>> {
        self.accounts(domain, Channel::Wechat, Kind::Jsapi)
            .into_iter()
            .find(|gateway| gateway.oauth().is_some())
            .map(|gateway| gateway as Arc<dyn Gateway>)
    }

    /// Whether a page was given an openid a moment ago, as its address says.
    #[must_use]
    pub fn is_lap(&self, text: &str) -> bool {
        let lap_s: Option<i64> = text.parse().ok();
        let now_s = self.now_ms() / 1000;
        lap_s.is_some_and(|lap_s| (now_s - LAP_S..=now_s).contains(&lap_s))
    }

    /// Whether an address is one of our own.
    fn is_ours(&self, url: &str) -> bool {
        let rest = url.strip_prefix(self.parts.public_url.as_str());
        rest.is_some_and(|rest| rest.starts_with('/'))
    }

    /// Our own pages, and the hosts that the domain lists.
    fn may_return(&self, domain: &Domain, url: &str) -> bool {
        let plain = !url
            .chars()
            .any(|c| c.is_whitespace() || c.is_control() || c == '\\');
        let listed = || {
            let address = Address::parse(url).ok();
            let mut hosts = domain.settings.return_hosts.iter();
            address.is_some_and(|address| hosts.any(|host| host == address.host()))
        };
        plain && (self.is_ours(url) || listed())
    }
}

fn bound<'a>(
    domain: &'a Domain,
    account: &'a str,
    back: &'a Back,
    payer: &'a dyn Traveller,
) -> Bound<'a> {
    Bound {
        back_url: &back.url,
        domain_code: &domain.code,
        account,
        browser: payer.mark(),
    }
}

fn strange_state() -> Failure {
    Refusal::malformed(
        "state",
        ("as this browser was given it", "本浏览器收到的那一个"),
    )
    .into()
}

pub(crate) fn address_refused() -> Failure {
    Refusal::AddressRefused("backUrl".to_owned()).into()
}

/// backUrl with this in its query, or in its fragment's where that has one, as the
/// seed's pages read it.
fn with(back_url: &str, name: &str, value: &str) -> String {
    if let Some((before, fragment)) = back_url.split_once('#') {
        if fragment.contains('?') {
            return format!("{before}#{}", replaced(fragment, name, value));
        }
        return format!("{}#{fragment}", replaced(before, name, value));
    }
    replaced(back_url, name, value)
}

/// `address?…` with this as the only value of `name`, and without an openid.
fn replaced(address: &str, name: &str, value: &str) -> String {
    let pair = Pairs::from_stored(vec![(name.to_owned(), value.to_owned())]).to_query();
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let named = |old: &str, name: &str| {
        old.strip_prefix(name)
            .is_some_and(|rest| rest.starts_with('='))
    };
    let kept = query
        .split('&')
        .filter(|old| !old.is_empty() && !named(old, name) && !named(old, "openid"));
    let query: Vec<_> = kept.chain([pair.as_str()]).collect();
    format!("{path}?{}", query.join("&"))
}

#[cfg(test)]
mod tests {
    use super::{LAP, with};

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
            assert_eq!(with(back_url, "openid", "o1"), expected);
        }
    }

    #[test]
    fn a_page_of_ours_gets_no_openid_and_loses_an_old_one() {
        let cases = [
            (
                "http://a/mpay.html?x=1&openid=o1",
                "http://a/mpay.html?x=1&lap=9",
            ),
            (
                "http://a/mpay.html?lap=1&x=1",
                "http://a/mpay.html?x=1&lap=9",
            ),
            (
                "http://a/mpay.html#/?x=1&openid=o1",
                "http://a/mpay.html#/?x=1&lap=9",
            ),
        ];
        for (back_url, expected) in cases {
            assert_eq!(with(back_url, LAP, "9"), expected);
        }
    }
}
