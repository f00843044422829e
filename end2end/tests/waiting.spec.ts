// A payer who waits is never in doubt: networks, tabs, frames, keyboards.
import { expect, type Page } from '@playwright/test';
import {
  PHONE,
  another,
  control,
  gateway,
  picture,
  platform,
  scanUrl,
  scripted,
  shop,
  signedUrl,
  test,
  wasm,
} from './world';

const polls = '**/pay/api/pc/wechatQuery?*';

/** Opens the page, lets it live for a while, then stops its clock. */
async function standingStill(page: Page, url: string): Promise<void> {
  await page.clock.install();
  await page.goto(url);
  await expect(page.getByRole('timer')).toHaveText(/14:\d\d$/);
  await page.clock.pauseAt(new Date(Date.now() + 10_000));
  // What was under way has been answered once nothing is asked any more.
  for (let quiet = false; !quiet; ) {
    quiet = await page.waitForRequest(polls, { timeout: 1_000 }).then(() => false, () => true);
  }
}

test('in this mode WebAssembly is there, or not', async ({ page, request }) => {
  test.skip(!scripted(), 'nothing runs');
  await page.goto(await scanUrl(request));
  expect(await page.evaluate(() => typeof WebAssembly)).toBe(wasm() ? 'object' : 'undefined');
});

test('nothing moves when the page comes alive', async ({ page, request }) => {
  test.skip(!wasm(), 'for the page that comes alive');
  await page.addInitScript(() => {
    (window as any).shifted = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) (window as any).shifted += (entry as any).value;
    }).observe({ type: 'layout-shift', buffered: true });
  });
  await page.goto(await scanUrl(request));
  const place = () => page.locator('svg.qr').boundingBox();
  const before = await place();
  await expect(page.getByRole('timer')).toHaveText(/14:\d\d$/);
  expect(await place()).toEqual(before);
  expect(await page.evaluate(() => (window as any).shifted)).toBe(0);
});

test('offline is said, and the page goes on by itself', async ({ page, request, context }) => {
  test.skip(!wasm(), 'the line is told by WebAssembly');
  await page.goto(await scanUrl(request));
  await expect(page.getByRole('timer')).toHaveText(/14:\d\d$/);
  await context.setOffline(true);
  await expect(page.getByRole('status')).toHaveText('网络已断开，恢复后会自动继续');
  await control(request, 'pay');
  await context.setOffline(false);
  await expect(page).toHaveURL(new RegExp(`^${shop}/return`));
});

test('a slow network is said, and its answer is still heard', async ({ page, request }) => {
  test.skip(!wasm(), 'the line is told by WebAssembly');
  let slow = true;
  await page.route(polls, async (route) => {
    if (slow) await new Promise((done) => setTimeout(done, 6_000));
    await route.continue();
  });
  await page.goto(await scanUrl(request));
  await expect(page.getByRole('status')).toHaveText('网络较慢，正在继续查询支付结果');
  slow = false;
  await expect(page.getByRole('status')).toHaveText(/^\s*$/);
  await control(request, 'pay');
  await expect(page).toHaveURL(new RegExp(`^${shop}/return`));
});

test('the push stream makes the page ask at once', async ({ page, request }) => {
  test.skip(!wasm(), 'the stream is heard by WebAssembly');
  await standingStill(page, await scanUrl(request));
  // No poll is due any more: only the stream can tell.
  const asked = page.waitForRequest(polls);
  await control(request, 'pay');
  await asked;
});

test('a page that comes back to the front asks at once', async ({ page, request }) => {
  test.skip(!wasm(), 'the page wakes by script');
  await page.route('**/pay/events?*', (route) => route.fulfill({ status: 204 }));
  await standingStill(page, await scanUrl(request));
  for (const event of ['focus', 'online', 'pageshow']) {
    const asked = page.waitForRequest(polls);
    await page.evaluate((name) => window.dispatchEvent(new Event(name)), event);
    await (await asked).response();
  }
});

test('two tabs agree', async ({ page, request }) => {
  const url = await scanUrl(request);
  await page.goto(url);
  const second = await page.context().newPage();
  await second.goto(url);
  const code = (tab: Page) => tab.locator('svg.qr path').nth(1).getAttribute('d');
  expect(await code(second)).toBe(await code(page));
  await control(request, 'pay');
  for (const tab of [page, second]) await expect(tab).toHaveURL(new RegExp(`^${shop}/return`));
});

test('"I have paid" asks at once, and says where the money is not there yet', async ({ page, request }) => {
  await page.goto(await scanUrl(request));
  await page.getByRole('link', { name: '我已完成支付' }).click();
  await expect(page.locator('.note').first()).toContainText('暂未收到付款');
  await expect(page.locator('svg.qr')).toBeVisible();
  await picture(page, 'pc-not-yet');
  await control(request, 'pay');
  await expect(page).toHaveURL(new RegExp(`^${shop}/return`));
});

test('the keyboard alone pays', async ({ page, request }) => {
  await page.goto(await signedUrl(request));
  await page.keyboard.press('Tab');
  await expect(page.locator('header a')).toBeFocused();
  await page.keyboard.press('Tab');
  await expect(page.locator('input[value="Wechat"]')).toBeFocused();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('Tab');
  await expect(page.locator('form button')).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page.locator('svg.qr')).toBeVisible();
});

test('text of twice the size holds on a narrow phone', async ({ browser, request }) => {
  for (const path of ['', '&pick=Wechat']) {
    for (const file of ['/pay.html', '/mpay.html']) {
      const context = await another(browser, { viewport: PHONE });
      const page = await context.newPage();
      await page.goto((await signedUrl(request)).replace('/pay.html', file) + path);
      if (scripted()) {
        await page.evaluate(() => (document.documentElement.style.fontSize = '200%'));
        const [wide, room] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
        expect(wide).toBeLessThanOrEqual(room);
        await picture(page, `large-text-${file.slice(1, -5)}${path ? '-scan' : ''}`);
      }
      await context.close();
    }
  }
});

test('the language is chosen by a link, and kept', async ({ page, request }) => {
  await page.goto(await signedUrl(request));
  await page.getByRole('link', { name: 'English' }).click();
  await expect(page.locator('legend')).toHaveText('Choose how to pay');
  await expect(page.locator('h1')).toHaveText('Bluetooth headphones, black');
  await page.goto(await signedUrl(request));
  await expect(page.locator('legend')).toHaveText('Choose how to pay');
  await page.getByRole('link', { name: '中文' }).click();
  await expect(page.locator('legend')).toHaveText('选择支付方式');
});

test('in a frame the page around is told, and led on or offered a link', { tag: '@flow' }, async ({ page, request }) => {
  const url = await scanUrl(request);
  // Old systems hold the page by an address with its parameters in the fragment.
  const held = scripted() ? url.replace('?', '#/?') : url;
  const told: object[] = [];
  await page.exposeFunction('tell', (message: object) => told.push(message));
  await page.goto(shop);
  await page.evaluate((url) => {
    addEventListener('message', (event) => (window as any).tell({ from: event.origin, ...event.data }));
    document.body.innerHTML = '<iframe width="600" height="700"></iframe>';
    document.querySelector('iframe')!.src = url;
  }, held);
  const frame = page.frameLocator('iframe');
  await expect(frame.locator('svg.qr')).toBeVisible();
  if (wasm()) await expect(frame.getByRole('timer')).toHaveText(/14:\d\d$/);
  await picture(page, 'pc-frame');
  const back = new URL(url).searchParams.get('dialogOkUrl');
  await control(request, 'pay');
  if (!scripted()) {
    await expect(frame.locator('body')).toContainText(new URL(url).searchParams.get('requestKey')!);
    return;
  }
  await expect.poll(() => told).toMatchObject([{ from: platform, type: 'tongfu', result: 'paid', url: back }]);
  // The browser may forbid it without a tap of the payer's; then the link is there.
  const link = frame.getByRole('link', { name: '返回商户' });
  await Promise.race([page.waitForURL(`${shop}/return*`), link.click().catch(() => undefined)]);
  await expect(page).toHaveURL(new RegExp(`^${shop}/return`));
});

test('nothing is fetched from anybody else, and the policy is kept', async ({ page, request }) => {
  const hosts = new Set<string>();
  const said: string[] = [];
  page.on('request', (sent) => hosts.add(new URL(sent.url()).origin));
  page.on('console', (message) => said.push(message.text()));
  const url = await scanUrl(request);
  await page.goto(await signedUrl(request));
  await page.goto(url);
  if (wasm()) await expect(page.getByRole('timer')).toHaveText(/14:\d\d$/);
  await page.goto(url.replace('/pay.html', '/mpay.html'));
  await expect(page.locator('#address')).toBeVisible();
  expect([...hosts]).toEqual([platform]);
  expect(said).toEqual([]);
});

test('a frame of a stranger stays empty', async ({ page, request }) => {
  const url = await scanUrl(request);
  // The gateway's pages are no pages of this shop.
  await page.goto(`${gateway}/wallet`);
  const refused = page.waitForEvent('console', (message) => message.text().includes('frame-ancestors'));
  await page.evaluate((url) => {
    document.body.innerHTML = '<iframe></iframe>';
    document.querySelector('iframe')!.src = url;
  }, url);
  await refused;
  await expect(page.frameLocator('iframe').locator('svg.qr')).toHaveCount(0);
});

test('on a phone nothing lies beside the screen', async ({ browser, request }) => {
  const context = await another(browser, { viewport: PHONE, locale: 'en-US' });
  const page = await context.newPage();
  await page.goto(await scanUrl(request));
  const box = await page.locator('main').boundingBox();
  expect(box!.x + box!.width).toBeLessThanOrEqual(390);
  await picture(page, 'phone-english');
  await context.close();
});
