// Measures our pages and the one that they replace with Lighthouse: mobile preset,
// its simulated throttling. Prints one JSON object: each page's runs.
//
// Each page is first seen to work: it shows its code or its picker; and a page with
// a code asks again, and leaves when it is paid.
import * as launcher from 'chrome-launcher';
import lighthouse from 'lighthouse';
import puppeteer from 'puppeteer-core';
import { fileURLToPath } from 'node:url';
import { serveOld } from './old-server.mjs';

const { TONGFU_CHROMIUM, TONGFU_PORT, TONGFU_OLD_PAGE, TONGFU_RUNS } = process.env;
const port = Number(TONGFU_PORT);
const gateway = `http://127.0.0.1:${port + 1}`;
const shop = `http://127.0.0.1:${port + 2}`;
const FLAGS = [
  '--headless=new',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const CHINESE = { 'Accept-Language': 'zh-CN,zh;q=0.9' };
// What comes for as long as a page waits is not part of its weight.
const WAITING = ['/pay/api/pc/wechatQuery', '/pay/events'];

const modules = fileURLToPath(new URL('node_modules', import.meta.url));
const oldPort = await serveOld(TONGFU_OLD_PAGE, modules, port);

/** Each opens a new order; `shown` is there when the payer can act. */
const PAGES = [
  { name: 'PC code', url: (url) => `${url}&pick=Wechat`, shown: 'main svg path', waits: true },
  { name: 'PC picker', url: (url) => url, shown: 'input[value=Wechat]' },
  { name: 'H5 code', url: (url) => `${h5(url)}&pick=Wechat`, shown: 'main svg path', waits: true },
  { name: 'H5 picker', url: h5, shown: 'input[value=Wechat]' },
  { name: 'PC fragment', url: (url) => `${url.replace('?', '#/?')}&pick=Wechat`, shown: 'main svg path' },
  {
    name: 'old page',
    url: (url) => url.replace(/^.*\?/, `http://127.0.0.1:${oldPort}/#/?`),
    shown: '#code img[src^="data:image"]',
    waits: true,
  },
];

function h5(url) {
  return url.replace('/pay.html?', '/mpay.html?');
}

async function newUrl(page) {
  return page.url((await (await fetch(`${shop}/sample-url`)).text()).trim());
}

async function withChromium(work) {
  const chrome = await launcher.launch({ chromePath: TONGFU_CHROMIUM, chromeFlags: FLAGS });
  try {
    return await work(chrome.port);
  } finally {
    chrome.kill();
  }
}

async function check(page) {
  await withChromium(async (chromePort) => {
    const browser = await puppeteer.connect({ browserURL: `http://127.0.0.1:${chromePort}` });
    const tab = await browser.newPage();
    await tab.setExtraHTTPHeaders(CHINESE);
    await tab.goto(await newUrl(page));
    await tab.waitForSelector(page.shown, { visible: true });
    const text = await tab.$eval('body', (body) => body.innerText);
    if (!text.includes('123.45')) throw new Error(`${page.name} shows no amount: ${text}`);
    if (page.waits) {
      await tab.waitForResponse((answer) => answer.url().includes('/pc/wechatQuery'));
      // A page to be opened inside WeChat has no order of the channel's yet.
      if (!page.name.startsWith('H5')) await leaves(tab);
    }
    await browser.disconnect();
  });
}

async function leaves(tab) {
  const orders = await (await fetch(`${gateway}/control/orders`)).json();
  const newest = orders.reduce((a, b) => (b.createdMs > a.createdMs ? b : a));
  const left = tab.waitForFrame((frame) => frame.url().startsWith(`${shop}/return`));
  await fetch(`${gateway}/control/pay`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ channelOrderNo: newest.channelOrderNo }),
  });
  await left;
}

async function measure(page) {
  const url = await newUrl(page);
  const { lhr } = await withChromium((chromePort) =>
    lighthouse(url, {
      port: chromePort,
      logLevel: 'error',
      onlyCategories: ['performance', 'accessibility'],
      extraHeaders: CHINESE,
    }),
  );
  if (lhr.runtimeError) throw new Error(`${page.name}: ${lhr.runtimeError.message}`);
  const value = (audit) => lhr.audits[audit].numericValue;
  const fetched = lhr.audits['network-requests'].details.items.filter(
    (item) => !item.url.startsWith('data:') && !WAITING.some((path) => item.url.includes(path)),
  );
  return {
    fcp_ms: value('first-contentful-paint'),
    lcp_ms: value('largest-contentful-paint'),
    tbt_ms: value('total-blocking-time'),
    cls: value('cumulative-layout-shift'),
    speed_index_ms: value('speed-index'),
    bytes: fetched.reduce((sum, item) => sum + item.transferSize, 0),
    requests: fetched.length,
    accessibility: lhr.categories.accessibility.score * 100,
    benchmark: lhr.environment.benchmarkIndex,
    lives: lives(lhr),
    lcp_element: largest(lhr),
    failed: failed(lhr),
  };
}

/** When each island came alive, ms; observed on this machine, not simulated. */
function lives(lhr) {
  const marks = lhr.audits['user-timings'].details?.items ?? [];
  return Object.fromEntries(marks.map((mark) => [mark.name, mark.startTime]));
}

/** What was painted largest. */
function largest(lhr) {
  const lists = lhr.audits['largest-contentful-paint-element'].details?.items ?? [];
  return lists.flatMap((list) => list.items).find((item) => item.node)?.node.snippet;
}

/** What Lighthouse finds to be wrong or slow, for a person to look at. */
function failed(lhr) {
  const audits = Object.values(lhr.categories).flatMap((category) => category.auditRefs);
  return audits
    .map((audit) => lhr.audits[audit.id])
    .filter((audit) => audit.score !== null && audit.score < 0.9)
    .map((audit) => `${audit.id} ${audit.displayValue ?? ''}`.trim());
}

const results = [];
for (const page of PAGES) {
  await check(page);
  results.push({ name: page.name, runs: [] });
}
for (let run = 0; run < Number(TONGFU_RUNS); run++) {
  for (const [index, page] of PAGES.entries()) results[index].runs.push(await measure(page));
}
process.stdout.write(JSON.stringify(results));
process.exit(0);
