"""A business system that speaks epay, as those that call mapi.php do.

python3 epay.py shop PORT | query NUMBER | refund NUMBER MONEY [OUT_REFUND_NO] | verify QUERY
"""
import hashlib
import hmac
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlencode, urlsplit
from urllib.request import Request, urlopen

GATEWAY = os.environ["TONGFU_URL"] + "/epay/"
PID, KEY = "1001", "89unJUB8HZ54Hj7x4nUj56HN4nUzUJ8i"


def sign(fields):
    covered = [(name, fields[name]) for name in sorted(fields) if name not in ("sign", "sign_type")]
    text = "&".join(f"{name}={value}" for name, value in covered if value.strip())
    return hashlib.md5((text + KEY).encode()).hexdigest()


def verify(fields):
    return hmac.compare_digest(sign(fields), fields.get("sign", "")) and fields["pid"] == PID


def call(path, fields):
    with urlopen(Request(GATEWAY + path, urlencode(fields).encode()), timeout=30) as answer:
        return json.load(answer)


def ask(act, **fields):
    return call(f"api.php?act={act}", {"act": act, "pid": PID, "key": KEY} | fields)


class Shop(BaseHTTPRequestHandler):
    orders = {}  # number: fen, state

    def do_GET(self):
        path, shop = urlsplit(self.path), f"http://127.0.0.1:{self.server.server_port}"
        if path.path == "/buy":
            number = f"py-{time.time_ns()}"
            self.orders[number] = ["100", "open"]
            fields = {"pid": PID, "type": "wxpay", "out_trade_no": number, "notify_url": f"{shop}/notify",
                      "return_url": f"{shop}/#/order/{number}", "name": "VIP会员 30 天", "money": "1.00",
                      "clientip": "192.168.1.100", "device": "pc", "param": "user=7&x=%20", "sitename": "某站"}
            made = call("mapi.php", fields | {"sign": sign(fields), "sign_type": "MD5"})
            if made["code"] != 1 or not made["qrcode"].startswith("weixin://"):
                return self.answer(500, json.dumps(made))
            return self.answer(302, made["payurl"])
        if path.path == "/notify":
            return self.answer(200, self.settle(dict(parse_qsl(path.query))))
        self.answer(200, "".join(f"{number} {' '.join(order)}\n" for number, order in self.orders.items()))

    def settle(self, fields):
        if not verify(fields) or fields["trade_status"] != "TRADE_SUCCESS":
            return "fail"
        order = self.orders.get(fields["out_trade_no"], [""])
        confirmed = ask("order", out_trade_no=fields["out_trade_no"])
        if order[0] != "100" or fields["money"] != "1.00" or fields["param"] != "user=7&x=%20":
            return "fail: another order"
        if confirmed["status"] != 1 or confirmed["money"] != "1.00":
            return "fail: it is not paid"
        order[1] = "paid"
        return "success"

    def answer(self, status, text):
        self.send_response(status)
        self.send_header(*(("Location", text) if status == 302 else ("Content-Type", "text/plain; charset=utf-8")))
        self.end_headers()
        self.wfile.write(b"" if status == 302 else text.encode())


def main(command, *rest):
    if command == "shop":
        ThreadingHTTPServer(("127.0.0.1", int(rest[0])), Shop).serve_forever()
    elif command == "query":
        print(json.dumps(ask("order", out_trade_no=rest[0])))
    elif command == "refund":
        numbers = {"out_refund_no": rest[2]} if len(rest) > 2 else {}
        print(json.dumps(ask("refund", out_trade_no=rest[0], money=rest[1], **numbers)))
    elif command == "verify":
        sys.exit(None if verify(dict(parse_qsl(rest[0]))) else "the sign does not hold")


main(*sys.argv[1:])
