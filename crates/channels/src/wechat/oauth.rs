//! The payer's openid under an official account (docs/reference/wechat.md, openid).

use super::Account;
use crate::http;
use payment::escape::escape;
use payment::ports::{Doubt, Oauth, OauthError, Unknown};
use reqwest::Client;
use serde::Deserialize;

/// WeChat is busy: asked once more.
const BUSY: i64 = -1;

/// An official account.
pub(super) struct Official {
    appid: String,
    secret: String,
    authorize: String,
    base: String,
    client: Client,
}

/// What the exchange answers, good or bad: HTTP says 200 to both.
#[derive(Deserialize)]
struct Answer {
    openid: Option<String>,
    #[serde(default)]
    is_snapshotuser: i64,
    #[serde(default)]
    errcode: i64,
}

impl Official {
    pub(super) fn new(account: &Account, secret: &str, client: Client) -> Self {
        Self {
            appid: account.appid.clone(),
            secret: secret.to_owned(),
            authorize: account.oauth_authorize.clone(),
            base: account.oauth_base.trim_end_matches('/').to_owned(),
            client,
        }
    }

    async fn exchange(&self, code: &str) -> Result<Answer, OauthError> {
        // Holds the secret: it is never logged, and errors leave addresses out.
        let url = format!(
            "{}/sns/oauth2/access_token?appid={}&secret={}&code={}&grant_type=authorization_code",
            self.base,
            escape(&self.appid),
            escape(&self.secret),
            escape(code)
        );
        let (_, body) = http::answer(self.client.get(url)).await?;
        // Nothing of it is told: it may hold the openid.
        let nonsense = |_| Unknown::new(Doubt::Nonsense, "not the documented one").into();
        serde_json::from_slice(&body).map_err(nonsense)
    }
}

#[async_trait::async_trait]
impl Oauth for Official {
    fn authorize_url(&self, redirect_uri: &str, state: &str) -> String {
        // WeChat matches the order of the parameters.
        format!(
            "{}?appid={}&redirect_uri={}&response_type=code&scope=snsapi_base&state={state}\
             #wechat_redirect",
            self.authorize,
            escape(&self.appid),
            escape(redirect_uri)
        )
    }

    async fn openid(&self, code: &str) -> Result<String, OauthError> {
        let mut answer = self.exchange(code).await?;
        if answer.errcode == BUSY {
            answer = self.exchange(code).await?;
        }
        match (answer.errcode, answer.openid) {
            (0, Some(_)) if answer.is_snapshotuser == 1 => Err(OauthError::Snapshot),
            (0, Some(openid)) => Ok(openid),
            (40029 | 40163 | 42003 | 42007, _) => {
                Err(OauthError::Code(format!("errcode {}", answer.errcode)))
            }
            (errcode, _) => {
                Err(Unknown::new(Doubt::Undecided, format!("errcode {errcode}")).into())
            }
        }
    }
}
