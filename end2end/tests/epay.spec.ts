// A payer whom a business system sends by epay [docs/epay.md]: on to the page, and back
// with what the notification says.
import { expect } from '@playwright/test';
import { createHash } from 'node:crypto';
import { control, pick, platform, shop, test } from './world';

const KEY = '89unJUB8HZ54Hj7x4nUj56HN4nUzUJ8i';

function sign(fields: Record<string, string>): string {
  const names = Object.keys(fields).filter((name) => fields[name] && !['sign', 'sign_type'].includes(name));
  const text = names.sort().map((name) => `${name}=${fields[name]}`);
  return createHash('md5').update(text.join('&') + KEY).digest('hex');
}

/** Where the payer is sent. */
function address(fields: Record<string, string>): string {
  const order = { pid: '1001', name: 'VIP会员', money: '1.00', notify_url: `${shop}/cb/1`, ...fields };
  return `${platform}/epay/submit.php?${new URLSearchParams({ ...order, sign: sign(order), sign_type: 'MD5' })}`;
}

test('who paid goes back with the notification’s fields', async ({ page, request }) => {
  const number = `E${Date.now()}`;
  const back = `${shop}/return?order=${number}`;
  await page.goto(address({ out_trade_no: number, return_url: back, param: 'user=7' }));
  await expect(page).toHaveURL(/\/pay\.html|\/p\//);
  await expect(page.locator('.amount')).toHaveText('¥1.00');
  await pick(page, 'Wechat');
  await expect(page.locator('svg.qr')).toBeVisible();
  await control(request, 'pay');
  await expect(page).toHaveURL(new RegExp(`^${shop}/return\\?order=${number}&`));
  const told = Object.fromEntries(new URL(page.url()).searchParams);
  expect(told.trade_status).toBe('TRADE_SUCCESS');
  expect([told.out_trade_no, told.money, told.param, told.type]).toEqual([number, '1.00', 'user=7', 'wxpay']);
  const { order: _, ...signed } = told;
  expect(sign(signed)).toBe(told.sign);
});

test('a wrong sign leads nowhere, in plain words', async ({ page }) => {
  await page.goto(address({ out_trade_no: `E${Date.now()}`, type: 'alipay' }).replace(/sign=.{4}/, 'sign=0000'));
  await expect(page).toHaveURL(/submit\.php/);
  await expect(page.locator('main')).toContainText('签名校验失败');
  await expect(page.locator('form')).toHaveCount(0);
});
