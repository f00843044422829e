//! The keys of Alipay and of its merchants.

use crate::keys::{Key, digits, kept, make_pair, read_key, write_private};
use anyhow::Result;
use md5::{Digest, Md5};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::Path;

/// A merchant that Alipay knows.
pub(crate) struct Merchant {
    pub(crate) name: String,
    pub(crate) app_id: String,
    pub(crate) seller_id: String,
    pub(crate) key: Key,
    /// The key with which Alipay answers this merchant.
    pub(crate) alipay: Key,
    /// In certificate mode, the numbers of three certificates.
    pub(crate) certified: Option<Numbers>,
}

/// How certificates are named in certificate mode.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Numbers {
    pub(crate) app: String,
    pub(crate) alipay: String,
    pub(crate) root: String,
}

/// All keys of Alipay.
pub(crate) struct Keys {
    pub(crate) merchants: Vec<Merchant>,
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
    let file = kept(data, "alipay/keys.json", || {
        let (alipay_public_key, alipay_private_key) = make_pair()?;
        Ok(KeysFile {
            name: "sandbox-alipay".to_owned(),
            app_id: format!("2021{}", digits(12)),
            seller_id: format!("2088{}", digits(12)),
            app_private_key: make_pair()?.1,
            alipay_private_key,
            alipay_public_key,
        })
    })?;
    let private = file.app_private_key.as_bytes();
    write_private(&data.join("alipay/app_key.pem"), private)?;
    fs::write(data.join("alipay/alipay_pub.pem"), &file.alipay_public_key)?;
    let account = format!(
        "[[account]]\nchannel = \"Alipay\"\nname = \"{}\"\n\
         gateway = \"{base}/alipay/gateway.do\"\napp_id = \"{}\"\nseller_id = \"{}\"\n\
         private_key = \"alipay/app_key.pem\"\nrefund_gap_s = 0\n\
         alipay_public_key = \"alipay/alipay_pub.pem\"\n\n",
        file.name, file.app_id, file.seller_id
    );
    let (certified, its_account) = open_certified(base, data)?;
    let plain = Merchant {
        key: read_key(&file.app_private_key)?,
        alipay: read_key(&file.alipay_private_key)?,
        certified: None,
        name: file.name,
        app_id: file.app_id,
        seller_id: file.seller_id,
    };
    let keys = Keys {
        merchants: vec![plain, certified],
    };
    Ok((keys, account + &its_account))
}

/// The merchant in certificate mode; its account is not enabled.
fn open_certified(base: &str, data: &Path) -> Result<(Merchant, String)> {
    let file: CertifiedFile = kept(data, "alipay/certified.json", make_certified)?;
    for (name, text) in [
        ("certified_key.pem", &file.app_private_key),
        ("app_cert.crt", &file.app_certificate),
        ("alipay_cert.crt", &file.alipay_certificate),
        ("alipay_root_cert.crt", &file.root_certificate),
    ] {
        write_private(&data.join("alipay").join(name), text.as_bytes())?;
    }
    let account = format!(
        "[[account]]\nchannel = \"Alipay\"\nname = \"sandbox-alipay-cert\"\nenabled = false\n\
         gateway = \"{base}/alipay/gateway.do\"\napp_id = \"{}\"\nseller_id = \"{}\"\n\
         private_key = \"alipay/certified_key.pem\"\nrefund_gap_s = 0\n\
         app_certificate = \"alipay/app_cert.crt\"\n\
         alipay_certificate = \"alipay/alipay_cert.crt\"\n\
         alipay_root_certificate = \"alipay/alipay_root_cert.crt\"\n\n",
        file.app_id, file.seller_id
    );
    let merchant = Merchant {
        name: "sandbox-alipay-cert".to_owned(),
        key: read_key(&file.app_private_key)?,
        alipay: read_key(&file.alipay_private_key)?,
        certified: Some(file.numbers),
        app_id: file.app_id,
        seller_id: file.seller_id,
    };
    Ok((merchant, account))
}

#[derive(Serialize, Deserialize)]
struct CertifiedFile {
    app_id: String,
    seller_id: String,
    app_private_key: String,
    alipay_private_key: String,
    app_certificate: String,
    alipay_certificate: String,
    root_certificate: String,
    numbers: Numbers,
}

fn make_certified() -> Result<CertifiedFile> {
    let root_key = KeyPair::from_pem(&make_pair()?.1)?;
    let mut root = parameters("Sandbox Root", 1)?;
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root_certificate = root.self_signed(&root_key)?.pem();
    let issuer = Issuer::new(root, root_key);
    let issue = |name: &str, serial: u64| -> Result<(String, String)> {
        let private = make_pair()?.1;
        let key = KeyPair::from_pem(&private)?;
        let certificate = parameters(name, serial)?.signed_by(&key, &issuer)?;
        Ok((certificate.pem(), private))
    };
    let (app_certificate, app_private_key) = issue("Shop", 4_711)?;
    let (alipay_certificate, alipay_private_key) = issue("Alipay", 4_712)?;
    Ok(CertifiedFile {
        app_id: format!("2021{}", digits(12)),
        seller_id: format!("2088{}", digits(12)),
        app_private_key,
        alipay_private_key,
        app_certificate,
        alipay_certificate,
        root_certificate,
        numbers: Numbers {
            app: number(4_711),
            alipay: number(4_712),
            root: number(1),
        },
    })
}

fn parameters(name: &str, serial: u64) -> Result<CertificateParams> {
    let mut parameters = CertificateParams::new(Vec::new())?;
    parameters.serial_number = Some(serial.into());
    parameters.distinguished_name = DistinguishedName::new();
    for (part, value) in [
        (DnType::CountryName, "CN"),
        (DnType::OrganizationName, "Ant Sandbox"),
        (DnType::CommonName, name),
    ] {
        parameters.distinguished_name.push(part, value);
    }
    Ok(parameters)
}

/// All three are issued by the one root: docs/reference/alipay.md, Certificate mode over its name.
fn number(serial: u64) -> String {
    let text = format!("CN=Sandbox Root,O=Ant Sandbox,C=CN{serial}");
    let digest = Md5::digest(text.as_bytes());
    hex::encode(digest)
}
