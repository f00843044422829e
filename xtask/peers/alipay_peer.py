"""python-alipay-sdk against the sandbox: it signs its requests, and verifies each answer."""

import time

from alipay import AliPay
from alipay.exceptions import AliPayException, AliPayValidationError
from common import account, check, control, end, open_url, text

ours = account("sandbox-alipay")
peer = AliPay(
    appid=ours["app_id"],
    app_notify_url="http://127.0.0.1:9/notify",
    app_private_key_string=text(ours["private_key"]),
    alipay_public_key_string=text(ours["alipay_public_key"]),
    sign_type="RSA2",
)
peer._gateway = ours["gateway"]
number = f"peer{int(time.time() * 1000)}"


def opened(order, wap=False):
    make = peer.api_alipay_trade_wap_pay if wap else peer.api_alipay_trade_page_pay
    query = make(
        subject="耳机", out_trade_no=order, total_amount="1.00", return_url="http://127.0.0.1:9/back"
    )
    return open_url(f"{ours['gateway']}?{query}")


for wap, order in [(False, number), (True, f"{number}w")]:
    unknown = peer.api_alipay_trade_query(out_trade_no=order)
    check("alipay unknown", unknown["sub_code"] == "ACQ.TRADE_NOT_EXIST", unknown)
    page = opened(order, wap)
    check(f"alipay cashier, wap {wap}", "¥1.00" in page and "支付" in page, page)
state = peer.api_alipay_trade_query(out_trade_no=number)
check("alipay open", state["trade_status"] == "WAIT_BUYER_PAY", state)
control("pay", channelOrderNo=number)
state = peer.api_alipay_trade_query(out_trade_no=number)
check("alipay paid", state["trade_status"] == "TRADE_SUCCESS", state)
refund = peer.api_alipay_trade_refund("0.40", out_trade_no=number, out_request_no="R1")
check("alipay refund", refund["fund_change"] == "Y", refund)
again = peer.api_alipay_trade_refund("0.40", out_trade_no=number, out_request_no="R1")
check("alipay the same refund", again["fund_change"] == "N", again)
asked = peer.api_alipay_trade_fastpay_refund_query("R1", out_trade_no=number)
check("alipay refund query", asked.get("refund_status") == "REFUND_SUCCESS", asked)
closed = peer.api_alipay_trade_close(out_trade_no=f"{number}w")
check("alipay close", closed["code"] == "10000", closed)
check("alipay closed", "ACQ.TRADE_HAS_CLOSE" in opened(f"{number}w", True))
control("fault", on="query", kind="bad_signature")
try:
    peer.api_alipay_trade_query(out_trade_no=number)
    check("alipay refuses a bad signature", False, "it was believed")
except (AliPayException, AliPayValidationError):
    check("alipay refuses a bad signature", True)
end()
