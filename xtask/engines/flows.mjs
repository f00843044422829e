// The page's main flows in an engine that is not Chromium. Prints a line for each.
import { engines } from './browsers.mjs';

const { TONGFU_PORT, TONGFU_ENGINE, TONGFU_PROGRAM } = process.env;
const port = Number(TONGFU_PORT);
const gateway = `http://127.0.0.1:${port + 1}`;
const shop = `http://127.0.0.1:${port + 2}`;
const PATIENCE_MS = 20_000;
const PHONE =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) ' +
  'Version/17.5 Mobile/15E148 Safari/604.1';
const WECHAT = PHONE.replace('Version/17.5 Mobile/15E148 Safari/604.1', 'Mobile/15E148 MicroMessenger/8.0.68');

async function until(what, look) {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    // A page that is just leaving answers nothing.
    const seen = await Promise.resolve(look()).catch(() => undefined);
    if (seen) return seen;
    if (Date.now() > end) throw new Error(`never: ${what}`);
    await new Promise((done) => setTimeout(done, 100));
  }
}

const lives = (browser, island) =>
  until(`${island} lives`, () => browser.run((name) => performance.getEntriesByName(name).length > 0, island));
const shows = (browser, selector) =>
  until(`${selector} is shown`, () => browser.run((found) => !!document.querySelector(found), selector));
const click = (browser, selector) => browser.run((found) => document.querySelector(found).click(), selector);
const leaves = (browser, query) =>
  until('the payer is back at the shop', async () => {
    const url = await browser.url();
    return url.startsWith(`${shop}/return`) && url.includes(query.get('requestKey'));
  });

async function post(url, body) {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
  return answer;
}

async function payNewest() {
  const orders = await (await fetch(`${gateway}/control/orders`)).json();
  const newest = orders.filter((order) => order.state === 'NOTPAY').reduce((a, b) => (b.createdMs > a.createdMs ? b : a));
  await post(`${gateway}/control/pay`, { channelOrderNo: newest.channelOrderNo });
}

const mobile = (url) => url.replace('/pay.html?', '/mpay.html?');

/** Each opens an address of its own order. */
const FLOWS = [
  {
    name: 'a code is paid, and the page leaves',
    address: (url) => `${url}&pick=Wechat`,
    async walk(browser, query) {
      await shows(browser, 'svg.qr');
      await lives(browser, 'Watch');
      await payNewest();
      await leaves(browser, query);
    },
  },
  {
    name: 'parameters in the fragment, a pick, a code',
    address: (url) => url.replace('?', '#/?'),
    async walk(browser, query) {
      await lives(browser, 'Picker');
      await click(browser, 'form button');
      await shows(browser, 'svg.qr');
      await payNewest();
      await leaves(browser, query);
    },
  },
  {
    name: 'a phone picks Alipay, pays there, and comes back',
    agent: PHONE,
    address: mobile,
    async walk(browser, query) {
      await lives(browser, 'Picker');
      await click(browser, 'input[value=Alipay]');
      await click(browser, 'form button');
      await until("the channel's page", async () => (await browser.url()).startsWith(gateway));
      await shows(browser, 'button[value=pay], form button');
      await click(browser, 'button[value=pay], form button');
      await leaves(browser, query);
    },
  },
  {
    name: 'inside WeChat, with a bridge that comes late',
    agent: WECHAT,
    address: mobile,
    async walk(browser, query) {
      await lives(browser, 'Bridge');
      await click(browser, '#bridge');
      await browser.run(() => {
        window.sheets = [];
        window.WeixinJSBridge = { invoke: (name, parameters, answer) => window.sheets.push({ parameters, answer }) };
        document.dispatchEvent(new Event('WeixinJSBridgeReady'));
      });
      await click(browser, '#bridge');
      const parameters = await until('a sheet', () => browser.run(() => window.sheets[0]?.parameters));
      const paid = await (await post(`${gateway}/wallet/jsapi`, { ...parameters, act: 'pay' })).json();
      const sheets = await browser.run((result) => {
        const { answer } = window.sheets[0];
        setTimeout(() => answer(result));
        return window.sheets.length;
      }, paid);
      if (sheets !== 1) throw new Error(`${sheets} sheets`);
      await leaves(browser, query);
    },
  },
];

let failed = 0;
for (const flow of FLOWS) {
  const url = flow.address((await (await fetch(`${shop}/sample-url`)).text()).trim());
  const query = new URLSearchParams(url.slice(url.indexOf('?') + 1));
  const browser = await engines[TONGFU_ENGINE](TONGFU_PROGRAM, flow.agent);
  try {
    await browser.open(url);
    await flow.walk(browser, query);
    console.log(`ok      ${TONGFU_ENGINE}: ${flow.name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED  ${TONGFU_ENGINE}: ${flow.name}: ${error.message} (${await browser.url().catch(() => '')})`);
  } finally {
    await browser.end().catch(() => undefined);
  }
}
process.exit(failed ? 1 : 0);
