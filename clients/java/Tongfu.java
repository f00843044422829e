// Tongfu's client for Java 17: one file, no dependencies (docs/integrate.md).
// java Tongfu.java shop PORT                          a shop at http://127.0.0.1:PORT/
//                  address [--sha1] NAME=VALUE…       where a payer is sent
//                  verify QUERY                       a callback's query, a notification's body
//                  query REQUESTKEY, close REQUESTKEY, refund REQUESTKEY REFUNDKEY FEN
//                  forecore CALL NAME=VALUE…          order, queryOrder, refund, exchangeRate
// TONGFU_URL, _DOMAIN, _SECRET, _PARTNER and _KEY say whose; without them a development instance's.
import static java.nio.charset.StandardCharsets.UTF_8;
import com.sun.net.httpserver.*;
import java.net.*;
import java.net.http.*;
import java.security.MessageDigest;
import java.util.*;
import java.util.concurrent.Callable;
import java.util.function.UnaryOperator;
import java.util.stream.*;
import javax.crypto.*;
class Tongfu {
    static final String URL = env("URL", "http://127.0.0.1:3000"), DOMAIN = env("DOMAIN", "demo"), SECRET = env("SECRET", "demo-secret");
    static final String PARTNER = env("PARTNER", "p001"), KEY = env("KEY", "123456");
    static final String NINE = "money requestKey payTime orderSn payTypeCode payTypeName currencyType payStatus domainCode";
    static final Map<String, List<String>> ORDERS = new TreeMap<>(); // number: fen, state; a real shop has a database

    static String env(String name, String other) { return System.getenv().getOrDefault("TONGFU_" + name, other); }
    static byte[] bytes(String text) { return text.getBytes(UTF_8); }
    static String hash(String name, String text) throws Exception { return hex(MessageDigest.getInstance(name).digest(bytes(text))); }
    static String hex(byte[] bytes) { return HexFormat.of().formatHex(bytes); }
    /** RFC 3986; URLEncoder by itself writes a blank as + and leaves * bare. */
    static String escape(String text) { return URLEncoder.encode(text, UTF_8).replace("+", "%20").replace("*", "%2A").replace("%7E", "~"); }
    static String node(String text) { // as node's querystring: !'()* stay
        return escape(text).replace("%21", "!").replace("%27", "'").replace("%28", "(").replace("%29", ")").replace("%2A", "*");
    }
    static String joined(SortedMap<String, String> fields, UnaryOperator<String> escape) {
        return String.join("&", fields.entrySet().stream().map(pair -> pair.getKey() + "=" + escape.apply(pair.getValue())).toList());
    }
    static String sha1Sign(Stream<String> values, String secret) throws Exception {
        return hash("SHA-1", String.join("", Stream.concat(values, Stream.of(secret)).sorted().toList()));
    }
    static String hmacSign(String purpose, SortedMap<String, String> fields, String secret) throws Exception {
        fields.values().removeIf(String::isEmpty);
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new javax.crypto.spec.SecretKeySpec(bytes(secret), "HmacSHA256"));
        return hex(mac.doFinal(bytes(purpose + "\n" + joined(fields, Tongfu::escape))));
    }
    static String md5Sign(SortedMap<String, String> fields) throws Exception { return hash("MD5", KEY + joined(fields, Tongfu::node)); }
    static SortedMap<String, String> without(Map<String, String> fields, String... names) {
        return new TreeMap<>(fields) {{ keySet().removeAll(List.of(names)); }};
    }
    /** A signed query string, or with `json` a signed body. */
    static String signed(String purpose, boolean sha1, boolean json, Map<String, String> given) throws Exception {
        var fields = new TreeMap<>(Map.of("domainCode", DOMAIN));
        if (!sha1) fields.put("signType", "HMAC-SHA256");
        fields.putAll(given);
        var covered = without(fields, "payTypeCode", "openid", "lang");
        fields.put("sign", sha1 ? sha1Sign(covered.values().stream(), SECRET) : hmacSign(purpose, covered, SECRET));
        if (!json) return joined(fields, Tongfu::escape);
        fields.replaceAll((name, value) -> '"' + name + "\":\"" + value.replace("\\", "\\\\").replace("\"", "\\\"") + '"');
        return "{" + String.join(",", fields.values()) + "}";
    }
    static boolean equal(String ours, String theirs) { return theirs != null && MessageDigest.isEqual(bytes(ours), bytes(theirs)); }
    /** Whether a callback, or a partner's notification, is the platform's. */
    static boolean verify(Map<String, String> fields) throws Exception {
        if (fields.containsKey("outOrderId")) return equal(md5Sign(without(fields, "sign")), fields.get("sign"));
        var nine = Stream.of(NINE.split(" ")).map(name -> fields.getOrDefault(name, ""));
        if (!equal(sha1Sign(nine, SECRET), fields.get("sign"))) return false;
        if (!fields.containsKey("sign2")) return true; // where your domain has it, refuse a callback without it
        return equal(hmacSign("callback", without(fields, "sign", "sign2"), SECRET), fields.get("sign2"));
    }
    static Map<String, String> fields(String query) {
        return Stream.of(query.split("&")).map(pair -> (pair + "=").split("=", -1)).collect(Collectors.toMap(
            pair -> URLDecoder.decode(pair[0], UTF_8), pair -> URLDecoder.decode(pair[1], UTF_8), (first, second) -> second));
    }
    static String call(String path, String body, String media) throws Exception {
        var request = HttpRequest.newBuilder(URI.create(URL + path)).timeout(java.time.Duration.ofSeconds(30));
        if (body != null) request.header("Content-Type", media).POST(HttpRequest.BodyPublishers.ofString(body));
        return HttpClient.newHttpClient().send(request.build(), HttpResponse.BodyHandlers.ofString()).body();
    }
    static String query(String key) throws Exception {
        return call("/pay/api/private/pay/queryInfo?" + signed("query", false, false, Map.of("requestKey", key)), null, null);
    }
    static String ask(String purpose, Map<String, String> fields) throws Exception { // refund, close
        return call("/pay/api/private/pay/" + purpose, signed(purpose, false, true, fields), "application/json");
    }
    static String forecore(String name, Map<String, String> given) throws Exception {
        var fields = new TreeMap<>(Map.of("partnerId", PARTNER, "time", "" + System.currentTimeMillis()));
        fields.putAll(given);
        fields.put("sign", md5Sign(fields));
        return call("/forecore/" + name, joined(fields, Tongfu::escape), "application/x-www-form-urlencoded");
    }
    /** A member of an answer; your JSON library does better. */
    static String member(String json, String name) {
        var found = java.util.regex.Pattern.compile("\"" + name + "\":\"?([^\",}]*)").matcher(json);
        return found.find() ? found.group(1) : "0";
    }
    /** The sum that the platform knows as paid and that does not go back; where it can't say, the callback comes again. */
    static String known(String answer, String name) throws Exception {
        if (!answer.contains("\"errcode\":\"0\"") && !answer.contains("\"result\":\"ok\"")) throw new Exception(answer);
        boolean isBack = answer.contains("\"status\":\"refund") || answer.contains("REFUND\"");
        return isBack ? "-1" : member(answer, name);
    }
    static String fen(String sum, int unit) {
        return "" + Math.round(Double.parseDouble(sum) * unit);
    }
    static String settle(Map<String, String> fields, String name, int unit, Callable<String> confirmed) throws Exception {
        if (!verify(fields)) return "wrong sign";
        if (!fields.getOrDefault("payStatus", "SUCCESSPAY").equals("SUCCESSPAY")) return "success"; // heard: ship nothing
        var order = ORDERS.get(fields.get(name));
        if (order == null || !order.get(0).equals(fen(fields.get("money"), unit))) return "another sum";
        String currency = fields.getOrDefault("currencyType", fields.get("currency"));
        if (!"CNY".equals(currency)) return "another currency"; // all is sold for CNY
        if (order.get(1).equals("open") && order.get(0).equals(fen(confirmed.call(), unit)))
            ORDERS.put(fields.get(name), List.of(order.get(0), "paid")); // here alone it is paid, and once: ship now
        return "success";
    }
    /** The answer's text; an address is a redirection. */
    static String shop(HttpExchange exchange, String home) throws Exception {
        String number = "D1-%013d".formatted(System.currentTimeMillis()), path = exchange.getRequestURI().getPath();
        if (List.of("/buy", "/order").contains(path)) ORDERS.put(number, List.of("100", "open"));
        if (path.equals("/buy")) return URL + "/pay.html?" + signed("pay", false, false, Map.of("requestKey", number, "money", "100",
            "currencyType", "CNY", "info", "耳机 A+B", "bgUrl", home + "/callback", "pageUrl", home + "/"));
        if (path.equals("/order")) return member(forecore("order", Map.of("outOrderId", number, "money", "1.00",
            "currency", "CNY", "cb_url", home + "/notify", "return_url", home + "/")), "url");
        if (path.equals("/callback")) {
            var told = fields(exchange.getRequestURI().getRawQuery());
            return settle(told, "requestKey", 1, () -> known(query(told.get("requestKey")), "money"));
        }
        if (!path.equals("/notify")) return ORDERS.entrySet().stream()
            .map(order -> order.getKey() + " " + String.join(" ", order.getValue()) + "\n").collect(Collectors.joining());
        var told = fields(new String(exchange.getRequestBody().readAllBytes(), UTF_8));
        String said = settle(told, "outOrderId", 100,
            () -> known(forecore("queryOrder", Map.of("outOrderId", told.get("outOrderId"))), "received"));
        return said.equals("success") ? "{\"result\":\"success\"}" : "{\"err\":\"" + said + "\"}";
    }
    static void serve(int port) throws Exception {
        var server = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 0);
        server.createContext("/", exchange -> {
            String text;
            try { text = shop(exchange, "http://127.0.0.1:" + port); } catch (Exception error) { text = error.toString(); }
            boolean away = text.startsWith("http");
            exchange.getResponseHeaders().set(away ? "Location" : "Content-Type", away ? text : "text/plain; charset=utf-8");
            exchange.sendResponseHeaders(away ? 302 : 200, away ? -1 : 0);
            try (exchange) { if (!away) exchange.getResponseBody().write(bytes(text)); }
        });
        server.start();
    }
    public static void main(String[] args) throws Exception {
        Map<String, String> fields = new TreeMap<>();
        for (String pair : args) if (pair.contains("=")) fields.put(pair.split("=", 2)[0], pair.split("=", 2)[1]);
        System.out.println(switch (args.length == 0 ? "" : args[0]) {
            case "shop" -> { serve(Integer.parseInt(args[1])); yield "http://127.0.0.1:" + args[1] + "/"; }
            case "address" -> URL + "/pay.html?" + signed("pay", List.of(args).contains("--sha1"), false, fields);
            case "verify" -> { if (verify(fields(args[1]))) yield "the sign holds"; throw new Exception("the sign does not hold"); }
            case "query" -> query(args[1]);
            case "close" -> ask("close", Map.of("requestKey", args[1]));
            case "refund" -> ask("refund", Map.of("requestKey", args[1], "refundKey", args[2], "refundMoney", args[3]));
            case "forecore" -> forecore(args[1], fields);
            default -> "see the top of this file";
        });
    }
}
