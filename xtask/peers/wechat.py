"""wechatpayv3 against the sandbox: it signs its requests, and verifies each answer."""

import json
import time

from common import BASE, account, check, control, end, text
from wechatpayv3 import WeChatPay, WeChatPayType

ours = account("sandbox")
peer = WeChatPay(
    wechatpay_type=WeChatPayType.NATIVE,
    mchid=ours["mchid"],
    private_key=text(ours["private_key"]),
    cert_serial_no=ours["serial"],
    apiv3_key=ours["api_v3_key"],
    appid=ours["appid"],
    notify_url="http://127.0.0.1:9/notify",
    public_key=text(ours["public_key"]),
    public_key_id=ours["public_key_id"],
)
peer._core._gate_way = BASE
number = f"peer{int(time.time() * 1000)}"


def called(what, answer, expected):
    code, body = answer
    check(f"wechat {what}", code in expected, f"{code} {body}")
    return json.loads(body) if body else {}


made = called("native", peer.pay("耳机", number, {"total": 100}), [200])
check("wechat code_url", made.get("code_url", "").startswith("weixin://"), made)
made = called(
    "jsapi",
    peer.pay(
        "耳机",
        f"{number}j",
        {"total": 100},
        payer={"openid": "oSandboxPayer0000000000000001"},
        pay_type=WeChatPayType.JSAPI,
    ),
    [200],
)
check("wechat prepay_id", made.get("prepay_id", "").startswith("wx"), made)
check("wechat open", called("query", peer.query(out_trade_no=number), [200])["trade_state"] == "NOTPAY")
control("pay", channelOrderNo=number)
check("wechat paid", called("query paid", peer.query(out_trade_no=number), [200])["trade_state"] == "SUCCESS")
refund = peer.refund(f"{number}r", {"refund": 40, "total": 100, "currency": "CNY"}, out_trade_no=number)
check("wechat refund taken", called("refund", refund, [200])["status"] == "PROCESSING")
state = called("query_refund", peer.query_refund(f"{number}r"), [200])
check("wechat refunded", state["status"] == "SUCCESS", state)
called("close", peer.close(f"{number}j"), [204])
state = called("query closed", peer.query(out_trade_no=f"{number}j"), [200])
check("wechat closed", state["trade_state"] == "CLOSED", state)
control("fault", on="query", kind="bad_signature")
try:
    peer.query(out_trade_no=number)
    check("wechat refuses a bad signature", False, "it was believed")
except Exception as refused:
    check("wechat refuses a bad signature", "signature" in str(refused).lower(), refused)
end()
