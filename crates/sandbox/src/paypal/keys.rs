//! PayPal's merchant, and the certificate that signs webhooks under a root of
//! its own.

use crate::keys::{Key, kept, make_pair, read_key, upper};
use anyhow::Result;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::Path;

/// What PayPal knows of its merchant, and signs with.
pub(crate) struct Keys {
    pub(crate) merchant: Merchant,
    /// The gateway's address, for the links in answers.
    pub(crate) base: String,
    pub(crate) key: Key,
    /// The certificate of `key`, PEM.
    pub(crate) certificate: String,
}

/// The one merchant with its application.
#[derive(Serialize, Deserialize)]
pub(crate) struct Merchant {
    pub(crate) name: String,
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    pub(crate) webhook_id: String,
    pub(crate) merchant_id: String,
}

#[derive(Serialize, Deserialize)]
struct KeysFile {
    merchant: Merchant,
    ca: String,
    certificate: String,
    private_key: String,
}

/// Opens the keys in `data`, making them where they are missing; gives the
/// entry of the accounts file for a gateway at `base` as well.
pub(crate) fn open(base: &str, data: &Path) -> Result<(Keys, String)> {
    let file: KeysFile = kept(data, "paypal/keys.json", make)?;
    fs::write(data.join("paypal/ca.pem"), &file.ca)?;
    let base = format!("{base}/paypal");
    let merchant = file.merchant;
    let account = format!(
        "[[account]]\nchannel = \"Paypal\"\nname = \"{}\"\nbase = \"{base}\"\n\
         client_id = \"{}\"\nclient_secret = \"{}\"\nwebhook_id = \"{}\"\nmerchant_id = \"{}\"\n\
         certificate_urls = [\"{base}/certs/\"]\ncertificate_ca = \"paypal/ca.pem\"\n\n",
        merchant.name,
        merchant.client_id,
        merchant.client_secret,
        merchant.webhook_id,
        merchant.merchant_id,
    );
    let keys = Keys {
        merchant,
        base,
        key: read_key(&file.private_key)?,
        certificate: file.certificate,
    };
    Ok((keys, account))
}

fn make() -> Result<KeysFile> {
    let (_, ca_key) = make_pair()?;
    let ca_key = KeyPair::from_pem(&ca_key)?;
    let mut ca = CertificateParams::new(Vec::new())?;
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.distinguished_name
        .push(DnType::CommonName, "Sandbox Root");
    let root = ca.self_signed(&ca_key)?;
    let (_, private_key) = make_pair()?;
    let name = "messageverificationcerts.paypal.com";
    let mut leaf = CertificateParams::new(vec![name.to_owned()])?;
    leaf.distinguished_name.push(DnType::CommonName, name);
    let issuer = Issuer::new(ca, ca_key);
    let certificate = leaf.signed_by(&KeyPair::from_pem(&private_key)?, &issuer)?;
    Ok(KeysFile {
        merchant: Merchant {
            name: "sandbox-paypal".to_owned(),
            client_id: format!("A{}", upper(79)),
            client_secret: format!("E{}", upper(79)),
            webhook_id: upper(17),
            merchant_id: upper(13),
        },
        ca: root.pem(),
        certificate: certificate.pem(),
        private_key,
    })
}
