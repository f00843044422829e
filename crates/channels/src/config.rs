//! The file that lists the channel accounts, and the keys beside it.

use crate::wechat::{self, Wechat};
use crate::{Clock, http};
use payment::ports::Gateway;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The accounts file: `[[account]]` tables.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accounts {
    /// The accounts, in the order in which they are preferred.
    #[serde(default)]
    pub account: Vec<Account>,
}

/// One account at one channel.
#[derive(Debug, Deserialize)]
#[serde(tag = "channel")]
pub enum Account {
    /// An account at WeChat Pay, APIv3.
    Wechat(WechatAccount),
}

/// An account at WeChat Pay; key files are named relative to the accounts file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WechatAccount {
    /// Our name for it: part of its notify address.
    pub name: String,
    /// Whether payers are offered it; orders already made are looked after anyway.
    #[serde(default = "enabled")]
    pub enabled: bool,
    /// The address of the API.
    #[serde(default = "wechat_base")]
    pub base: String,
    /// The official account's id.
    pub appid: String,
    /// The merchant's number.
    pub mchid: String,
    /// The serial of the merchant's certificate.
    pub serial: String,
    /// The merchant's private key, a PEM file.
    pub private_key: PathBuf,
    /// The APIv3 key: 32 characters.
    pub api_v3_key: String,
    /// The id of WeChat Pay's public key, in public-key mode.
    pub public_key_id: Option<String>,
    /// WeChat Pay's public key, a PEM file, in public-key mode.
    pub public_key: Option<PathBuf>,
}

impl std::fmt::Debug for WechatAccount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WechatAccount")
            .field("name", &self.name)
            .field("base", &self.base)
            .field("mchid", &self.mchid)
            .finish_non_exhaustive()
    }
}

fn enabled() -> bool {
    true
}

fn wechat_base() -> String {
    "https://api.mch.weixin.qq.com".to_owned()
}

/// Why an account can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A key file can't be read.
    #[error("account {account}: {path} can't be read: {cause}")]
    File {
        /// The account's name.
        account: String,
        /// The file.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// A key or setting is not of its form.
    #[error("account {account}: {what}")]
    Invalid {
        /// The account's name.
        account: String,
        /// What is wrong with it.
        what: String,
    },
    /// The HTTP client can't be made.
    #[error("no HTTP client: {0}")]
    Client(#[from] reqwest::Error),
}

/// Makes the gateways of all accounts. `folder` is where the accounts file lies,
/// `public_url` our own address as channels reach it, without a slash at its end.
///
/// # Errors
/// [`ConfigError`] naming the account and what is wrong with it.
pub fn gateways(
    accounts: Accounts,
    folder: &Path,
    public_url: &str,
    clock: &Clock,
) -> Result<Vec<Arc<dyn Gateway>>, ConfigError> {
    let client = http::client()?;
    let mut gateways: Vec<Arc<dyn Gateway>> = Vec::with_capacity(accounts.account.len());
    for account in accounts.account {
        let Account::Wechat(account) = account;
        let notify_url = format!("{public_url}/notify/Wechat/{}", account.name);
        let settings = wechat_settings(account, folder, notify_url)?;
        gateways.push(Arc::new(Wechat::new(
            settings,
            client.clone(),
            Arc::clone(clock),
        )?));
    }
    Ok(gateways)
}

fn wechat_settings(
    account: WechatAccount,
    folder: &Path,
    notify_url: String,
) -> Result<wechat::Settings, ConfigError> {
    let read = |path: &Path| {
        std::fs::read(folder.join(path)).map_err(|cause| ConfigError::File {
            account: account.name.clone(),
            path: path.to_owned(),
            cause,
        })
    };
    let public_key = match (&account.public_key_id, &account.public_key) {
        (Some(id), Some(path)) => Some((id.clone(), read(path)?)),
        (None, None) => None,
        _ => {
            return Err(ConfigError::Invalid {
                account: account.name.clone(),
                what: "public_key_id and public_key belong together".to_owned(),
            });
        }
    };
    Ok(wechat::Settings {
        private_key_pem: read(&account.private_key)?,
        public_key,
        name: account.name,
        enabled: account.enabled,
        base: account.base.trim_end_matches('/').to_owned(),
        appid: account.appid,
        mchid: account.mchid,
        serial: account.serial,
        api_v3_key: account.api_v3_key,
        notify_url,
    })
}
