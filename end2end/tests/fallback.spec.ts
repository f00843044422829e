// The fallback by itself, on pages that hold no more than it reads: whoever takes an element
// first owns it, and what it does it does once.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, type Page } from '@playwright/test';
import { mode, test } from './world';

const source = readFileSync(join(__dirname, 'fallback.js'), 'utf8');
const HERE = 'http://page.test';

test.beforeEach(() => test.skip(mode() !== 'script', 'the script is the same in each mode'));

/** A page whose body ends with the fallback; other addresses of its host say where they are. */
async function open(page: Page, body: string, address = `${HERE}/pay.html`, before = ''): Promise<void> {
  const html = `<meta charset="utf-8">${before}<body>${body}<script>${source}</script>`;
  await page.route(`${HERE}/**`, (route) => {
    const { pathname, search } = new URL(route.request().url());
    const opened = pathname + search === new URL(address).pathname + new URL(address).search;
    const poll = pathname === '/poll';
    return route.fulfill(
      poll
        ? { json: { errcode: '30000' } }
        : { contentType: 'text/html', body: opened ? html : `<h1>${pathname}${search}</h1>` },
    );
  });
  await page.goto(address);
}

const sheet = `<script>
  sheets = [];
  WeixinJSBridge = { invoke: (name, parameters, answer) => sheets.push({ name, parameters, answer }) };
</script>`;
const bridge = (more = '') =>
  `<main><button id="bridge" data-bridge='{"appId":"wx1"}' data-check="/check" ${more}>pay</button>
   ${['open', 'cancel', 'fail', 'none'].map((name) => `<p data-note="${name}" hidden>${name}</p>`).join('')}</main>`;

test('a fragment becomes the query, byte for byte', async ({ page }) => {
  for (const [address, found] of [
    ['/pay.html#/?a=%E4%BD+1&b=%25', '/pay.html?a=%E4%BD+1&b=%25'],
    ['/pay.html?from=x#/?a=1', '/pay.html?from=x&a=1'],
  ]) {
    await open(page, '<main data-fragment="1">reading</main>', HERE + address);
    await expect(page.locator('h1')).toHaveText(found);
    await page.unrouteAll();
  }
  await open(page, '<main data-fragment="1">reading</main>');
  await expect(page.locator('main')).toHaveText('reading');
});

test('a form is sent once, and not by who comes back', async ({ page }) => {
  const form = '<main data-ended="/ended"><form name="pay" data-once="1" action="/channel"></form></main>';
  await open(page, form);
  await expect(page.locator('h1')).toHaveText('/channel');
  await page.unrouteAll();
  const reopened = "<script>Object.defineProperty(performance, 'navigation', { value: { type: 2 } })</script>";
  await open(page, form, undefined, reopened);
  await expect(page.locator('h1')).toHaveText('/ended');
});

test('an element that an island has is left alone', async ({ page }) => {
  const taken = 'data-by="island"';
  await open(
    page,
    `<main ${taken} data-leave="0" data-again="0" data-frames="" data-poll="/poll"><a id="leave" href="/left"></a>
     <form name="pay" data-once="1" action="/channel" ${taken}></form>
     <button id="bridge" data-bridge="{}" data-check="/check" data-now="1" ${taken}>pay</button></main>`,
    undefined,
    sheet,
  );
  await page.locator('#bridge').click();
  await page.waitForTimeout(500);
  await expect(page.locator('#bridge')).toBeVisible();
  expect(await page.evaluate('sheets.length')).toBe(0);
});

test('what the sheet answers is told, or looked up', async ({ page }) => {
  const answer = (text: string) => page.evaluate((said) => (window as any).sheets.pop().answer({ err_msg: said }), text);
  await open(page, bridge(), undefined, sheet);
  for (const [said, note] of [
    ['get_brand_wcpay_request:cancel', 'cancel'],
    ['get_brand_wcpay_request: FAIL_no_permission', 'fail'],
  ]) {
    await page.locator('#bridge').click();
    await expect(page.locator('[data-note="open"]')).toBeVisible();
    expect(await page.evaluate('sheets[0].name + sheets[0].parameters.appId')).toBe('getBrandWCPayRequestwx1');
    await answer(said);
    await expect(page.locator(`[data-note="${note}"]`)).toBeVisible();
    await expect(page.locator('[data-note="open"]')).toBeHidden();
  }
  await page.locator('#bridge').click();
  await answer('whatever');
  await expect(page.locator('h1')).toHaveText('/check');
});

test('a payer who has tapped already sees the sheet at once, and is told where none comes', async ({ page }) => {
  await open(page, bridge('data-now="1"'), undefined, sheet);
  expect(await page.evaluate('sheets.length')).toBe(1);
  await page.unrouteAll();
  await open(page, bridge('data-now="1"'));
  await expect(page.locator('[data-note="none"]')).toBeVisible();
});

test('a bridge that is there before it says so opens one sheet', async ({ page }) => {
  await open(page, bridge());
  await page.locator('#bridge').click();
  await page.evaluate(() => {
    const sheets: object[] = ((window as any).sheets = []);
    (window as any).WeixinJSBridge = { invoke: (name: string) => sheets.push({ name }) };
  });
  await page.locator('#bridge').click();
  await page.evaluate(() => document.dispatchEvent(new Event('WeixinJSBridgeReady')));
  await page.waitForTimeout(3_500);
  expect(await page.evaluate('sheets.length')).toBe(1);
  await expect(page.locator('[data-note="open"]')).toBeVisible();
});

test('a paid page tells the page around it, once to each origin that may hold it', async ({ page }) => {
  await open(
    page,
    '<main data-leave="1" data-frames="http://page.test http://other.test" data-key="k"><a id="leave" href="http://page.test/left"></a></main>',
    `${HERE}/inner`,
  );
  await expect(page.locator('h1')).toHaveText('/left');
  await page.route(`${HERE}/outer`, (route) =>
    route.fulfill({
      contentType: 'text/html',
      body: `<script>told = []; onmessage = (event) => told.push(event.data)</script><iframe src="/inner"></iframe>`,
    }),
  );
  await page.goto(`${HERE}/outer`);
  const told = { type: 'tongfu', result: 'paid', requestKey: 'k', url: 'http://page.test/left' };
  await page.waitForFunction('self.told && told.length || location.pathname == "/left"');
  if (new URL(page.url()).pathname === '/outer') expect(await page.evaluate('told')).toEqual([told]);
  await expect(page.locator('h1')).toHaveText('/left');
});

test('without modules, or when the loader calls, it asks at once and in one row', async ({ page }) => {
  const polls: number[] = [];
  page.on('request', (sent) => {
    if (sent.url().endsWith('/poll')) polls.push(Date.now());
  });
  await open(page, '<main data-poll="/poll" data-ended="/ended" data-order="1">waiting</main>');
  await page.evaluate('tongfuWait(); tongfuWait()');
  await expect.poll(() => polls.length).toBe(2);
  expect(polls[1] - polls[0]).toBeGreaterThan(1_000);
  await page.evaluate("document.querySelector('main').dataset.by = 'island'");
  const asked = polls.length;
  await page.waitForTimeout(2_500);
  expect(polls.length).toBeLessThanOrEqual(asked + 1);
});
