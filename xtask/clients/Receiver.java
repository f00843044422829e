// The guide's receiver (docs/integrate.md, Callbacks: five things to do right), called once.
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.*;

class Receiver {
// RECEIVER

    public static void main(String[] arguments) throws Exception {
        Map<String, String> fields = new HashMap<>();
        for (String pair : arguments[0].split("&")) {
            String[] parts = pair.split("=", 2);
            fields.put(parts[0], URLDecoder.decode(parts[1], StandardCharsets.UTF_8));
        }
        System.out.println(receive(fields, arguments[1], Map.of(arguments[2], arguments[3])));
    }
}
