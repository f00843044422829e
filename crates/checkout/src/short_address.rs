//! Addresses of our own pages that are too long for where they must go: through WeChat
//! and into a code. A token stands for each, for an hour.

use crate::numbers::{TOKEN_LENGTH, is_token};
use crate::openid::address_refused;
use crate::{Checkout, Failure};
use payment::domain::Domain;
use payment::pairs::Pairs;
use payment::request::PayRequest;
use payment::sign::seal;
use payment::verify::Verified;

/// An address is kept longer than any state that was given with it, ms.
const LIFE_MS: i64 = 3_600_000;
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
