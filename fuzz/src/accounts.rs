//! One account at each channel. The channels exist only here: their keys are made
//! anew in each run, so that fuzzed content can be signed as they would.

use crate::chinapay::key_files;
use crate::keys::Key;
use crate::server::Server;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use channels::chinapay::PrivateKey;
use channels::registry::{Accounts, gateways};
use payment::channel::Channel;
use payment::ports::{ChannelError, Gateway, Notify, RawNotify};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use tokio::runtime::{Builder, Runtime};

/// The time: 2026-11-25, noon in UTC.
pub(crate) const NOW_MS: i64 = 1_795_608_000_000;
pub(crate) const API_V3_KEY: &[u8; 32] = b"0123456789abcdef0123456789abcdef";
pub(crate) const SERIAL: &str = "PUB_KEY_ID_1";
pub(crate) const MER_ID: &str = "808080123456789";
pub(crate) const WEBHOOK_ID: &str = "WEBHOOK";
const PAYPALS_NAME: &str = "messageverificationcerts.paypal.com";

/// All of it, made at the first use.
pub(crate) static WORLD: LazyLock<World> = LazyLock::new(World::new);

pub(crate) struct World {
    runtime: Runtime,
    gateways: Vec<Arc<dyn Gateway>>,
    /// Signs as WeChat Pay, Alipay and PayPal.
    pub(crate) key: Key,
    /// Signs as ChinaPay.
    pub(crate) chinapay: PrivateKey,
    pub(crate) server: Server,
}

impl World {
    fn new() -> Self {
        let key = Key::new();
        let [root, certificate] = certificates(&key);
        let token = r#"{"access_token":"t","expires_in":30000}"#;
        let server = Server::start(vec![
            ("/certs/", certificate),
            ("/v1/oauth2/token", token.to_owned()),
        ]);
        let [chinapay, chinapay_public] = key_files("999999999999999");
        let [merchant_of_chinapay, _] = key_files(MER_ID);
        let folder = folder();
        let base64 = |der: Vec<u8>| STANDARD.encode(der);
        for (name, text) in [
            ("merchant.key", base64(Key::new().private_der())),
            ("channel.pub", base64(key.public_der())),
            ("root.pem", root),
            ("MerPrK.key", merchant_of_chinapay),
            ("PgPubk.key", chinapay_public),
        ] {
            std::fs::write(folder.join(name), text).expect("a key file");
        }
        let gateways = opened(&folder, &server.base);
        // The keys are read: nothing else needs the files.
        let _ = std::fs::remove_dir_all(&folder);
        let runtime = Builder::new_current_thread().enable_all().build();
        Self {
            runtime: runtime.expect("a runtime"),
            gateways,
            key,
            chinapay: PrivateKey::from_text(&chinapay).expect("ChinaPay's key"),
            server,
        }
    }

    /// The account at a channel.
    pub(crate) fn of(&self, channel: Channel) -> &dyn Gateway {
        let mut gateways = self.gateways.iter();
        let found = gateways.find(|gateway| gateway.channel() == channel);
        found.expect("an account at each channel").as_ref()
    }

    /// Runs what an adapter does to its end.
    pub(crate) fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    pub(crate) fn read_notify(
        &self,
        channel: Channel,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
    ) -> Result<Notify, ChannelError> {
        let notify = RawNotify {
            headers,
            body,
            received_ms: NOW_MS,
        };
        self.wait(self.of(channel).read_notify(&notify))
    }
}

fn opened(folder: &Path, base: &str) -> Vec<Arc<dyn Gateway>> {
    let api_v3_key = String::from_utf8_lossy(API_V3_KEY);
    let text = format!(
        r#"
        [[account]]
        channel = "Wechat"
        name = "w"
        base = "{base}"
        appid = "wx1"
        mchid = "1900000001"
        serial = "S"
        private_key = "merchant.key"
        api_v3_key = "{api_v3_key}"
        public_key_id = "{SERIAL}"
        public_key = "channel.pub"
        [[account]]
        channel = "Alipay"
        name = "a"
        gateway = "{base}/gateway.do"
        app_id = "2021"
        seller_id = "2088"
        private_key = "merchant.key"
        alipay_public_key = "channel.pub"
        [[account]]
        channel = "ChinapayOld"
        name = "c"
        mer_id = "{MER_ID}"
        query_url = "{base}/query"
        refund_url = "{base}/refund"
        private_key = "MerPrK.key"
        public_key = "PgPubk.key"
        query_gap_s = 0
        [[account]]
        channel = "Paypal"
        name = "p"
        base = "{base}"
        client_id = "A"
        client_secret = "E"
        webhook_id = "{WEBHOOK_ID}"
        merchant_id = "M"
        certificate_urls = ["{base}/certs/"]
        certificate_ca = "root.pem"
        "#
    );
    let accounts: Accounts = toml::from_str(&text).expect("an accounts file");
    let clock: channels::Clock = Arc::new(|| NOW_MS);
    gateways(accounts.beside(folder), "http://127.0.0.1:3000", &clock).expect("accounts")
}

/// A root, and PayPal's certificate under it, PEM.
fn certificates(key: &Key) -> [String; 2] {
    let root_key = KeyPair::generate().expect("a key");
    let mut root = CertificateParams::default();
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root_pem = root.self_signed(&root_key).expect("a root").pem();
    let mut leaf = CertificateParams::new(vec![PAYPALS_NAME.to_owned()]).expect("a name");
    leaf.distinguished_name
        .push(DnType::CommonName, PAYPALS_NAME);
    let leaf_key = KeyPair::try_from(key.private_der()).expect("the key");
    let leaf = leaf.signed_by(&leaf_key, &Issuer::new(root, root_key));
    [root_pem, leaf.expect("a certificate").pem()]
}

fn folder() -> PathBuf {
    let name = format!("tongfu-fuzz-{}", std::process::id());
    let folder = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}
