<?php
// A business system that speaks epay, as those that lead their payer to submit.php do: its
// sum is a float, and its sign leaves backslashes out.
//
// php epay.php shop PORT | query NUMBER | refund NUMBER MONEY [OUT_REFUND_NO] | verify QUERY

define('GATEWAY', getenv('TONGFU_URL') . '/epay/');
const PID = '1001';
const KEY = '89unJUB8HZ54Hj7x4nUj56HN4nUzUJ8i';

function sign(array $fields): string {
    unset($fields['sign'], $fields['sign_type']);
    $fields = array_filter($fields, fn($value) => trim((string) $value) !== '');
    ksort($fields);
    return md5(stripslashes(urldecode(http_build_query($fields))) . KEY);
}

function verify(array $fields): bool {
    return hash_equals(sign($fields), $fields['sign'] ?? '') && $fields['pid'] === PID;
}

function ask(string $act, array $fields): array {
    $query = http_build_query(['act' => $act, 'pid' => PID, 'key' => KEY] + $fields);
    $post = ['method' => 'POST', 'header' => 'Content-Type: application/x-www-form-urlencoded', 'content' => $query];
    // A refund is posted, all else is fetched.
    $options = $act === 'refund' ? $post : [];
    $context = stream_context_create(['http' => $options + ['timeout' => 30]]);
    $address = GATEWAY . 'api.php?' . ($act === 'refund' ? "act=$act" : $query);
    return json_decode(file_get_contents($address, false, $context), true);
}

// Number: fen, state.
function orders(string $number = '', array $order = []): array {
    $file = sys_get_temp_dir() . "/tongfu-epay-{$_SERVER['SERVER_PORT']}.json";
    $orders = is_file($file) ? json_decode(file_get_contents($file), true) : [];
    if ($number) file_put_contents($file, json_encode(array_merge($orders, [$number => $order])));
    return $orders;
}

function settle(array $fields): string {
    if (!verify($fields)) return 'fail';
    $order = orders()[$fields['out_trade_no']] ?? [''];
    if ($order[0] !== (string) round($fields['money'] * 100)) return 'fail';
    if (ask('order', ['trade_no' => $fields['trade_no']])['status'] != 1) return 'fail';
    orders($fields['out_trade_no'], [$order[0], 'paid']);
    return '<html><body>Success</body></html>';
}

function shop(): void {
    $home = "http://127.0.0.1:{$_SERVER['SERVER_PORT']}";
    $path = strtok($_SERVER['REQUEST_URI'], '?');
    if ($path === '/buy') {
        $number = sprintf('php-%d', microtime(true) * 1000000);
        orders($number, ['100', 'open']);
        $fields = ['pid' => PID, 'type' => 'wxpay', 'out_trade_no' => $number, 'notify_url' => "$home/notify?shop=7",
            'return_url' => "$home/", 'name' => 'a\b 会员', 'money' => 100 / 100, 'param' => '', 'cid' => '5'];
        $fields += ['sign' => sign($fields), 'sign_type' => 'MD5'];
        header('Location: ' . GATEWAY . 'submit.php?' . http_build_query($fields));
    } elseif ($path === '/notify') {
        $fields = $_GET;
        unset($fields['shop']);
        echo settle($fields);
    } else {
        header('Content-Type: text/plain; charset=utf-8');
        foreach (orders() as $number => [$fen, $state]) echo "$number $fen $state\n";
    }
}

function main(string $command = '', string ...$rest): void {
    parse_str($rest[0] ?? '', $fields);
    $number = count($rest) > 2 ? ['out_refund_no' => $rest[2]] : [];
    $print = fn(array $answer) => print(json_encode($answer) . "\n");
    match ($command) {
        'shop' => pcntl_exec(PHP_BINARY, ['-S', "127.0.0.1:$rest[0]", __FILE__]),
        'query' => $print(ask('order', ['out_trade_no' => $rest[0]])),
        'refund' => $print(ask('refund', ['out_trade_no' => $rest[0], 'money' => $rest[1]] + $number)),
        'verify' => verify($fields) || exit(1),
        default => exit(2),
    };
}

PHP_SAPI === 'cli-server' ? shop() : main(...array_slice($argv, 1));
