//! The keys of WeChat Pay and of its merchants.

use crate::keys::{Key, digits, hex, kept, make_pair, read_key, write_private};
use crate::random::random_text;
use anyhow::Result;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::Path;

/// How a merchant proves our answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Mode {
    PublicKey,
    Certificate,
}

/// What is written down of a merchant.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct MerchantFile {
    pub(crate) name: String,
    pub(crate) mode: Mode,
    pub(crate) appid: String,
    pub(crate) mchid: String,
    pub(crate) serial: String,
    pub(crate) api_v3_key: String,
    /// The official account's secret.
    pub(crate) app_secret: String,
    private_key: String,
}

/// A merchant that the gateway knows.
pub(crate) struct Merchant {
    pub(crate) file: MerchantFile,
    pub(crate) key: Key,
}

#[derive(Serialize, Deserialize)]
struct PlatformFile {
    public_key_id: String,
    public_key: String,
    private_key: String,
    certificate_serial: String,
    certificate: String,
    certificate_private_key: String,
}

#[derive(Serialize, Deserialize)]
struct KeysFile {
    platform: PlatformFile,
    merchants: Vec<MerchantFile>,
}

/// All keys of the WeChat gateway.
pub(crate) struct Keys {
    pub(crate) merchants: Vec<Merchant>,
    /// Public-key mode.
    pub(crate) public_key_id: String,
    pub(crate) public_key: Key,
    /// Certificate mode.
    pub(crate) certificate_serial: String,
    pub(crate) certificate_pem: String,
    pub(crate) certificate_key: Key,
}

impl Keys {
    pub(crate) fn merchant(&self, mchid: &str) -> Option<&Merchant> {
        self.merchants
            .iter()
            .find(|merchant| merchant.file.mchid == mchid)
    }

    /// The merchant with this official account.
    pub(crate) fn official(&self, appid: &str) -> Option<&Merchant> {
        self.merchants
            .iter()
            .find(|merchant| merchant.file.appid == appid)
    }

    /// The merchant behind an account of the accounts file.
    pub(crate) fn named(&self, account: &str) -> Option<&Merchant> {
        self.merchants
            .iter()
            .find(|merchant| merchant.file.name == account)
    }
}

/// Opens the keys in `data`, making them where they are missing; gives the
/// entries of the accounts file for a gateway at `base` as well.
pub(crate) fn open(base: &str, data: &Path) -> Result<(Keys, String)> {
    let file: KeysFile = kept(data, "wechat/keys.json", make)?;
    let accounts = write_accounts(base, data, &file)?;
    let platform = file.platform;
    let merchant = |file: MerchantFile| {
        let key = read_key(&file.private_key)?;
        Ok(Merchant { file, key })
    };
    let keys = Keys {
        merchants: file
            .merchants
            .into_iter()
            .map(merchant)
            .collect::<Result<_>>()?,
        public_key_id: platform.public_key_id,
        public_key: read_key(&platform.private_key)?,
        certificate_serial: platform.certificate_serial,
        certificate_pem: platform.certificate,
        certificate_key: read_key(&platform.certificate_private_key)?,
    };
    Ok((keys, accounts))
}

fn make() -> Result<KeysFile> {
    let (public_key_pem, private_key) = make_pair()?;
    let (certificate_serial, certificate, certificate_private_key) = make_certificate()?;
    let merchant = |name: &str, mode| -> Result<MerchantFile> {
        Ok(MerchantFile {
            name: name.to_owned(),
            mode,
            appid: format!("wx{}", hex(16)),
            mchid: format!("19{}", digits(8)),
            serial: hex(40).to_uppercase(),
            api_v3_key: random_text(32),
            app_secret: hex(32),
            private_key: make_pair()?.1,
        })
    };
    Ok(KeysFile {
        platform: PlatformFile {
            public_key_id: format!("PUB_KEY_ID_{}", digits(34)),
            public_key: public_key_pem,
            private_key,
            certificate_serial,
            certificate,
            certificate_private_key,
        },
        merchants: vec![
            merchant("sandbox", Mode::PublicKey)?,
            merchant("sandbox-cert", Mode::Certificate)?,
        ],
    })
}

/// A platform certificate: its serial in upper-case hex, PEM, and private key.
fn make_certificate() -> Result<(String, String, String)> {
    let (_, private) = make_pair()?;
    let key = rcgen::KeyPair::from_pem(&private)?;
    let mut parameters = rcgen::CertificateParams::new(Vec::new())?;
    // Real ones begin with a zero at times, and headers keep it.
    let serial = format!("05{}", hex(38).to_uppercase());
    parameters.serial_number = Some(rcgen::SerialNumber::from_slice(&::hex::decode(&serial)?));
    let certificate = parameters.self_signed(&key)?;
    Ok((serial, certificate.pem(), private))
}

fn write_accounts(base: &str, data: &Path, file: &KeysFile) -> Result<String> {
    fs::write(data.join("wechat/pub_key.pem"), &file.platform.public_key)?;
    let mut accounts = String::new();
    for merchant in &file.merchants {
        let key = format!("wechat/{}_key.pem", merchant.name);
        write_private(&data.join(&key), merchant.private_key.as_bytes())?;
        accounts.push_str(&account(base, merchant, &key, &file.platform));
    }
    Ok(accounts)
}

/// This gateway takes refunds of one order at once, as WeChat itself does not.
fn account(base: &str, merchant: &MerchantFile, key: &str, platform: &PlatformFile) -> String {
    let mut text = format!(
        "[[account]]\nchannel = \"Wechat\"\nname = \"{}\"\nbase = \"{base}\"\nappid = \"{}\"\n\
         mchid = \"{}\"\nserial = \"{}\"\nprivate_key = \"{key}\"\napi_v3_key = \"{}\"\n\
         app_secret = \"{}\"\noauth_authorize = \"{base}/connect/oauth2/authorize\"\n\
         oauth_base = \"{base}\"\nrefund_gap_s = 0\n",
        merchant.name,
        merchant.appid,
        merchant.mchid,
        merchant.serial,
        merchant.api_v3_key,
        merchant.app_secret
    );
    text.push_str(&match merchant.mode {
        Mode::PublicKey => format!(
            "public_key_id = \"{}\"\npublic_key = \"wechat/pub_key.pem\"\n\n",
            platform.public_key_id
        ),
        Mode::Certificate => "enabled = false\n\n".to_owned(),
    });
    text
}
