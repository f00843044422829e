<?php
// Tongfu's client for PHP: one file, no dependencies (docs/integrate.md).
//
// php tongfu.php shop PORT                          a shop at http://127.0.0.1:PORT/
//                address [--sha1] NAME=VALUE…       where a payer is sent
//                verify QUERY                       a callback of the platform's
//                notification BODY                  a partner's notification
//                query REQUESTKEY, close REQUESTKEY, refund REQUESTKEY REFUNDKEY FEN
//                forecore CALL NAME=VALUE…          order, queryOrder, refund, exchangeRate
//
// TONGFU_URL, _DOMAIN, _SECRET, _PARTNER and _KEY say whose; without them a development instance's at this machine.

ini_set('display_errors', '0'); // they go to the log, and into no answer
define('URL', getenv('TONGFU_URL') === false ? 'http://127.0.0.1:3000' : getenv('TONGFU_URL'));
const DEVELOPMENT = ['DOMAIN' => 'demo', 'SECRET' => 'demo-secret', 'PARTNER' => 'p001', 'KEY' => '123456'];
const NINE = ['money', 'requestKey', 'payTime', 'orderSn', 'payTypeCode', 'payTypeName',
    'currencyType', 'payStatus', 'domainCode'];

// TONGFU_name; everybody knows a development instance's, so that they hold at this machine alone.
function setting(string $name): string {
    $given = (string) getenv("TONGFU_$name");
    if ($given === '' && !in_array(parse_url(URL, PHP_URL_HOST), ['127.0.0.1', 'localhost', '[::1]'], true)) {
        throw new Exception("TONGFU_$name is missing");
    }
    return $given === '' ? DEVELOPMENT[$name] : $given;
}

function sha1_sign(array $values, string $secret): string {
    $values = array_filter([...array_values($values), $secret], fn($value) => $value !== '');
    // By UTF-16 code unit; sort() alone compares what looks like numbers as numbers.
    usort($values, fn($a, $b) => strcmp(iconv('UTF-8', 'UTF-16BE', $a), iconv('UTF-8', 'UTF-16BE', $b)));
    return sha1(implode('', $values));
}

function joined(array $fields, callable $escape): string {
    ksort($fields, SORT_STRING);
    return implode('&', array_map(fn($name) => "$name=" . $escape($fields[$name]), array_keys($fields)));
}

function hmac_sign(string $purpose, array $fields, string $secret): string {
    $filled = array_filter($fields, fn($value) => $value !== '');
    return hash_hmac('sha256', "$purpose\n" . joined($filled, 'rawurlencode'), $secret);
}

function md5_sign(array $fields, string $key): string {
    // As node's querystring: !'()* stay.
    $bare = ['%21' => '!', '%27' => "'", '%28' => '(', '%29' => ')', '%2A' => '*'];
    return md5($key . joined($fields, fn($value) => strtr(rawurlencode($value), $bare)));
}

function without(array $fields, string ...$names): array {
    return array_diff_key($fields, array_flip($names));
}

function signed(string $purpose, array $fields, bool $sha1 = false): array {
    $fields += ['domainCode' => setting('DOMAIN')] + ($sha1 ? [] : ['signType' => 'HMAC-SHA256']);
    [$covered, $secret] = [without($fields, 'payTypeCode', 'openid', 'lang'), setting('SECRET')];
    return $fields + ['sign' => $sha1 ? sha1_sign($covered, $secret) : hmac_sign($purpose, $covered, $secret)];
}

function address(array $fields): string { return URL . '/pay.html?' . joined($fields, 'rawurlencode'); }

// Whether a callback is the platform's; payTypeName alone may be missing.
function verify(array $fields): bool {
    [$nine, $secret] = [array_map(fn($name) => $fields[$name] ?? '', NINE), setting('SECRET')];
    if (in_array('', without(array_combine(NINE, $nine), 'payTypeName'), true)) return false;
    $good = hash_equals(sha1_sign($nine, $secret), $fields['sign'] ?? '');
    if (!isset($fields['sign2'])) return $good; // where your domain has it, refuse a callback without it
    return $good && hash_equals(hmac_sign('callback', without($fields, 'sign', 'sign2'), $secret), $fields['sign2']);
}

// Whether a partner's notification is the platform's.
function verify_notification(array $fields): bool {
    return hash_equals(md5_sign(without($fields, 'sign'), setting('KEY')), $fields['sign'] ?? '');
}

// A query's or form's fields; parse_str and $_POST would rename those with a dot.
function fields(string $query): array {
    $pairs = array_map(fn($pair) => array_map('urldecode', explode('=', $pair, 2)) + [1 => ''], explode('&', $query));
    return array_column($pairs, 1, 0);
}

function call(string $path, ?string $body = null, string $media = ''): array {
    $post = ['method' => 'POST', 'header' => "Content-Type: $media", 'content' => $body];
    $context = stream_context_create(['http' => ($body === null ? [] : $post) + ['timeout' => 5]]);
    return json_decode(file_get_contents(URL . $path, false, $context) ?: '', true) ?? throw new Exception('no answer');
}

function query(string $key): array {
    return call('/pay/api/private/pay/queryInfo?' . joined(signed('query', ['requestKey' => $key]), 'rawurlencode'));
}

function ask(string $purpose, array $fields): array { // refund, close
    return call("/pay/api/private/pay/$purpose", json_encode(signed($purpose, $fields)), 'application/json');
}

function forecore(string $name, array $fields): array {
    if ($name === 'refund' && ($fields['out_refund_no'] ?? '') === '') { // by another time it would be another refund
        throw new Exception('out_refund_no is missing: name it, and keep it before you call');
    }
    $fields += ['partnerId' => setting('PARTNER'), 'time' => sprintf('%d', microtime(true) * 1000)];
    $body = joined($fields + ['sign' => md5_sign($fields, setting('KEY'))], 'rawurlencode');
    return call("/forecore/$name", $body, 'application/x-www-form-urlencoded');
}

function fen(string $yuan): string { return (string) round($yuan * 100); }

// What is paid and does not go back; where the platform can't say, the callback comes again.
function paid_by_platform(string $number): string {
    $answer = query($number);
    if ($answer['errcode'] !== '0') throw new Exception(json_encode($answer));
    $paid = $answer['obj'];
    return ($paid['payStatus'] ?? '') === 'SUCCESSPAY' ? "{$paid['money']} {$paid['currencyType']}" : '';
}

function paid_by_partner(string $number): string {
    $answer = forecore('queryOrder', ['outOrderId' => $number]);
    if ($answer['result'] !== 'ok') throw new Exception(json_encode($answer));
    return str_starts_with($answer['status'], 'refund') ? '' : fen($answer['received']) . ' ' . $answer['currency'];
}

// Number: sum, state; a real shop keeps them in its database.
function orders(?callable $change = null): array {
    $file = fopen(sys_get_temp_dir() . "/tongfu-shop-{$_SERVER['SERVER_PORT']}.json", 'c+');
    flock($file, LOCK_EX); // one at a time
    $orders = json_decode(stream_get_contents($file), true) ?? [];
    if ($change) {
        $orders = $change($orders);
        ftruncate($file, 0);
        rewind($file);
        fwrite($file, json_encode($orders));
    }
    fclose($file);
    return $orders;
}

function settle(string $number, string $told, callable $confirmed): string {
    $order = orders()[$number] ?? null;
    if ($told !== ($order[0] ?? null)) return 'another sum';
    if ($order[1] === 'open' && $confirmed($number) === $told) {
        orders(function (array $orders) use ($number) {
            if ($orders[$number][1] === 'open') {
                $orders[$number][1] = 'paid'; // here alone it is paid, and once: ship now
                file_put_contents('php://stdout', "ship $number\n");
            }
            return $orders;
        });
    }
    return 'success';
}

function called(array $told): string {
    if (!verify($told)) return 'wrong sign';
    if ($told['payStatus'] !== 'SUCCESSPAY') return 'success'; // heard, and no payment: ship nothing
    return settle($told['requestKey'], "{$told['money']} {$told['currencyType']}", 'paid_by_platform');
}

function notified(array $told): string {
    if (!verify_notification($told)) return 'wrong sign';
    return settle($told['outOrderId'], fen($told['money']) . ' ' . $told['currency'], 'paid_by_partner');
}

function shop(): void {
    $home = "http://127.0.0.1:{$_SERVER['SERVER_PORT']}";
    $number = sprintf('D1-%013d', random_int(0, 10 ** 13 - 1));
    $path = strtok($_SERVER['REQUEST_URI'], '?');
    header('Content-Type: text/plain; charset=utf-8');
    if ($path === '/buy') {
        orders(fn($orders) => [$number => ['100 CNY', 'open']] + $orders);
        $goods = ['requestKey' => $number, 'money' => '100', 'currencyType' => 'CNY', 'info' => '耳机 A+B'];
        header('Location: ' . address(signed('pay', $goods + ['bgUrl' => "$home/callback", 'pageUrl' => "$home/"])));
    } elseif ($path === '/order') {
        orders(fn($orders) => [$number => ['1999 CNY', 'open']] + $orders);
        $goods = ['outOrderId' => $number, 'money' => '19.99', 'currency' => 'CNY'];
        header('Location: ' . forecore('order', $goods + ['cb_url' => "$home/notify", 'return_url' => "$home/"])['url']);
    } elseif ($path === '/callback') {
        echo called(fields($_SERVER['QUERY_STRING'] ?? ''));
    } elseif ($path === '/notify') {
        $said = notified(fields(file_get_contents('php://input')));
        echo json_encode($said === 'success' ? ['result' => $said] : ['err' => $said]);
    } else {
        foreach (orders() as $number => [$sum, $state]) echo "$number $sum $state\n";
    }
}

function judge(bool $good): void { $good || fwrite(STDERR, "the sign does not hold\n") && exit(1); }

function serve(string $port): void {
    array_map('setting', array_keys(DEVELOPMENT)); // all of them, before anybody buys
    pcntl_exec(PHP_BINARY, ['-S', "127.0.0.1:$port", __FILE__]);
}

function main(string $command = '', string ...$rest): void {
    $pairs = array_filter($rest, fn($pair) => str_contains($pair, '='));
    $fields = array_column(array_map(fn($pair) => explode('=', $pair, 2), $pairs), 1, 0);
    $print = fn(array $answer) => print(json_encode($answer, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES) . "\n");
    match ($command) {
        'shop' => serve($rest[0]),
        'address' => print(address(signed('pay', $fields, in_array('--sha1', $rest))) . "\n"),
        'verify' => judge(verify(fields($rest[0]))),
        'notification' => judge(verify_notification(fields($rest[0]))),
        'query' => $print(query($rest[0])),
        'close' => $print(ask('close', ['requestKey' => $rest[0]])),
        'refund' => $print(ask('refund', ['requestKey' => $rest[0], 'refundKey' => $rest[1], 'refundMoney' => $rest[2]])),
        'forecore' => $print(forecore($rest[0], $fields)),
        default => fwrite(STDERR, "see the top of this file\n"),
    };
}

try {
    PHP_SAPI === 'cli-server' ? shop() : main(...array_slice($argv, 1));
} catch (Throwable $error) {
    error_log($error->getMessage());
    PHP_SAPI === 'cli-server' ? http_response_code(500) : exit(1);
}
