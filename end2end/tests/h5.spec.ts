// The payer on a phone: inside WeChat with its bridge, and outside.
import { expect, type BrowserContext, type Page } from '@playwright/test';
import {
  MOBILE,
  PHONE,
  WECHAT,
  another,
  bridge,
  callbacks,
  control,
  gateway,
  mobileUrl,
  pick,
  picture,
  platform,
  requestKeyOf,
  scripted,
  shop,
  test,
} from './world';

test.describe('inside WeChat', () => {
  test.use({ userAgent: WECHAT, viewport: PHONE });
  const button = (page: Page) => page.getByRole('button', { name: '微信支付' });
  const needsScript = () => test.skip(!scripted(), "WeChat's bridge is script");

  test('fetches the openid once, pays with one tap, and goes back to the shop', { tag: '@flow' }, async ({ page, request }) => {
    needsScript();
    await bridge(page, ['pay']);
    const hops: string[] = [];
    page.on('request', (sent) => {
      if (sent.url().includes('/connect/oauth2/authorize?')) hops.push(sent.url());
    });
    const url = await mobileUrl(request);
    await page.goto(url);
    await expect(page).toHaveURL(/\/mpay\.html\?.*lap=/);
    expect(page.url()).not.toContain('openid');
    expect(hops).toHaveLength(1);
    await expect(page.locator('.amount')).toHaveText('¥123.45');
    await picture(page, 'h5-wechat');
    await button(page).click();
    await expect(page).toHaveURL(new RegExp(`^${shop}/return`));
    const key = requestKeyOf(url);
    await expect.poll(async () => (await callbacks(request, key)).length).toBeGreaterThan(0);
    // The cookie is kept: another order asks WeChat for nothing.
    await page.goto(await mobileUrl(request));
    await expect(button(page)).toBeVisible();
    expect(hops).toHaveLength(1);
  });

  test('cancel and fail lose nothing', { tag: '@flow' }, async ({ page, request }) => {
    needsScript();
    await bridge(page, ['cancel', 'fail', 'pay']);
    await page.goto(await mobileUrl(request));
    await button(page).click();
    await expect(page.locator('[data-note="cancel"]')).toBeVisible();
    await picture(page, 'h5-wechat-cancelled');
    await button(page).click();
    await expect(page.locator('[data-note="fail"]')).toBeVisible();
    await expect(page.locator('[data-note="cancel"]')).toBeHidden();
    await button(page).click();
    await expect(page).toHaveURL(new RegExp(`^${shop}/return`));
  });

  test('a payment that the bridge does not tell of is found by polling', { tag: '@flow' }, async ({ page, request }) => {
    await page.goto(await mobileUrl(request));
    await expect(button(page)).toBeVisible();
    await control(request, 'pay');
    await expect(page).toHaveURL(new RegExp(`^${shop}/return`));
  });

  test('without a bridge the page says where to open it', { tag: '@flow' }, async ({ page, request }) => {
    needsScript();
    await page.goto(await mobileUrl(request));
    await button(page).click();
    await expect(page.locator('[data-note="none"]')).toBeVisible();
  });

  test('a code that WeChat does not take begins the way once more, and never loops', async ({ page, request }) => {
    const fault = (times: number) =>
      request.post(`${gateway}/control/fault`, { data: { on: 'oauth', kind: 'bad_signature', times } });
    await fault(1);
    await page.goto(await mobileUrl(request));
    await expect(button(page)).toBeVisible();
    await page.context().clearCookies();
    await fault(2);
    await page.goto(await mobileUrl(request));
    await expect(page.locator('main')).toContainText('10012');
    await request.post(`${gateway}/control/reset`);
  });

  test('the desktop page leads to the bridge, since nobody scans his own phone', async ({ page, request }) => {
    await page.goto((await mobileUrl(request)).replace('/mpay.html', '/pay.html'));
    await expect(button(page)).toBeVisible();
    await expect(page.locator('svg.qr')).toHaveCount(0);
  });

  test('two taps before the bridge is there open its sheet once', { tag: '@flow' }, async ({ page, request }) => {
    needsScript();
    await page.addInitScript(() => {
      setTimeout(() => {
        (window as any).sheets = 0;
        (window as any).WeixinJSBridge = { invoke: () => ((window as any).sheets += 1) };
        document.dispatchEvent(new Event('WeixinJSBridgeReady'));
      }, 2500);
    });
    await page.goto(await mobileUrl(request));
    await button(page).click();
    await button(page).click();
    await page.waitForFunction(() => (window as any).sheets > 0);
    expect(await page.evaluate(() => (window as any).sheets)).toBe(1);
  });

  test('another way can be picked, and Alipay is none here', async ({ page, request }) => {
    await page.goto(await mobileUrl(request));
    await expect(button(page)).toBeVisible();
    await page.getByRole('link', { name: '更换支付方式' }).click();
    const codes = await page.locator('input[name="channel"]').evaluateAll((all) => all.map((one) => (one as HTMLInputElement).value));
    expect(codes).toEqual(['Wechat', 'ChinapayOld', 'Paypal']);
    await pick(page, 'ChinapayOld');
    if (!scripted()) await page.getByRole('button', { name: '去银联支付' }).click();
    await expect(page.locator('h1')).toHaveText('银联 ChinaPay（沙箱）');
  });

  test('without script the page says so, and another way can be paid', async ({ page, request }) => {
    test.skip(scripted(), 'for browsers without script');
    await page.goto(await mobileUrl(request));
    await expect(page.locator('noscript p')).toContainText('JavaScript');
    await picture(page, 'h5-wechat');
    await page.getByRole('link', { name: '更换支付方式' }).click();
    await pick(page, 'ChinapayOld');
    await page.getByRole('button', { name: '去银联支付' }).click();
    await page.getByRole('button', { name: '支付', exact: true }).click();
    await page.getByRole('button', { name: '返回商户' }).click();
    await expect(page).toHaveURL(new RegExp(`^${shop}/return`));
  });

  test('parameters in the fragment work here too', { tag: '@flow' }, async ({ page, request }) => {
    needsScript();
    const url = new URL(await mobileUrl(request));
    await page.goto(`${platform}/mpay.html?from=singlemessage#/?${url.search.slice(1)}`);
    await expect(button(page)).toBeVisible();
  });
});

test.describe('in a phone’s own browser', () => {
  test.use({ viewport: PHONE, userAgent: MOBILE });

  test('WeChat is a code of this page, to be opened inside WeChat', { tag: '@flow' }, async ({ page, request, browser }) => {
    const url = await mobileUrl(request);
    await page.goto(`${url}&pick=Wechat`);
    await expect(page.locator('h2').first()).toHaveText('请使用微信浏览器打开');
    await expect(page.locator('svg.qr')).toBeVisible();
    // Without script it copies nothing.
    await expect(page.getByRole('button', { name: '复制链接' })).toBeVisible({ visible: scripted() });
    await picture(page, 'h5-open-in-wechat');
    const address = await page.locator('#address').inputValue();
    expect(address).toContain(`${platform}/mpay.html?`);
    // The payer opens the address inside WeChat and pays; this page follows.
    const context: BrowserContext = await another(browser, {
      userAgent: WECHAT,
      viewport: PHONE,
      javaScriptEnabled: true,
    });
    const inside = await context.newPage();
    await bridge(inside, ['pay']);
    await inside.goto(address);
    await inside.getByRole('button', { name: '微信支付' }).click();
    await expect(page).toHaveURL(new RegExp(`^${shop}/return`));
    await context.close();
  });
});
