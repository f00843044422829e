// Tongfu's client for Java 17: one file, no dependencies (docs/integrate.md).
// java Tongfu.java shop PORT                          a shop at http://127.0.0.1:PORT/
//                  address [--sha1] NAME=VALUE…       where a payer is sent
//                  verify QUERY                       a callback of the platform's
//                  notification BODY                  a partner's notification
//                  query REQUESTKEY, close REQUESTKEY, refund REQUESTKEY REFUNDKEY FEN
//                  forecore CALL NAME=VALUE…          order, queryOrder, refund, exchangeRate
// TONGFU_URL, _DOMAIN, _SECRET, _PARTNER and _KEY say whose; without them a development instance's at this machine.
import static java.nio.charset.StandardCharsets.UTF_8;
import com.sun.net.httpserver.*;
import java.net.*;
import java.net.http.*;
import java.security.*;
import java.util.*;
import java.util.concurrent.*;
import java.util.function.UnaryOperator;
import java.util.stream.*;
import javax.crypto.*;
class Tongfu {
    static final String URL = System.getenv().getOrDefault("TONGFU_URL", "http://127.0.0.1:3000");
    static final Map<String, String> DEVELOPMENT = Map.of("DOMAIN", "demo", "SECRET", "demo-secret", "PARTNER", "p001", "KEY", "123456");
    static final String NINE = "money requestKey payTime orderSn payTypeCode payTypeName currencyType payStatus domainCode";
    static final Map<String, String> ORDERS = new ConcurrentSkipListMap<>(); // number: sum and state; a real shop has a database

    /** TONGFU_name; everybody knows a development instance's, so that they hold at this machine alone. */
    static String setting(String name) {
        String given = System.getenv().getOrDefault("TONGFU_" + name, ""), host = URI.create(URL).getHost();
        boolean isHere = host != null && List.of("127.0.0.1", "localhost", "[::1]").contains(host);
        if (given.isEmpty() && !isHere) throw new IllegalStateException("TONGFU_" + name + " is missing");
        return given.isEmpty() ? DEVELOPMENT.get(name) : given;
    }
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
    static String md5Sign(SortedMap<String, String> fields) throws Exception { return hash("MD5", setting("KEY") + joined(fields, Tongfu::node)); }
    static SortedMap<String, String> without(Map<String, String> fields, String... names) {
        return new TreeMap<>(fields) {{ keySet().removeAll(List.of(names)); }};
    }
    /** A signed query string, or with `json` a signed body. */
    static String signed(String purpose, boolean sha1, boolean json, Map<String, String> given) throws Exception {
        var fields = new TreeMap<>(Map.of("domainCode", setting("DOMAIN")));
        if (!sha1) fields.put("signType", "HMAC-SHA256");
        fields.putAll(given);
        var covered = without(fields, "payTypeCode", "openid", "lang");
        fields.put("sign", sha1 ? sha1Sign(covered.values().stream(), setting("SECRET")) : hmacSign(purpose, covered, setting("SECRET")));
        if (!json) return joined(fields, Tongfu::escape);
        fields.replaceAll((name, value) -> '"' + name + "\":\"" + value.replace("\\", "\\\\").replace("\"", "\\\"") + '"');
        return "{" + String.join(",", fields.values()) + "}";
    }
    static boolean equal(String ours, String theirs) { return theirs != null && MessageDigest.isEqual(bytes(ours), bytes(theirs)); }
    /** Whether a callback is the platform's; payTypeName alone may be missing. */
    static boolean verify(Map<String, String> fields) throws Exception {
        var nine = Stream.of(NINE.split(" ")).map(name -> fields.getOrDefault(name, "")).toList();
        for (String name : NINE.split(" "))
            if (fields.getOrDefault(name, "").isEmpty() && !name.equals("payTypeName")) return false;
        if (!equal(sha1Sign(nine.stream(), setting("SECRET")), fields.get("sign"))) return false;
        if (!fields.containsKey("sign2")) return true; // where your domain has it, refuse a callback without it
        return equal(hmacSign("callback", without(fields, "sign", "sign2"), setting("SECRET")), fields.get("sign2"));
    }
    /** Whether a partner's notification is the platform's. */
    static boolean verifyNotification(Map<String, String> fields) throws Exception {
        return equal(md5Sign(without(fields, "sign")), fields.get("sign"));
    }
    static Map<String, String> fields(String query) {
        return Stream.of(query.split("&")).map(pair -> (pair + "=").split("=", -1)).collect(Collectors.toMap(
            pair -> URLDecoder.decode(pair[0], UTF_8), pair -> URLDecoder.decode(pair[1], UTF_8), (first, second) -> second));
    }
    static String call(String path, String body, String media) throws Exception {
        var request = HttpRequest.newBuilder(URI.create(URL + path)).timeout(java.time.Duration.ofSeconds(5));
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
        if (name.equals("refund") && given.getOrDefault("out_refund_no", "").isEmpty()) // by another time it would be another refund
            throw new IllegalArgumentException("out_refund_no is missing: name it, and keep it before you call");
        var fields = new TreeMap<>(Map.of("partnerId", setting("PARTNER"), "time", "" + System.currentTimeMillis()));
        fields.putAll(given);
        fields.put("sign", md5Sign(fields));
        return call("/forecore/" + name, joined(fields, Tongfu::escape), "application/x-www-form-urlencoded");
    }
    /** A member of an answer; your JSON library does better. */
    static String member(String json, String name) {
        var found = java.util.regex.Pattern.compile("\"" + name + "\":\"?([^\",}]*)").matcher(json);
        return found.find() ? found.group(1) : "0";
    }
    static long fen(String yuan) { return Math.round(Double.parseDouble(yuan) * 100); }
    /** What is paid and does not go back; where the platform can't say, the callback comes again. */
    static String paidByPlatform(String number) throws Exception {
        String answer = query(number);
        if (!answer.contains("\"errcode\":\"0\"")) throw new Exception(answer);
        return member(answer, "payStatus").equals("SUCCESSPAY") ? member(answer, "money") + " " + member(answer, "currencyType") : "";
    }
    static String paidByPartner(String number) throws Exception {
        String answer = forecore("queryOrder", Map.of("outOrderId", number));
        if (!member(answer, "result").equals("ok")) throw new Exception(answer);
        boolean isBack = member(answer, "status").startsWith("refund");
        return isBack ? "" : fen(member(answer, "received")) + " " + member(answer, "currency");
    }
    interface Confirmed { String of(String number) throws Exception; }
    static String settle(String number, String told, Confirmed confirmed) throws Exception {
        String order = ORDERS.get(number);
        if (order == null || !order.startsWith(told + " ")) return "another sum";
        if (order.endsWith(" open") && confirmed.of(number).equals(told) && ORDERS.replace(number, order, told + " paid"))
            System.out.println("ship " + number); // here alone it is paid, and once: ship now
        return "success";
    }
    static String called(Map<String, String> told) throws Exception {
        if (!verify(told)) return "wrong sign";
        if (!told.get("payStatus").equals("SUCCESSPAY")) return "success"; // heard, and no payment: ship nothing
        return settle(told.get("requestKey"), told.get("money") + " " + told.get("currencyType"), Tongfu::paidByPlatform);
    }
    static String notified(Map<String, String> told) throws Exception {
        if (!verifyNotification(told)) return "wrong sign";
        return settle(told.get("outOrderId"), fen(told.get("money")) + " " + told.get("currency"), Tongfu::paidByPartner);
    }
    /** The answer's text; an address is a redirection. */
    static String shop(HttpExchange exchange, String home) throws Exception {
        String number = "D1-%013d".formatted(new SecureRandom().nextLong(10_000_000_000_000L)), path = exchange.getRequestURI().getPath();
        if (path.equals("/buy")) {
            ORDERS.put(number, "100 CNY open");
            return URL + "/pay.html?" + signed("pay", false, false, Map.of("requestKey", number, "money", "100", "currencyType", "CNY",
                "info", "耳机 A+B", "bgUrl", home + "/callback", "pageUrl", home + "/"));
        }
        if (path.equals("/order")) {
            ORDERS.put(number, "1999 CNY open");
            return member(forecore("order", Map.of("outOrderId", number, "money", "19.99", "currency", "CNY",
                "cb_url", home + "/notify", "return_url", home + "/")), "url");
        }
        if (path.equals("/callback")) return called(fields(exchange.getRequestURI().getRawQuery()));
        if (path.equals("/notify")) {
            String said = notified(fields(new String(exchange.getRequestBody().readAllBytes(), UTF_8)));
            return said.equals("success") ? "{\"result\":\"success\"}" : "{\"err\":\"" + said + "\"}";
        }
        return ORDERS.entrySet().stream().map(order -> order.getKey() + " " + order.getValue() + "\n").collect(Collectors.joining());
    }
    static void serve(int port) throws Exception {
        var server = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 0);
        server.setExecutor(Executors.newCachedThreadPool());
        server.createContext("/", exchange -> {
            String text;
            int status = 200;
            try { text = shop(exchange, "http://127.0.0.1:" + port); } catch (Exception error) { text = error.toString(); status = 500; }
            boolean away = text.startsWith("http");
            exchange.getResponseHeaders().set(away ? "Location" : "Content-Type", away ? text : "text/plain; charset=utf-8");
            exchange.sendResponseHeaders(away ? 302 : status, away ? -1 : 0);
            try (exchange) { if (!away) exchange.getResponseBody().write(bytes(text)); }
        });
        server.start();
    }
    static String held(boolean good) {
        if (!good) throw new IllegalArgumentException("the sign does not hold");
        return "the sign holds";
    }
    public static void main(String[] args) throws Exception {
        Map<String, String> fields = new TreeMap<>();
        for (String pair : args) if (pair.contains("=")) fields.put(pair.split("=", 2)[0], pair.split("=", 2)[1]);
        System.out.println(switch (args.length == 0 ? "" : args[0]) {
            case "shop" -> { DEVELOPMENT.keySet().forEach(Tongfu::setting); serve(Integer.parseInt(args[1])); yield "http://127.0.0.1:" + args[1] + "/"; }
            case "address" -> URL + "/pay.html?" + signed("pay", List.of(args).contains("--sha1"), false, fields);
            case "verify" -> held(verify(fields(args[1])));
            case "notification" -> held(verifyNotification(fields(args[1])));
            case "query" -> query(args[1]);
            case "close" -> ask("close", Map.of("requestKey", args[1]));
            case "refund" -> ask("refund", Map.of("requestKey", args[1], "refundKey", args[2], "refundMoney", args[3]));
            case "forecore" -> forecore(args[1], fields);
            default -> "see the top of this file";
        });
    }
}
