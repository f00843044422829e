//! What Apay knows of its partner, and what both sign with.

use crate::keys::{hex, kept};
use anyhow::Result;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The one partner.
pub(crate) struct Keys {
    pub(crate) partner: Partner,
    /// The gateway's address, for the payer's page.
    pub(crate) base: String,
}

/// A partner and his key.
#[derive(Serialize, Deserialize)]
pub(crate) struct Partner {
    pub(crate) name: String,
    pub(crate) partner_id: String,
    pub(crate) key: String,
}

/// Opens the keys in `data`, making them where they are missing; gives the entry of
/// the accounts file for a gateway at `base` as well. It stands there disabled: two
/// ways to WeChat would share the payers.
pub(crate) fn open(base: &str, data: &Path) -> Result<(Keys, String)> {
    let partner: Partner = kept(data, "apay/keys.json", || {
        Ok(Partner {
            name: "sandbox-apay".to_owned(),
            partner_id: format!("p{}", hex(8)),
            key: hex(64),
        })
    })?;
    let base = format!("{base}/apay");
    let account = format!(
        "[[account]]\nchannel = \"Wechat\"\nvia = \"apay\"\nname = \"{}\"\nenabled = false\n\
         base = \"{base}\"\npartner_id = \"{}\"\nkey = \"{}\"\n\n",
        partner.name, partner.partner_id, partner.key,
    );
    Ok((Keys { partner, base }, account))
}
