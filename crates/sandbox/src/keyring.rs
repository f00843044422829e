//! The keys of all channels, and the accounts file that an operator of the platform
//! would write. Each channel keeps its own keys.

use crate::alipay::keys as alipay;
use crate::apay::keys as apay;
use crate::chinapay::keys as chinapay;
use crate::keys::write_private;
use crate::paypal::keys as paypal;
use crate::wechat::keys as wechat;
use anyhow::Result;
use std::fs;
use std::path::Path;

/// The keys of all channels.
pub(crate) struct Keys {
    pub(crate) wechat: wechat::Keys,
    pub(crate) alipay: alipay::Keys,
    pub(crate) paypal: paypal::Keys,
    pub(crate) chinapay: chinapay::Keys,
    pub(crate) apay: apay::Keys,
}

/// Opens the keys in `data`, making them where they are missing, and writes the
/// accounts file for a gateway at `base`.
pub(crate) fn open(base: &str, data: &Path) -> Result<Keys> {
    fs::create_dir_all(data)?;
    let (wechat, wechat_accounts) = wechat::open(base, data)?;
    let (alipay, alipay_accounts) = alipay::open(base, data)?;
    let (paypal, paypal_accounts) = paypal::open(base, data)?;
    let (chinapay, chinapay_accounts) = chinapay::open(base, data)?;
    let (apay, apay_accounts) = apay::open(base, data)?;
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
