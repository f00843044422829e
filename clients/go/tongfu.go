// Tongfu's client for Go: one file, no dependencies (docs/integrate.md).
//
//	go run tongfu.go shop PORT                          a shop at http://127.0.0.1:PORT/
//	                 address [--sha1] NAME=VALUE…       where a payer is sent
//	                 verify QUERY                       a callback's query, a notification's body
//	                 query REQUESTKEY, close REQUESTKEY, refund REQUESTKEY REFUNDKEY FEN
//	                 forecore CALL NAME=VALUE…          order, queryOrder, refund, exchangeRate
//
// TONGFU_URL, _DOMAIN, _SECRET, _PARTNER and _KEY say whose; without them a development instance's.
package main

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf16"
)

var (
	base, domain, secret = env("URL", "http://127.0.0.1:3000"), env("DOMAIN", "demo"), env("SECRET", "demo-secret")
	partner, key         = env("PARTNER", "p001"), env("KEY", "123456")
	one                  sync.Mutex
	orders               sync.Map // number: state; all cost 100 fen here, and a real shop has a database
)

const nine = "money requestKey payTime orderSn payTypeCode payTypeName currencyType payStatus domainCode"

func env(name, value string) string {
	if given := os.Getenv("TONGFU_" + name); given != "" {
		value = given
	}
	return value
}

// Sorted by name, escaped as RFC 3986; Encode by itself writes a blank as +.
func joined(fields url.Values) string { return strings.ReplaceAll(fields.Encode(), "+", "%20") }

// The values of these names and the secret, sorted by UTF-16 code unit, as Java does it.
func sha1Sign(fields url.Values, names []string) string {
	values := []string{secret}
	for _, name := range names {
		values = append(values, fields.Get(name))
	}
	units := func(at int) string { return strings.Trim(fmt.Sprintf("%04x", utf16.Encode([]rune(values[at]))), "[]") }
	sort.Slice(values, func(a, b int) bool { return units(a) < units(b) })
	return fmt.Sprintf("%x", sha1.Sum([]byte(strings.Join(values, ""))))
}

func hmacSign(purpose string, fields url.Values) string {
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "%s\n%s", purpose, joined(fields))
	return fmt.Sprintf("%x", mac.Sum(nil))
}

// As node's querystring escapes: !'()* stay.
func md5Sign(fields url.Values) string {
	node := strings.NewReplacer("%21", "!", "%27", "'", "%28", "(", "%29", ")", "%2A", "*")
	return fmt.Sprintf("%x", md5.Sum([]byte(key+node.Replace(joined(fields)))))
}

// The fields that are not empty, but for these, and their names.
func without(fields url.Values, names string) (url.Values, []string) {
	kept, left := url.Values{}, []string{}
	for name := range fields {
		if fields.Get(name) != "" && !strings.Contains(" "+names+" ", " "+name+" ") {
			kept.Set(name, fields.Get(name))
			left = append(left, name)
		}
	}
	return kept, left
}

func signed(purpose string, fields url.Values) url.Values {
	fields.Set("domainCode", domain)
	if purpose != "sha1" {
		fields.Set("signType", "HMAC-SHA256")
	}
	covered, names := without(fields, "payTypeCode openid lang")
	fields.Set("sign", hmacSign(purpose, covered))
	if purpose == "sha1" {
		fields.Set("sign", sha1Sign(covered, names))
	}
	return fields
}

// Whether a callback, or a partner's notification, is the platform's.
func verify(fields url.Values) bool {
	sign, sign2 := fields.Get("sign"), fields.Get("sign2")
	fields.Del("sign")
	if fields.Has("outOrderId") {
		return hmac.Equal([]byte(md5Sign(fields)), []byte(sign))
	}
	good := hmac.Equal([]byte(sha1Sign(fields, strings.Fields(nine))), []byte(sign))
	covered, _ := without(fields, "sign2") // where your domain has it, refuse a callback without it
	return good && (sign2 == "" || hmac.Equal([]byte(hmacSign("callback", covered)), []byte(sign2)))
}

func read(answer *http.Response, err error) string {
	if err != nil {
		panic(err)
	}
	defer answer.Body.Close()
	body, _ := io.ReadAll(answer.Body)
	return string(body)
}

func query(fields url.Values) string {
	return read(http.Get(base + "/pay/api/private/pay/queryInfo?" + joined(signed("query", fields))))
}

func ask(purpose string, fields url.Values) string { // refund, close
	members := map[string]string{}
	for name := range signed(purpose, fields) {
		members[name] = fields.Get(name)
	}
	body, _ := json.Marshal(members)
	return read(http.Post(base+"/pay/api/private/pay/"+purpose, "application/json", strings.NewReader(string(body))))
}

func forecore(name string, fields url.Values) string {
	fields.Set("partnerId", partner)
	fields.Set("time", fmt.Sprint(time.Now().UnixMilli()))
	fields.Set("sign", md5Sign(fields))
	return read(http.PostForm(base+"/forecore/"+name, fields))
}

func settle(told url.Values, name string, unit float64, confirmed func(url.Values) string) string {
	if !verify(told) {
		return "wrong sign"
	} else if told.Has("payStatus") && told.Get("payStatus") != "SUCCESSPAY" {
		return "success" // heard, and no payment: ship nothing
	}
	money, _ := strconv.ParseFloat(told.Get("money"), 64)
	if _, known := orders.Load(told.Get(name)); !known || money*unit != 100 {
		return "another sum"
	}
	if told.Get("currencyType")+told.Get("currency") != "CNY" {
		return "another currency" // all is sold for CNY
	}
	var answer struct {
		Errcode, Result string
		Status          string   // refunding, refund where money goes back
		Obj             struct { // null where no payment is known
			Money     float64
			PayStatus string
		}
		Received float64 // -1 there
	}
	said := confirmed(url.Values{name: {told.Get(name)}})
	if json.Unmarshal([]byte(said), &answer); answer.Errcode != "0" && answer.Result != "ok" {
		panic(said) // without an answer it comes again
	}
	if strings.HasPrefix(answer.Status, "refund") || answer.Errcode != "" && answer.Obj.PayStatus != "SUCCESSPAY" {
		return "success" // nothing is paid, or it goes back: ship nothing
	}
	one.Lock()
	defer one.Unlock()
	if state, _ := orders.Load(told.Get(name)); state == "open" && answer.Obj.Money+answer.Received == money {
		orders.Store(told.Get(name), "paid") // here alone it is paid, and once: ship now
	}
	return "success"
}

func shop(answer http.ResponseWriter, request *http.Request) {
	home, number := "http://"+request.Host, fmt.Sprintf("D1-%013d", time.Now().UnixMilli())
	request.ParseForm()
	switch request.URL.Path {
	case "/buy":
		orders.Store(number, "open")
		goods := url.Values{"requestKey": {number}, "money": {"100"}, "currencyType": {"CNY"}, "info": {"耳机 A+B"}}
		goods.Set("bgUrl", home+"/callback")
		http.Redirect(answer, request, base+"/pay.html?"+joined(signed("pay", goods)), http.StatusFound)
	case "/order":
		orders.Store(number, "open")
		goods := url.Values{"outOrderId": {number}, "money": {"1.00"}, "currency": {"CNY"}, "cb_url": {home + "/notify"}}
		var made struct{ URL string }
		json.Unmarshal([]byte(forecore("order", goods)), &made)
		http.Redirect(answer, request, made.URL, http.StatusFound)
	case "/callback":
		fmt.Fprint(answer, settle(request.Form, "requestKey", 1, query))
	case "/notify":
		asked := func(fields url.Values) string { return forecore("queryOrder", fields) }
		if said := settle(request.PostForm, "outOrderId", 100, asked); said == "success" {
			fmt.Fprint(answer, `{"result":"success"}`)
		} else {
			fmt.Fprintf(answer, `{"err":%q}`, said)
		}
	default:
		orders.Range(func(number, state any) bool {
			_, err := fmt.Fprintln(answer, number, 100, state)
			return err == nil
		})
	}
}

func main() {
	args, fields := append(os.Args, "", "", "", ""), url.Values{}
	for _, pair := range os.Args {
		if name, value, found := strings.Cut(pair, "="); found {
			fields.Set(name, value)
		}
	}
	switch args[1] {
	case "shop":
		http.HandleFunc("/", shop)
		panic(http.ListenAndServe("127.0.0.1:"+args[2], nil))
	case "address":
		purpose := map[bool]string{true: "sha1", false: "pay"}[args[2] == "--sha1"]
		fmt.Println(base + "/pay.html?" + joined(signed(purpose, fields)))
	case "verify":
		told, _ := url.ParseQuery(args[2])
		if !verify(told) {
			fmt.Fprintln(os.Stderr, "the sign does not hold")
			os.Exit(1)
		}
	case "query":
		fmt.Println(query(url.Values{"requestKey": {args[2]}}))
	case "close":
		fmt.Println(ask("close", url.Values{"requestKey": {args[2]}}))
	case "refund":
		fmt.Println(ask("refund", url.Values{"requestKey": {args[2]}, "refundKey": {args[3]}, "refundMoney": {args[4]}}))
	case "forecore":
		fmt.Println(forecore(args[2], fields))
	}
}
