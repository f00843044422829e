"""Makes the samples of signs beside this file, by the sample client (clients/python).

python3 docs/vectors/make.py            writes them
python3 docs/vectors/make.py --check    says whether they are what it would write
"""
import base64
import hashlib
import hmac
import json
import pathlib
import re
import sys
from urllib.parse import quote, quote_plus

HERE = pathlib.Path(__file__).parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE.parent.parent / "clients/python"))
import tongfu  # noqa: E402

ADDRESSES = ["pageUrl", "bgUrl", "dialogOkUrl", "dialogFailUrl"]
UNSIGNED = ["payTypeCode", "openid", "lang"]
TEST = {"domainCode": "test", "money": "12345", "info": "耳机 A+B~", "requestKey": "324", "currencyType": "CNY",
        "pageUrl": "http://127.0.0.1:3002/return?a=1*~", "bgUrl": "http://127.0.0.1:3002/callback"}
DEMO = {"domainCode": "demo", "money": "12345", "info": "耳机 A+B~!*'()", "infoEn": "", "requestKey": "D1-0000000000001",
        "currencyType": "CNY", "bgUrl": "http://127.0.0.1:3002/callback", "requestChannel": "1", "payTypeCode": "Wechat",
        "signType": "HMAC-SHA256"}
CALLBACK = {"money": "12345", "requestKey": "D1-0000000000001", "payTime": "1465955306000",
            "orderSn": "20160615094750987511", "payTypeCode": "Alipay", "payTypeName": "支付宝支付",
            "currencyType": "CNY", "payStatus": "SUCCESSPAY", "domainCode": "demo"}
ORDER = {"outOrderId": "abc123", "money": "1.00", "partnerId": "p001", "type": "WECHATPAYH5", "currency": "USD"}
NOTIFICATION = {"outOrderId": "abc 123~!*'()", "orderId": "20160615094750987511", "money": "14.27", "currency": "CNY",
                "providerOrderId": "", "店": "耳机&A=B+"}


def java(text):
    """As java.net.URLEncoder."""
    return quote_plus(text, safe="*").replace("~", "%7E")


def lower_escapes(text):
    """Percent-encoded text with its hex digits in lower case, as .NET writes them."""
    return re.sub("%..", lambda escape: escape[0].lower(), text)


def sha1_of(text):
    return hashlib.sha1(text.encode()).hexdigest()


def sha1(fields, secret, encoded=False):
    fields = tongfu.without(fields, *UNSIGNED)
    values = [java(value) if encoded and name in ADDRESSES else value for name, value in fields.items()]
    return tongfu.sha1_sign(values, secret)


def hmac_text(purpose, fields, escape=lambda text: quote(text, safe=""), names=UNSIGNED):
    fields = tongfu.without(fields, *names)
    return f"{purpose}\n" + "&".join(f"{name}={escape(fields[name])}" for name in sorted(fields) if fields[name])


def keyed(text, secret, digest="sha256"):
    return hmac.new(secret.encode(), text.encode(), digest)


def request(name, form, purpose, secret, fields):
    sign = sha1(fields, secret, form == "sha1-encoded") if form != "hmac" \
        else tongfu.hmac_sign(purpose, tongfu.without(fields, *UNSIGNED), secret)
    vector = {"name": name, "form": form, "purpose": purpose, "secret": secret, "fields": fields}
    return vector | ({"text": hmac_text(purpose, fields)} if form == "hmac" else {}) | {"sign": sign}


def requests():
    pc = {"domainCode": "test", "payTypeCode": "", "requestChannel": "", "money": "1", "info": "这是你买的商品详单信息",
          "infoEn": "", "requestKey": "1464659622189", "currencyType": "CNY", "pageUrl": "http://www.baidu.com",
          "bgUrl": "http://www.sina.com", "dialogOkUrl": "http://www.sohu.com", "dialogFailUrl": "http://www.163.com",
          "rate": "6.8", "payTypeCodeIn": ""}
    emoji = TEST | {"info": "\U0001f600耳机", "infoEn": "ｆ"}
    short = {"domainCode": "demo", "requestKey": "D1-0000000000001", "signType": "HMAC-SHA256"}
    return [
        request("the old document's address for a PC", "sha1", "pay", "test", pc),
        request("the old document's query", "sha1", "query", "test",
                {"domainCode": "test", "requestKey": "1464844451098"}),
        request("values", "sha1", "pay", "test", TEST),
        request("payTypeCode beside them is not signed", "sha1", "pay", "test", TEST | {"payTypeCode": "Alipay"}),
        request("sorted by UTF-16 code unit: an emoji before ｆ", "sha1", "pay", "test", emoji),
        request("equal values are kept", "sha1", "pay", "test", TEST | {"info": "test"}),
        request("addresses as java.net.URLEncoder writes them", "sha1-encoded", "pay", "test", TEST),
        request("pay: empty values and payTypeCode are not signed", "hmac", "pay", "demo-secret", DEMO),
        request("query", "hmac", "query", "demo-secret", short),
        request("refund", "hmac", "refund", "demo-secret", short | {"refundKey": "R1", "refundMoney": "100"}),
        request("close", "hmac", "close", "demo-secret", short),
    ]


def callbacks():
    refund = CALLBACK | {"payStatus": "SUCCESSREFUND", "refundKey": "R1", "refundMoney": "100", "refundedMoney": "100"}

    def vector(name, fields):
        nine = [fields[field] for field in tongfu.NINE]
        return {"name": name, "secret": "demo-secret", "fields": fields, "sign": tongfu.sha1_sign(nine, "demo-secret"),
                "text2": hmac_text("callback", fields, names=[]),
                "sign2": tongfu.hmac_sign("callback", fields, "demo-secret")}
    return [vector("a payment", CALLBACK), vector("a refund with its details: sign covers nine values, sign2 all", refund)]


def partners():
    def vector(name, fields):
        text = "&".join(f"{field}=" + quote(fields[field], safe="!'()*") for field in sorted(fields))
        return {"name": name, "key": "123456", "fields": fields, "text": "123456" + text,
                "sign": tongfu.md5_sign(fields, "123456")}
    who = {"partnerId": "p001", "time": "1764345600000"}
    return [
        vector("the old document's example", ORDER),
        vector("queryOrder", who | {"outOrderId": "abc123"}),
        vector("refund", who | {"outOrderId": "abc123", "money": "0.40", "out_refund_no": "F 1"}),
        vector("exchangeRate", who | {"currency": "USD", "payment": "ALIPAYH5"}),
        vector("a notification: empty fields, other alphabets", NOTIFICATION),
    ]


# What the sign clinic says to a slip, in its words; to the others it has none.
SAID = {
    "values in the order of their names": "sorted-by-name secret-last",
    "the secret first": "secret-first",
    "the secret last": "secret-last",
    "upper-case hex": "upper-case",
    "MD5": "md5",
    "SHA-256": "sha256",
    "Base64 for hex": "base64",
    "all values percent-encoded": "escaped",
    "values as they stand in the address, + for a blank": "escaped",
    "values in lower-case %xx, + for a blank": "escaped",
    "names signed too": "names secret-last",
    "joined by &": "separated",
    "PHP's sort without SORT_STRING: numbers by their size": "php-sort",
    "sorted without regard to case": "case-folded",
    "sorted downwards": "downwards",
    "equal values once": "equal-once",
    "sorted by code point: an emoji after ｆ": "code-point",
    "GBK": "gbk",
    "a byte order mark before the text": "byte-order-mark",
    "a blank after the secret": "secret-blank",
    "a line feed after the secret": "secret-blank",
    "a line feed after the text": "line-end",
    "no secret": "no-secret",
    "HMAC: upper-case hex": "upper-case",
    "HMAC: Base64 for hex": "base64",
    "HMAC: no purpose": "no-purpose",
    "HMAC: another call's purpose": "other-purpose",
    "HMAC: two characters, \\ and n, for the line feed": "backslash-n",
    "HMAC: a carriage return before the line feed": "carriage-return",
    "HMAC: values not escaped": "not-escaped",
    "HMAC: + for a blank": "escaped-otherwise",
    "HMAC: !'()* left bare, as encodeURIComponent does": "escaped-otherwise",
    "HMAC: ~ escaped, as java.net.URLEncoder does": "escaped-otherwise",
    "HMAC: / left bare": "slash-bare",
    "HMAC: lower-case %xx": "lower-escapes",
    "HMAC: lower-case %xx, + for a blank": "escaped-otherwise lower-escapes",
    "HMAC: values escaped twice": "escaped-twice",
    "HMAC: values escaped twice, + for a blank": "escaped-twice",
    "HMAC: empty values signed": "empty-too",
    "HMAC: two empty values signed": "empty-too",
    "HMAC: two empty values signed that were not sent": "empty-too",
    "HMAC: payTypeCode signed": "unsigned-too",
    "HMAC: signType not signed": "sign-type-not-signed",
    "HMAC: sorted by value": "sorted-by-value",
    "HMAC-SHA1": "hmac-sha1",
    "SHA-256 of the secret and the text": "secret-first sha256",
    "HMAC: the SHA-1 sign sent": "old-form",
    "HMAC: a line feed after the secret": "secret-blank",
    "forecore: the key last": "secret-last",
    "forecore: &key= at the end": "secret-as-key",
    "forecore: the key as a field": "secret-as-key",
    "forecore: an & after the key": "separated",
    "forecore: partnerId not signed": "left-out",
    "forecore: values not escaped": "not-escaped",
    "forecore: lower-case %xx": "lower-escapes",
    "forecore: lower-case %xx, + for a blank": "lower-escapes",
    "forecore: : and / left bare": "slash-bare",
    "forecore: values escaped twice": "escaped-twice",
    "forecore: &key= at the end, empty fields left out": "secret-as-key",
    "forecore: upper-case hex": "upper-case",
}


def slips():
    made = []

    def slip(name, form, fields, sign, errcode="10004"):
        made.append({"name": name, "form": form, "fields": fields, "sign": sign, "errcode": errcode,
                     "said": SAID.get(name, "")})

    values, by_name = list(TEST.values()), [TEST[name] for name in sorted(TEST)]
    ordered = sorted(values + ["test"])
    right = sha1(TEST, "test")
    slip("values in the order of their names", "sha1", TEST, sha1_of("".join(by_name) + "test"))
    slip("the secret first", "sha1", TEST, sha1_of("test" + "".join(sorted(values))))
    slip("the secret last", "sha1", TEST, sha1_of("".join(sorted(values)) + "test"))
    slip("upper-case hex", "sha1", TEST, right.upper())
    slip("MD5", "sha1", TEST, hashlib.md5("".join(ordered).encode()).hexdigest())
    slip("SHA-256", "sha1", TEST, hashlib.sha256("".join(ordered).encode()).hexdigest())
    slip("Base64 for hex", "sha1", TEST, base64.b64encode(bytes.fromhex(right)).decode())
    slip("all values percent-encoded", "sha1", TEST,
         tongfu.sha1_sign([quote(value, safe="") for value in values], "test"))
    slip("values as they stand in the address, + for a blank", "sha1", TEST,
         tongfu.sha1_sign([quote_plus(value) for value in values], "test"))
    slip("values in lower-case %xx, + for a blank", "sha1", TEST,
         tongfu.sha1_sign([lower_escapes(java(value)) for value in values], "test"))
    slip("names signed too", "sha1", TEST, sha1_of("".join(sorted([f"{n}={v}" for n, v in TEST.items()] + ["test"]))))
    slip("joined by &", "sha1", TEST, sha1_of("&".join(ordered)))
    slip("PHP's sort without SORT_STRING: numbers by their size", "sha1", TEST,
         sha1_of("".join(sorted(ordered, key=lambda v: (not v.isdigit(), int(v) if v.isdigit() else 0, v)))))
    goods = TEST | {"infoEn": "a bag"}
    slip("sorted without regard to case", "sha1", goods,
         sha1_of("".join(sorted([*goods.values(), "test"], key=str.lower))))
    slip("sorted downwards", "sha1", TEST, sha1_of("".join(reversed(ordered))))
    twice = TEST | {"infoEn": TEST["info"]}
    slip("equal values once", "sha1", twice, sha1_of("".join(sorted({*twice.values(), "test"}))))
    emoji = TEST | {"info": "\U0001f600耳机", "infoEn": "ｆ"}
    slip("sorted by code point: an emoji after ｆ", "sha1", emoji, sha1_of("".join(sorted([*emoji.values(), "test"]))))
    slip("GBK", "sha1", TEST, hashlib.sha1("".join(ordered).encode("gbk")).hexdigest())
    slip("a byte order mark before the text", "sha1", TEST, sha1_of("\ufeff" + "".join(ordered)))
    slip("a blank after the secret", "sha1", TEST, tongfu.sha1_sign(values, "test "))
    slip("a line feed after the secret", "sha1", TEST, tongfu.sha1_sign(values, "test\n"))
    slip("a line feed after the text", "sha1", TEST, sha1_of("".join(ordered) + "\n"))
    slip("another domain's secret", "sha1", TEST, sha1(TEST, "demo-secret"))
    slip("no secret", "sha1", TEST, sha1_of("".join(sorted(values))))
    slip("a value that was changed after signing", "sha1", TEST | {"money": "12346"}, right)
    slip("a parameter that is not of the interface", "sha1", TEST | {"shop": "7"}, tongfu.sha1_sign([*values, "7"], "test"))
    yuan = TEST | {"money": "123.45"}
    slip("yuan for fen", "sha1", yuan, sha1(yuan, "test"), "10002")
    floats = TEST | {"money": "12345.0"}
    slip("money as a float", "sha1", floats, sha1(floats, "test"), "10002")

    secret, text = "demo-secret", hmac_text("pay", DEMO)
    held = keyed(text, secret).hexdigest()
    slip("signType in lower case", "hmac", DEMO | {"signType": "hmac-sha256"}, held, "10002")
    slip("HMAC: upper-case hex", "hmac", DEMO, held.upper())
    slip("HMAC: Base64 for hex", "hmac", DEMO, base64.b64encode(bytes.fromhex(held)).decode())
    slip("HMAC: no purpose", "hmac", DEMO, keyed(text.split("\n")[1], secret).hexdigest())
    slip("HMAC: another call's purpose", "hmac", DEMO, keyed(hmac_text("query", DEMO), secret).hexdigest())
    slip("HMAC: two characters, \\ and n, for the line feed", "hmac", DEMO, keyed(text.replace("\n", "\\n"), secret).hexdigest())
    slip("HMAC: a carriage return before the line feed", "hmac", DEMO, keyed(text.replace("\n", "\r\n"), secret).hexdigest())
    slip("HMAC: values not escaped", "hmac", DEMO, keyed(hmac_text("pay", DEMO, lambda v: v), secret).hexdigest())
    slip("HMAC: + for a blank", "hmac", DEMO, keyed(hmac_text("pay", DEMO, quote_plus), secret).hexdigest())
    slip("HMAC: !'()* left bare, as encodeURIComponent does", "hmac", DEMO,
         keyed(hmac_text("pay", DEMO, lambda v: quote(v, safe="!'()*")), secret).hexdigest())
    slip("HMAC: ~ escaped, as java.net.URLEncoder does", "hmac", DEMO,
         keyed(text.replace("~", "%7E"), secret).hexdigest())
    slip("HMAC: / left bare", "hmac", DEMO, keyed(hmac_text("pay", DEMO, quote), secret).hexdigest())
    for name, escape in [("lower-case %xx", lambda v: lower_escapes(quote(v, safe=""))),
                         ("lower-case %xx, + for a blank", lambda v: lower_escapes(java(v))),
                         ("values escaped twice", lambda v: quote(quote(v, safe=""), safe="")),
                         ("values escaped twice, + for a blank", lambda v: quote(java(v), safe=""))]:
        slip("HMAC: " + name, "hmac", DEMO, keyed(hmac_text("pay", DEMO, escape), secret).hexdigest())
    slip("HMAC: empty values signed", "hmac", DEMO, keyed(text.replace("&money", "&infoEn=&money"), secret).hexdigest())
    both = text.replace("&money", "&infoEn=&money").replace("&requestChannel", "&rate=&requestChannel")
    slip("HMAC: two empty values signed", "hmac", DEMO | {"rate": ""}, keyed(both, secret).hexdigest())
    slip("HMAC: two empty values signed that were not sent", "hmac", tongfu.without(DEMO, "infoEn"), keyed(both, secret).hexdigest())
    slip("HMAC: payTypeCode signed", "hmac", DEMO, keyed(hmac_text("pay", DEMO, names=[]), secret).hexdigest())
    slip("HMAC: signType not signed", "hmac", DEMO, keyed(hmac_text("pay", DEMO, names=UNSIGNED + ["signType"]), secret).hexdigest())
    slip("HMAC: sorted by value", "hmac", DEMO,
         keyed("pay\n" + "&".join(sorted(text.split("\n")[1].split("&"), key=lambda p: p.split("=")[1])), secret).hexdigest())
    slip("HMAC-SHA1", "hmac", DEMO, keyed(text, secret, "sha1").hexdigest())
    slip("SHA-256 of the secret and the text", "hmac", DEMO, hashlib.sha256((secret + text).encode()).hexdigest())
    slip("HMAC: the SHA-1 sign sent", "hmac", DEMO, sha1(DEMO, secret))
    slip("HMAC: a line feed after the secret", "hmac", DEMO, keyed(text, secret + "\n").hexdigest())
    slip("HMAC: a parameter that is not of the interface", "hmac", DEMO | {"shop": "7"},
         keyed(hmac_text("pay", DEMO | {"shop": "7"}), secret).hexdigest())

    # A partner's wrong sign has no errcode: `err` says so.
    joined = "&".join(f"{name}={ORDER[name]}" for name in sorted(ORDER))

    def partner(name, fields, text):
        slip("forecore: " + name, "md5", fields, hashlib.md5(text.encode()).hexdigest(), "wrong sign")
    partner("the key last", ORDER, joined + "123456")
    partner("&key= at the end", ORDER, joined + "&key=123456")
    partner("the key as a field", ORDER, "&".join(sorted([*joined.split("&"), "key=123456"])))
    partner("an & after the key", ORDER, "123456&" + joined)
    partner("not sorted", ORDER, "123456" + "&".join(f"{name}={value}" for name, value in ORDER.items()))
    partner("partnerId not signed", ORDER, "123456" + joined.replace("&partnerId=p001", ""))
    callback = ORDER | {"cb_url": "https://shop.example/cb?shop=7"}
    partner("values not escaped", callback, "123456" + "&".join(f"{n}={callback[n]}" for n in sorted(callback)))
    for name, escape in [("lower-case %xx", lambda v: lower_escapes(quote(v, safe=""))),
                         ("lower-case %xx, + for a blank", lambda v: lower_escapes(java(v))),
                         (": and / left bare", lambda v: quote(v, safe=":/")),
                         ("values escaped twice", lambda v: quote(quote(v, safe=""), safe=""))]:
        goods = callback | {"userId": "a bag"}
        partner(name, goods, "123456" + "&".join(f"{n}={escape(goods[n])}" for n in sorted(goods)))
    partner("&key= at the end, empty fields left out", ORDER | {"userId": "", "return_url": ""}, joined + "&key=123456")
    slip("forecore: upper-case hex", "md5", ORDER, tongfu.md5_sign(ORDER, "123456").upper(), "wrong sign")
    slip("forecore: another partner's key", "md5", ORDER, tongfu.md5_sign(ORDER, "1234567"), "wrong sign")
    return made


EPAY_KEY = "89unJUB8HZ54Hj7x4nUj56HN4nUzUJ8i"
TOPUP = {"pid": "1001", "type": "alipay", "out_trade_no": "o-1", "notify_url": "http://127.0.0.1:3002/notify?shop=7&b=1",
         "return_url": "http://127.0.0.1:3002/#/order/o-1", "name": "VIP会员 A+B", "money": "9.9", "param": "", "cid": "5"}
NEWS = {"pid": "1001", "trade_no": "20160615094750987511", "out_trade_no": "o-1", "type": "alipay", "name": "VIP会员 A+B",
        "money": "9.90", "trade_status": "TRADE_SUCCESS", "param": "user=7&x=%20"}


def epay_text(fields):
    return "&".join(f"{name}={fields[name]}" for name in sorted(fields) if fields[name].strip(" "))


def epay():
    def md5(text):
        return hashlib.md5(text.encode()).hexdigest()

    def right(name, fields, text=None):
        text = (text or epay_text(fields)) + EPAY_KEY
        return {"name": name, "fields": fields, "text": text, "sign": md5(text)}

    def slip(name, fields, sign, said):
        return {"name": name, "fields": fields, "sign": sign, "said": said}
    text, slashed = epay_text(TOPUP), TOPUP | {"name": "a\\b"}
    escaped = "&".join(f"{name}={quote(TOPUP[name], safe='')}" for name in sorted(TOPUP) if TOPUP[name])
    return [
        right("an order: blank fields are not signed, unknown ones are", TOPUP),
        right("a notification", NEWS),
        right("a backslash, signed as it is", slashed),
        right("the same without it, as old clients sign", slashed, epay_text(TOPUP | {"name": "ab"})),
        slip("&key= before the key", TOPUP, md5(f"{text}&key={EPAY_KEY}"), "secret-as-key"),
        slip("the key first", TOPUP, md5(EPAY_KEY + text), "secret-first"),
        slip("no key", TOPUP, md5(text), "no-secret"),
        slip("blank fields signed", TOPUP, md5("&".join(f"{n}={TOPUP[n]}" for n in sorted(TOPUP)) + EPAY_KEY), "empty-too"),
        slip("not sorted", TOPUP, md5("&".join(f"{n}={v}" for n, v in TOPUP.items() if v) + EPAY_KEY), ""),
        slip("values escaped", TOPUP, md5(escaped + EPAY_KEY), "escaped"),
        slip("cid not signed", TOPUP, md5(text.replace("cid=5&", "") + EPAY_KEY), "left-out"),
        slip("SHA-256", TOPUP, hashlib.sha256((text + EPAY_KEY).encode()).hexdigest(), "sha256"),
        slip("a line feed behind the key", TOPUP, md5(text + EPAY_KEY + "\n"), "secret-blank"),
        slip("another key", TOPUP, md5(text + EPAY_KEY.lower()), ""),
    ]


def main():
    stale = []
    for name, vectors in [("requests", requests()), ("callbacks", callbacks()), ("forecore", partners()), ("epay", epay()),
                          ("slips", slips())]:
        text = json.dumps(vectors, ensure_ascii=False, indent=1) + "\n"
        file = HERE / f"{name}.json"
        if "--check" not in sys.argv:
            file.write_text(text, encoding="utf-8")
        elif not file.exists() or file.read_text(encoding="utf-8") != text:
            stale.append(name)
    if stale:
        sys.exit(f"not what make.py writes: {', '.join(stale)}")


main()
