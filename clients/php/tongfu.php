<?php
// Tongfu's client for PHP: one file, no dependencies (docs/integrate.md).
//
// php tongfu.php shop PORT                          a shop at http://127.0.0.1:PORT/
//                address [--sha1] NAME=VALUE…       where a payer is sent
//                verify QUERY                       a callback's query, a notification's body
//                query REQUESTKEY, close REQUESTKEY, refund REQUESTKEY REFUNDKEY FEN
//                forecore CALL NAME=VALUE…          order, queryOrder, refund, exchangeRate
//
// TONGFU_URL, _DOMAIN, _SECRET, _PARTNER and _KEY say whose; without them a development instance's.

define('URL', getenv('TONGFU_URL') ?: 'http://127.0.0.1:3000');
define('DOMAIN', getenv('TONGFU_DOMAIN') ?: 'demo');
define('SECRET', getenv('TONGFU_SECRET') ?: 'demo-secret');
define('PARTNER', getenv('TONGFU_PARTNER') ?: 'p001');
define('KEY', getenv('TONGFU_KEY') ?: '123456');
const NINE = ['money', 'requestKey', 'payTime', 'orderSn', 'payTypeCode', 'payTypeName',
    'currencyType', 'payStatus', 'domainCode'];

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
    $fields += ['domainCode' => DOMAIN] + ($sha1 ? [] : ['signType' => 'HMAC-SHA256']);
    $covered = without($fields, 'payTypeCode', 'openid', 'lang');
    return $fields + ['sign' => $sha1 ? sha1_sign($covered, SECRET) : hmac_sign($purpose, $covered, SECRET)];
}

function address(array $fields): string { return URL . '/pay.html?' . joined($fields, 'rawurlencode'); }

// Whether a callback, or a partner's notification, is the platform's.
function verify(array $fields): bool {
    $sign = $fields['sign'] ?? '';
    if (isset($fields['outOrderId'])) return hash_equals(md5_sign(without($fields, 'sign'), KEY), $sign);
    $good = hash_equals(sha1_sign(array_map(fn($name) => $fields[$name] ?? '', NINE), SECRET), $sign);
    if (!isset($fields['sign2'])) return $good; // where your domain has it, refuse a callback without it
    return $good && hash_equals(hmac_sign('callback', without($fields, 'sign', 'sign2'), SECRET), $fields['sign2']);
}

// A query's or form's fields; parse_str would rename those with a dot.
function fields(string $query): array {
    $pairs = array_map(fn($pair) => explode('=', $pair, 2) + [1 => ''], explode('&', $query));
    return array_map('urldecode', array_column($pairs, 1, 0));
}

function call(string $path, ?string $body = null, string $media = ''): array {
    $post = ['method' => 'POST', 'header' => "Content-Type: $media", 'content' => $body];
    $context = stream_context_create(['http' => ($body === null ? [] : $post) + ['timeout' => 30]]);
    return json_decode(file_get_contents(URL . $path, false, $context), true);
}

function query(string $key): array {
    return call('/pay/api/private/pay/queryInfo?' . joined(signed('query', ['requestKey' => $key]), 'rawurlencode'));
}

function ask(string $purpose, array $fields): array { // refund, close
    return call("/pay/api/private/pay/$purpose", json_encode(signed($purpose, $fields)), 'application/json');
}

function forecore(string $name, array $fields): array {
    $fields += ['partnerId' => PARTNER, 'time' => sprintf('%d', microtime(true) * 1000)];
    $body = joined($fields + ['sign' => md5_sign($fields, KEY)], 'rawurlencode');
    return call("/forecore/$name", $body, 'application/x-www-form-urlencoded');
}

// The sum that the platform knows as paid, -1 for none or one that goes back; where it can't say, the callback comes again.
function known(array $answer, string $name): float {
    if (($answer['errcode'] ?? '0') !== '0' || ($answer['result'] ?? 'ok') !== 'ok') throw new Exception(json_encode($answer));
    $paid = array_key_exists('obj', $answer) ? $answer['obj'] : $answer;
    $is_back = ($paid['payStatus'] ?? 'SUCCESSPAY') !== 'SUCCESSPAY' || str_starts_with($paid['status'] ?? '', 'refund');
    return $is_back ? -1 : $paid[$name] ?? -1;
}

// Number: fen, state; a real shop keeps them in its database.
function orders(string $number = '', array $order = []): array {
    $file = sys_get_temp_dir() . "/tongfu-shop-{$_SERVER['SERVER_PORT']}.json";
    $orders = is_file($file) ? json_decode(file_get_contents($file), true) : [];
    if ($number) file_put_contents($file, json_encode(array_merge($orders, [$number => $order])));
    return $orders;
}

function settle(array $fields, string $name, int $unit, callable $confirmed): string {
    if (!verify($fields)) return 'wrong sign';
    if (($fields['payStatus'] ?? 'SUCCESSPAY') !== 'SUCCESSPAY') return 'success'; // heard: ship nothing
    $sum = (string) round($fields['money'] * $unit);
    $order = orders()[$fields[$name]] ?? null;
    if (($order[0] ?? null) !== $sum) return 'another sum';
    if (($fields['currencyType'] ?? $fields['currency'] ?? '') !== 'CNY') return 'another currency'; // all is sold for CNY
    if ($order[1] === 'open' && (string) round($confirmed() * $unit) === $sum) {
        orders($fields[$name], [$sum, 'paid']); // here alone it is paid, and once: ship now
    }
    return 'success';
}

function shop(): void {
    $home = "http://127.0.0.1:{$_SERVER['SERVER_PORT']}";
    $number = sprintf('D1-%013d', microtime(true) * 1000);
    $path = strtok($_SERVER['REQUEST_URI'], '?');
    if (in_array($path, ['/buy', '/order'])) orders($number, ['100', 'open']);
    header('Content-Type: text/plain; charset=utf-8');
    if ($path === '/buy') {
        $goods = ['requestKey' => $number, 'money' => '100', 'currencyType' => 'CNY', 'info' => '耳机 A+B'];
        header('Location: ' . address(signed('pay', $goods + ['bgUrl' => "$home/callback", 'pageUrl' => "$home/"])));
    } elseif ($path === '/order') {
        $goods = ['outOrderId' => $number, 'money' => '1.00', 'currency' => 'CNY'];
        header('Location: ' . forecore('order', $goods + ['cb_url' => "$home/notify", 'return_url' => "$home/"])['url']);
    } elseif ($path === '/callback') {
        $fields = fields($_SERVER['QUERY_STRING']);
        echo settle($fields, 'requestKey', 1, fn() => known(query($fields['requestKey']), 'money'));
    } elseif ($path === '/notify') {
        $fields = fields(file_get_contents('php://input'));
        $confirmed = fn() => known(forecore('queryOrder', ['outOrderId' => $fields['outOrderId']]), 'received');
        $said = settle($fields, 'outOrderId', 100, $confirmed);
        echo json_encode($said === 'success' ? ['result' => $said] : ['err' => $said]);
    } else {
        foreach (orders() as $number => [$fen, $state]) echo "$number $fen $state\n";
    }
}

function main(string $command = '', string ...$rest): void {
    $pairs = array_filter($rest, fn($pair) => str_contains($pair, '='));
    $fields = array_column(array_map(fn($pair) => explode('=', $pair, 2), $pairs), 1, 0);
    $print = fn(array $answer) => print(json_encode($answer, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES) . "\n");
    match ($command) {
        'shop' => pcntl_exec(PHP_BINARY, ['-S', "127.0.0.1:$rest[0]", __FILE__]),
        'address' => print(address(signed('pay', $fields, in_array('--sha1', $rest))) . "\n"),
        'verify' => verify(fields($rest[0])) || fwrite(STDERR, "the sign does not hold\n") && exit(1),
        'query' => $print(query($rest[0])),
        'close' => $print(ask('close', ['requestKey' => $rest[0]])),
        'refund' => $print(ask('refund', ['requestKey' => $rest[0], 'refundKey' => $rest[1], 'refundMoney' => $rest[2]])),
        'forecore' => $print(forecore($rest[0], $fields)),
        default => fwrite(STDERR, "see the top of this file\n"),
    };
}

PHP_SAPI === 'cli-server' ? shop() : main(...array_slice($argv, 1));
