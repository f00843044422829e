// Tongfu's client for Node: one file, no dependencies (docs/integrate.md).
//
// node tongfu.mjs shop PORT                          a shop at http://127.0.0.1:PORT/
//                 address [--sha1] NAME=VALUE…       where a payer is sent
//                 verify QUERY                       a callback of the platform's
//                 notification BODY                  a partner's notification
//                 query REQUESTKEY, close REQUESTKEY, refund REQUESTKEY REFUNDKEY FEN
//                 forecore CALL NAME=VALUE…          order, queryOrder, refund, exchangeRate
//
// TONGFU_URL, _DOMAIN, _SECRET, _PARTNER and _KEY say whose; without them a development instance's at this machine.
import { createHash, createHmac, randomInt, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';

const { env } = process;
const URL_ = env.TONGFU_URL ?? 'http://127.0.0.1:3000';
const DEVELOPMENT = { DOMAIN: 'demo', SECRET: 'demo-secret', PARTNER: 'p001', KEY: '123456' };
const NINE = 'money requestKey payTime orderSn payTypeCode payTypeName currencyType payStatus domainCode'.split(' ');

// TONGFU_name; everybody knows a development instance's, so that they hold at this machine alone.
function setting(name) {
  const given = env[`TONGFU_${name}`];
  const isHere = /^https?:\/\/(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/.test(URL_);
  if (!given && !isHere) throw new Error(`TONGFU_${name} is missing`);
  return given || DEVELOPMENT[name];
}

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
  const fields = { domainCode: setting('DOMAIN'), ...(sha1 ? {} : { signType: 'HMAC-SHA256' }), ...given };
  const [covered, secret] = [without(fields, 'payTypeCode', 'openid', 'lang'), setting('SECRET')];
  return { ...fields, sign: sha1 ? sha1Sign(Object.values(covered), secret) : hmacSign(purpose, covered, secret) };
}

const address = (fields) => `${URL_}/pay.html?${joined(fields, escaped)}`;

function equal(ours, theirs = '') {
  const [a, b] = [Buffer.from(ours), Buffer.from(theirs)];
  return a.length === b.length && timingSafeEqual(a, b);
}

// Whether a callback is the platform's; payTypeName alone may be missing.
function verify(fields) {
  if (NINE.some((name) => !fields[name] && name !== 'payTypeName')) return false;
  const secret = setting('SECRET');
  const good = equal(sha1Sign(NINE.map((name) => fields[name] ?? ''), secret), fields.sign);
  if (!('sign2' in fields)) return good; // where your domain has it, refuse a callback without it
  return good && equal(hmacSign('callback', without(fields, 'sign', 'sign2'), secret), fields.sign2);
}

// Whether a partner's notification is the platform's.
const verifyNotification = (fields) => equal(md5Sign(without(fields, 'sign'), setting('KEY')), fields.sign);

async function call(path, body, media) {
  const post = body && { method: 'POST', body, headers: { 'Content-Type': media } };
  const answer = await fetch(URL_ + path, { signal: AbortSignal.timeout(5_000), ...post });
  return answer.json();
}

const query = (requestKey) =>
  call(`/pay/api/private/pay/queryInfo?${joined(signed('query', { requestKey }), escaped)}`);

const ask = (purpose, fields) => // refund, close
  call(`/pay/api/private/pay/${purpose}`, JSON.stringify(signed(purpose, fields)), 'application/json');

async function forecore(name, given) {
  if (name === 'refund' && !given.out_refund_no) { // by another time it would be another refund
    throw new Error('out_refund_no is missing: name it, and keep it before you call');
  }
  const fields = { partnerId: setting('PARTNER'), time: String(Date.now()), ...given };
  const body = joined({ ...fields, sign: md5Sign(fields, setting('KEY')) }, escaped);
  return call(`/forecore/${name}`, body, 'application/x-www-form-urlencoded');
}

const fen = (yuan) => Math.round(yuan * 100);

// What is paid and does not go back; where the platform can't say, the callback comes again.
async function paidByPlatform(number) {
  const { errcode, errormsg, obj: paid } = await query(number);
  if (errcode !== '0') throw new Error(errormsg);
  return paid?.payStatus === 'SUCCESSPAY' && `${paid.money} ${paid.currencyType}`;
}

async function paidByPartner(outOrderId) {
  const { result, err, status, received, currency } = await forecore('queryOrder', { outOrderId });
  if (result !== 'ok') throw new Error(err);
  return !status.startsWith('refund') && `${fen(received)} ${currency}`;
}

const orders = {}; // number: sum, state; a real shop keeps them in its database

async function settle(number, told, confirmed) {
  const order = orders[number];
  if (order?.sum !== told) return 'another sum';
  if (order.state === 'open' && await confirmed(number) === told && order.state === 'open') {
    order.state = 'paid'; // here alone it is paid, and once: ship now
    console.log(`ship ${number}`);
  }
  return 'success';
}

async function called(told) {
  if (!verify(told)) return 'wrong sign';
  if (told.payStatus !== 'SUCCESSPAY') return 'success'; // heard, and no payment: ship nothing
  return settle(told.requestKey, `${told.money} ${told.currencyType}`, paidByPlatform);
}

async function notified(told) {
  if (!verifyNotification(told)) return 'wrong sign';
  return settle(told.outOrderId, `${fen(told.money)} ${told.currency}`, paidByPartner);
}

async function shop(request, response) {
  const home = `http://127.0.0.1:${request.socket.localPort}`;
  const { pathname, searchParams } = new URL(request.url, home);
  const number = `D1-${String(randomInt(10 ** 13)).padStart(13, '0')}`;
  let [status, text] = [302, ''];
  if (pathname === '/buy') {
    orders[number] = { sum: '100 CNY', state: 'open' };
    const goods = { requestKey: number, money: '100', currencyType: 'CNY', requestChannel: '1', info: '耳机 A+B' };
    text = address(signed('pay', { ...goods, bgUrl: `${home}/callback`, pageUrl: `${home}/` }));
  } else if (pathname === '/order') {
    orders[number] = { sum: '1999 CNY', state: 'open' };
    const goods = { outOrderId: number, money: '19.99', currency: 'CNY' };
    text = (await forecore('order', { ...goods, cb_url: `${home}/notify`, return_url: `${home}/` })).url;
  } else if (pathname === '/callback') {
    [status, text] = [200, await called(Object.fromEntries(searchParams))];
  } else if (pathname === '/notify') {
    let body = '';
    for await (const part of request.setEncoding('utf8')) body += part;
    const said = await notified(Object.fromEntries(new URLSearchParams(body)));
    [status, text] = [200, JSON.stringify(said === 'success' ? { result: said } : { err: said })];
  } else {
    [status, text] = [200, Object.entries(orders).map(([key, { sum, state }]) => `${key} ${sum} ${state}\n`).join('')];
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
      Object.keys(DEVELOPMENT).forEach(setting); // all of them, before anybody buys
      return createServer((asked, answer) => shop(asked, answer).catch((error) => failed(error, answer)))
        .listen(first, '127.0.0.1');
    case 'address': return console.log(address(signed('pay', fields, rest.includes('--sha1'))));
    case 'verify':
    case 'notification':
      if ((command === 'verify' ? verify : verifyNotification)(Object.fromEntries(new URLSearchParams(first)))) return;
      throw new Error('the sign does not hold');
    case 'query': return console.log(JSON.stringify(await query(first)));
    case 'close': return console.log(JSON.stringify(await ask('close', { requestKey: first })));
    case 'refund':
      return console.log(JSON.stringify(await ask('refund', { requestKey: first, refundKey: second, refundMoney: third })));
    case 'forecore': return console.log(JSON.stringify(await forecore(first, fields)));
    default: console.error('see the top of this file');
  }
}

await main(...process.argv.slice(2)).catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
