// Tongfu's client for Node: one file, no dependencies (docs/integrate.md).
//
// node tongfu.mjs shop PORT                          a shop at http://127.0.0.1:PORT/
//                 address [--sha1] NAME=VALUE…       where a payer is sent
//                 verify QUERY                       a callback's query, a notification's body
//                 query REQUESTKEY, close REQUESTKEY, refund REQUESTKEY REFUNDKEY FEN
//                 forecore CALL NAME=VALUE…          order, queryOrder, refund, exchangeRate
//
// TONGFU_URL, _DOMAIN, _SECRET, _PARTNER and _KEY say whose; without them a development instance's.
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';

const { env } = process;
const URL_ = env.TONGFU_URL ?? 'http://127.0.0.1:3000';
const DOMAIN = env.TONGFU_DOMAIN ?? 'demo';
const SECRET = env.TONGFU_SECRET ?? 'demo-secret';
const PARTNER = env.TONGFU_PARTNER ?? 'p001';
const KEY = env.TONGFU_KEY ?? '123456';
const NINE = 'money requestKey payTime orderSn payTypeCode payTypeName currencyType payStatus domainCode'.split(' ');

// encodeURIComponent leaves !'()* bare, as node's querystring does; RFC 3986 does not.
const escaped = (text) =>
  encodeURIComponent(text).replace(/[!'()*]/g, (sign) => '%' + sign.charCodeAt(0).toString(16).toUpperCase());

const joined = (fields, escape) =>
  Object.keys(fields).sort().map((name) => `${name}=${escape(fields[name])}`).join('&');

// sort() without a function sorts by UTF-16 code unit.
const sha1Sign = (values, secret) =>
  createHash('sha1').update([...values, secret].filter((value) => value !== '').sort().join('')).digest('hex');

function hmacSign(purpose, fields, secret) {
  const filled = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== ''));
  return createHmac('sha256', secret).update(`${purpose}\n${joined(filled, escaped)}`).digest('hex');
}

const md5Sign = (fields, key) => createHash('md5').update(key + joined(fields, encodeURIComponent)).digest('hex');

const without = (fields, ...names) =>
  Object.fromEntries(Object.entries(fields).filter(([name]) => !names.includes(name)));

function signed(purpose, given, sha1 = false) {
  const fields = { domainCode: DOMAIN, ...(sha1 ? {} : { signType: 'HMAC-SHA256' }), ...given };
  const covered = without(fields, 'payTypeCode', 'openid', 'lang');
  return { ...fields, sign: sha1 ? sha1Sign(Object.values(covered), SECRET) : hmacSign(purpose, covered, SECRET) };
}

const address = (fields) => `${URL_}/pay.html?${joined(fields, escaped)}`;

function equal(ours, theirs = '') {
  const [a, b] = [Buffer.from(ours), Buffer.from(theirs)];
  return a.length === b.length && timingSafeEqual(a, b);
}

// Whether a callback, or a partner's notification, is the platform's.
function verify(fields) {
  if ('outOrderId' in fields) return equal(md5Sign(without(fields, 'sign'), KEY), fields.sign);
  const good = equal(sha1Sign(NINE.map((name) => fields[name] ?? ''), SECRET), fields.sign);
  if (!('sign2' in fields)) return good; // where your domain has it, refuse a callback without it
  return good && equal(hmacSign('callback', without(fields, 'sign', 'sign2'), SECRET), fields.sign2);
}

async function call(path, body, media) {
  const post = body && { method: 'POST', body, headers: { 'Content-Type': media } };
  const answer = await fetch(URL_ + path, { signal: AbortSignal.timeout(30_000), ...post });
  return answer.json();
}

const query = (requestKey) =>
  call(`/pay/api/private/pay/queryInfo?${joined(signed('query', { requestKey }), escaped)}`);

const ask = (purpose, fields) => // refund, close
  call(`/pay/api/private/pay/${purpose}`, JSON.stringify(signed(purpose, fields)), 'application/json');

function forecore(name, given) {
  const fields = { partnerId: PARTNER, time: String(Date.now()), ...given };
  const body = joined({ ...fields, sign: md5Sign(fields, KEY) }, escaped);
  return call(`/forecore/${name}`, body, 'application/x-www-form-urlencoded');
}

// The sum that the platform knows as paid, -1 for none or one that goes back; where it can't say, the callback comes again.
function known({ errcode = '0', result = 'ok', ...answer }, name) {
  if (errcode !== '0' || result !== 'ok') throw new Error(JSON.stringify(answer));
  const paid = ('obj' in answer ? answer.obj : answer) ?? {};
  const isBack = (paid.payStatus ?? 'SUCCESSPAY') !== 'SUCCESSPAY' || paid.status?.startsWith('refund');
  return isBack ? -1 : paid[name] ?? -1;
}

const orders = {}; // number: fen, state; a real shop keeps them in its database

async function settle(fields, name, unit, confirmed) {
  if (!verify(fields)) return 'wrong sign';
  if ((fields.payStatus ?? 'SUCCESSPAY') !== 'SUCCESSPAY') return 'success'; // heard: ship nothing
  const order = orders[fields[name]];
  const fen = (sum) => String(Math.round(sum * unit));
  if (!order || fen(fields.money) !== order[0]) return 'another sum';
  if ((fields.currencyType ?? fields.currency) !== 'CNY') return 'another currency'; // all is sold for CNY
  if (fen(await confirmed()) === order[0] && order[1] === 'open') {
    order[1] = 'paid'; // here alone it is paid, and once: ship now
  }
  return 'success';
}

async function shop(request, response) {
  const home = `http://127.0.0.1:${request.socket.localPort}`;
  const { pathname, searchParams } = new URL(request.url, home);
  const number = `D1-${String(Date.now()).padStart(13, '0')}`;
  let [status, text] = [302, ''];
  if (pathname === '/buy') {
    orders[number] = ['100', 'open'];
    const goods = { requestKey: number, money: '100', currencyType: 'CNY', requestChannel: '1', info: '耳机 A+B' };
    text = address(signed('pay', { ...goods, bgUrl: `${home}/callback`, pageUrl: `${home}/` }));
  } else if (pathname === '/order') {
    orders[number] = ['100', 'open'];
    const goods = { outOrderId: number, money: '1.00', currency: 'CNY' };
    text = (await forecore('order', { ...goods, cb_url: `${home}/notify`, return_url: `${home}/` })).url;
  } else if (pathname === '/callback') {
    const fields = Object.fromEntries(searchParams);
    const confirmed = async () => known(await query(fields.requestKey), 'money');
    [status, text] = [200, await settle(fields, 'requestKey', 1, confirmed)];
  } else if (pathname === '/notify') {
    let body = '';
    for await (const part of request.setEncoding('utf8')) body += part;
    const fields = Object.fromEntries(new URLSearchParams(body));
    const confirmed = async () => known(await forecore('queryOrder', { outOrderId: fields.outOrderId }), 'received');
    const said = await settle(fields, 'outOrderId', 100, confirmed);
    [status, text] = [200, JSON.stringify(said === 'success' ? { result: said } : { err: said })];
  } else {
    [status, text] = [200, Object.entries(orders).map(([key, order]) => `${key} ${order.join(' ')}\n`).join('')];
  }
  response.writeHead(status, status === 302 ? { Location: text } : { 'Content-Type': 'text/plain; charset=utf-8' });
  response.end(status === 302 ? '' : text);
}

async function main(command, ...rest) {
  const fields = Object.fromEntries(rest.filter((pair) => pair.includes('=')).map((pair) => {
    const at = pair.indexOf('=');
    return [pair.slice(0, at), pair.slice(at + 1)];
  }));
  const failed = (error, response) => response.writeHead(500).end(error.message);
  const [first, second, third] = rest;
  switch (command) {
    case 'shop':
      return createServer((asked, answer) => shop(asked, answer).catch((error) => failed(error, answer)))
        .listen(first, '127.0.0.1');
    case 'address': return console.log(address(signed('pay', fields, rest.includes('--sha1'))));
    case 'verify':
      if (verify(Object.fromEntries(new URLSearchParams(first)))) return;
      console.error('the sign does not hold');
      process.exit(1);
    case 'query': return console.log(JSON.stringify(await query(first)));
    case 'close': return console.log(JSON.stringify(await ask('close', { requestKey: first })));
    case 'refund':
      return console.log(JSON.stringify(await ask('refund', { requestKey: first, refundKey: second, refundMoney: third })));
    case 'forecore': return console.log(JSON.stringify(await forecore(first, fields)));
    default: console.error('see the top of this file');
  }
}

await main(...process.argv.slice(2));
