"""Tongfu's client for Python: one file, no dependencies (docs/integrate.md).

python3 tongfu.py shop PORT                          a shop at http://127.0.0.1:PORT/
                  address [--sha1] NAME=VALUE…       where a payer is sent
                  verify QUERY                       a callback's query, a notification's body
                  query REQUESTKEY, close REQUESTKEY, refund REQUESTKEY REFUNDKEY FEN
                  forecore CALL NAME=VALUE…          order, queryOrder, refund, exchangeRate

TONGFU_URL, _DOMAIN, _SECRET, _PARTNER and _KEY say whose; without them a development instance's.
"""
import hashlib, hmac, json, os, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, quote, urlencode, urlsplit
from urllib.request import Request, urlopen

URL = os.environ.get("TONGFU_URL", "http://127.0.0.1:3000")
DOMAIN = os.environ.get("TONGFU_DOMAIN", "demo")
SECRET = os.environ.get("TONGFU_SECRET", "demo-secret")
PARTNER = os.environ.get("TONGFU_PARTNER", "p001")
KEY = os.environ.get("TONGFU_KEY", "123456")
NINE = "money requestKey payTime orderSn payTypeCode payTypeName currencyType payStatus domainCode".split()


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
    fields = {"domainCode": DOMAIN} | ({} if sha1 else {"signType": "HMAC-SHA256"}) | fields
    covered = without(fields, "payTypeCode", "openid", "lang")
    sign = sha1_sign(covered.values(), SECRET) if sha1 else hmac_sign(purpose, covered, SECRET)
    return fields | {"sign": sign}


def address(fields):
    return f"{URL}/pay.html?{urlencode(fields, quote_via=quote)}"


def verify(fields):
    """Whether a callback, or a partner's notification, is the platform's."""
    if "outOrderId" in fields:
        return hmac.compare_digest(fields.get("sign", ""), md5_sign(without(fields, "sign"), KEY))
    nine = [fields.get(name, "") for name in NINE]
    good = hmac.compare_digest(fields.get("sign", ""), sha1_sign(nine, SECRET))
    if "sign2" in fields:  # where your domain has it, refuse a callback without it
        sign2 = hmac_sign("callback", without(fields, "sign", "sign2"), SECRET)
        return good and hmac.compare_digest(fields["sign2"], sign2)
    return good


def call(url, body=None, media=""):
    with urlopen(Request(URL + url, body, {"Content-Type": media}), timeout=30) as answer:
        return json.load(answer)


def query(key):
    return call("/pay/api/private/pay/queryInfo?" + urlencode(signed("query", {"requestKey": key})))


def ask(purpose, **fields):  # refund, close
    return call(f"/pay/api/private/pay/{purpose}", json.dumps(signed(purpose, fields)).encode(), "application/json")


def known(answer, name):
    """The sum that the platform knows as paid, -1 for none or one that goes back; where it can't say, the callback comes again."""
    if answer.get("errcode", "0") != "0" or answer.get("result", "ok") != "ok":
        raise OSError(str(answer))
    paid = answer.get("obj", answer) or {name: -1}
    is_back = paid.get("payStatus", "SUCCESSPAY") != "SUCCESSPAY" or paid.get("status", "").startswith("refund")
    return -1 if is_back else paid[name]


def forecore(name, fields):
    fields = {"partnerId": PARTNER, "time": str(int(time.time() * 1000))} | fields
    body = urlencode(fields | {"sign": md5_sign(fields, KEY)})
    return call(f"/forecore/{name}", body.encode(), "application/x-www-form-urlencoded")


class Shop(BaseHTTPRequestHandler):
    orders = {}  # number: fen, state; a real shop keeps them in its database

    def do_GET(self):
        path, shop = urlsplit(self.path), f"http://127.0.0.1:{self.server.server_port}"
        number = f"D1-{int(time.time() * 1000):013}"
        if path.path in ("/buy", "/order"):
            self.orders[number] = ["100", "open"]
        if path.path == "/buy":
            self.answer(302, address(signed("pay", {
                "requestKey": number, "money": "100", "currencyType": "CNY", "requestChannel": "1",
                "info": "耳机 A+B", "bgUrl": f"{shop}/callback", "pageUrl": f"{shop}/"})))
        elif path.path == "/order":
            self.answer(302, forecore("order", {"outOrderId": number, "money": "1.00", "currency": "CNY",
                                                "cb_url": f"{shop}/notify", "return_url": f"{shop}/"})["url"])
        elif path.path == "/callback":
            fields = dict(parse_qsl(path.query))
            self.answer(200, self.settle(fields, "requestKey", 1, lambda: known(query(fields["requestKey"]), "money")))
        else:
            self.answer(200, "".join(f"{number} {' '.join(order)}\n" for number, order in self.orders.items()))

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        fields = dict(parse_qsl(body.decode(), keep_blank_values=True))
        confirmed = lambda: known(forecore("queryOrder", {"outOrderId": fields["outOrderId"]}), "received")
        said = self.settle(fields, "outOrderId", 100, confirmed)
        self.answer(200, json.dumps({"result": said} if said == "success" else {"err": said}))

    def settle(self, fields, name, unit, confirmed):
        if not verify(fields):
            return "wrong sign"
        if fields.get("payStatus", "SUCCESSPAY") != "SUCCESSPAY":
            return "success"  # heard, and no payment: ship nothing
        order = self.orders.get(fields[name])
        if order is None or str(round(float(fields["money"]) * unit)) != order[0]:
            return "another sum"
        if fields.get("currencyType", fields.get("currency")) != "CNY":  # all is sold for CNY
            return "another currency"
        if order[1] == "open" and str(round(float(confirmed()) * unit)) == order[0]:
            order[1] = "paid"  # here alone it is paid, and once: ship now
        return "success"

    def answer(self, status, text):
        self.send_response(status)
        self.send_header(*(("Location", text) if status == 302 else ("Content-Type", "text/plain; charset=utf-8")))
        self.end_headers()
        self.wfile.write(b"" if status == 302 else text.encode())


def main(command, *rest):
    fields = dict(pair.split("=", 1) for pair in rest if "=" in pair)
    if command == "shop":
        ThreadingHTTPServer(("127.0.0.1", int(rest[0])), Shop).serve_forever()
    elif command == "address":
        print(address(signed("pay", fields, sha1="--sha1" in rest)))
    elif command == "verify":
        sys.exit(None if verify(dict(parse_qsl(rest[0], keep_blank_values=True))) else "the sign does not hold")
    else:
        calls = {"query": query, "close": lambda key: ask("close", requestKey=key),
                 "refund": lambda key, no, fen: ask("refund", requestKey=key, refundKey=no, refundMoney=fen),
                 "forecore": lambda name, *_: forecore(name, fields)}
        print(json.dumps(calls[command](*rest), ensure_ascii=False))


if __name__ == "__main__":
    main(*sys.argv[1:]) if sys.argv[1:] else print(__doc__)
