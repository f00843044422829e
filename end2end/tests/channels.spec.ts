// Channels whose own page the payer visits, on PC and on a phone.
import { test, expect, type APIRequestContext, type Page } from '@playwright/test';
import {
  bookOrder,
  callbacks,
  control,
  gateway,
  newestOrder,
  pick,
  picture,
  requestKeyOf,
  shop,
  signedUrl,
} from './world';

const PHONE = { width: 390, height: 844 };

async function fault(request: APIRequestContext, data: object): Promise<void> {
  expect((await request.post(`${gateway}/control/fault`, { data })).ok()).toBeTruthy();
}

/** To Alipay's cashier, by itself where scripts run. */
async function toCashier(page: Page, script: boolean): Promise<void> {
  await pick(page, 'Alipay');
  if (!script) {
    await expect(page).toHaveURL(/\/pay\/attempt\/[0-9a-f]{32}$/);
    await page.getByRole('button', { name: '去支付宝支付' }).click();
  }
  await expect(page.locator('h1')).toHaveText('支付宝收银台（沙箱）');
}

for (const script of [true, false]) {
  for (const pagePath of ['/pay.html', '/mpay.html']) {
    test.describe(`Alipay from ${pagePath}, script ${script ? 'on' : 'off'}`, () => {
      test.use({
        javaScriptEnabled: script,
        viewport: pagePath === '/mpay.html' ? PHONE : { width: 1280, height: 800 },
      });
      const url = async (request: APIRequestContext) =>
        (await signedUrl(request)).replace('/pay.html', pagePath);

      test('is paid at the cashier and goes back to the shop', async ({ page, request }) => {
        const address = await url(request);
        await page.goto(address);
        await picture(page, `pick-${pagePath.slice(1, 4)}-${script}`);
        await toCashier(page, script);
        await expect(page.locator('.amount')).toHaveText('¥123.45');
        await page.getByRole('button', { name: '支付' }).click();
        await expect(page).toHaveURL(new RegExp(`^${shop}/return`));
        const key = requestKeyOf(address);
        await expect.poll(async () => (await callbacks(request, key)).length).toBeGreaterThan(0);
        expect((await callbacks(request, key))[0].values.payTypeName).toBe('支付宝支付');
      });

      test('cancelled, another channel is picked and paid', async ({ page, request }) => {
        await page.goto(await url(request));
        await toCashier(page, script);
        await page.getByRole('button', { name: '取消' }).click();
        await expect(page).toHaveURL(/\/pay\/attempt\/[0-9a-f]{32}\/stay$/);
        await expect(page.locator('h2').first()).toHaveText('正在确认支付结果');
        await picture(page, `stay-${pagePath.slice(1, 4)}-${script}`);
        await page.getByRole('link', { name: '更换支付方式' }).click();
        await pick(page, 'Wechat');
        await expect(page.locator('svg.qr')).toBeVisible();
        if (pagePath === '/pay.html') {
          const order = await control(request, 'pay');
          expect(order.channel).toBe('Wechat');
          await expect(page).toHaveURL(new RegExp(`^${shop}/return`));
        }
      });
    });
  }
}

test('the return is confirmed by a query where the notify is late', async ({ page, request }) => {
  await fault(request, { on: 'notify', kind: 'delay', ms: 4000 });
  await page.goto(await signedUrl(request));
  await toCashier(page, true);
  await page.getByRole('button', { name: '支付' }).click();
  await expect(page).toHaveURL(new RegExp(`^${shop}/return`));
});

test('a return that says paid is not believed', async ({ page, request }) => {
  await page.goto(await signedUrl(request));
  const forwards = page.waitForRequest(/gateway\.do/);
  await toCashier(page, true);
  const token = /return%2F([0-9a-f]{32})/.exec((await forwards).url())?.[1];
  await page.goto(`/pay/return/${token}?trade_no=1&total_amount=123.45&sign=x`);
  await expect(page).toHaveURL(/\/stay$/);
  await expect(page.locator('h2').first()).toHaveText('正在确认支付结果');
  await control(request, 'pay');
  await expect(page).toHaveURL(new RegExp(`^${shop}/return`));
});

test('coming back with the browser sends nobody away again', async ({ page, request }) => {
  await page.goto(await signedUrl(request));
  await toCashier(page, true);
  await page.goBack();
  await expect(page).not.toHaveURL(/alipay/);
  await expect(page.locator('.amount')).toHaveText('¥123.45');
});

test('money that comes by two channels goes back once', async ({ page, request }) => {
  const url = await signedUrl(request);
  await page.goto(url);
  await toCashier(page, true);
  const alipay = await newestOrder(request);
  expect(alipay.channel).toBe('Alipay');
  await fault(request, { on: 'notify', kind: 'drop', times: 2 });
  // A second page of the same request, paid by WeChat, while the cashier is open.
  const other = await page.context().newPage();
  await other.goto(url);
  await request.post(`${gateway}/control/pay`, { data: { channelOrderNo: alipay.channelOrderNo } });
  await pick(other, 'Wechat');
  const wechat = await newestOrder(request);
  await request.post(`${gateway}/control/pay`, { data: { channelOrderNo: wechat.channelOrderNo } });
  const back = async () => {
    let sum = 0;
    for (const order of [alipay, wechat]) {
      for (const refund of (await bookOrder(request, order.channelOrderNo)).refunds) sum += refund.amount;
    }
    return sum;
  };
  await expect.poll(back, { timeout: 30_000 }).toBe(12_345);
});

test('Alipay’s app offers Alipay and no WeChat', async ({ browser, request }) => {
  const context = await browser.newContext({
    userAgent: 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AlipayClient/10.5.60',
    viewport: PHONE,
  });
  const page = await context.newPage();
  await page.goto((await signedUrl(request)).replace('/pay.html', '/mpay.html'));
  await expect(page.locator('h1')).toHaveText('支付宝收银台（沙箱）');
  await context.close();
});
