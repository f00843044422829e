// The world around the page: shop, wallet and the gateway's controls.
import { expect, type Browser, type Page, type APIRequestContext } from '@playwright/test';

const port = Number(process.env.TONGFU_PORT ?? 3000);
export const platform = `http://127.0.0.1:${port}`;
export const gateway = `http://127.0.0.1:${port + 1}`;
export const shop = `http://127.0.0.1:${port + 2}`;

export interface ChannelOrder {
  channel: string;
  channelOrderNo: string;
  amount: number;
  state: string;
  createdMs: number;
  codeUrl?: string;
}

/** A fresh complete signed address, as the shop makes it. */
export async function signedUrl(request: APIRequestContext): Promise<string> {
  return (await (await request.get(`${shop}/sample-url`)).text()).trim();
}

/** The same with WeChat picked: the code is shown at once. */
export async function scanUrl(request: APIRequestContext): Promise<string> {
  return `${await signedUrl(request)}&pick=Wechat`;
}

/** Picks a channel on the page's picker. */
export async function pick(page: Page, channel: string): Promise<void> {
  await page.locator(`input[name="channel"][value="${channel}"]`).check();
  await page.locator('form button').click();
}

/** The same for the mobile page. */
export async function mobileUrl(request: APIRequestContext): Promise<string> {
  return (await signedUrl(request)).replace('/pay.html?', '/mpay.html?');
}

/** The gateway's newest order that is still open. */
export async function newestOrder(request: APIRequestContext): Promise<ChannelOrder> {
  const orders: ChannelOrder[] = await (await request.get(`${gateway}/control/orders`)).json();
  const open = orders.filter((order) => order.state === 'NOTPAY');
  // Numbers of several channels have no common order.
  open.sort((a, b) => a.createdMs - b.createdMs);
  expect(open.length).toBeGreaterThan(0);
  return open[open.length - 1];
}

/** Does something to the gateway's newest open order: pay, decline, expire. */
export async function control(request: APIRequestContext, act: string): Promise<ChannelOrder> {
  const order = await newestOrder(request);
  const data = { channelOrderNo: order.channelOrderNo };
  const answer = await request.post(`${gateway}/control/${act}`, { data });
  expect(answer.ok()).toBeTruthy();
  return order;
}

/** A person with a wallet of their own pays the newest open order. */
export async function payInWallet(browser: Browser, request: APIRequestContext): Promise<void> {
  const order = await newestOrder(request);
  const context = await browser.newContext();
  const wallet = await context.newPage();
  await wallet.goto(`${gateway}/wallet`);
  const row = wallet.locator(`[data-order="${order.channelOrderNo}"]`);
  await row.locator('button[name="act"][value="pay"]').click();
  await context.close();
}

/** The gateway's order of this number. */
export async function bookOrder(request: APIRequestContext, number: string): Promise<any> {
  const orders: any[] = await (await request.get(`${gateway}/control/orders`)).json();
  return orders.find((order) => order.channelOrderNo === number);
}

/** What the shop received for a key. */
export async function callbacks(request: APIRequestContext, requestKey: string): Promise<any[]> {
  const all: any[] = await (await request.get(`${shop}/control/callbacks`)).json();
  return all.filter((entry) => JSON.stringify(entry).includes(requestKey));
}

export function requestKeyOf(url: string): string {
  return new URL(url).searchParams.get('requestKey') ?? '';
}

/** A picture for a person to look at. */
export async function picture(page: Page, name: string): Promise<void> {
  const folder = process.env.TONGFU_SCREENSHOTS;
  if (folder) await page.screenshot({ path: `${folder}/${name}.png`, fullPage: true });
}
