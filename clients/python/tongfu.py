"""Tongfu's client for Python: one file, no dependencies (docs/integrate.md).

python3 tongfu.py shop PORT                          a shop at http://127.0.0.1:PORT/
                  address [--sha1] NAME=VALUE…       where a payer is sent
                  verify QUERY                       a callback of the platform's
                  notification BODY                  a partner's notification
                  query REQUESTKEY, close REQUESTKEY, refund REQUESTKEY REFUNDKEY FEN
                  forecore CALL NAME=VALUE…          order, queryOrder, refund, exchangeRate

TONGFU_URL, _DOMAIN, _SECRET, _PARTNER and _KEY say whose; without them a development instance's at this machine.
"""
import hashlib, hmac, json, os, secrets, sys, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, quote, urlencode, urlsplit
from urllib.request import Request, urlopen

URL = os.environ.get("TONGFU_URL", "http://127.0.0.1:3000")
DEVELOPMENT = {"DOMAIN": "demo", "SECRET": "demo-secret", "PARTNER": "p001", "KEY": "123456"}
NINE = "money requestKey payTime orderSn payTypeCode payTypeName currencyType payStatus domainCode".split()


def setting(name):
    """TONGFU_name; everybody knows a development instance's, so that they hold at this machine alone."""
    given = os.environ.get(f"TONGFU_{name}")
    if not given and urlsplit(URL).hostname not in ("127.0.0.1", "localhost", "::1"):
        raise ValueError(f"TONGFU_{name} is missing")
    return given or DEVELOPMENT[name]


def sha1_sign(values, secret):
    values = sorted([value for value in values if value] + [secret], key=lambda value: value.encode("utf-16-be"))
    return hashlib.sha1("".join(values).encode()).hexdigest()


def hmac_sign(purpose, fields, secret):
    pairs = [f"{name}={quote(fields[name], safe='')}" for name in sorted(fields) if fields[name]]
    return hmac.new(secret.encode(), f"{purpose}\n{'&'.join(pairs)}".encode(), "sha256").hexdigest()


def md5_sign(fields, key):
    names = sorted(fields, key=lambda name: name.encode("utf-16-be"))
    pairs = [name + "=" + quote(fields[name], safe="!'()*") for name in names]
    return hashlib.md5((key + "&".join(pairs)).encode()).hexdigest()


def without(fields, *names):
    return {name: value for name, value in fields.items() if name not in names}


def signed(purpose, fields, sha1=False):
    fields = {"domainCode": setting("DOMAIN")} | ({} if sha1 else {"signType": "HMAC-SHA256"}) | fields
    covered = without(fields, "payTypeCode", "openid", "lang")
    secret = setting("SECRET")
    sign = sha1_sign(covered.values(), secret) if sha1 else hmac_sign(purpose, covered, secret)
    return fields | {"sign": sign}


def address(fields):
    return f"{URL}/pay.html?{urlencode(fields, quote_via=quote)}"


def equal(ours, theirs):
    return hmac.compare_digest(ours.encode(), theirs.encode())


def verify(fields):
    """Whether a callback is the platform's; payTypeName alone may be missing."""
    nine, secret = [fields.get(name, "") for name in NINE], setting("SECRET")
    if not all(fields.get(name) for name in NINE if name != "payTypeName"):
        return False
    good = equal(sha1_sign(nine, secret), fields.get("sign", ""))
    if "sign2" in fields:  # where your domain has it, refuse a callback without it
        return good and equal(hmac_sign("callback", without(fields, "sign", "sign2"), secret), fields["sign2"])
    return good


def verify_notification(fields):
    """Whether a partner's notification is the platform's."""
    return equal(md5_sign(without(fields, "sign"), setting("KEY")), fields.get("sign", ""))


def call(url, body=None, media=""):
    with urlopen(Request(URL + url, body, {"Content-Type": media}), timeout=5) as answer:
        return json.load(answer)


def query(key):
    return call("/pay/api/private/pay/queryInfo?" + urlencode(signed("query", {"requestKey": key})))


def ask(purpose, **fields):  # refund, close
    return call(f"/pay/api/private/pay/{purpose}", json.dumps(signed(purpose, fields)).encode(), "application/json")


def forecore(name, fields):
    if name == "refund" and not fields.get("out_refund_no"):  # by another time it would be another refund
        raise ValueError("out_refund_no is missing: name it, and keep it before you call")
    fields = {"partnerId": setting("PARTNER"), "time": str(int(time.time() * 1000))} | fields
    body = urlencode(fields | {"sign": md5_sign(fields, setting("KEY"))})
    return call(f"/forecore/{name}", body.encode(), "application/x-www-form-urlencoded")


def fen(yuan):
    return round(float(yuan) * 100)


def paid_by_platform(number):
    """What is paid and does not go back; where the platform can't say, the callback comes again."""
    answer = query(number)
    if answer["errcode"] != "0":
        raise OSError(str(answer))
    paid = answer["obj"] or {}
    return paid.get("payStatus") == "SUCCESSPAY" and f"{paid['money']} {paid['currencyType']}"


def paid_by_partner(number):
    answer = forecore("queryOrder", {"outOrderId": number})
    if answer["result"] != "ok":
        raise OSError(str(answer))
    return not answer["status"].startswith("refund") and f"{fen(answer['received'])} {answer['currency']}"


orders, one = {}, threading.Lock()  # number: sum, state; a real shop keeps them in its database


def settle(number, told, confirmed):
    order = orders.get(number)
    if order is None or told != order[0]:
        return "another sum"
    if order[1] == "open" and confirmed(number) == order[0]:
        with one:
            if order[1] == "open":
                order[1] = "paid"  # here alone it is paid, and once: ship now
                print("ship", number, flush=True)
    return "success"


def called(told):
    if not verify(told):
        return "wrong sign"
    if told["payStatus"] != "SUCCESSPAY":
        return "success"  # heard, and no payment: ship nothing
    return settle(told["requestKey"], f"{told['money']} {told['currencyType']}", paid_by_platform)


def notified(told):
    if not verify_notification(told):
        return "wrong sign"
    return settle(told["outOrderId"], f"{fen(told['money'])} {told['currency']}", paid_by_partner)


class Shop(BaseHTTPRequestHandler):
    timeout = 5

    def do_GET(self):
        path, shop = urlsplit(self.path), f"http://127.0.0.1:{self.server.server_port}"
        number = f"D1-{secrets.randbelow(10**13):013}"
        if path.path == "/buy":
            orders[number] = ["100 CNY", "open"]
            self.answer(302, address(signed("pay", {
                "requestKey": number, "money": "100", "currencyType": "CNY", "requestChannel": "1",
                "info": "耳机 A+B", "bgUrl": f"{shop}/callback", "pageUrl": f"{shop}/"})))
        elif path.path == "/order":
            orders[number] = ["1999 CNY", "open"]
            self.answer(302, forecore("order", {"outOrderId": number, "money": "19.99", "currency": "CNY",
                                                "cb_url": f"{shop}/notify", "return_url": f"{shop}/"})["url"])
        elif path.path == "/callback":
            self.answer(200, called(dict(parse_qsl(path.query))))
        else:
            self.answer(200, "".join(f"{number} {' '.join(order)}\n" for number, order in orders.items()))

    def do_POST(self):  # /notify
        body = self.rfile.read(int(self.headers["Content-Length"]))
        said = notified(dict(parse_qsl(body.decode(), keep_blank_values=True)))
        self.answer(200, json.dumps({"result": said} if said == "success" else {"err": said}))

    def answer(self, status, text):
        self.send_response(status)
        self.send_header(*(("Location", text) if status == 302 else ("Content-Type", "text/plain; charset=utf-8")))
        self.end_headers()
        self.wfile.write(b"" if status == 302 else text.encode())


def main(command, *rest):
    fields = dict(pair.split("=", 1) for pair in rest if "=" in pair)
    if command == "shop":
        [setting(name) for name in DEVELOPMENT]  # all of them, before anybody buys
        ThreadingHTTPServer(("127.0.0.1", int(rest[0])), Shop).serve_forever()
    elif command == "address":
        print(address(signed("pay", fields, sha1="--sha1" in rest)))
    elif command in ("verify", "notification"):
        judge = verify if command == "verify" else verify_notification
        sys.exit(None if judge(dict(parse_qsl(rest[0], keep_blank_values=True))) else "the sign does not hold")
    else:
        calls = {"query": query, "close": lambda key: ask("close", requestKey=key),
                 "refund": lambda key, no, fen: ask("refund", requestKey=key, refundKey=no, refundMoney=fen),
                 "forecore": lambda name, *_: forecore(name, fields)}
        print(json.dumps(calls[command](*rest), ensure_ascii=False))


if __name__ == "__main__":
    try:
        main(*sys.argv[1:]) if sys.argv[1:] else print(__doc__)
    except (OSError, ValueError) as error:
        sys.exit(str(error))
