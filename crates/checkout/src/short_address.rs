//! Addresses of our own pages that are too long for where they must go: through WeChat
//! and into a code. A token stands for each, for an hour; that of a partner's order says
//! which one, and holds as long as the order (docs/forecore.md, Orders).

use crate::numbers::{TOKEN_LENGTH, is_token};
use crate::openid::address_refused;
use crate::{Checkout, Failure, links};
use payment::channel::Channel;
use payment::domain::{Domain, Secret};
use payment::pairs::Pairs;
use payment::partner::PartnerOrder;
use payment::request::PayRequest;
use payment::sign::{equal, seal};
use payment::verify::Verified;

/// An address is kept longer than any state that was given with it, ms.
const LIFE_MS: i64 = 3_600_000;
/// A longer address makes a code that is too fine for a phone's album, or none.
const CODE_BYTES_MAX: usize = 600;
/// Of a longer address only what was signed is kept.
const KEPT_BYTES_MAX: usize = 8_192;

impl Checkout {
    /// Keeps a page address of ours that a business system signed, one for each request,
    /// however much stands beside what is signed; gives the address and its token.
    pub(crate) async fn keep_address(
        &self,
        domain: &Domain,
        back_url: &str,
    ) -> Result<(String, String), Failure> {
        let page = back_url.strip_prefix(self.parts.public_url.as_str());
        let (path, signed) = page
            .and_then(|page| page.split_once('?'))
            .filter(|(path, _)| matches!(*path, "/pay.html" | "/mpay.html"))
            .ok_or_else(address_refused)?;
        let pairs = Pairs::from_query(signed).map_err(|_| address_refused())?;
        let (signer, request) = match self.verified(&pairs).await {
            Err(Failure::Refused(_)) => return Err(address_refused()),
            verified => verified?,
        };
        if signer.code != domain.code {
            return Err(address_refused());
        }
        let own = format!(
            "{}{path}?{}",
            self.parts.public_url,
            request.signed().as_query()
        );
        let token = self.address_token(&["page", &own]).await?;
        let address = if back_url.len() > KEPT_BYTES_MAX {
            &own
        } else {
            back_url
        };
        self.keep_address_as(&token, address).await?;
        // The first one that came is the one that stands.
        let kept = self.parts.store.trip_address(&token).await?;
        let kept = kept.ok_or_else(|| Failure::Internal("an address is not kept".to_owned()))?;
        Ok((kept, token))
    }

    /// Keeps the address of a verified request's page for an hour, so that a short one
    /// leads there.
    ///
    /// # Errors
    /// [`Failure::Internal`] when the database is in trouble.
    pub async fn keep_short(
        &self,
        _proof: &Verified<PayRequest>,
        address: &str,
    ) -> Result<(), Failure> {
        let token = self.address_token(&["address", address]).await?;
        self.keep_address_as(&token, address).await
    }

    /// The token of a short address that leads to this one, where that is kept.
    ///
    /// # Errors
    /// [`Failure::Internal`] when the database is in trouble.
    pub async fn short(&self, address: &str) -> Result<Option<String>, Failure> {
        let token = self.address_token(&["address", address]).await?;
        let kept = self.parts.store.trip_address(&token).await?;
        Ok(kept.map(|_| token))
    }

    /// The address that a token stands for.
    ///
    /// # Errors
    /// [`Failure::Internal`] when the database is in trouble.
    pub async fn long(&self, token: &str) -> Result<Option<String>, Failure> {
        if !is_token(token) {
            return Ok(None);
        }
        Ok(self.parts.store.trip_address(token).await?)
    }

    /// The address of the page of a partner's order, at one channel or at those that are
    /// offered, as he may show it in a code: a short one in place of a long one. That bears
    /// no sign of the partner's, and so outlives his keys; until the one that proved his call
    /// has ended its page is signed by that.
    ///
    /// # Errors
    /// [`Failure::Internal`] when the database is in trouble.
    pub async fn order_address(
        &self,
        domain: &Domain,
        secret: &Secret,
        kept: &PartnerOrder,
        channel: Option<Channel>,
    ) -> Result<String, Failure> {
        let page = self.order_page(domain, secret, kept, channel);
        if page.len() <= CODE_BYTES_MAX {
            return Ok(page);
        }
        let channel = channel.map_or("", Channel::code);
        let named = format!("{}-{}-{channel}", kept.order_id, secret.generation);
        let proof = self.address_token(&["order", &domain.code, &named]).await?;
        let (public_url, code) = (&self.parts.public_url, &domain.code);
        Ok(format!(
            "{public_url}{}{code}/{named}-{proof}",
            links::ORDER
        ))
    }

    /// The page that a short address of an order leads to.
    ///
    /// # Errors
    /// [`Failure::Internal`] when the database is in trouble.
    pub async fn addressed_order(
        &self,
        domain_code: &str,
        token: &str,
    ) -> Result<Option<String>, Failure> {
        let Some((named, proof)) = token.rsplit_once('-') else {
            return Ok(None);
        };
        let ours = self.address_token(&["order", domain_code, named]).await?;
        let mut parts = named.splitn(3, '-');
        let (Some(order_id), Some(generation), Some(channel), true) = (
            parts.next(),
            parts.next().and_then(|text| text.parse().ok()),
            parts.next(),
            equal(&ours, proof),
        ) else {
            return Ok(None);
        };
        let domain = self.domain_named(domain_code).await?;
        let kept = self.parts.store.partner_order(domain_code, order_id);
        let page = kept.await?.map(|kept| {
            let secret = domain.secret_for(generation, self.now_ms());
            self.order_page(&domain, secret, &kept, Channel::parse(channel))
        });
        Ok(page)
    }

    /// The same thing has the same token, and so one row.
    async fn address_token(&self, of: &[&str]) -> Result<String, Failure> {
        let mut token = seal(self.trip_key().await?, of);
        token.truncate(TOKEN_LENGTH);
        Ok(token)
    }

    async fn keep_address_as(&self, token: &str, address: &str) -> Result<(), Failure> {
        let now_ms = self.now_ms();
        let until_ms = now_ms + LIFE_MS;
        let store = &self.parts.store;
        Ok(store
            .keep_trip_address(token, address, until_ms, now_ms)
            .await?)
    }
}
