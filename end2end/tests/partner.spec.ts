// The address that a partner's order gives [docs/forecore.md], in each kind of
// browser, in yuan and in dollars.
import { expect } from '@playwright/test';
import {
  MOBILE,
  PHONE,
  WECHAT,
  another,
  bridge,
  control,
  partnerOrder,
  partnerQuery,
  pick,
  picture,
  scripted,
  shop,
  test,
} from './world';

// 14.27 dollars at the development instance's 7.1.
const orders = [
  { currency: 'CNY', amount: '¥14.27', inYuan: null },
  { currency: 'USD', amount: 'US$14.27', inYuan: '¥101.32' },
];

for (const { currency, amount, inYuan } of orders) {
  test.describe(`${currency}`, () => {
    test('on a PC its code is scanned', async ({ page, request }) => {
      const { url, outOrderId } = await partnerOrder(request, { currency });
      await page.goto(url);
      await expect(page.locator('.amount')).toHaveText(amount);
      await pick(page, 'Wechat');
      await expect(page.locator('svg.qr')).toBeVisible();
      if (inYuan) await expect(page.locator('.charged')).toContainText(inYuan);
      await picture(page, `partner-pc-${currency}`);
      expect((await partnerQuery(request, outOrderId)).received).toBe(-1);
      await control(request, 'pay');
      await expect(page).toHaveURL(`${shop}/return?order=${outOrderId}`);
      const { received, money } = await partnerQuery(request, outOrderId);
      expect([received, money]).toEqual([14.27, 14.27]);
    });

    test('inside WeChat one tap pays', async ({ browser, request }) => {
      test.skip(!scripted(), "WeChat's bridge is script");
      const context = await another(browser, { userAgent: WECHAT, viewport: PHONE });
      const page = await context.newPage();
      await bridge(page, ['cancel', 'pay']);
      const { url, outOrderId } = await partnerOrder(request, { currency, type: 'WECHATPAYH5' });
      await page.goto(url);
      await expect(page.locator('.amount')).toHaveText(amount);
      const button = page.getByRole('button', { name: `微信支付 ${inYuan ?? amount}` });
      await button.click();
      await expect(page.locator('[data-note="cancel"]')).toBeVisible();
      await picture(page, `partner-wechat-${currency}`);
      await button.click();
      await expect(page).toHaveURL(`${shop}/return?order=${outOrderId}`);
      await context.close();
    });

    test('a phone’s own browser shows how to pay in WeChat, and follows', async ({ browser, request }) => {
      const context = await another(browser, { viewport: PHONE, userAgent: MOBILE });
      const page = await context.newPage();
      const { url, outOrderId } = await partnerOrder(request, { currency, type: 'WECHATPAYH5' });
      await page.goto(url);
      await expect(page.locator('svg.qr')).toBeVisible();
      await expect(page.locator('ol li')).toHaveCount(2);
      await expect(page.locator('ol')).toContainText('截屏');
      if (inYuan) await expect(page.locator('.charged')).toContainText(inYuan);
      await picture(page, `partner-phone-${currency}`);
      const inside = await another(browser, { userAgent: WECHAT, viewport: PHONE, javaScriptEnabled: true });
      const wechat = await inside.newPage();
      await bridge(wechat, ['pay']);
      await wechat.goto(await page.locator('#address').inputValue());
      await wechat.getByRole('button', { name: '微信支付' }).click();
      await expect(page).toHaveURL(`${shop}/return?order=${outOrderId}`);
      await inside.close();
      await context.close();
    });
  });
}
