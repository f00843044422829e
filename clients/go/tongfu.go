// Tongfu's client for Go: one file, no dependencies (docs/integrate.md).
//
//	go run tongfu.go shop PORT                          a shop at http://127.0.0.1:PORT/
//	                 address [--sha1] NAME=VALUE…       where a payer is sent
//	                 verify QUERY                       a callback of the platform's
//	                 notification BODY                  a partner's notification
//	                 query REQUESTKEY, close REQUESTKEY, refund REQUESTKEY REFUNDKEY FEN
//	                 forecore CALL NAME=VALUE…          order, queryOrder, refund, exchangeRate
//
// TONGFU_URL, _DOMAIN, _SECRET, _PARTNER and _KEY say whose; without them a development instance's at this machine.
package main

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"math"
	"math/big"
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
	base        = "http://127.0.0.1:3000"
	development = map[string]string{"DOMAIN": "demo", "SECRET": "demo-secret", "PARTNER": "p001", "KEY": "123456"}
	patient     = http.Client{Timeout: 5 * time.Second}
	one         sync.Mutex
	orders      = map[string][2]string{} // number: sum, state; a real shop has a database
)

const nine = "money requestKey payTime orderSn payTypeCode payTypeName currencyType payStatus domainCode"

func init() {
	if given, isSet := os.LookupEnv("TONGFU_URL"); isSet {
		base = given
	}
}

// TONGFU_name; everybody knows a development instance's, so that they hold at this machine alone.
func setting(name string) string {
	at, err := url.Parse(base)
	isHere := err == nil && strings.Contains(" 127.0.0.1 localhost ::1 ", " "+at.Hostname()+" ")
	given := os.Getenv("TONGFU_" + name)
	if given == "" && !isHere {
		panic("TONGFU_" + name + " is missing")
	} else if given == "" {
		return development[name]
	}
	return given
}

// Sorted by name, values escaped as RFC 3986; QueryEscape by itself writes a blank as +.
func joined(fields url.Values) string {
	names, pairs := []string{}, []string{}
	for name := range fields {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		pairs = append(pairs, name+"="+strings.ReplaceAll(url.QueryEscape(fields.Get(name)), "+", "%20"))
	}
	return strings.Join(pairs, "&")
}

// The values of these names and the secret, sorted by UTF-16 code unit, as Java does it.
func sha1Sign(fields url.Values, names []string) string {
	values := []string{setting("SECRET")}
	for _, name := range names {
		values = append(values, fields.Get(name))
	}
	units := func(at int) string { return strings.Trim(fmt.Sprintf("%04x", utf16.Encode([]rune(values[at]))), "[]") }
	sort.Slice(values, func(a, b int) bool { return units(a) < units(b) })
	return fmt.Sprintf("%x", sha1.Sum([]byte(strings.Join(values, ""))))
}

func hmacSign(purpose string, fields url.Values) string {
	mac := hmac.New(sha256.New, []byte(setting("SECRET")))
	fmt.Fprintf(mac, "%s\n%s", purpose, joined(fields))
	return fmt.Sprintf("%x", mac.Sum(nil))
}

// As node's querystring escapes: !'()* stay.
func md5Sign(fields url.Values) string {
	node := strings.NewReplacer("%21", "!", "%27", "'", "%28", "(", "%29", ")", "%2A", "*")
	return fmt.Sprintf("%x", md5.Sum([]byte(setting("KEY")+node.Replace(joined(fields)))))
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
	fields.Set("domainCode", setting("DOMAIN"))
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

func equal(ours, theirs string) bool { return hmac.Equal([]byte(ours), []byte(theirs)) }

// Whether a callback is the platform's; payTypeName alone may be missing.
func verify(fields url.Values) bool {
	for _, name := range strings.Fields(nine) {
		if fields.Get(name) == "" && name != "payTypeName" {
			return false
		}
	}
	good := equal(sha1Sign(fields, strings.Fields(nine)), fields.Get("sign"))
	covered, _ := without(fields, "sign sign2") // where your domain has it, refuse a callback without it
	return good && (!fields.Has("sign2") || equal(hmacSign("callback", covered), fields.Get("sign2")))
}

// Whether a partner's notification is the platform's.
func verifyNotification(fields url.Values) bool {
	sign := fields.Get("sign")
	fields.Del("sign")
	return equal(md5Sign(fields), sign)
}

func read(answer *http.Response, err error) string {
	if err != nil {
		panic(err)
	}
	defer answer.Body.Close()
	body, _ := io.ReadAll(answer.Body)
	return string(body)
}

func query(number string) string {
	asked := signed("query", url.Values{"requestKey": {number}})
	return read(patient.Get(base + "/pay/api/private/pay/queryInfo?" + joined(asked)))
}

func ask(purpose string, fields url.Values) string { // refund, close
	members := map[string]string{}
	for name := range signed(purpose, fields) {
		members[name] = fields.Get(name)
	}
	body, _ := json.Marshal(members)
	return read(patient.Post(base+"/pay/api/private/pay/"+purpose, "application/json", strings.NewReader(string(body))))
}

func forecore(name string, fields url.Values) string {
	if name == "refund" && fields.Get("out_refund_no") == "" { // by another time it would be another refund
		panic("out_refund_no is missing: name it, and keep it before you call")
	}
	fields.Set("partnerId", setting("PARTNER"))
	fields.Set("time", fmt.Sprint(time.Now().UnixMilli()))
	fields.Set("sign", md5Sign(fields))
	return read(patient.PostForm(base+"/forecore/"+name, fields))
}

func fen(yuan float64) string { return fmt.Sprint(int64(math.Round(yuan * 100))) }

// What is paid and does not go back; where the platform can't say, the callback comes again.
func paidByPlatform(number string) string {
	var answer struct {
		Errcode string
		Obj     struct { // null where no payment is known
			Money                   int64
			CurrencyType, PayStatus string
		}
	}
	said := query(number)
	if json.Unmarshal([]byte(said), &answer); answer.Errcode != "0" {
		panic(said)
	} else if answer.Obj.PayStatus != "SUCCESSPAY" {
		return ""
	}
	return fmt.Sprint(answer.Obj.Money) + " " + answer.Obj.CurrencyType
}

func paidByPartner(number string) string {
	var answer struct {
		Result, Status, Currency string
		Received                 float64
	}
	said := forecore("queryOrder", url.Values{"outOrderId": {number}})
	if json.Unmarshal([]byte(said), &answer); answer.Result != "ok" {
		panic(said)
	} else if strings.HasPrefix(answer.Status, "refund") {
		return ""
	}
	return fen(answer.Received) + " " + answer.Currency
}

func settle(number, told string, confirmed func(string) string) string {
	one.Lock()
	order := orders[number]
	one.Unlock()
	if order[0] != told {
		return "another sum"
	}
	if order[1] == "open" && confirmed(number) == told {
		one.Lock()
		defer one.Unlock()
		if orders[number][1] == "open" {
			orders[number] = [2]string{told, "paid"} // here alone it is paid, and once: ship now
			fmt.Println("ship", number)
		}
	}
	return "success"
}

func called(told url.Values) string {
	if !verify(told) {
		return "wrong sign"
	} else if told.Get("payStatus") != "SUCCESSPAY" {
		return "success" // heard, and no payment: ship nothing
	}
	return settle(told.Get("requestKey"), told.Get("money")+" "+told.Get("currencyType"), paidByPlatform)
}

func notified(told url.Values) string {
	if !verifyNotification(told) {
		return "wrong sign"
	}
	money, _ := strconv.ParseFloat(told.Get("money"), 64)
	return settle(told.Get("outOrderId"), fen(money)+" "+told.Get("currency"), paidByPartner)
}

// An order of this sum that nobody has paid; gives its number.
func ordered(sum string) string {
	random, _ := rand.Int(rand.Reader, big.NewInt(1e13))
	number := fmt.Sprintf("D1-%013d", random)
	one.Lock()
	defer one.Unlock()
	orders[number] = [2]string{sum, "open"}
	return number
}

func shop(answer http.ResponseWriter, request *http.Request) {
	home := "http://" + request.Host
	request.ParseForm()
	switch request.URL.Path {
	case "/buy":
		goods := url.Values{"requestKey": {ordered("100 CNY")}, "money": {"100"}, "currencyType": {"CNY"}, "info": {"耳机 A+B"}}
		goods.Set("bgUrl", home+"/callback")
		http.Redirect(answer, request, base+"/pay.html?"+joined(signed("pay", goods)), http.StatusFound)
	case "/order":
		goods := url.Values{"outOrderId": {ordered("1999 CNY")}, "money": {"19.99"}, "currency": {"CNY"}, "cb_url": {home + "/notify"}}
		var made struct{ URL string }
		json.Unmarshal([]byte(forecore("order", goods)), &made)
		http.Redirect(answer, request, made.URL, http.StatusFound)
	case "/callback":
		fmt.Fprint(answer, called(request.URL.Query()))
	case "/notify":
		if said := notified(request.PostForm); said == "success" {
			fmt.Fprint(answer, `{"result":"success"}`)
		} else {
			fmt.Fprintf(answer, `{"err":%q}`, said)
		}
	default:
		one.Lock()
		defer one.Unlock()
		for number, order := range orders {
			fmt.Fprintln(answer, number, order[0], order[1])
		}
	}
}

func held(good bool) {
	if !good {
		panic("the sign does not hold")
	}
}

func main() {
	defer func() {
		if why := recover(); why != nil {
			log.Fatal(why)
		}
	}()
	args, fields := append(os.Args, "", "", "", ""), url.Values{}
	for _, pair := range os.Args {
		if name, value, found := strings.Cut(pair, "="); found {
			fields.Set(name, value)
		}
	}
	switch args[1] {
	case "shop":
		for name := range development {
			setting(name) // all of them, before anybody buys
		}
		http.HandleFunc("/", shop)
		panic(http.ListenAndServe("127.0.0.1:"+args[2], nil))
	case "address":
		purpose := map[bool]string{true: "sha1", false: "pay"}[args[2] == "--sha1"]
		fmt.Println(base + "/pay.html?" + joined(signed(purpose, fields)))
	case "verify", "notification":
		told, _ := url.ParseQuery(args[2])
		if args[1] == "verify" {
			held(verify(told))
		} else {
			held(verifyNotification(told))
		}
	case "query":
		fmt.Println(query(args[2]))
	case "close":
		fmt.Println(ask("close", url.Values{"requestKey": {args[2]}}))
	case "refund":
		fmt.Println(ask("refund", url.Values{"requestKey": {args[2]}, "refundKey": {args[3]}, "refundMoney": {args[4]}}))
	case "forecore":
		fmt.Println(forecore(args[2], fields))
	}
}
