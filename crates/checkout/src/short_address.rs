//! Addresses of our own pages that are too long for where they must go: through WeChat
//! and into a code. A token stands for each, for an hour.

use crate::openid::address_refused;
use crate::{Checkout, Failure};
use payment::domain::Domain;
use payment::pairs::Pairs;
use payment::request::PayRequest;
use payment::sign::seal;
use payment::verify::{Verified, signed_query};

/// An address is kept longer than any state that was given with it, ms.
const LIFE_MS: i64 = 3_600_000;
const TOKEN_LENGTH: usize = 32;

impl Checkout {
    /// Keeps a page address of ours that a business system signed, without what else
    /// stands in it; gives the address and its token.
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
        let url = format!("{}{path}?{}", self.parts.public_url, signed_query(&request));
        let token = self.keep_unjudged(&url).await?;
        Ok((url, token))
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
        self.keep_unjudged(address).await.map(drop)
    }

    /// The token of a short address that leads to this one, where that is kept.
    ///
    /// # Errors
    /// [`Failure::Internal`] when the database is in trouble.
    pub async fn short(&self, address: &str) -> Result<Option<String>, Failure> {
        let token = self.address_token(address).await?;
        let kept = self.parts.store.trip_address(&token).await?;
        Ok(kept.map(|_| token))
    }

    /// The address that a token stands for.
    ///
    /// # Errors
    /// [`Failure::Internal`] when the database is in trouble.
    pub async fn long(&self, token: &str) -> Result<Option<String>, Failure> {
        if token.len() != TOKEN_LENGTH {
            return Ok(None);
        }
        Ok(self.parts.store.trip_address(token).await?)
    }

    /// The same address has the same token, and so one row.
    async fn address_token(&self, address: &str) -> Result<String, Failure> {
        let mut token = seal(self.trip_key().await?, &["address", address]);
        token.truncate(TOKEN_LENGTH);
        Ok(token)
    }

    async fn keep_unjudged(&self, address: &str) -> Result<String, Failure> {
        let token = self.address_token(address).await?;
        let now_ms = self.now_ms();
        let until_ms = now_ms + LIFE_MS;
        let store = &self.parts.store;
        store
            .keep_trip_address(&token, address, until_ms, now_ms)
            .await?;
        Ok(token)
    }
}
