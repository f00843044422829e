// Operators of the console, each made by the command that makes them [docs/console.md].
import { execFileSync } from 'node:child_process';
import { expect, type APIRequestContext, type Page } from '@playwright/test';
import { database, program } from './ports';
import { gateway, operator, pick, scripted, signedUrl, control, newestOrder } from './world';

export const ROLES = ['viewer', 'support', 'cashier', 'admin'] as const;
export type Role = (typeof ROLES)[number];

export interface Operator {
  name: string;
  password: string;
  /** Each stands once for a one-time password. */
  codes: string[];
}

/** A new operator of this role, whom no other test has. */
export function added(role: Role): Operator {
  const name = `${role}-${Date.now().toString(36)}-${Math.floor(Math.random() * 1e6)}`;
  const told = execFileSync(program, ['operator', 'add', name, '--role', role], {
    env: { ...process.env, TONGFU_DATABASE_URL: database },
    encoding: 'utf8',
  });
  const password = /^password {2}(\S+)$/m.exec(told)![1];
  const codes = [...told.matchAll(/^ {4}(\S+)$/gm)].map((found) => found[1]);
  return { name, password, codes };
}

export async function signIn(page: Page, who: Operator): Promise<void> {
  await page.goto(`${operator}/`);
  await page.locator('[name=name]').fill(who.name);
  await page.locator('[name=password]').fill(who.password);
  if (who.codes.length > 0) await page.locator('[name=code]').fill(who.codes.shift()!);
  await page.locator('main button').click();
  await expect(page).toHaveURL(`${operator}/`);
}

/** An order at WeChat that nobody has paid; gives the channel's number. */
export async function openOrder(page: Page, request: APIRequestContext): Promise<string> {
  await page.goto(await signedUrl(request));
  await pick(page, 'Wechat');
  await expect(page.locator('svg.qr')).toBeVisible();
  return (await newestOrder(request)).channelOrderNo;
}

/** The same, paid. */
export async function paidOrder(page: Page, request: APIRequestContext): Promise<string> {
  await openOrder(page, request);
  return (await control(request, 'pay')).channelOrderNo;
}

/** An order at a channel that can't close it, and so may be paid late. */
export async function lingeringOrder(page: Page, request: APIRequestContext): Promise<string> {
  await page.goto(await signedUrl(request));
  await pick(page, 'ChinapayOld');
  if (!scripted()) await page.getByRole('button', { name: '去银联支付' }).click();
  await expect(page.locator('h1')).toHaveText('银联 ChinaPay（沙箱）');
  return (await newestOrder(request)).channelOrderNo;
}

/** Lets the gateway's next calls of a kind go wrong. */
export async function fault(request: APIRequestContext, on: string, kind: string, times = 1): Promise<void> {
  const answer = await request.post(`${gateway}/control/fault`, { data: { on, kind, times } });
  expect(answer.ok()).toBeTruthy();
}
