// What comes alive on the page: one order, one sheet, one leaving, whoever acts.
import { expect, type APIRequestContext, type Page } from '@playwright/test';
import {
  PHONE,
  WECHAT,
  control,
  gateway,
  mobileUrl,
  mode,
  pick,
  platform,
  requestKeyOf,
  scanUrl,
  scripted,
  shop,
  signedUrl,
  slowModule,
  test,
  wasm,
} from './world';

const PAY = '**/pay/api/pc/pay?*';
const start = (page: Page) => page.locator('form button');
const alive = (page: Page, island: string) =>
  page.waitForFunction((name) => performance.getEntriesByName(name).length > 0, island);

/** A bridge that counts its sheets, and answers none. */
async function countSheets(page: Page, afterMs: number): Promise<() => Promise<number>> {
  await page.addInitScript((ms) => {
    (window as any).sheets = 0;
    setTimeout(() => {
      (window as any).WeixinJSBridge = { invoke: () => ((window as any).sheets += 1) };
      // Some versions say it twice.
      document.dispatchEvent(new Event('WeixinJSBridgeReady'));
      document.dispatchEvent(new Event('WeixinJSBridgeReady'));
    }, ms);
  }, afterMs);
  return () => page.evaluate(() => (window as any).sheets);
}

async function ordersSince(request: APIRequestContext, before: number): Promise<number> {
  const orders: any[] = await (await request.get(`${gateway}/control/orders`)).json();
  return orders.length - before;
}

test.describe('the picker', () => {
  // What fails half way leaves no fault to others.
  test.afterEach(async ({ request }) => {
    await request.post(`${gateway}/control/reset`);
  });

  test('starts one payment however often it is pressed', async ({ page, request }) => {
    test.skip(!wasm(), 'the call is made by WebAssembly');
    const calls: string[] = [];
    page.on('request', (sent) => {
      if (sent.method() === 'POST') calls.push(new URL(sent.url()).pathname);
    });
    const before = await ordersSince(request, 0);
    await page.goto(await signedUrl(request));
    await alive(page, 'Picker');
    await page.evaluate(() => {
      const button = document.querySelector<HTMLButtonElement>('form button')!;
      for (let press = 0; press < 5; press += 1) button.click();
    });
    await expect(page).toHaveURL(/\/pay\/attempt\/[0-9a-f]{32}$/);
    await expect(page.locator('svg.qr')).toBeVisible();
    expect(calls).toEqual(['/pay/api/pc/pay']);
    expect(await ordersSince(request, before)).toBe(1);
  });

  test('says in place what passes, and starts when it is over', async ({ page, request }) => {
    test.skip(!wasm(), 'without WebAssembly the server has a page of its own for it');
    await page.goto(await signedUrl(request));
    await alive(page, 'Picker');
    await page.route(PAY, (route) => route.abort(), { times: 1 });
    await start(page).click();
    await expect(page.locator('form [role=status]')).toHaveText('网络不通，请再试');
    await request.post(`${gateway}/control/fault`, { data: { on: 'create', kind: 'busy', times: 9 } });
    await start(page).click();
    await expect(page.locator('form [role=status]')).toContainText('支付渠道暂不可用');
    await request.post(`${gateway}/control/reset`);
    await start(page).click();
    await expect(page.locator('svg.qr')).toBeVisible();
  });

  test('remembers what this payer picked last', async ({ page, request }) => {
    await page.goto(await signedUrl(request));
    await expect(page.locator('input[value="Wechat"]')).toBeChecked();
    await pick(page, 'ChinapayOld');
    await expect(page).not.toHaveURL(/\/pay\.html/);
    await page.goto(await signedUrl(request));
    await expect(page.locator('input[value="ChinapayOld"]')).toBeChecked();
  });

  test('is as good as new for a payer who comes back', async ({ page, request }) => {
    await page.goto(await signedUrl(request));
    for (let round = 0; round < 2; round += 1) {
      await pick(page, 'Wechat');
      await expect(page.locator('svg.qr')).toBeVisible();
      await page.goBack();
      await expect(start(page)).toBeVisible();
    }
    await page.reload();
    await pick(page, 'Wechat');
    await expect(page.locator('svg.qr')).toBeVisible();
  });

  test('pressed while the module comes, it starts one payment', async ({ page, request }) => {
    test.skip(mode() !== 'script', 'this test delays the module itself');
    const before = await ordersSince(request, 0);
    await slowModule(page, 1_000);
    await page.goto(await signedUrl(request));
    for (const wait of [0, 900, 100, 100]) {
      await page.waitForTimeout(wait);
      await start(page).click({ noWaitAfter: true, timeout: 500 }).catch(() => undefined);
    }
    await expect(page.locator('svg.qr')).toBeVisible();
    expect(await ordersSince(request, before)).toBe(1);
  });

  test('a request that can not be started leads to the page that says why', async ({ page, request }) => {
    const url = await signedUrl(request);
    await page.goto(url);
    const other = await page.context().newPage();
    await other.goto(url);
    await pick(other, 'Wechat');
    await expect(other.locator('svg.qr')).toBeVisible();
    await control(request, 'pay');
    await expect(other).toHaveURL(new RegExp(`^${shop}/return`));
    await page.route(`${shop}/return*`, (route) => route.abort());
    await pick(page, 'Wechat');
    await expect(page.locator('main')).toContainText('支付成功');
  });
});

test.describe("WeChat's sheet", () => {
  test.use({ userAgent: WECHAT, viewport: PHONE });
  const button = (page: Page) => page.getByRole('button', { name: '微信支付' });

  test('is one, however fast is tapped', { tag: '@flow' }, async ({ page, request }) => {
    test.skip(!scripted(), "WeChat's bridge is script");
    const sheets = await countSheets(page, 0);
    await page.goto(await mobileUrl(request));
    if (mode() === 'no-fallback') await alive(page, 'Bridge');
    await button(page).dblclick();
    await button(page).click();
    expect(await sheets()).toBe(1);
  });

  test('is one where the tap, the module and the bridge come in any order', async ({ page, request }) => {
    test.skip(mode() !== 'script', 'this test delays the module itself');
    const sheets = await countSheets(page, 2_500);
    await slowModule(page, 1_000);
    await page.goto(await mobileUrl(request));
    await button(page).click();
    await page.waitForTimeout(1_500);
    await button(page).click();
    await expect.poll(sheets).toBe(1);
    await page.waitForTimeout(1_500);
    expect(await sheets()).toBe(1);
  });

  test('is one where the bridge is there before it says so', { tag: '@flow' }, async ({ page, request }) => {
    test.skip(!scripted(), "WeChat's bridge is script");
    await page.goto(await mobileUrl(request));
    if (wasm()) await alive(page, 'Bridge');
    await button(page).click();
    await page.evaluate(() => {
      (window as any).sheets = 0;
      (window as any).WeixinJSBridge = { invoke: () => ((window as any).sheets += 1) };
    });
    await button(page).click();
    await page.evaluate(() => document.dispatchEvent(new Event('WeixinJSBridgeReady')));
    await page.waitForTimeout(3_500);
    expect(await page.evaluate(() => (window as any).sheets)).toBe(1);
    await expect(page.locator('[data-note="open"]')).toBeVisible();
  });

  test('a page that was fetched ahead fetches an openid once it is looked at', async ({ page, request }) => {
    test.skip(!wasm(), 'the way is taken by WebAssembly');
    const trips: string[] = [];
    page.on('request', (sent) => {
      if (sent.url().includes('/connect/oauth2/authorize?')) trips.push(sent.url());
    });
    const url = await mobileUrl(request);
    await page.route(url, (route) => {
      const headers = { ...route.request().headers(), purpose: 'prefetch' };
      return route.continue({ headers });
    }, { times: 1 });
    await page.goto(url);
    await expect(button(page)).toBeVisible();
    expect(trips).toHaveLength(1);
  });
});

test('a module that never comes leaves a page that is payable', async ({ page, request }) => {
  test.skip(mode() !== 'script', 'this test blocks the module itself');
  const said: string[] = [];
  page.on('pageerror', (error) => said.push(error.message));
  for (const file of ['**/assets/*.wasm', '**/assets/*.js']) {
    await page.route(file, (route) => route.abort());
    const url = await scanUrl(request);
    await page.goto(url);
    await expect(page.locator('svg.qr')).toBeVisible();
    const order = await control(request, 'pay');
    expect(order.channel).toBe('Wechat');
    await expect(page).toHaveURL(new RegExp(`^${shop}/return.*${requestKeyOf(url)}`));
    await page.unroute(file);
  }
  expect(said).toEqual([]);
});

test('an island that comes late takes the polling over', async ({ page, request }) => {
  test.skip(mode() !== 'script', 'this test delays the module itself');
  await slowModule(page, 9_000);
  await page.goto(await scanUrl(request));
  await page.waitForFunction(() => document.querySelector('main')!.dataset.by === 'script');
  await expect(page.getByRole('timer')).toHaveText(/14:\d\d$/);
  expect(await page.locator('main').getAttribute('data-by')).toBe('island');
  await control(request, 'pay');
  await expect(page).toHaveURL(new RegExp(`^${shop}/return`));
});

test('nothing of our own is asked by another site', async ({ page, request }) => {
  test.skip(!scripted(), 'the other site asks by script');
  const url = await signedUrl(request);
  await page.goto(shop);
  const answer = await page.evaluate(
    ([address, query]) =>
      fetch(`${address}/pay/api/pc/pay${query}`, {
        method: 'POST',
        headers: { 'tongfu-pick': 'Wechat' },
        body: '{}',
      }).then(
        () => 'answered',
        () => 'refused',
      ),
    [platform, new URL(url).search],
  );
  expect(answer).toBe('refused');
});
