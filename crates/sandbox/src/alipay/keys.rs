//! The keys of Alipay and of its merchants.

use crate::keys::{Key, digits, make_pair, read_key};
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::Path;

/// A merchant that Alipay knows.
pub(crate) struct Merchant {
    pub(crate) name: String,
    pub(crate) app_id: String,
    pub(crate) seller_id: String,
    pub(crate) key: Key,
}

/// All keys of Alipay.
pub(crate) struct Keys {
    pub(crate) merchants: Vec<Merchant>,
    pub(crate) alipay: Key,
}

impl Keys {
    pub(crate) fn named(&self, account: &str) -> Option<&Merchant> {
        self.merchants
            .iter()
            .find(|merchant| merchant.name == account)
    }
}

#[derive(Serialize, Deserialize)]
struct KeysFile {
    name: String,
    app_id: String,
    seller_id: String,
    app_private_key: String,
    alipay_private_key: String,
    alipay_public_key: String,
}

/// Opens the keys in `data`, making them where they are missing; gives the
/// entries of the accounts file for a gateway at `base` as well.
pub(crate) fn open(base: &str, data: &Path) -> Result<(Keys, String)> {
    fs::create_dir_all(data.join("alipay"))?;
    let path = data.join("alipay/keys.json");
    if !path.exists() {
        let (alipay_public_key, alipay_private_key) = make_pair()?;
        let made = KeysFile {
            name: "sandbox-alipay".to_owned(),
            app_id: format!("2021{}", digits(12)),
            seller_id: format!("2088{}", digits(12)),
            app_private_key: make_pair()?.1,
            alipay_private_key,
            alipay_public_key,
        };
        fs::write(&path, serde_json::to_vec_pretty(&made)?)?;
    }
    let file: KeysFile =
        serde_json::from_slice(&fs::read(&path)?).context("reading alipay/keys.json")?;
    fs::write(data.join("alipay/app_key.pem"), &file.app_private_key)?;
    fs::write(data.join("alipay/alipay_pub.pem"), &file.alipay_public_key)?;
    let account = format!(
        "[[account]]\nchannel = \"Alipay\"\nname = \"{}\"\n\
         gateway = \"{base}/alipay/gateway.do\"\napp_id = \"{}\"\nseller_id = \"{}\"\n\
         private_key = \"alipay/app_key.pem\"\n\
         alipay_public_key = \"alipay/alipay_pub.pem\"\n\n",
        file.name, file.app_id, file.seller_id
    );
    let keys = Keys {
        alipay: read_key(&file.alipay_private_key)?,
        merchants: vec![Merchant {
            key: read_key(&file.app_private_key)?,
            name: file.name,
            app_id: file.app_id,
            seller_id: file.seller_id,
        }],
    };
    Ok((keys, account))
}
