//! What business systems and partners send, field by field.

use super::calls::{Call, EXCHANGE_RATE, Wire};
use payment::channel::Channel;
use payment::lang::Lang;
use payment::param::Param;
use serde_json::{Value, json};

/// One field as it is described.
pub(super) struct Field {
    pub(super) name: &'static str,
    zh: &'static str,
    en: &'static str,
    /// What its text must match; empty where that is no pattern's business.
    pattern: &'static str,
    /// Its longest, in characters.
    max: usize,
    example: &'static str,
}

impl Field {
    /// What it is.
    pub(super) fn told(&self, lang: Lang) -> &'static str {
        match lang {
            Lang::Zh => self.zh,
            Lang::En => self.en,
        }
    }

    /// What its values are: an empty one counts as left out where it need not be, and JSON
    /// may hold numbers.
    pub(super) fn schema(&self, needed: bool, media: &str) -> Value {
        let number = media == JSON && NUMBERS.contains(&self.name);
        let mut schema = json!({
            "type": if number { json!(["string", "number"]) } else { json!("string") },
            "maxLength": self.max,
            "examples": [self.example],
        });
        if !self.pattern.is_empty() {
            let empty = if needed { "" } else { "^$|" };
            schema["pattern"] = format!("{empty}{}", self.pattern).into();
        }
        if self.name == Param::PayTypeCode.name() {
            let empty = (!needed).then_some("");
            let codes = Channel::ALL.map(Channel::code).into_iter().chain(empty);
            schema["enum"] = codes.collect();
        }
        schema
    }
}

/// What is sent as JSON.
pub(super) const JSON: &str = "application/json";

/// Fields of which a JSON number may be the value, signed as it stands.
const NUMBERS: [&str; 17] = [
    Param::DomainCode.name(),
    Param::RequestChannel.name(),
    Param::Money.name(),
    Param::RequestKey.name(),
    Param::Rate.name(),
    Param::RefundKey.name(),
    Param::RefundMoney.name(),
    Param::Openid.name(),
    "partnerId",
    "outOrderId",
    "userId",
    "time",
    "out_refund_no",
    "pid",
    "out_trade_no",
    "limit",
    "offset",
];

/// The parameters of the platform's (docs/signing.md, Shapes that every request keeps).
static PLATFORM: [Field; 20] = [
    Field {
        name: Param::DomainCode.name(),
        zh: "业务系统的代码",
        en: "the business system's code",
        pattern: "^[!-~]+$",
        max: 64,
        example: "demo",
    },
    Field {
        name: Param::PayTypeCode.name(),
        zh: "支付渠道；在地址里是预选，pay必填；不参与签名",
        en: "the channel: preselected by an address, needed by pay; not signed",
        pattern: "",
        max: 16,
        example: "Wechat",
    },
    Field {
        name: Param::RequestChannel.name(),
        zh: "双方约定的渠道词；严格域的SHA-1请求必填",
        en: "a word that both agree on; strict domains' SHA-1 requests need it",
        pattern: "",
        max: 64,
        example: "1",
    },
    Field {
        name: Param::Money.name(),
        zh: "金额，整数分",
        en: "the sum, whole fen (cents)",
        pattern: "^[1-9][0-9]{0,8}$",
        max: 9,
        example: "12345",
    },
    Field {
        name: Param::Info.name(),
        zh: "商品名称，中文",
        en: "the goods, in Chinese",
        pattern: "",
        max: 1024,
        example: "耳机",
    },
    Field {
        name: Param::InfoEn.name(),
        zh: "商品名称，英文",
        en: "the goods, in English",
        pattern: "",
        max: 1024,
        example: "headphones",
    },
    Field {
        name: Param::RequestKey.name(),
        zh: "业务系统自己的请求号；同一笔支付用同一个",
        en: "the business system's own key; the same payment has the same",
        pattern: "^[!-~]+$",
        max: 64,
        example: "D1-1464659622189",
    },
    Field {
        name: Param::CurrencyType.name(),
        zh: "币种",
        en: "the currency",
        pattern: "^(CNY|USD)$",
        max: 3,
        example: "CNY",
    },
    Field {
        name: Param::PageUrl.name(),
        zh: "在渠道自己的页面付款后回到哪里",
        en: "where the payer goes on after a channel's own page",
        pattern: "",
        max: 2048,
        example: "https://shop.example/return",
    },
    Field {
        name: Param::BgUrl.name(),
        zh: "回调地址，不带?和#",
        en: "where the callback goes, without ? and #",
        pattern: "",
        max: 2048,
        example: "https://shop.example/pay/callback",
    },
    Field {
        name: Param::DialogOkUrl.name(),
        zh: "付成后收银台离开到哪里",
        en: "where our page leaves for once it is paid",
        pattern: "",
        max: 2048,
        example: "https://shop.example/done",
    },
    Field {
        name: Param::DialogFailUrl.name(),
        zh: "付不成时收银台离开到哪里",
        en: "where our page leaves for when it can't be paid any more",
        pattern: "",
        max: 2048,
        example: "https://shop.example/failed",
    },
    Field {
        name: Param::Rate.name(),
        zh: "1美元合多少人民币，渠道收另一币种时用",
        en: "CNY per USD, for a channel that charges the other currency",
        pattern: "^[0-9]{1,2}\\.[0-9]{1,6}$",
        max: 9,
        example: "7.1234",
    },
    Field {
        name: Param::PayTypeCodeIn.name(),
        zh: "保留，可空",
        en: "kept for later; may be empty",
        pattern: "",
        max: 16,
        example: "",
    },
    Field {
        name: Param::Sign.name(),
        zh: "签名：SHA-1或HMAC-SHA256的小写十六进制",
        en: "the sign: SHA-1 or HMAC-SHA256 in lower-case hex",
        pattern: "^[0-9a-f]+$",
        max: 64,
        example: "fc6f4ab4115cb778256fabd08d507b588c702ddbcc1df3901013c96f362899c4",
    },
    Field {
        name: Param::SignType.name(),
        zh: "HMAC-SHA256；不填为SHA-1",
        en: "HMAC-SHA256; left out for SHA-1",
        pattern: "^HMAC-SHA256$",
        max: 11,
        example: "HMAC-SHA256",
    },
    Field {
        name: Param::RefundKey.name(),
        zh: "退款号；同一个退款号只退一次",
        en: "the refund's key: the same is one refund",
        pattern: "^[!-~]+$",
        max: 64,
        example: "R1",
    },
    Field {
        name: Param::RefundMoney.name(),
        zh: "退款金额，整数分",
        en: "the sum to give back, whole fen",
        pattern: "^[1-9][0-9]{0,8}$",
        max: 9,
        example: "100",
    },
    Field {
        name: Param::Openid.name(),
        zh: "微信openid，h5/pay的微信必填；不参与签名",
        en: "WeChat's openid, needed by h5/pay with WeChat; not signed",
        pattern: "",
        max: 128,
        example: "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o",
    },
    Field {
        name: Param::Lang.name(),
        zh: "页面语言zh或en，也可如zh-CN；不参与签名",
        en: "the page's language, zh or en, or as zh-CN; not signed",
        pattern: "",
        max: 35,
        example: "zh",
    },
];

/// The fields of partners' calls (docs/forecore.md); `sign` and `partnerId` come first.
static PARTNER: [Field; 14] = [
    partner("partnerId", "合作方编号", "the partner", 64, "p001"),
    partner(
        "sign",
        "MD5，小写十六进制",
        "MD5, lower-case hex",
        32,
        "0cc175b9c0f1b6a831c399e269772661",
    ),
    partner(
        "outOrderId",
        "合作方的订单号",
        "the partner's number",
        128,
        "A-1001",
    ),
    partner(
        "money",
        "元，最多两位小数",
        "yuan, at most two decimals",
        10,
        "1.50",
    ),
    Field {
        pattern: "^(CNY|USD|CAD)$",
        ..partner("currency", "CNY、USD或CAD", "CNY, USD or CAD", 3, "CNY")
    },
    partner(
        "cb_url",
        "通知地址",
        "where the payment is told",
        2048,
        "https://shop.example/apay",
    ),
    partner(
        "return_url",
        "付款人回到哪里",
        "where the payer goes then",
        2048,
        "https://shop.example/#/done",
    ),
    partner("userId", "付款人", "your payer", 128, "u1"),
    partner(
        "type",
        "WECHATPAYH5、ALIPAYH5或UNIONPAYH5；不填由付款人选",
        "WECHATPAYH5, ALIPAYH5 or UNIONPAYH5; without it the payer chooses",
        16,
        "ALIPAYH5",
    ),
    partner("time", "毫秒时间", "ms since 1970", 13, "1764345600000"),
    partner(
        "out_refund_no",
        "合作方的退款号",
        "the partner's number of a refund",
        64,
        "R-1",
    ),
    partner("payment", "同type", "as type", 16, "ALIPAYH5"),
    partner("paySceneName", "pc或h5", "pc or h5", 2, "pc"),
    partner(
        "backUrl",
        "取得openid后回到哪里",
        "where to come back to with the openid",
        2048,
        "https://shop.example/pay",
    ),
];

/// The fields of epay's calls (docs/epay.md).
static EPAY: [Field; 18] = [
    Field {
        pattern: "^[0-9]+$",
        ..partner("pid", "商户ID", "the merchant id", 18, "1001")
    },
    partner(
        "type",
        "wxpay、alipay、bank或paypal；不填由付款人选",
        "wxpay, alipay, bank or paypal; without it the payer chooses",
        64,
        "alipay",
    ),
    Field {
        pattern: "^[A-Za-z0-9._|-]{1,64}$",
        ..partner("out_trade_no", "你的订单号", "your number", 64, "o-1")
    },
    partner(
        "notify_url",
        "通知地址，可带查询",
        "where the payment is told; it may have a query",
        1798,
        "https://panel.example/notify",
    ),
    partner(
        "return_url",
        "付款人回到哪里，可带#",
        "where the payer goes then; it may hold #",
        1798,
        "https://panel.example/#/order",
    ),
    partner("name", "商品名称", "what is bought", 1798, "VIP"),
    Field {
        pattern: "^[0-9]{1,7}([.][0-9]{1,2})?$",
        ..partner(
            "money",
            "元，最多两位小数",
            "yuan, at most two decimals",
            10,
            "9.90",
        )
    },
    partner(
        "param",
        "你自己的文本，通知里原样带回",
        "your own text, given back with the news",
        1024,
        "user=7",
    ),
    Field {
        pattern: "^[0-9A-Fa-f]{32}$",
        ..partner(
            "sign",
            "MD5，十六进制",
            "MD5 in hex",
            32,
            "0cc175b9c0f1b6a831c399e269772661",
        )
    },
    Field {
        pattern: "^MD5$",
        ..partner("sign_type", "MD5，可不填", "MD5, or left out", 3, "MD5")
    },
    partner("device", "pc、mobile等", "pc, mobile and others", 64, "pc"),
    partner(
        "clientip",
        "付款人的IP；签名，不看",
        "the payer's address; signed, not looked at",
        64,
        "203.0.113.7",
    ),
    partner(
        "act",
        "做什么",
        "what: order, orders, query, settle, refund",
        16,
        "order",
    ),
    partner(
        "key",
        "密钥，代替sign",
        "the key, in the sign's place",
        64,
        "89unJUB8HZ54Hj7x4nUj56HN4nUzUJ8i",
    ),
    partner(
        "trade_no",
        "我方订单号",
        "our number",
        64,
        "20160615094750987511",
    ),
    partner(
        "out_refund_no",
        "你的退款号",
        "your number of a refund",
        64,
        "R-1",
    ),
    Field {
        pattern: "^[0-9]+$",
        ..partner("limit", "几条，0到50", "how many, 0 to 50", 2, "20")
    },
    Field {
        pattern: "^[0-9]+$",
        ..partner(
            "offset",
            "跳过几条",
            "after how many, at most 10000",
            5,
            "0",
        )
    },
];

/// The currency of exchangeRate.
static FOREIGN: Field = Field {
    pattern: "^(CAD|USD)$",
    ..partner("currency", "CAD或USD", "CAD or USD", 3, "USD")
};

const fn partner(
    name: &'static str,
    zh: &'static str,
    en: &'static str,
    max: usize,
    example: &'static str,
) -> Field {
    Field {
        name,
        zh,
        en,
        pattern: "",
        max,
        example,
    }
}

/// The field of this name in a call: partners' own first in theirs, `money` is yuan there.
pub(super) fn named(name: &str, call: &Call) -> Option<&'static Field> {
    if call.path == EXCHANGE_RATE && name == FOREIGN.name {
        return Some(&FOREIGN);
    }
    if call.wire.is_epay() {
        return EPAY.iter().find(|field| field.name == name);
    }
    let partners = call.wire == Wire::Partner;
    let (own, other) = if partners {
        (PARTNER.iter(), PLATFORM.iter())
    } else {
        (PLATFORM.iter(), PARTNER.iter())
    };
    own.chain(other).find(|field| field.name == name)
}
