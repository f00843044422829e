//! The keys of all channels, and the accounts file that an operator of the platform
//! would write. Each channel keeps its own keys.

use crate::keys::write_private;
use anyhow::Result;
use std::fs;
use std::path::Path;

/// The keys of all channels.
pub(crate) struct Keys {
    pub(crate) wechat: crate::wechat::keys::Keys,
    pub(crate) alipay: crate::alipay::keys::Keys,
    pub(crate) paypal: crate::paypal::keys::Keys,
    pub(crate) chinapay: crate::chinapay::keys::Keys,
    pub(crate) apay: crate::apay::keys::Keys,
}

/// Opens the keys in `data`, making them where they are missing, and writes the
/// accounts file for a gateway at `base`.
pub(crate) fn open(base: &str, data: &Path) -> Result<Keys> {
    fs::create_dir_all(data)?;
    let (wechat, wechat_accounts) = crate::wechat::keys::open(base, data)?;
    let (alipay, alipay_accounts) = crate::alipay::keys::open(base, data)?;
    let (paypal, paypal_accounts) = crate::paypal::keys::open(base, data)?;
    let (chinapay, chinapay_accounts) = crate::chinapay::keys::open(base, data)?;
    let (apay, apay_accounts) = crate::apay::keys::open(base, data)?;
    let accounts = [
        wechat_accounts,
        alipay_accounts,
        chinapay_accounts,
        paypal_accounts,
        apay_accounts,
    ];
    write_private(&data.join("accounts.toml"), accounts.concat().as_bytes())?;
    Ok(Keys {
        wechat,
        alipay,
        paypal,
        chinapay,
        apay,
    })
}
