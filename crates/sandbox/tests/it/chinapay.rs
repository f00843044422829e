//! ChinaPay's old interface at the wire.

use crate::world::{Answer, World, form, number, read};
use rsa::rand_core::OsRng;
use rsa::{BigUint, Pkcs1v15Sign, RsaPrivateKey};
use serde_json::{Value, json};
use sha1_of_rsa::{Digest, Sha1};
use time::{OffsetDateTime, UtcOffset};

/// A merchant's server.
struct Merchant<'a> {
    world: &'a World,
    account: toml::Table,
    key: RsaPrivateKey,
}

impl<'a> Merchant<'a> {
    fn new(world: &'a World) -> Self {
        let keys: Value = serde_json::from_str(&world.file("chinapay/keys.json")).unwrap();
        let prime = |index: usize| {
            let text = keys["merchant"][index].as_str().unwrap();
            BigUint::parse_bytes(text.as_bytes(), 16).unwrap()
        };
        let exponent = BigUint::from(65_537_u32);
        Self {
            world,
            account: world.account("sandbox-chinapay"),
            key: RsaPrivateKey::from_p_q(prime(0), prime(1), exponent).unwrap(),
        }
    }

    fn get(&self, name: &str) -> &str {
        self.account[name].as_str().unwrap()
    }

    /// A form whose `ChkValue` is over these of its values.
    async fn post(&self, url: &str, pairs: &[(&str, &str)], signed: &[&str]) -> Answer {
        let value = |name: &&str| pairs.iter().find(|(key, _)| key == name).unwrap().1;
        let text: String = signed.iter().map(value).collect();
        let scheme = Pkcs1v15Sign::new::<Sha1>();
        let sign = self
            .key
            .sign_with_rng(&mut OsRng, scheme, &Sha1::digest(text));
        let sign = hex::encode_upper(sign.unwrap());
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let mut pairs: Vec<_> = pairs.iter().map(own).collect();
        pairs.push(("ChkValue".to_owned(), sign));
        let request = self.world.client.post(self.get(url));
        let request = request.header("Content-Type", "application/x-www-form-urlencoded");
        read(request.body(form(&pairs))).await
    }

    async fn paid(&self) -> String {
        let number = number();
        self.open(&number).await;
        let which = json!({"channelOrderNo": number});
        assert_eq!(self.world.control("pay", which).await, 204);
        assert_eq!(self.world.letter().await.path, "/paid");
        number
    }

    /// A payer comes with the order's form.
    async fn open(&self, number: &str) {
        let (day, target) = (day(), &self.world.target);
        let pairs = [
            ("MerId", self.get("mer_id")),
            ("OrdId", number),
            ("TransAmt", "000000000100"),
            ("CuryId", "156"),
            ("TransDate", &day),
            ("TransType", "0001"),
            ("Version", "20070129"),
            ("BgRetUrl", &format!("{target}/paid")),
            ("PageRetUrl", &format!("{target}/page")),
            ("GateId", ""),
            ("Priv1", "p"),
        ];
        let signed = [
            "MerId",
            "OrdId",
            "TransAmt",
            "CuryId",
            "TransDate",
            "TransType",
            "Priv1",
        ];
        let page = self.post("pay_url", &pairs, &signed).await;
        assert!(page.text.contains("支付"), "{}", page.text);
    }

    async fn refund(&self, number: &str, sum: &str, priv1: &str) -> String {
        let whole = sum == "000000000100";
        self.refund_as(if whole { "0002" } else { "0102" }, number, sum, priv1)
            .await
    }

    async fn refund_as(&self, kind: &str, number: &str, sum: &str, priv1: &str) -> String {
        let day = day();
        let pairs = [
            ("MerID", self.get("mer_id")),
            ("OrderId", number),
            ("RefundAmount", sum),
            ("TransDate", &day),
            ("TransType", kind),
            ("Version", "20070129"),
            ("ReturnURL", &format!("{}/refunded", self.world.target)),
            ("Priv1", priv1),
        ];
        let signed = [
            "MerID",
            "TransDate",
            "TransType",
            "OrderId",
            "RefundAmount",
            "Priv1",
        ];
        self.post("refund_url", &pairs, &signed).await.text
    }

    /// The answer to a question about an order, whose signature is over `signed`.
    async fn query(&self, number: &str, signed: &[&str]) -> String {
        let day = day();
        let pairs = [
            ("MerId", self.get("mer_id")),
            ("TransType", "0001"),
            ("OrdId", number),
            ("TransDate", &day),
            ("Version", "20060831"),
            ("Resv", ""),
        ];
        self.post("query_url", &pairs, signed).await.text
    }
}

/// What the signature of a question is over.
const QUERIED: [&str; 4] = ["MerId", "TransDate", "OrdId", "TransType"];

fn day() -> String {
    let at = OffsetDateTime::now_utc().to_offset(UtcOffset::from_hms(8, 0, 0).unwrap());
    at.date().to_string().replace('-', "")
}

#[tokio::test]
async fn a_refund_is_told_once_at_its_own_address() {
    let world = World::start().await;
    let ours = Merchant::new(&world);
    let number = ours.paid().await;
    let taken = ours.refund(&number, "000000000040", "R1").await;
    assert!(
        taken.contains("ResponseCode=0")
            && taken.contains("Status=1")
            && taken.contains("SendTime="),
        "{taken}"
    );
    let letter = world.letter().await;
    assert_eq!(letter.path, "/refunded");
    assert!(
        letter.body.contains("Status=3") && letter.body.contains("Priv1=R1"),
        "{letter:?}"
    );
    let again = ours.refund(&number, "000000000040", "R1").await;
    assert!(again.contains("ResponseCode=205"), "{again}");
    world.silence().await;
}

#[tokio::test]
async fn a_refund_that_fails_is_told_and_its_number_is_used() {
    let world = World::start().await;
    let ours = Merchant::new(&world);
    let number = ours.paid().await;
    world.fault("refund", "refund_fails", 0).await;
    let taken = ours.refund(&number, "000000000100", "R1").await;
    assert!(taken.contains("Status=1"), "{taken}");
    let letter = world.letter().await;
    assert!(
        letter.path == "/refunded" && letter.body.contains("Status=8"),
        "{letter:?}"
    );
    let again = ours.refund(&number, "000000000100", "R1").await;
    assert!(again.contains("ResponseCode=205"), "{again}");
    let other = ours.refund_as("0012", &number, "000000000100", "R2").await;
    assert!(other.contains("Status=1"), "no money moved: {other}");
    let more = ours.refund(&number, "000000000001", "R3").await;
    assert!(more.contains("ResponseCode=123"), "{more}");
}

#[tokio::test]
async fn a_refusal_says_which_rule_was_broken() {
    let world = World::start().await;
    let ours = Merchant::new(&world);
    let number = ours.paid().await;
    let long = "r".repeat(41);
    for (order, sum, priv1, code) in [
        (number.as_str(), "000000000101", "R1", "123"),
        (&number, "100", "R1", "116"),
        (&number, "000000000100", &long, "117"),
        ("0000000000000001", "000000000100", "R1", "402"),
    ] {
        let refused = ours.refund(order, sum, priv1).await;
        assert!(
            refused.contains(&format!("ResponseCode={code}&")),
            "{refused}"
        );
    }
    // A part is no whole, and the next one no first.
    for (kind, sum, code) in [
        ("0002", "000000000030", "121"),
        ("0102", "000000000100", "122"),
        ("0112", "000000000030", "205"),
        ("0102", "000000000030", "0"),
        ("0102", "000000000020", "205"),
        ("0112", "000000000020", "0"),
        ("0005", "000000000020", "104"),
    ] {
        let told = ours
            .refund_as(kind, &number, sum, &format!("{kind}{code}"))
            .await;
        assert!(
            told.contains(&format!("ResponseCode={code}&")),
            "{kind} {sum}: {told}"
        );
    }
    let refused = ours.query(&number, &["MerId"]).await;
    assert!(refused.contains("ResponeseCode=203&"), "{refused}");
    let told = ours.query(&number, &QUERIED).await;
    assert!(told.contains("status=1001&"), "{told}");
}

#[tokio::test]
async fn what_is_not_paid_bears_the_status_of_nothing_done() {
    let world = World::start().await;
    let ours = Merchant::new(&world);
    let number = number();
    ours.open(&number).await;
    let told = ours.query(&number, &QUERIED).await;
    // Paid, a refund that was submitted, and one that was revoked.
    for done in ["1001", "1003", "1005"] {
        assert!(!told.contains(&format!("status={done}&")), "{told}");
    }
    assert!(told.contains("ResponeseCode=0&"), "{told}");
}
