//! What a client takes for the platform's word, and what it does not.

use super::Client;
use crate::folders::root;
use crate::sign::{md5_signed, pairs, query};
use crate::step::{run_quietly, works};
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::process::Command;

impl Client<'_> {
    /// A genuine callback and a changed one, an address by each sign, a forged call.
    pub(super) fn judges(&self, callback: &str) -> Result<()> {
        run_quietly(&mut self.command(&["verify", callback])).context("a genuine callback")?;
        for (genuine, changed) in [("money=100", "money=101"), ("sign2=", "sign2=0")] {
            let told = callback.replace(genuine, changed);
            if told == callback || works(&mut self.command(&["verify", &told])) {
                bail!("a callback with {changed} verifies");
            }
        }
        for sign in ["--sha1", "lang=zh"] {
            let mut address = self.command(&["address", sign, "requestChannel=1"]);
            address.args(["requestKey=D1-0000000000001", "money=100"]);
            address.args([
                "currencyType=CNY",
                "info=耳机 A+B~!*'() 😀ｆ",
                "bgUrl=http://127.0.0.1/callback",
            ]);
            let address = run_quietly(address.args(["rate=", "payTypeCode=Alipay"]))?;
            if self.wire.get(address.trim())?.status != 200 {
                bail!("an address is refused: {address}");
            }
        }
        self.verifies_the_samples()?;
        self.keeps_public_secrets_here(callback)?;
        let address = self.wire.get(&self.at("/buy"))?.location;
        let address = address.context("the shop leads nowhere")?;
        let key = self.unpaid()?;
        self.takes_no_forged(callback, &key)?;
        self.takes_no_address(&key)?;
        self.binds_signs_to_doors(callback, &key)?;
        self.stands_a_trial(&address, &key)
    }

    /// What the samples for unit tests (docs/vectors) say that the platform tells.
    fn verifies_the_samples(&self) -> Result<()> {
        for (file, word) in [("callbacks", "verify"), ("forecore", "notification")] {
            let file = root().join(format!("docs/vectors/{file}.json"));
            let samples: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(file)?)?;
            for sample in &samples {
                let fields = BTreeMap::deserialize(&sample["fields"])?;
                let mut told: Vec<(String, String)> = fields.into_iter().collect();
                for sign in ["sign", "sign2"] {
                    let made = sample[sign].as_str();
                    told.extend(made.map(|made| (sign.to_owned(), made.to_owned())));
                }
                run_quietly(&mut self.command(&[word, &query(&told)]))
                    .with_context(|| sample["name"].to_string())?;
            }
        }
        Ok(())
    }

    /// What everybody knows of a development instance counts for nothing where the
    /// platform is elsewhere, and what is lacking is named.
    fn keeps_public_secrets_here(&self, callback: &str) -> Result<()> {
        let elsewhere = |words: &[&str]| {
            let mut command = self.command(words);
            command.env("TONGFU_URL", "https://pay.example");
            command
        };
        let forged = forged_notification("D1-0000000000001");
        let mut verify = elsewhere(&["verify", &forged]);
        verify.env("TONGFU_DOMAIN", "shop");
        if works(verify.env("TONGFU_SECRET", "a-true-secret")) {
            bail!("a notification by a public key verifies as a callback");
        }
        let lacks = |command: &mut Command, name: &str| {
            let output = command.output()?;
            let said = String::from_utf8_lossy(&output.stderr);
            if output.status.success() || !said.contains(name) {
                bail!("without {name} it says {said:?}");
            }
            Ok(())
        };
        lacks(&mut elsewhere(&["verify", callback]), "TONGFU_SECRET")?;
        let mut notification = elsewhere(&["notification", &forged]);
        lacks(&mut notification, "TONGFU_KEY")?;
        lacks(notification.env("TONGFU_KEY", ""), "TONGFU_KEY")?;
        lacks(&mut elsewhere(&["shop", "1"]), "TONGFU_")
    }

    /// An address by SHA-1, whose payer sees it, sent on as a callback without payStatus.
    fn takes_no_address(&self, key: &str) -> Result<()> {
        let key = format!("requestKey={key}");
        let mut address = self.command(&["address", "--sha1", "requestChannel=1", &key]);
        address.args(["money=100", "currencyType=CNY", "info=headphones"]);
        address.args([
            "bgUrl=http://127.0.0.1/callback",
            "pageUrl=http://127.0.0.1/",
        ]);
        let address = run_quietly(&mut address)?;
        let (_, asked) = address.trim().split_once('?').context("no query")?;
        let told = pairs(asked).into_iter().map(|(name, value)| {
            let name = match name.as_str() {
                "bgUrl" => "payTypeCode",
                "pageUrl" => "payTypeName",
                "info" => "orderSn",
                "requestChannel" => "payTime",
                name => name,
            };
            (name.to_owned(), value)
        });
        let told: Vec<_> = told.collect();
        if works(&mut self.command(&["verify", &query(&told)])) {
            bail!("an address verifies as a callback");
        }
        self.refuses(
            &self
                .wire
                .get(&self.at(&format!("/callback?{}", query(&told))))?
                .body,
        )
    }

    /// Either sign is taken at its own door alone.
    fn binds_signs_to_doors(&self, callback: &str, key: &str) -> Result<()> {
        let forged = forged_notification(key);
        self.refuses(
            &self
                .wire
                .get(&self.at(&format!("/callback?{forged}")))?
                .body,
        )?;
        self.refuses(&self.wire.post_form(&self.at("/notify"), callback)?.body)?;
        if works(&mut self.command(&["notification", callback])) {
            bail!("a callback verifies as a notification");
        }
        Ok(())
    }

    fn refuses(&self, answer: &str) -> Result<()> {
        if !answer.contains("wrong sign") {
            bail!("the shop answers {answer:?} to what nobody signed for it");
        }
        Ok(())
    }
}

/// A payment of this order, as anybody can sign it who reads the documents.
fn forged_notification(key: &str) -> String {
    let told = [
        ("currencyType", "CNY"),
        ("money", "100"),
        ("outOrderId", "x"),
        ("payStatus", "SUCCESSPAY"),
        ("requestKey", key),
    ];
    query(&md5_signed(&told, "123456"))
}
