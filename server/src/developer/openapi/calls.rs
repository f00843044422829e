//! Every call of the platform's, of partners' and of epay's.

use payment::lang::Lang;
use payment::param::Param;

/// How a call is made, and what it answers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wire {
    /// GET, fields in the query; the envelope.
    Get,
    /// POST of a flat JSON object; the envelope.
    Post,
    /// GET, form POST or JSON POST; a partner's answer.
    Partner,
    /// GET; a page, or the way to one.
    Page,
    /// The same, and POST of a form.
    PostedPage,
    /// GET, form POST or JSON POST; what epay answers.
    Epay,
    /// GET or POST of a form; the way to our page, or a page that says why not.
    EpayPage,
}

impl Wire {
    /// Whether its fields are epay's.
    pub(super) fn is_epay(self) -> bool {
        matches!(self, Self::Epay | Self::EpayPage)
    }
}

/// One call.
pub(super) struct Call {
    pub(super) path: &'static str,
    pub(super) wire: Wire,
    zh: &'static str,
    en: &'static str,
    /// Fields that must be.
    pub(super) needed: &'static [&'static str],
    /// Fields that may be.
    pub(super) optional: &'static [&'static str],
}

impl Call {
    pub(super) fn told(&self, lang: Lang) -> &'static str {
        match lang {
            Lang::Zh => self.zh,
            Lang::En => self.en,
        }
    }
}

pub(super) const EXCHANGE_RATE: &str = "/forecore/exchangeRate";

/// Of the page's address.
const OPENED_NEEDED: &[&str] = PAY_NEEDED.split_at(PAY_NEEDED.len() - 1).0;
/// Of pay, the last of which an address may leave out.
const PAY_NEEDED: &[&str] = &[
    Param::DomainCode.name(),
    Param::RequestKey.name(),
    Param::Money.name(),
    Param::CurrencyType.name(),
    Param::BgUrl.name(),
    Param::Sign.name(),
    Param::PayTypeCode.name(),
];
/// Of the page's address, the first of which pay needs.
const OPENED_OPTIONAL: &[&str] = &[
    Param::PayTypeCode.name(),
    Param::RequestChannel.name(),
    Param::Info.name(),
    Param::InfoEn.name(),
    Param::PageUrl.name(),
    Param::DialogOkUrl.name(),
    Param::DialogFailUrl.name(),
    Param::Rate.name(),
    Param::PayTypeCodeIn.name(),
    Param::SignType.name(),
    Param::Openid.name(),
    Param::Lang.name(),
];
const PAY_OPTIONAL: &[&str] = OPENED_OPTIONAL.split_at(1).1;
const QUERY_NEEDED: &[&str] = &["domainCode", "requestKey", "sign"];

const EPAY_OPENED: &[&str] = &[
    "return_url",
    "pid",
    "out_trade_no",
    "notify_url",
    "name",
    "money",
    "sign",
];
const EPAY_ORDER: &[&str] = EPAY_OPENED.split_at(1).1;

/// All of them, in the order in which they are read.
pub(super) const CALLS: [Call; 18] = [
    Call {
        path: "/pay.html",
        wire: Wire::PostedPage,
        zh: "收银台（电脑）：业务系统把付款人带到这里",
        en: "The checkout on a PC: where payers are led to",
        needed: OPENED_NEEDED,
        optional: OPENED_OPTIONAL,
    },
    Call {
        path: "/mpay.html",
        wire: Wire::PostedPage,
        zh: "收银台（手机、微信内）",
        en: "The checkout on a phone, and inside WeChat",
        needed: OPENED_NEEDED,
        optional: OPENED_OPTIONAL,
    },
    Call {
        path: "/pay/api/pc/pay-types",
        wire: Wire::Get,
        zh: "可用的支付渠道",
        en: "The channels that are offered",
        needed: &["domainCode", "paySceneName"],
        optional: &["currencyType"],
    },
    Call {
        path: "/pay/api/pc/pay",
        wire: Wire::Post,
        zh: "开始付款；obj是微信的二维码内容，或自动提交的表单",
        en: "Starts a payment; obj is WeChat's code, or a form that submits itself",
        needed: PAY_NEEDED,
        optional: PAY_OPTIONAL,
    },
    Call {
        path: "/pay/api/h5/pay",
        wire: Wire::Post,
        zh: "在手机上开始付款；微信要openid，obj是JSAPI的参数",
        en: "Starts a payment on a phone; WeChat needs openid, and obj is the bridge's parameters",
        needed: PAY_NEEDED,
        optional: PAY_OPTIONAL,
    },
    Call {
        path: "/pay/api/h5/openid",
        wire: Wire::Page,
        zh: "向微信取付款人的openid",
        en: "Fetches the payer's openid from WeChat",
        needed: &["domainCode", "backUrl"],
        optional: &[],
    },
    Call {
        path: "/pay/api/pc/wechatQuery",
        wire: Wire::Get,
        zh: "等待页轮询：0已付，30000继续，其他不能再付",
        en: "What a waiting page polls: 0 paid, 30000 go on, else it can't be paid",
        needed: OPENED_NEEDED,
        optional: OPENED_OPTIONAL,
    },
    Call {
        path: "/pay/api/private/pay/query",
        wire: Wire::Get,
        zh: "是否付过：obj为true",
        en: "Whether it was paid: obj is true",
        needed: QUERY_NEEDED,
        optional: &["signType"],
    },
    Call {
        path: "/pay/api/private/pay/queryInfo",
        wire: Wire::Get,
        zh: "付款的详情：没有付过时obj为null",
        en: "The payment; obj is null where there is none",
        needed: QUERY_NEEDED,
        optional: &["signType"],
    },
    Call {
        path: "/pay/api/private/pay/refund",
        wire: Wire::Post,
        zh: "退款；只收HMAC",
        en: "Gives money back; HMAC alone",
        needed: &[
            "domainCode",
            "requestKey",
            "refundKey",
            "refundMoney",
            "signType",
            "sign",
        ],
        optional: &[],
    },
    Call {
        path: "/pay/api/private/pay/close",
        wire: Wire::Post,
        zh: "关闭：保证没有人再能付；只收HMAC",
        en: "Makes sure that nobody pays any more; HMAC alone",
        needed: &["domainCode", "requestKey", "signType", "sign"],
        optional: &[],
    },
    Call {
        path: "/forecore/order",
        wire: Wire::Partner,
        zh: "合作方下单；url是收银台地址",
        en: "A partner's order; url is our page",
        needed: &[
            "partnerId",
            "outOrderId",
            "money",
            "currency",
            "cb_url",
            "sign",
        ],
        optional: &["return_url", "userId", "type", "time"],
    },
    Call {
        path: "/forecore/queryOrder",
        wire: Wire::Partner,
        zh: "合作方查单",
        en: "How a partner's order stands",
        needed: &["partnerId", "outOrderId", "sign"],
        optional: &["time"],
    },
    Call {
        path: "/forecore/refund",
        wire: Wire::Partner,
        zh: "合作方退款",
        en: "Gives a partner's money back",
        needed: &["partnerId", "outOrderId", "money", "sign"],
        optional: &["out_refund_no", "time"],
    },
    Call {
        path: EXCHANGE_RATE,
        wire: Wire::Partner,
        zh: "平台折算用的汇率",
        en: "The rate that the platform converts by",
        needed: &["partnerId", "currency", "payment", "sign"],
        optional: &["time"],
    },
    Call {
        path: "/epay/submit.php",
        wire: Wire::EpayPage,
        zh: "易支付下单：付款人的浏览器到这里",
        en: "An order of epay: where the payer's browser is sent",
        needed: EPAY_OPENED,
        optional: &["type", "param", "sign_type"],
    },
    Call {
        path: "/epay/mapi.php",
        wire: Wire::Epay,
        zh: "易支付下单：服务器调用，payurl是收银台地址",
        en: "An order of epay by a server; payurl is our page",
        needed: EPAY_ORDER,
        optional: &[
            "type",
            "return_url",
            "param",
            "device",
            "clientip",
            "sign_type",
        ],
    },
    Call {
        path: "/epay/api.php",
        wire: Wire::Epay,
        zh: "易支付查单、订单列表、统计、退款；key与sign二选一；refund只收POST",
        en: "Epay's order, orders, query, settle and refund; key or sign; refund by POST alone",
        needed: &["pid", "act"],
        optional: &[
            "key",
            "sign",
            "sign_type",
            "trade_no",
            "out_trade_no",
            "money",
            "out_refund_no",
            "limit",
            "offset",
        ],
    },
];
