<?php
// The guide's receiver (docs/integrate.md, Callbacks: five things to do right), called once.

// RECEIVER

[, $query, $secret, $key, $order] = $argv;
parse_str($query, $fields);
echo receive($fields, $secret, [$key => $order]), "\n";
